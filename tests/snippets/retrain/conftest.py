"""A small network of all that MobileNetV2 is made of, in float32 and in static int8; and photos of one colour each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from snippets.quantize import calibration, quantizer
from tests.snippets.onnx_files import save_onnx


@dataclass(frozen=True)
class Small:
    """The float32 file as the quantizer wants it, and the same in int8: a scale a tensor, and a scale a channel."""

    prepared: Path
    per_tensor: Path
    per_channel: Path


@pytest.fixture(scope="session")
def photos() -> tuple[np.ndarray, np.ndarray]:
    """Twelve photos of one colour each with some noise, uint8 (12,224,224,3), and labels: red, green, blue in turn."""
    labels = np.arange(12) % 3
    images = np.random.default_rng(1).integers(0, 90, (12, 224, 224, 3)).astype(np.uint8)
    for photo, label in enumerate(labels):
        images[photo, ..., label] += 100
    return images, labels


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, photos: tuple[np.ndarray, np.ndarray]) -> Small:
    """float32 images (N,3,224,224) -> scores of three classes, through a stem, a depthwise layer and a residual one.

    The depthwise layer's channels differ in size by a hundred, so that one scale for them all is coarse.
    """
    dice = np.random.default_rng(0)

    def drawn(*shape: int) -> np.ndarray:
        return (dice.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    weights: dict[str, np.ndarray] = {
        "stem": drawn(8, 3, 3, 3),
        "stem bias": drawn(8, 1).ravel(),
        "each": drawn(8, 1, 3, 3) * np.geomspace(1, 100, 8, dtype=np.float32).reshape(8, 1, 1, 1),
        "each bias": drawn(8, 1).ravel(),
        "narrow": drawn(8, 8, 1, 1) / np.geomspace(1, 100, 8, dtype=np.float32).reshape(1, 8, 1, 1),
        "narrow bias": drawn(8, 1).ravel(),
        "classes": drawn(3, 8),
        "bias": drawn(3, 1).ravel(),
        "zero": np.array(0, np.float32),
        "six": np.array(6, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["input", "stem", "stem bias"], ["a"], name="stem", strides=[8, 8], pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["a", "zero", "six"], ["b"], name="cut"),
        helper.make_node("Conv", ["b", "each", "each bias"], ["c"], name="depthwise", group=8, pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["c", "narrow", "narrow bias"], ["d"], name="linear"),
        helper.make_node("Add", ["b", "d"], ["e"], name="residual"),
        helper.make_node("GlobalAveragePool", ["e"], ["mean"], name="pool"),
        helper.make_node("Flatten", ["mean"], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "classes", "bias"], ["logits"], name="classifier", transB=1),
    ]
    folder = tmp_path_factory.mktemp("small")
    save_onnx(folder / "fp32.onnx", nodes, weights, ("N", 3, 224, 224), ("N", 3))
    prepared = quantizer.prepare(folder / "fp32.onnx", folder / "prepared.onnx")
    ranges = calibration.calibrate(prepared, photos[0])
    files = [
        quantizer.quantize_statically(
            prepared, ranges, quantizer.Candidate("x", per_channel=each), folder / f"static-{each}.onnx"
        )
        for each in (False, True)
    ]
    return Small(prepared, *files)
