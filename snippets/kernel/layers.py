"""The layers of a network as work and traffic: operations, bytes that must be moved, and the time that each takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snippets.engine.placement import CPU, NODE_SUFFIX, events_of
from snippets.engine.providers import session_options
from snippets.stats import Estimate

COMPUTING = ("Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul")
DEPTHWISE, POINTWISE, OTHER, CONNECTED = "depthwise", "1x1", "other convolution", "fully connected"
KINDS = (DEPTHWISE, POINTWISE, OTHER, CONNECTED)


@dataclass(frozen=True)
class Layer:
    """A convolution or fully connected layer, for one image: operations (a multiplication with its addition is two),
    and bytes of its weights, input and output in float32, each moved once."""

    name: str
    kind: str
    flop: float
    bytes: float


def layers(path: Path) -> list[Layer]:
    """The layers of a network that have weights, in the order in which they are computed, by shape inference."""
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    shapes = {
        value.name: [size.dim_value or 1 for size in value.type.tensor_type.shape.dim]  # a free size is the batch
        for value in (*model.graph.input, *model.graph.value_info, *model.graph.output)
    }
    weights = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    found = []
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul") or node.input[1] not in weights:
            continue
        shape, taken, made = weights[node.input[1]], shapes[node.input[0]], shapes[node.output[0]]
        places = math.prod(made[2:]) if node.op_type == "Conv" else 1
        moved = math.prod(shape) + math.prod(taken) + math.prod(made)
        found.append(
            Layer(node.name or node.output[0], kind(node, shape), 2.0 * math.prod(shape) * places, 4.0 * moved)
        )
    return found


def kind(node: Any, shape: Sequence[int]) -> str:
    """Which of KINDS an ONNX node with weights of this shape is."""
    if node.op_type != "Conv":
        return CONNECTED
    groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
    if groups > 1 and shape[1] == 1:
        return DEPTHWISE
    return POINTWISE if math.prod(shape[2:]) == 1 else OTHER


def timed(path: Path, image: np.ndarray, threads: int, runs: int = 30) -> dict[str, Any]:
    """A step's result: the `layers` of the file, and how long each takes in ONNX Runtime (level all), by its profiler.

    `names` and `kinds` by layer; `flop`, `bytes`, `milliseconds` (median of the runs) float64 (layers,); `threads`;
    `runs`. Layers are computed in the order of the file, one after the other; where the engine runs another number of
    such operations (a network whose layers it takes apart), `milliseconds` is empty.
    """
    found = layers(path)
    events = [
        event
        for event in events_of(path, session_options(threads, "all"), [CPU], image, runs + 3)
        if event.get("cat") == "Node"
        and event["name"].endswith(NODE_SUFFIX)
        and event.get("args", {}).get("op_name") in COMPUTING
    ]
    events.sort(key=lambda event: event["ts"])
    times = np.array([float(event["dur"]) for event in events]) / 1000
    fits = times.size == len(found) * (runs + 3)
    return {
        "names": [one.name for one in found],
        "kinds": [one.kind for one in found],
        "flop": np.array([one.flop for one in found]),
        "bytes": np.array([one.bytes for one in found]),
        "milliseconds": np.median(times.reshape(runs + 3, -1)[3:], axis=0) if fits else np.zeros(0),
        "threads": threads,
        "runs": runs,
    }


def by_kind(step: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Sums of a result of `timed` for each kind that there is: `layers`, `flop`, `bytes`, `milliseconds`."""
    kinds = np.array(step["kinds"])
    return {
        kind: {
            "layers": float(np.count_nonzero(kinds == kind)),
            **{name: float(np.asarray(step[name])[kinds == kind].sum()) for name in ("flop", "bytes", "milliseconds")},
        }
        for kind in KINDS
        if kind in step["kinds"]
    }


def points(step: Mapping[str, Any]) -> tuple[dict[str, tuple[float, Estimate]], dict[str, str]]:
    """Layers of a result of `timed` as points of a roofline, operations a byte and GFLOP/s, and their kinds, by name.

    The profiler gives one figure a layer, so no interval.
    """
    rates = np.asarray(step["flop"]) / np.maximum(step["milliseconds"], 1e-6) / 1e6
    per_byte = np.asarray(step["flop"]) / np.asarray(step["bytes"])
    found = {
        name: (float(x), Estimate(float(rate), float("nan"), float("nan")))
        for name, x, rate in zip(step["names"], per_byte, rates, strict=True)
    }
    return found, dict(zip(step["names"], step["kinds"], strict=True))
