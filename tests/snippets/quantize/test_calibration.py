"""A pass over calibration images brings out the ranges and the means of all activations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snippets.data.image import preprocess
from snippets.quantize import calibration, quantizer

Photos = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def inputs(photos: Photos) -> np.ndarray:
    return preprocess(photos[0])


@pytest.fixture(scope="module")
def found(float_model: Path, photos: Photos, tmp_path_factory: pytest.TempPathFactory) -> dict:
    prepared = quantizer.prepare(float_model, tmp_path_factory.mktemp("prepared") / "prepared.onnx")
    return calibration.calibrate(prepared, photos[0], batch=4)


def of_input(found: dict, what: str) -> float:
    return float(found[what][found["tensors"].index("input")])


def test_ranges_are_the_smallest_and_largest_values_that_were_met(found: dict, inputs: np.ndarray) -> None:
    assert (of_input(found, "low"), of_input(found, "high")) == pytest.approx((inputs.min(), inputs.max()))
    assert found["images"] == 9


def test_typical_ranges_are_the_means_of_the_ranges_of_single_images(found: dict, inputs: np.ndarray) -> None:
    lows, highs = inputs.min(axis=(1, 2, 3)), inputs.max(axis=(1, 2, 3))
    assert of_input(found, "typical_low") == pytest.approx(lows.mean(), abs=1e-6)
    assert of_input(found, "typical_high") == pytest.approx(highs.mean(), abs=1e-6)


def test_means_are_by_channel_of_what_convolutions_read(found: dict, inputs: np.ndarray) -> None:
    assert set(found["means"]) == {"input", "a"}
    # The first convolution passes the three colours through, so both are the colours' means.
    for means in found["means"].values():
        assert means == pytest.approx(inputs.mean(axis=(0, 2, 3)), abs=1e-3)
