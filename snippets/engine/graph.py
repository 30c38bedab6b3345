"""Looking into an ONNX graph: its operations, what each optimization level made of them, and where the time goes."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snippets.engine.placement import CPU, NODE_SUFFIX, events_of
from snippets.engine.providers import LEVELS, session, session_options

NCHWC = "com.microsoft.nchwc"
FUSED = "com.microsoft"
PRODUCTS = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True)
class Operation:
    """One operation on the way of an image through the graph, with the constant work that feeds it."""

    label: str
    kind: str
    constant_inputs: tuple[str, ...]


def read_model(path: Path) -> Any:
    """The onnx.ModelProto of a file."""
    import onnx

    return onnx.load(path)


def label(node: Any) -> str:
    """Operation type as a person reads it: NCHWc operations are marked, ONNX Runtime's own fused ones not."""
    return f"{node.op_type} (NCHWc)" if node.domain == NCHWC else node.op_type


def histogram(model: Any) -> dict[str, int]:
    """How many nodes of each operation type, most frequent first (Constant nodes count: they are in the file)."""
    return dict(Counter(label(node) for node in model.graph.node).most_common())


def constant_nodes(model: Any) -> list[Any]:
    """Nodes whose result does not depend on the image: work that can be done once, when the model is loaded."""
    weights = {tensor.name for tensor in model.graph.initializer}
    live = {value.name for value in model.graph.input} - weights
    fixed = []
    for node in model.graph.node:
        if any(name in live for name in node.input):
            live.update(node.output)
        else:
            fixed.append(node)
    return fixed


def kernels(path: Path) -> dict[str, np.ndarray]:
    """The weights that convolutions and products of matrices multiply with, by their name in the file."""
    import onnx

    graph = onnx.load(path).graph
    read = {node.input[1] for node in graph.node if node.op_type in PRODUCTS}
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name in read}


def multiply_adds(path: Path, zeros: bool = True) -> int:
    """Multiplications, each with an addition, that convolutions and products of matrices take for one image.

    `zeros`: whether those with a weight that is zero count, too.
    """
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    shapes = {
        value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*model.graph.value_info, *model.graph.output)
    }
    weights = {name: int(values.size if zeros else np.count_nonzero(values)) for name, values in kernels(path).items()}
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":  # weights: outputs, inputs of a group, height, width; each used at every place
            places = math.prod(shapes[node.output[0]][2:])
            total += weights[node.input[1]] * places
        elif node.op_type in PRODUCTS:  # each number that comes out is a sum over the inner side
            output = shapes[node.output[0]][1:]
            if node.input[1] in weights:
                total += weights[node.input[1]] * math.prod(output[:-1])
            else:
                total += math.prod(output) * shapes[node.input[1]][-2]
    return total


def optimize(path: Path, folder: Path, threads: int = 0) -> dict[str, Any]:
    """What ONNX Runtime makes of the file at each level: the result of the step `graph/levels`.

    Returns for each level `file` (the graph it would run, for looking at only: the layout of level "all" is
    made for this CPU), `histogram`, `nodes` and `constant_nodes`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for level in LEVELS:
        file = folder / f"graph-{level}.onnx"
        session(path, "cpu", threads=threads, level=level, optimized=file)
        model = read_model(file)
        found[level] = {
            "file": file,
            "histogram": histogram(model),
            "nodes": len(model.graph.node),
            "constant_nodes": len(constant_nodes(model)),
        }
    return found


def changes(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Change in the number of nodes of each type from one histogram to the next; types that kept theirs left out."""
    names = [*before, *(name for name in after if name not in before)]
    moved = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    return {name: change for name, change in moved.items() if change}


def trunk(model: Any, convolutions: int = 3) -> list[Operation]:
    """The first operations that an image meets, up to and with what follows the last of some convolutions.

    Walks from the graph's input along the data; constant work that feeds an operation is named beside it.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    fixed = {name: node for node in constant_nodes(model) for name in node.output}
    current = next(value.name for value in model.graph.input if value.name not in weights)
    steps: list[Operation] = []
    seen = 0
    while True:
        consumers = [
            node for node in model.graph.node if node.input and node.input[0] == current and node.op_type != "Shape"
        ]
        if not consumers:
            return steps
        node = consumers[0]
        if "Conv" in node.op_type:
            seen += 1
            if seen > convolutions:
                return steps
        constants = tuple(" + ".join(_constant_chain(name, fixed)) for name in node.input[1:] if name in fixed)
        steps.append(Operation(label(node), _kind(node), tuple(text for text in constants if text)))
        current = node.output[0]


def _constant_chain(name: str, fixed: dict[str, Any]) -> list[str]:
    """Types of the operations that compute a constant, first one first, Constant nodes left out."""
    chain: list[str] = []
    while name in fixed:
        node = fixed[name]
        if node.op_type != "Constant":
            chain.append(node.op_type)
        name = next((source for source in node.input if source in fixed), "")
    return chain[::-1]


def _kind(node: Any) -> str:
    if node.domain == NCHWC:
        return "layout"
    if node.domain == FUSED:
        return "fused"
    kinds = {"Conv": "convolution", "BatchNormalization": "normalization", "Clip": "activation"}
    return kinds.get(node.op_type, "other")


def time_by_operation(
    path: Path, batch: np.ndarray, *, threads: int, level: str = "all", runs: int = 20
) -> dict[str, Any]:
    """Milliseconds a run spends in each operation type, measured by ONNX Runtime's profiler on the CPU.

    Returns `milliseconds` {type: ms a run, slowest first}, `nodes` {type: count}, `total_ms` and `runs`. The
    profiler slows each node by some microseconds: compare shares, and take latencies from unprofiled runs.
    """
    events = events_of(path, session_options(threads, level), [CPU], batch, runs + 3)
    return by_operation(events, runs, skip=3)


def by_operation(events: list[dict[str, Any]], runs: int, skip: int = 0) -> dict[str, Any]:
    """Sum profiler events by operation type, as ms a run, leaving out the first `skip` runs of each node."""
    seen: dict[str, int] = {}
    total_us: dict[str, float] = {}
    nodes: dict[str, set[str]] = {}
    for event in events:
        if event.get("cat") != "Node" or not event.get("name", "").endswith(NODE_SUFFIX):
            continue
        node = event["name"]
        seen[node] = seen.get(node, 0) + 1
        operation = event.get("args", {}).get("op_name", "?")
        nodes.setdefault(operation, set()).add(node)
        if seen[node] > skip:
            total_us[operation] = total_us.get(operation, 0.0) + float(event["dur"])
    milliseconds = {name: us / 1000.0 / runs for name, us in sorted(total_us.items(), key=lambda item: -item[1])}
    return {
        "milliseconds": milliseconds,
        "nodes": {name: len(found) for name, found in nodes.items()},
        "total_ms": sum(milliseconds.values()),
        "runs": runs,
    }
