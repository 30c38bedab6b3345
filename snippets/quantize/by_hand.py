"""8-bit arithmetic number by number, as students write it: the kit's versions, a layer to try them on, and the same by
ONNX Runtime's own operators.

    layer = by_hand.layer_of(run, prepared, picture)
    print(by_hand.told(by_hand.product(layer, by_hand.KIT, per_channel=True)))

The arithmetic is that of B. Jacob et al., "Quantization and training of neural networks for efficient integer-
arithmetic-only inference", 2018 (arXiv 1712.05877), section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.engine.graph import read_model
from snippets.quantize.quantizer import WITH_WEIGHTS

if TYPE_CHECKING:
    from snippets.record.run import Run

COLUMNS = 16
"""A layer's outputs that are worked out: Python's loops over all of a large layer would take seconds."""


def scale_and_zero_point(low: float, high: float) -> list[float]:
    """[scale, zero point] of 256 steps from `low` to `high`, widened to hold 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255 or 1.0
    return [scale, int(np.rint(-low / scale))]


def quantize(values: Sequence[float], scale: float, zero_point: int, least: int, most: int) -> list[int]:
    """Each value as the nearest step, cut off at both ends."""
    steps = np.rint(np.asarray(values, dtype=np.float64) / scale) + zero_point
    return [int(step) for step in np.clip(steps, least, most)]


def int8_matmul(a: Any, b: Any, a_zero: int, b_zeros: Sequence[int]) -> list[list[int]]:
    """The product of two matrices of integers less their zero points, one for each column of b; in 32 bits."""
    product = (np.asarray(a, np.int32) - a_zero) @ (np.asarray(b, np.int32) - np.asarray(b_zeros, np.int32))
    return [[int(one) for one in row] for row in product]


def float_layers(errors: Sequence[float], extra_bytes: Sequence[int], allowed: float) -> list[int]:
    """Parts of a network to leave in float32, by error for each byte that it takes, until what is left is allowed."""
    order = sorted(range(len(errors)), key=lambda index: -errors[index] / extra_bytes[index])
    taken: list[int] = []
    while sum(errors[index] for index in order[len(taken) :]) > allowed:
        taken.append(order[len(taken)])
    return taken


@dataclass(frozen=True)
class Arithmetic:
    """The three functions of an 8-bit product, with the arguments of those above."""

    scale_and_zero_point: Callable[..., Any]
    quantize: Callable[..., Any]
    matmul: Callable[..., Any]


KIT = Arithmetic(scale_and_zero_point, quantize, int8_matmul)


@dataclass(frozen=True)
class Product:
    """A product in 8 bits. `same`: by what was worked out, how many integers are ONNX Runtime's, and of how many;
    `error`: the largest difference to float32, a share of the largest value."""

    per_channel: bool
    same: dict[str, tuple[int, int]]
    error: float


def layer_of(run: Run, prepared: Path, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Step `quantize/by-hand`: the last layer that is one product of matrices: what it `reads` of a picture, float32
    (N,K), and its `weights`, float32 (K,M) with at most COLUMNS columns. Both are empty where there is none."""
    return run.step("quantize/by-hand", _last_layer, prepared, picture, inputs={"prepared": prepared})


def _last_layer(prepared: Path, picture: np.ndarray) -> dict[str, np.ndarray]:
    import onnxruntime as ort
    from onnx import ValueInfoProto, numpy_helper

    model = read_model(prepared)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type in WITH_WEIGHTS and node.op_type != "Conv"]
    layers = [node for node in layers if node.input[1] in stored]
    if not layers:
        return {"reads": np.zeros((0, 0), np.float32), "weights": np.zeros((0, 0), np.float32)}
    layer = layers[-1]
    weights = numpy_helper.to_array(stored[layer.input[1]])
    if any(one.name == "transB" and one.i for one in layer.attribute):
        weights = weights.T
    model.graph.output.append(ValueInfoProto(name=layer.input[0]))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (reads,) = session.run([layer.input[0]], {session.get_inputs()[0].name: picture})
    return {"reads": reads.reshape(len(reads), -1), "weights": np.ascontiguousarray(weights[:, :COLUMNS])}


def product(layer: dict[str, np.ndarray], by: Arithmetic, *, per_channel: bool) -> Product:
    """The layer's product in 8 bits by these functions, beside ONNX Runtime's operators on the same scales.

    What is read is asymmetric, with one scale; weights are symmetric, with one scale or one for each column. ValueError
    for a layer that is empty.
    """
    reads, weights = layer["reads"], layer["weights"]
    if not weights.size:
        raise ValueError("the network has no layer that is one product of matrices")
    scale, zero = by.scale_and_zero_point(float(reads.min()), float(reads.max()))
    scale = np.float32(scale)
    widest = np.abs(weights).max(axis=0) if per_channel else np.full(weights.shape[1], np.abs(weights).max())
    scales = (np.maximum(widest, 1e-9) / 127).astype(np.float32)
    a = [by.quantize(row.tolist(), float(scale), zero, 0, 255) for row in reads]
    columns = [by.quantize(weights[:, j].tolist(), float(one), 0, -127, 127) for j, one in enumerate(scales)]
    b = np.array(columns).T
    sums = np.array(by.matmul(a, b.tolist(), zero, [0] * len(scales)))
    a_there = _operator("QuantizeLinear", np.uint8, reads, scale, np.uint8(zero))
    b_there = _operator("QuantizeLinear", np.int8, weights, scales, np.zeros(len(scales), np.int8), axis=1)
    sums_there = _operator("MatMulInteger", np.int32, a_there, b_there, np.uint8(zero), np.zeros(len(scales), np.int8))
    same = {
        "inputs": _same(np.array(a), a_there),
        "weights": _same(b, b_there),
        "sums": _same(sums, sums_there),
    }
    exact = reads.astype(np.float64) @ weights
    error = float(np.abs(sums * (scale * scales.astype(np.float64)) - exact).max() / np.abs(exact).max())
    return Product(per_channel, same, error)


def _same(ours: np.ndarray, theirs: np.ndarray) -> tuple[int, int]:
    return int((ours == theirs).sum()), int(theirs.size)


def _operator(name: str, gives: type, *inputs: Any, **attributes: Any) -> np.ndarray:
    """One operator of ONNX Runtime, which gives numbers of a type, on these arrays and numbers."""
    import onnxruntime as ort
    from onnx import helper

    arrays = [np.asarray(one) for one in inputs]
    names = [f"input {number}" for number in range(len(arrays))]
    values = [
        helper.make_tensor_value_info(one, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for one, array in zip(names, arrays, strict=True)
    ]
    result = helper.make_tensor_value_info("result", helper.np_dtype_to_tensor_dtype(np.dtype(gives)), None)
    graph = helper.make_graph([helper.make_node(name, names, ["result"], **attributes)], name, values, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, dict(zip(names, arrays, strict=True)))[0])


def told(one: Product) -> str:
    """A product in words: what agrees with ONNX Runtime to the last bit, and what 8 bits cost."""
    counts = ", ".join(f"{same:,} of {size:,} {what}" for what, (same, size) in one.same.items())
    name = "a scale a channel" if one.per_channel else "one scale a tensor"
    return f"{name}: {counts} are ONNX Runtime's, bit by bit; off by {one.error:.2%} of the largest value"
