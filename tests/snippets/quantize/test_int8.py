"""Part 1's int8 files are made once, each put where the other parts look for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from snippets.data.datasets import Split
from snippets.engine.plan import plan_of
from snippets.quantize import int8
from snippets.quantize.quantizer import Candidate
from snippets.record.run import open_run


@pytest.fixture
def data(photos: tuple[np.ndarray, np.ndarray]) -> Any:
    split = Split(*photos, tuple("abcdefghi"), ())
    return SimpleNamespace(split=lambda name: split, fingerprint="fingerprint")


def test_dynamic_aggressive_and_conservative_are_made_and_replayed(float_model: Path, data: Any) -> None:
    plan = replace(plan_of("quick", threads=1), validation=0, calibration=3)
    run = open_run("model", run_id="t")
    found = int8.ensure(run, float_model, data, plan)
    assert set(found.files) == {"dynamic", "aggressive", "conservative"}
    assert all(path == run.models / f"{name}.onnx" and path.is_file() for name, path in found.files.items())
    assert found.reference.tolist() == [0, 1, 2] * 3
    assert run.record().result("quantize/calibration")["images"] == 3
    assert set(run.record().result("quantize/sensitivity")["parts"]) == {"block 0", "block 1", "block 2"}
    steps = len(run.record().steps)
    again = int8.ensure(run, float_model, data, plan)
    assert again.files == found.files and len(run.record().steps) == steps


def test_the_layers_that_go_back_first_are_the_same_when_the_scan_is_read_from_the_record(
    float_model: Path, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The worst part's name comes last in the alphabet, so that an order by name would be another.
    monkeypatch.setattr(int8.sensitivity, "scan", lambda *_: {"block 2": 0.5, "block 1": 0.2, "block 0": 0.1})
    plan = replace(plan_of("quick", threads=1), calibration=3)
    measured = int8.ladder(open_run("model", run_id="t"), float_model, data, plan)
    replayed = int8.ladder(open_run("model", run_id="t"), float_model, data, plan)
    assert measured == replayed
    assert ("classifier", "depthwise") in [rung.exclude for rung in replayed]


def test_a_replay_climbs_the_ladder_of_the_processor_that_measured(
    float_model: Path, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(plan_of("quick", threads=1), calibration=3)
    monkeypatch.setattr(int8, "cpu_facts", lambda: {"machine": "x86_64", "flags": ["avx2"]})
    measured = int8.ladder(open_run("model", run_id="t"), float_model, data, plan)
    monkeypatch.setattr(int8, "cpu_facts", lambda: {"machine": "x86_64", "flags": ["avx512_vnni"]})
    assert any(rung.reduce_range for rung in measured)
    assert int8.ladder(open_run("model", run_id="t"), float_model, data, plan) == measured
    fresh = int8.ladder(open_run("model", run_id="other"), float_model, data, plan)
    assert not any(rung.reduce_range for rung in fresh)


def test_other_engines_get_each_file_once_and_in_quick_the_careful_one(tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.onnx" for name in ("dynamic", "aggressive", "conservative")}

    def found(aggressive: str, conservative: str | None) -> int8.Int8:
        names = {"aggressive": aggressive, "conservative": conservative}
        chosen = {name: SimpleNamespace(candidate=Candidate(one)) for name, one in names.items() if one}
        return int8.Int8(files, chosen, [], np.zeros(1))  # type: ignore[arg-type]

    full, quick = plan_of("full"), plan_of("quick")
    assert list(found("plain", "equalized").elsewhere(full)) == ["aggressive", "conservative"]
    assert found("plain", "equalized").elsewhere(quick) == {"conservative": files["conservative"]}
    assert list(found("equalized", "equalized").elsewhere(full)) == ["conservative"]
    assert list(found("plain", None).elsewhere(quick)) == ["aggressive"]


def test_a_chosen_file_is_put_under_its_name(float_model: Path) -> None:
    run = open_run("model", run_id="t")
    put = int8.put(run, "aggressive", float_model)
    assert put == run.models / "aggressive.onnx" and put.read_bytes() == float_model.read_bytes()
    assert run.record().result("quantize/aggressive/choose")["candidate"] == "fp32"


def test_a_network_in_int8_is_not_quantized_again(tmp_path: Path) -> None:
    from snippets.quantize import quantizer
    from tests.snippets.servers import save_toy_onnx

    float32 = save_toy_onnx(tmp_path / "toy.onnx")
    small = quantizer.quantize_dynamically(float32, tmp_path / "small.onnx")
    assert int8.already(float32) == ""
    assert "in int8 already" in int8.already(small)
