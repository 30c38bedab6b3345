"""Image classifiers as other people save them: one small network, built in many forms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 5
NUMPY = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16}


@dataclass(frozen=True)
class Form:
    """How a network is written. `batch` 0: free; `reshape`: the shape that stands in the file instead of a Flatten."""

    batch: int = 0
    side: tuple[int, int] = (224, 224)
    channels_last: bool = False
    kind: int = TensorProto.FLOAT
    weights: int = TensorProto.FLOAT
    opset: int = 17
    ir: int = 8
    reshape: tuple[int, ...] = ()
    end: str = "logits"
    names: tuple[str, str] = ("images", "scores")
    weights_are_inputs: bool = False


def build(form: Form) -> onnx.ModelProto:
    """Convolution, ReLU, mean, linear layer; the same numbers in every form."""
    rng, real = np.random.default_rng(3), NUMPY[form.weights]
    weights = {
        "filter": rng.normal(size=(8, 3, 3, 3)).astype(real) / 4,
        "matrix": rng.normal(size=(8, CLASSES)).astype(real),
        "bias": rng.normal(size=CLASSES).astype(real),
    }
    first, nodes = form.names[0], []

    def node(operation: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operation, inputs, [output], name=f"n_{output}", **attributes))
        return output

    if form.kind == TensorProto.UINT8:
        weights |= {"scale": np.array(1 / 255, dtype=real)}
        first = node("Mul", [node("Cast", [first], "cast", to=form.weights), "scale"], "scaled")
    if form.channels_last:
        first = node("Transpose", [first], "first", perm=[0, 3, 1, 2])
    mean = node("GlobalAveragePool", [node("Relu", [node("Conv", [first, "filter"], "conv")], "relu")], "mean")
    if form.reshape:
        weights["shape"] = np.array(form.reshape, dtype=np.int64)
        flat = node("Reshape", [mean, "shape"], "flat")
    else:
        flat = node("Flatten", [mean], "flat")
    last = node("Gemm", [flat, "matrix", "bias"], "gemm")
    if form.end == "four axes":
        weights["last"] = np.array([0, CLASSES, 1, 1], dtype=np.int64)
        node("Reshape", [last, "last"], "four")
    elif form.end == "class number":
        node("ArgMax", [last], "number", axis=1, keepdims=0)
    elif form.end == "double":
        node("Cast", [last], "double", to=TensorProto.DOUBLE)
    nodes[-1].output[0] = form.names[1]
    return _model(form, nodes, weights)


def _model(form: Form, nodes: list[Any], weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    batch = form.batch or "n"
    size = (*form.side, 3) if form.channels_last else (3, *form.side)
    inputs = [helper.make_tensor_value_info(form.names[0], form.kind, [batch, *size])]
    if form.weights_are_inputs:
        types = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}
        inputs += [helper.make_tensor_value_info(n, types[w.dtype], w.shape) for n, w in weights.items()]
    kinds = {"class number": TensorProto.INT64, "double": TensorProto.DOUBLE}
    shape = {"four axes": [batch, CLASSES, 1, 1], "class number": [batch]}.get(form.end, [batch, CLASSES])
    output = helper.make_tensor_value_info(form.names[1], kinds.get(form.end, form.weights), shape)
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "theirs", inputs, [output], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", form.opset)], ir_version=form.ir)


def save(form: Form, path: Path) -> Path:
    """The network in that form, as a file."""
    onnx.save(build(form), path)
    return path
