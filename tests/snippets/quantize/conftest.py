"""A graph with two convolutions, one of them depthwise, and a classifier: small, and all that a search needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from tests.snippets.onnx_files import save_onnx


@pytest.fixture(scope="session")
def float_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 images (N,3,224,224) -> scores of three classes that follow red, green and blue."""
    weights = {
        "mixing": np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1),
        "each": np.ones((3, 1, 1, 1), dtype=np.float32),
        "classes": np.eye(3, dtype=np.float32),
        "bias": np.zeros(3, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["input", "mixing"], ["a"], name="pointwise"),
        helper.make_node("Conv", ["a", "each"], ["b"], name="depthwise", group=3),
        helper.make_node("GlobalAveragePool", ["b"], ["mean"], name="pool"),
        helper.make_node("Flatten", ["mean"], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "classes", "bias"], ["logits"], name="classifier"),
    ]
    path = tmp_path_factory.mktemp("float") / "fp32.onnx"
    return save_onnx(path, nodes, weights, ("N", 3, 224, 224), ("N", 3))


@pytest.fixture(scope="session")
def photos() -> tuple[np.ndarray, np.ndarray]:
    """Nine photos of one colour each, uint8 (9,224,224,3), and their labels: red, green, blue in turn."""
    labels = np.arange(9) % 3
    images = np.full((9, 224, 224, 3), 30, dtype=np.uint8)
    for photo, label in enumerate(labels):
        images[photo, ..., label] = 220
    return images, labels
