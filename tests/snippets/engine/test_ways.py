"""Every way to serve on a CPU is measured under its own name, or its absence is recorded with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snippets.engine import providers, variants, ways
from snippets.engine.streams import PLAIN, Tuning


@pytest.fixture
def bench(bench: variants.Bench, monkeypatch: pytest.MonkeyPatch) -> variants.Bench:
    """The bench, on which every file scores class 0 for everything."""

    def session(path: Path, provider: str, **options: object):
        return lambda batch: np.tile([1.0, 0.0], (len(batch), 1))

    monkeypatch.setattr(providers, "session", session)
    return bench


@pytest.fixture
def files(bench: variants.Bench) -> dict[str, Path]:
    found = {name: bench.run.models / f"{name}.onnx" for name in ("fp32", "conservative")}
    for name, path in found.items():
        path.write_bytes(name.encode())
    return found


def test_the_float32_file_and_int8_files_go_through_both_engines_and_both_hints(files: dict[str, Path]) -> None:
    found = {**ways.float32_ways(files["fp32"]), **ways.int8_ways({"conservative": files["conservative"]})}
    assert {(way.name, way.path.stem, way.provider, way.tuning.streams, way.tuning.bf16) for way in found.values()} == {
        ("onnx-streams", "fp32", "cpu", True, False),
        ("openvino", "fp32", "openvino", False, False),
        ("openvino-streams", "fp32", "openvino", True, False),
        ("openvino-bf16", "fp32", "openvino", False, True),
        ("openvino-bf16-streams", "fp32", "openvino", True, True),
        ("conservative-streams", "conservative", "cpu", True, False),
        ("openvino-conservative", "conservative", "openvino", False, False),
        ("openvino-conservative-streams", "conservative", "openvino", True, False),
    }


def test_every_way_is_the_files_as_they_are_and_all_else(files: dict[str, Path]) -> None:
    fp32, small = files["fp32"], {"conservative": files["conservative"]}
    found = ways.every_way(fp32, {"dynamic": fp32, **small}, small)
    assert {name: way.home for name, way in found.items() if way.home != "providers"} == {
        "onnx-all": "graph",
        "dynamic": "quantize",
        "conservative": "quantize",
    }
    others = {**ways.float32_ways(fp32), **ways.int8_ways(small)}
    assert set(found) == {
        *("onnx-all", "dynamic", "conservative"),
        *("cuda", "tensorrt", "tensorrt-fp16"),
        *others,
    }
    assert found["tensorrt-fp16"].tuning == Tuning(fp16=True) and found["tensorrt"].tuning == PLAIN


def test_streams_are_timed_with_a_line_of_images_and_the_others_with_the_plans_batch(
    bench: variants.Bench, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "absence", lambda provider: "")
    both = {"one": ways.Way("one", files["fp32"], "cpu"), "many": ways.Way("many", files["fp32"], "cpu", ways.STREAMS)}
    here, absent = ways.present(bench, both)
    measured = ways.measure(bench, here)
    assert not absent
    assert {name: one["throughput"]["batch"] for name, one in measured.items()} == {"one": 2, "many": 32}
    assert all(one["throughput"]["group"] == "providers/batches" for one in measured.values())
    assert all(len(one["accuracy"]["labels"]) == 6 for one in measured.values())
    assert {name.split("/")[-1] for name in bench.run.record().names() if "/many/" in name} == {
        "throughput-32",
        "accuracy",
        "size",
    }


def test_what_is_absent_is_recorded_with_its_reason_and_read_from_the_record_elsewhere(
    bench: variants.Bench, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "absence", lambda provider: "")
    monkeypatch.setattr(providers, "bf16_absence", lambda: "no bfloat16 here")
    way = ways.Way("openvino-bf16", files["fp32"], "openvino", Tuning(bf16=True))
    assert ways.present(bench, {way.name: way}) == ({}, {"openvino-bf16": "no bfloat16 here"})
    assert bench.run.record().result("providers/openvino-bf16/absent")["reason"] == "no bfloat16 here"
    plain = ways.Way("openvino", files["fp32"], "openvino", PLAIN)
    first = ways.measure(bench, {"openvino": plain})
    monkeypatch.setattr(providers, "absence", lambda provider: "not installed")
    here, absent = ways.present(bench, {"openvino": plain})
    again = ways.measure(bench, here)
    assert not absent and again["openvino"]["size"] == first["openvino"]["size"]
