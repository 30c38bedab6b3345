"""What the operations of an ONNX graph do in torch: those of image classifiers made of convolutions.

run = OPERATIONS["Conv"](attributes, constants)
output = run(images, weight, bias)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snippets.engine.graph import read_model
from snippets.quantize.quantizer import WITH_WEIGHTS

Run = Callable[..., Any]
Attributes = Mapping[str, Any]
Constants = Mapping[str, np.ndarray]


def attributes_of(node: Any) -> dict[str, Any]:
    """A node's attributes by name, as Python values."""
    from onnx import helper

    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def untrainable(prepared: Path) -> str:
    """Why a float32 file cannot be trained here, in words; empty where it can."""
    graph = read_model(prepared).graph
    strange = sorted({node.op_type for node in graph.node} - set(OPERATIONS))
    if strange:
        return f"the network holds operations that cannot be trained here: {', '.join(strange)}"
    weights = {tensor.name for tensor in graph.initializer}
    layers = [node for node in graph.node if node.op_type in WITH_WEIGHTS]
    if not layers:
        return "the network has no weights that could be trained"
    for node in graph.node:
        given = attributes_of(node)
        constant = len(set(node.input) & weights)
        if node.op_type == "Add" and constant:
            return "the network adds constants outside of its layers"
        if node in layers and constant != len(node.input) - 1:
            return "the network multiplies two tensors that both depend on the image"
        if given.get("auto_pad", b"NOTSET") != b"NOTSET" or any(
            given.get(name, 1.0) != 1.0 for name in ("alpha", "beta")
        ):
            return f"the network holds a {node.op_type} of an unusual kind"
    return ""


def _conv(attributes: Attributes, _: Constants) -> Run:
    from torch.nn import functional

    pads = list(attributes.get("pads", ()))
    strides, dilations = attributes.get("strides", 1), attributes.get("dilations", 1)

    def run(x: Any, weight: Any, bias: Any = None) -> Any:
        x, padding = _padded(x, pads, 0.0)
        return functional.conv2d(x, weight, bias, strides, padding, dilations, attributes.get("group", 1))

    return run


def _padded(x: Any, pads: list[int], fill: float) -> tuple[Any, Any]:
    """What a layer pads by itself: (top, left); where the ends differ, the picture is padded before."""
    from torch.nn import functional

    if not pads:
        return x, 0
    top, left, bottom, right = pads
    if (top, left) == (bottom, right):
        return x, (top, left)
    return functional.pad(x, (left, right, top, bottom), value=fill), 0


def _max_pool(attributes: Attributes, _: Constants) -> Run:
    from torch.nn import functional

    pads, kernel = list(attributes.get("pads", ())), attributes["kernel_shape"]

    def run(x: Any) -> Any:
        x, padding = _padded(x, pads, float("-inf"))
        return functional.max_pool2d(
            x, kernel, attributes.get("strides", 1), padding, ceil_mode=bool(attributes.get("ceil_mode", 0))
        )

    return run


def _gemm(attributes: Attributes, _: Constants) -> Run:
    def run(x: Any, weight: Any, bias: Any = None) -> Any:
        product = x @ (weight.T if attributes.get("transB", 0) else weight)
        return product if bias is None else product + bias

    return run


def _reduce_mean(attributes: Attributes, constants: Constants) -> Run:
    axes = attributes.get("axes")
    if axes is None:
        axes = next(iter(constants.values())).tolist()
    return lambda x: x.mean(dim=list(axes), keepdim=bool(attributes.get("keepdims", 1)))


def _clip(_: Attributes, constants: Constants) -> Run:
    ends = [float(value) for value in constants.values()]
    low, high = (ends + [float("inf")])[:2]
    return lambda x: x.clamp(low, high)


def _reshape(_: Attributes, constants: Constants) -> Run:
    wanted = [int(size) for size in next(iter(constants.values()))]
    return lambda x: x.reshape([x.shape[place] if size == 0 else size for place, size in enumerate(wanted)])


OPERATIONS: Mapping[str, Callable[[Attributes, Constants], Run]] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": lambda attributes, constants: lambda a, b: a @ b,
    "Add": lambda attributes, constants: lambda a, b: a + b,
    "Relu": lambda attributes, constants: lambda x: x.relu(),
    "Clip": _clip,
    "MaxPool": _max_pool,
    "ReduceMean": _reduce_mean,
    "GlobalAveragePool": lambda attributes, constants: lambda x: x.mean(dim=(2, 3), keepdim=True),
    "Flatten": lambda attributes, constants: lambda x: x.flatten(int(attributes.get("axis", 1))),
    "Reshape": _reshape,
    "Identity": lambda attributes, constants: lambda x: x,
}
"""By type of operation: from its attributes and constant inputs to what it does with the others, in torch."""
