"""Which layers 8 bits hurt: each part of the network alone in 8 bits, all others in float32.

The measure is the mean squared difference of the logits to the float32 network's, over the mean square of the logits
themselves. It tells parts apart with a dozen images, where accuracy would need thousands: an image that stays right
counts, too.

Source: Nagel et al., "A white paper on neural network quantization", 2021 (arXiv 2106.08295), section 3.7, where a
network is debugged so; the layers that hurt most are the first to go back to float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snippets.engine.graph import read_model
from snippets.engine.providers import session_options
from snippets.quantize.quantizer import WITH_WEIGHTS
from snippets.quantize.rounding import rounded


def parts(prepared: Path, *, fine: bool) -> dict[str, tuple[str, ...]]:
    """The network cut in parts, by name, each the names of its convolutions: one each if `fine`.

    Else a part ends where channels are next read that nothing cut off or rectified, at a linear bottleneck, so that a
    part is a block: what MobileNetV2 expands, filters and projects.
    """
    nodes = list(read_model(prepared).graph.node)
    layers = [node for node in nodes if node.op_type in WITH_WEIGHTS]
    if fine:
        return {f"layer {number}": (node.name,) for number, node in enumerate(layers)}
    rectified = {node.input[0] for node in nodes if node.op_type in ("Clip", "Relu")}
    blocks: list[list[str]] = [[]]
    for node in layers:
        blocks[-1].append(node.name)
        if node.output[0] not in rectified:
            blocks.append([])
    return {f"block {number}": tuple(block) for number, block in enumerate(blocks) if block}


def scan(
    prepared: Path,
    ranges: Mapping[str, Any],
    inputs: np.ndarray,
    cut: Mapping[str, Sequence[str]],
    threads: int,
) -> dict[str, float]:
    """Relative error of the logits with one part alone in 8 bits, by the part's name, the worst first.

    inputs: preprocessed images, float32 (N,3,H,W). Weights are rounded in the float32 graph, and what a layer reads
    passes through 8 bits within its calibrated range.
    """
    model = read_model(prepared)
    ends = dict(zip(ranges["tensors"], zip(ranges["low"], ranges["high"], strict=True), strict=True))
    truth = _logits(model, inputs, threads)
    power = float(np.mean(truth**2))
    errors = {
        name: float(np.mean((_logits(_alone(model, layers, ends), inputs, threads) - truth) ** 2)) / power
        for name, layers in cut.items()
    }
    return dict(sorted(errors.items(), key=lambda item: -item[1]))


def _logits(model: Any, inputs: np.ndarray, threads: int) -> np.ndarray:
    import onnxruntime as ort

    session = ort.InferenceSession(
        model.SerializeToString(), session_options(threads, "all"), providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(None, {session.get_inputs()[0].name: inputs})[0])


def _alone(model: Any, layers: Sequence[str], ends: Mapping[str, tuple[float, float]]) -> Any:
    """A copy of the float32 model in which the named layers' weights and inputs went through 8 bits."""
    from onnx import ModelProto, helper, numpy_helper

    changed = ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.name in layers:
            source, weights = node.input[0], node.input[1]
            if weights in stored:
                values = numpy_helper.to_array(stored[weights])
                by_channel = node.op_type == "Conv"
                stored[weights].CopyFrom(numpy_helper.from_array(rounded(values, per_channel=by_channel), weights))
            if source in ends:
                low, high = min(float(ends[source][0]), 0.0), max(float(ends[source][1]), 0.0)
                step = (high - low) / 255 or 1.0
                key = f"{node.name}/8 bits"
                graph.initializer.extend(
                    [
                        numpy_helper.from_array(np.float32(step), f"{key}/scale"),
                        numpy_helper.from_array(np.uint8(round(-low / step)), f"{key}/zero"),
                    ]
                )
                pair = [f"{key}/scale", f"{key}/zero"]
                nodes.append(helper.make_node("QuantizeLinear", [source, *pair], [f"{key}/q"]))
                nodes.append(helper.make_node("DequantizeLinear", [f"{key}/q", *pair], [f"{key}/x"]))
                node.input[0] = f"{key}/x"
        nodes.append(node)
    copied = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copied)
    return changed
