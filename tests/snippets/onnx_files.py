"""Small ONNX files for tests, from their nodes and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]


def save_onnx(
    path: Path, nodes: Sequence[onnx.NodeProto], weights: Mapping[str, np.ndarray], reads: Shape, gives: Shape
) -> Path:
    """A network of these nodes: float32 of the shape `reads` in, of the shape `gives` out.

    The first node's first input is the network's, the last node's first output is its own.
    """
    ends = ((nodes[0].input[0], reads), (nodes[-1].output[0], gives))
    first, last = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in ends)
    stored = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, path.stem, first, last, stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
