"""How fast this CPU multiplies and adds, and how fast it reads, at best: the limits that no network exceeds.

A matrix product reads each number once and uses it `SIDE` times, so it waits for arithmetic and not for memory. Reading
numbers once, to combine them all into one, waits for memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

SIDE = 1024
PRODUCTS = 40
PASSES = 12
# What a thread reads again and again out of its own cache, and what all read together out of memory: no cache holds it.
CACHED_BYTES = 128 * 1024
MEMORY_BYTES = 256 * 1024 * 1024


def multiply_adds(threads: int) -> dict[str, Any]:
    """A step's result: `per_s` float64 (n,), float32 multiplications with an addition a second of each product,
    in order; `side` of the square matrices; `threads`. ONNX Runtime computes it, as it computes the network."""
    right = np.random.default_rng(1).random((SIDE, SIDE), dtype=np.float32)
    left = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    return _rates(product(right, threads), left, threads)


def int8_multiply_adds(threads: int) -> dict[str, Any]:
    """As `multiply_adds`, of numbers of 8 bits that are added in 32 bits (ONNX's MatMulInteger)."""
    chance = np.random.default_rng(0)
    right = chance.integers(-127, 128, (SIDE, SIDE), dtype=np.int8)
    left = chance.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    return _rates(product(right, threads), left, threads)


def read_bytes(threads: int) -> dict[str, Any]:
    """A step's result: `memory_per_s` and `cache_per_s` float64 (n,), bytes that the threads together read in a second,
    in each pass over `MEMORY_BYTES`, and over `CACHED_BYTES` for each thread, many times; `threads`."""
    with ThreadPoolExecutor(threads) as pool:

        def passes(size: int, repeats: int) -> np.ndarray:
            # Written to, so that they are there; seen many times over in one call, in which all threads go on at once.
            parts = [np.broadcast_to(np.ones(size // 4, np.float32), (repeats, size // 4)) for _ in range(threads)]
            rates: list[np.ndarray] = []
            # Which of numpy's loops reads faster depends on the processor and on where the numbers lie.
            for combine, kind in ((np.bitwise_or, np.uint32), (np.maximum, np.float32)):
                stamps = []
                for _ in range(PASSES // 2 + 1):
                    list(pool.map(lambda part: combine.reduce(part.view(kind), axis=None), parts))  # noqa: B023
                    stamps.append(time.perf_counter())
                rates.append(size * threads * repeats / np.diff(stamps))
            return np.concatenate(rates)

        return {
            "memory_per_s": passes(MEMORY_BYTES // threads, 1),
            "cache_per_s": passes(CACHED_BYTES, 512),
            "threads": threads,
        }


def product(right: np.ndarray, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """A function that multiplies matrices by `right`, which is float32, or int8 (then the left one is uint8, and the
    product int32), by ONNX Runtime with so many threads."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads of a session keep spinning after a call and would slow what is measured next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = ort.InferenceSession(_graph(right), options, providers=["CPUExecutionProvider"])
    return lambda left: session.run(None, {"left": left})[0]


def _rates(multiply: Callable[[np.ndarray], np.ndarray], left: np.ndarray, threads: int) -> dict[str, Any]:
    stamps = []
    for _ in range(PRODUCTS + 1):  # the first one wakes the threads
        multiply(left)
        stamps.append(time.perf_counter())
    return {"per_s": SIDE**3 / np.diff(stamps), "side": SIDE, "threads": threads}


def _graph(right: np.ndarray) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    kinds = (
        (TensorProto.FLOAT, TensorProto.FLOAT) if right.dtype == np.float32 else (TensorProto.UINT8, TensorProto.INT32)
    )
    inner, outer = right.shape
    operation = "MatMul" if right.dtype == np.float32 else "MatMulInteger"
    graph = helper.make_graph(
        [helper.make_node(operation, ["left", "right"], ["product"])],
        "product",
        [helper.make_tensor_value_info("left", kinds[0], ["rows", inner])],
        [helper.make_tensor_value_info("product", kinds[1], ["rows", outer])],
        [numpy_helper.from_array(right, "right")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
