"""A file in 16 bits: half as large, nearly the same answers, and what the engine makes of its weights is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import helper

from snippets.engine.providers import session
from snippets.smaller import half
from tests.snippets.onnx_files import save_onnx


def test_weights_halve_and_answers_stay(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).standard_normal((8, 3, 3, 3)).astype(np.float32)
    matrix = np.random.default_rng(1).standard_normal((8, 5)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["input", "kernel"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["maps"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "matrix"], ["logits"]),
    ]
    values = {"kernel": weights, "matrix": matrix}
    fp32 = save_onnx(tmp_path / "fp32.onnx", nodes, values, ("N", 3, 16, 16), ("N", 5))
    fp16 = half.to_float16(fp32, tmp_path / "fp16.onnx")
    x = np.random.default_rng(2).standard_normal((2, 3, 16, 16)).astype(np.float32)
    ours, theirs = session(fp16, threads=1)(x), session(fp32, threads=1)(x)
    assert ours.dtype == np.float32 and np.abs(ours - theirs).max() < 0.01
    found = half.weight_bytes(fp16, tmp_path)
    # 216 and 40 numbers of two bytes each.
    assert found["file"]["float16"] == 2 * (216 + 40)
    assert sum(found["loaded"].values()) >= 2 * (216 + 40)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["fp16.onnx", "fp32.onnx"]
