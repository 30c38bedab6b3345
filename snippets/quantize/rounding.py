"""What rounding to integers does to a layer's weights, and how its mean error is taken out of the bias.

Rounded weights differ from the true ones by e, so a layer's output is wrong by e times its input: on average by e times
the input's mean, which is known from calibration. That much is subtracted from the bias beforehand.

Source: Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019 (arXiv
1906.04721), section 4.2; the means are measured on calibration images ("empirical") instead of derived.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from snippets.engine.graph import read_model
from snippets.files import replacing


def rounded(weights: np.ndarray, *, per_channel: bool, bits: int = 8) -> np.ndarray:
    """Weights (out, ...) after symmetric rounding to `bits` bits and back, float32, as the static quantizer does it.

    The largest absolute weight (of each output channel, or of all) becomes the largest integer; zero stays zero.
    """
    top = 2 ** (bits - 1) - 1
    axes = tuple(range(1, weights.ndim)) if per_channel else None
    largest = np.abs(weights).max(axis=axes, keepdims=True)
    step = np.where(largest > 0, largest / top, 1.0)
    return np.asarray(np.clip(np.round(weights / step), -top, top) * step, dtype=np.float32)


def mean_error(weights: np.ndarray, quantized: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """By how much a convolution's outputs are too large on average, (out,), for inputs with these channel means (in,).

    weights, quantized: (out, in / groups, height, width). Padding is left out of account: at the rim it makes the
    true error smaller.
    """
    error = (quantized - weights).sum(axis=(2, 3))
    outputs, inputs = error.shape
    groups = len(mean) // inputs
    by_group = mean.reshape(groups, inputs).repeat(outputs // groups, axis=0)
    return np.asarray((error * by_group).sum(axis=1))


def correct_biases(
    prepared: Path, means: dict[str, np.ndarray], into: Path, *, per_channel: bool, bits: int = 8
) -> Path:
    """Write the float32 network whose biases make up for the mean error of rounding its weights.

    `means` as calibration.calibrate found them; convolutions without a bias, or whose input is not among them, stay.
    """
    import onnx
    from onnx import numpy_helper

    model = read_model(prepared)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}

    def values(name: str) -> Any:
        return numpy_helper.to_array(stored[name])

    for node in model.graph.node:
        if (
            node.op_type == "Conv"
            and node.input[0] in means
            and len(node.input) == 3
            and set(node.input[1:]) <= set(stored)
        ):
            weights, bias = values(node.input[1]), node.input[2]
            error = mean_error(weights, rounded(weights, per_channel=per_channel, bits=bits), means[node.input[0]])
            stored[bias].CopyFrom(numpy_helper.from_array((values(bias) - error).astype(np.float32), bias))
    with replacing(into) as partial:
        onnx.save(model, partial)
    return into
