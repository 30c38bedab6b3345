"""Rounding weights to integers shifts a layer's outputs by a known mean, which the bias takes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from snippets.quantize import rounding
from tests.snippets.onnx_files import save_onnx


def test_the_largest_weight_becomes_the_largest_integer() -> None:
    # One scale: 12.7 / 127 = 0.1, so 0.04 is rounded to 0 and 0.26 to 0.3.
    weights = np.array([[12.7, 0.04], [0.26, -12.7]], dtype=np.float32)
    assert rounding.rounded(weights, per_channel=False) == pytest.approx(np.array([[12.7, 0], [0.3, -12.7]]))


def test_a_scale_a_channel_spares_the_channels_with_small_weights() -> None:
    # The second channel's own scale: 0.127 / 127 = 0.001.
    weights = np.array([[12.7, 0.04], [0.127, 0.0404]], dtype=np.float32)
    assert rounding.rounded(weights, per_channel=True) == pytest.approx(np.array([[12.7, 0], [0.127, 0.04]]))


def test_seven_bits_have_half_the_steps() -> None:
    # 6.3 / 63 = 0.1.
    assert rounding.rounded(np.array([[6.3, 0.26]]), per_channel=False, bits=7) == pytest.approx(np.array([[6.3, 0.3]]))


def test_weights_that_are_all_zero_stay_zero() -> None:
    assert not rounding.rounded(np.zeros((2, 3)), per_channel=True).any()


def test_the_mean_error_adds_up_over_the_inputs() -> None:
    # Errors +0.1 and -0.2 meet inputs of mean 10 and 2: 1.0 - 0.4 = 0.6 too much.
    weights = np.zeros((1, 2, 1, 1))
    quantized = np.array([0.1, -0.2]).reshape(1, 2, 1, 1)
    assert rounding.mean_error(weights, quantized, np.array([10.0, 2.0])) == pytest.approx([0.6])


def test_a_depthwise_convolution_meets_only_its_own_channel() -> None:
    # Nine errors of 0.1 times 10, and of 0.1 times 2.
    error = rounding.mean_error(np.zeros((2, 1, 3, 3)), np.full((2, 1, 3, 3), 0.1), np.array([10.0, 2.0]))
    assert error == pytest.approx([9.0, 1.8])


def test_corrected_biases_remove_the_mean_error_of_the_rounded_layer(tmp_path: Path) -> None:
    # One scale 0.1 (12.7 / 127): weights 12.7 and 0.04 become 12.7 and 0. Inputs of mean 1 and 50 lose 0.04 x 50 = 2.
    weights = np.array([12.7, 0.04], dtype=np.float32).reshape(1, 2, 1, 1)
    stored = {"w": weights, "b": np.array([3.0], dtype=np.float32)}
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"])
    one = save_onnx(tmp_path / "one.onnx", [node], stored, ("N", 2, 1, 1), ("N", 1, 1, 1))
    means = {"x": np.array([1.0, 50.0])}
    corrected = rounding.correct_biases(one, means, tmp_path / "corrected.onnx", per_channel=False)
    bias = {tensor.name: tensor for tensor in onnx.load(corrected).graph.initializer}["b"]
    assert numpy_helper.to_array(bias) == pytest.approx([5.0], abs=1e-5)
