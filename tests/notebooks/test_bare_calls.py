"""The bare calls of libraries that notebooks show before the kit's helpers: they do what the text says."""

from __future__ import annotations

import re
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
