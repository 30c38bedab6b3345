"""Pruned weights in ONNX files: put into the run's own graph, their zeros counted, and what a download takes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from snippets.engine import graph
from snippets.errors import ModelError
from snippets.files import replacing


def refilled(source: Path, tensors: Mapping[str, np.ndarray], path: Path) -> Path:
    """Write the ONNX file `source` with these weights by name (a module's state), in float32; those not named stay.

    Their shapes may be others than in `source`, as where channels were taken out: depthwise convolutions get as many
    groups as they have filters. The graph stays, so nothing has to be exported again. ModelError for a name that the
    file does not hold.
    """
    import onnx

    model = onnx.load(source)
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    if missing := sorted(tensors.keys() - held.keys()):
        raise ModelError(f"{source} has no weights {', '.join(missing[:3])}: it was not exported from this network.")
    for name, values in tensors.items():
        held[name].CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Conv" and attribute.name == "group" and attribute.i > 1:
                attribute.i = held[node.input[1]].dims[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        onnx.save(model, partial)
    return path


def counted(path: Path) -> dict[str, int]:
    """`weights` of an ONNX file's convolutions and matrices, and how many are `zeros`, counted in the file."""
    found = list(graph.kernels(path).values())
    return {
        "weights": sum(one.size for one in found),
        "zeros": sum(one.size - int(np.count_nonzero(one)) for one in found),
    }


def zip_bytes(path: Path) -> int:
    """Bytes of a file as a zip archive or HTTP's gzip holds it: deflate at its usual level, without a head."""
    return len(zlib.compress(path.read_bytes()))
