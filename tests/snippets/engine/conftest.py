"""A small network for tests of the engines: a convolution, an average over each channel, five numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from tests.snippets.onnx_files import save_onnx


@pytest.fixture(scope="session")
def small_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 (N,3,32,32) `input` -> (N,5) `logits`."""
    weights = np.random.default_rng(0).normal(size=(5, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["input", "weights"], ["features"], name="conv"),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["logits"], axis=1, name="flatten"),
    ]
    path = tmp_path_factory.mktemp("small") / "small.onnx"
    return save_onnx(path, nodes, {"weights": weights}, ("N", 3, 32, 32), ("N", 5))
