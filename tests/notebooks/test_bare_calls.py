"""The bare calls of libraries that notebooks show before the kit's helpers: they do what the text says."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.notebooks.executed import NOTEBOOKS

SHOWN = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown(notebook: str, word: str) -> str:
    """The block of code in a notebook's text in which this word stands."""
    text = (NOTEBOOKS / f"{notebook}.md").read_text(encoding="utf-8")
    (block,) = [block for block in SHOWN.findall(text) if word in block]
    return block


def run(block: str, **names: Any) -> dict[str, Any]:
    exec(block, names)
    return names


@pytest.fixture
def module() -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    return torch.nn.Sequential(*layers, torch.nn.Linear(4, 5)).eval()


def test_export_session_and_quantizer_follow_one_another(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime as ort
    import torch
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    monkeypatch.chdir(tmp_path)
    images = torch.rand(2, 3, 32, 32)
    run(shown("model/1_baseline", "onnx.export"), torch=torch, module=module, images=images)
    found = run(shown("model/2_graph", "InferenceSession"), ort=ort, images=images.numpy())
    expected = module(images).detach().numpy()
    np.testing.assert_allclose(found["logits"], expected, atol=1e-5)
    more = run(shown("model/2_graph", "InferenceSession"), ort=ort, images=np.zeros((5, 3, 32, 32), np.float32))
    assert more["logits"].shape == (5, 5), "the batch size was left open"

    name = found["session"].get_inputs()[0].name
    words = {"CalibrationDataReader": CalibrationDataReader, "QuantFormat": QuantFormat, "QuantType": QuantType}
    block = shown("model/3_quantize", "quantize_static")
    run(block, quantize_static=quantize_static, images=images.numpy(), name=name, **words)
    small = ort.InferenceSession("static.onnx", providers=["CPUExecutionProvider"])
    (logits,) = small.run(None, {name: images.numpy()})
    assert 0 < np.abs(logits - expected).max() < 0.1


def test_torch_compile_answers_as_the_module_does(module: Any) -> None:
    import torch

    from snippets.engine.compiling import compiler_absence

    if reason := compiler_absence():
        pytest.skip(reason)
    images = torch.rand(2, 3, 32, 32)
    found = run(shown("model/1_baseline", "torch.compile"), torch=torch, module=module, images=images)
    torch.testing.assert_close(found["logits"], module(images), atol=1e-5, rtol=1e-4)


# The call that a notebook shows once in the library's own words, and the helper of the kit's that it stands before.
BARE = {
    "model/0_kernel": ("numba.njit(", "ladder.Ladder("),
    "model/1_baseline": ("torch.compile(module", "source.compile_each("),
    "model/2_graph": ("ort.InferenceSession(", "graph.optimize"),
    "model/3_quantize": ("quantize_static(", "int8.calibrated("),
    "model/4_providers": ("ort.InferenceSession(", "ways.measure("),
    "edge/1_latency": ("ort.InferenceSession(", "device.turns("),
    "edge/2_soak_and_cold_start": ("ort.InferenceSession(", "cold_start.cold_starts("),
    "edge/3_cloud_or_edge": ("socket.create_connection(", "crossover.round_trips_ms("),
    "system/1_endpoint": ("httpx.post(", "lab.answer("),
    "system/2_triton": ("client.infer(", "lab.in_turn("),
    "system/3_batching": ("client.async_infer(", "calibrated(lab"),
    "system/4_instances": ("client.get_model_config(", "lab.in_turn("),
    "system/5_online_and_batch": ("mlperf.StartTestWithLogSettings(", "lab.loadgen("),
    "system/7_tokens": ("openvino_genai.ContinuousBatchingPipeline(", "tokens.TokenLab("),
}
MORE = {
    "model/1_baseline": ("torch.onnx.export(", "export.ensure_export("),
    "model/4_providers": ("openvino.compile_model(", "ways.measure("),
    "system/5_online_and_batch": ("client.load_model(", "lab.cold_starts("),
}
# 6_platform asks its services as the notebooks before it do; 5_smaller and 7_choose call no library by another name
# than those before them; 6_retrain trains by hand; in 4_browser the calls are the page's.
NONE = {"model/5_smaller", "model/6_retrain", "model/7_choose", "edge/4_browser", "system/6_platform"}


def test_every_notebook_of_the_lab_shows_one() -> None:
    there = {f"{path.parent.name}/{path.stem}" for path in NOTEBOOKS.glob("*/*.md")}
    assert there == set(BARE) | NONE


@pytest.mark.parametrize(("notebook", "calls"), [*BARE.items(), *MORE.items()])
def test_it_stands_once_before_the_kits_helper(notebook: str, calls: tuple[str, str]) -> None:
    bare, helper = calls
    text = (NOTEBOOKS / f"{notebook}.md").read_text(encoding="utf-8")
    assert text.count(bare) == 1, bare
    assert -1 < text.index(bare) < text.index(helper)


@pytest.mark.parametrize("notebook", sorted(BARE))
def test_it_is_short(notebook: str) -> None:
    """As a block of text, or as the function of a recorded step, which a replay need not call."""
    text = (NOTEBOOKS / f"{notebook}.md").read_text(encoding="utf-8")
    ran = re.findall(r"^def bare\w*\(\):\n(?:(?:    .*)?\n)+", text, re.MULTILINE)
    assert ran or BARE[notebook][0] in "".join(SHOWN.findall(text))
    assert all(len(function.split("\n")) <= 28 for function in ran)


def test_numba_makes_machine_code_of_the_loops() -> None:
    numba = pytest.importorskip("numba")
    from snippets.kernel import products
    from snippets.kernel.compiled import matrices

    a, b, c = matrices(4)
    found = run(shown("model/0_kernel", "numba.njit"), numba=numba, function=products.by_rows, a=a, b=b, c=c)
    np.testing.assert_allclose(found["c"], a @ b, rtol=1e-5)


def test_openvino_gives_the_same_answers(module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openvino = pytest.importorskip("openvino")
    import torch

    monkeypatch.chdir(tmp_path)
    images = torch.rand(2, 3, 32, 32)
    run(shown("model/1_baseline", "onnx.export"), torch=torch, module=module, images=images)
    found = run(shown("model/4_providers", "compile_model"), openvino=openvino, images=images.numpy())
    np.testing.assert_allclose(found["logits"], module(images).detach().numpy(), atol=1e-2)


def test_opening_a_connection_takes_a_round_trip() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        found = run(shown("edge/3_cloud_or_edge", "create_connection"), socket=socket, time=time, host=host, port=port)
    assert 0 < found["round_trip_ms"] < 5000


def test_the_language_model_writes_its_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openvino_genai = pytest.importorskip("openvino_genai", reason="the language model is not installed (make tokens)")
    import openvino

    from snippets.tokens import weights

    (tmp_path / "model.gguf").symlink_to(weights.find())
    monkeypatch.chdir(tmp_path)
    prompt = openvino.Tensor(np.arange(200, 216, dtype=np.int64)[None])
    found = run(shown("system/7_tokens", "add_request"), openvino_genai=openvino_genai, prompt=prompt)
    assert len(found["written"]) == 16
