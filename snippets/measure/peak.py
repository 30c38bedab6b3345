"""How fast this CPU multiplies and adds at best, which no network can exceed: a large product of two matrices.

A matrix product reads each number once and uses it `SIDE` times, so it waits for arithmetic and not for memory.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

SIDE = 1024
PRODUCTS = 40


def multiply_adds(threads: int) -> dict[str, Any]:
    """A step's result: `per_s` float64 (n,), float32 multiplications with an addition a second of each product,
    in order; `side` of the square matrices; `threads`. ONNX Runtime computes it, as it computes the network."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(_product(), options, providers=["CPUExecutionProvider"])
    left = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    stamps = []
    for _ in range(PRODUCTS + 1):  # the first one wakes the threads
        session.run(None, {"left": left})
        stamps.append(time.perf_counter())
    return {"per_s": SIDE**3 / np.diff(stamps), "side": SIDE, "threads": threads}


def _product() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    right = np.random.default_rng(1).random((SIDE, SIDE), dtype=np.float32)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [SIDE, SIDE]) for name in ("left", "product")]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["left", "right"], ["product"])],
        "peak",
        ends[:1],
        ends[1:],
        [numpy_helper.from_array(right, "right")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
