"""Execution providers: what was asked for is what runs, or it is an error that says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snippets.engine import export, graph, providers, ways
from snippets.engine.streams import Tuning
from snippets.errors import ModelError, ProviderError, UsageError
from snippets.machine import gpu_libraries
from snippets.model.mobilenet import mobilenet_v2
from snippets.quantize import int8

IMAGES = np.random.default_rng(0).normal(size=(3, 3, 224, 224)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    import torch

    torch.manual_seed(0)
    return mobilenet_v2(5, width=0.35).eval()


@pytest.fixture(scope="module")
def fp32(network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export.export_onnx(network, tmp_path_factory.mktemp("onnx") / "fp32.onnx")


def test_the_export_agrees_with_torch_and_takes_any_batch(network, fp32: Path) -> None:
    assert export.largest_difference(network, fp32) < 1e-3
    model = providers.session(fp32, threads=1)
    assert model(IMAGES).shape == (3, 5) and model(IMAGES[:1]).shape == (1, 5)


def test_levels_and_openvino_agree(fp32: Path) -> None:
    base = providers.session(fp32, level="none", threads=1)(IMAGES)
    for level in ("basic", "extended", "all"):
        assert np.allclose(providers.session(fp32, level=level, threads=1)(IMAGES), base, atol=1e-3)
    if not providers.absence("openvino"):
        assert np.allclose(providers.session(fp32, "openvino", threads=1)(IMAGES), base, atol=1e-2)


def test_a_provider_that_is_absent_is_an_error_never_the_cpu(fp32: Path) -> None:
    absent = [name for name in ("cuda", "tensorrt", "rocm", "migraphx") if providers.absence(name)]
    for name in absent:
        with pytest.raises(ProviderError, match="nothing was run on the CPU in its place"):
            providers.session(fp32, name)
    assert providers.available().keys() >= {"cpu", "openvino", "cuda", "tensorrt"}


def test_amds_providers_are_worth_a_word_only_where_such_a_gpu_is(
    fp32: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_libraries, "KFD", tmp_path / "kfd")
    assert "rocm" not in providers.available() and "rocm" not in ways.every_way(fp32, {}, {})
    (tmp_path / "kfd").touch()
    assert providers.available()["rocm"].endswith("AMD's onnxruntime-rocm has it")
    assert {"rocm", "migraphx"} < ways.every_way(fp32, {}, {}).keys()
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["ROCMExecutionProvider"])
    providers.absence.cache_clear()
    try:
        assert "a library it needs does not load" in providers.absence("rocm")
        (tmp_path / "kfd").unlink()
        providers.absence.cache_clear()
        assert "no driver of an AMD GPU" in providers.absence("rocm")
    finally:
        providers.absence.cache_clear()


def test_bfloat16_is_computed_where_the_cpu_has_it_and_refused_where_not(
    small_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(1).normal(size=(2, 3, 32, 32)).astype(np.float32)
    narrow = Tuning(bf16=True)
    if not providers.bf16_absence():
        exact = providers.session(small_onnx, "openvino", threads=1)(images)
        rounded = providers.session(small_onnx, "openvino", threads=1, tuning=narrow)(images)
        # Eight bits of precision: not the same numbers, but close.
        assert not np.array_equal(rounded, exact) and np.allclose(rounded, exact, atol=0.05)
    monkeypatch.setattr(providers, "absence", lambda provider: "")
    monkeypatch.setattr(providers, "bf16_absence", lambda: "this CPU has no bfloat16 instructions")
    with pytest.raises(ProviderError, match="no bfloat16 instructions"):
        providers.session(small_onnx, "openvino", tuning=narrow)


@pytest.mark.parametrize(
    ("provider", "tuning"),
    [
        ("cuda", Tuning(streams=True)),
        ("cpu", Tuning(bf16=True)),
        ("tensorrt", Tuning(bf16=True)),
        ("cuda", Tuning(fp16=True)),
    ],
)
def test_a_tuning_that_an_engine_does_not_have_is_refused(small_onnx: Path, provider: str, tuning: Tuning) -> None:
    with pytest.raises(UsageError, match="streams are for cpu and openvino"):
        providers.session(small_onnx, provider, tuning=tuning)


def test_wrong_names_and_files_are_named(fp32: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no provider 'gpu'"):
        providers.session(fp32, "gpu")
    with pytest.raises(UsageError, match="no optimization level 'best'"):
        providers.session(fp32, level="best")
    with pytest.raises(ModelError, match="no model file"):
        providers.session(tmp_path / "absent.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"not a graph")
    with pytest.raises(ModelError):
        providers.session(tmp_path / "broken.onnx")


def test_levels_show_in_the_graph(fp32: Path, tmp_path: Path) -> None:
    levels = graph.optimize(fp32, tmp_path / "graph", threads=1)
    assert levels["none"]["nodes"] > levels["basic"]["nodes"] > levels["extended"]["nodes"]
    layouts = {level: any("NCHWc" in name for name in levels[level]["histogram"]) for level in levels}
    assert layouts == {"none": False, "basic": False, "extended": False, "all": True}
    assert graph.changes({"Conv": 3, "Clip": 2}, {"Conv": 3, "FusedConv": 2}) == {"Clip": -2, "FusedConv": 2}


def test_dynamic_quantization_shrinks(fp32: Path, tmp_path: Path) -> None:
    from snippets.record.run import open_run

    run = open_run("model", runs=tmp_path)
    small = int8.dynamic(run, fp32)
    assert small.stat().st_size < 0.5 * fp32.stat().st_size


def test_a_provider_that_must_be_there_is_judged_by_what_the_run_found() -> None:
    found = {"cpu": "", "openvino": "", "cuda": "no NVIDIA driver", "tensorrt": "not built in"}
    providers.insist(["cpu", "openvino"], found)
    with pytest.raises(ProviderError, match="'cuda' was asked for and is not available: no NVIDIA driver"):
        providers.insist(["cpu", "cuda"], found)
    with pytest.raises(UsageError, match="no provider 'gpu'"):
        providers.insist(["gpu"], found)
