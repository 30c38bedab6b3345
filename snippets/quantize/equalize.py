"""Cross-layer equalization: the same network with channels of like size, which one scale for a tensor serves well.

Where a convolution feeds another with nothing but additions between them, channel c may be divided by s there, if the
weights that read it are multiplied by s: the function stays the same. MobileNetV2's *linear bottlenecks* are such
places. All blocks that are joined by residual additions share one factor for each channel.

Source: Nagel, van Baalen, Blankevoort and Welling, "Data-free quantization through weight equalization and bias
correction", ICCV 2019 (arXiv 1906.04721), section 4.1, equation 11: s = sqrt(r1 r2) / r2 makes the ranges r1 / s of the
writing and r2 s of the reading weights equal. Over a ReLU6 the identity holds only where nothing is cut off at 6, so
those pairs stay as they are: their activations all lie between 0 and 6 anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snippets.engine.graph import read_model
from snippets.files import replacing


@dataclass(frozen=True)
class Stream:
    """Activations joined by additions, with the convolutions that write them and those that read them."""

    tensors: tuple[str, ...]
    writers: tuple[Any, ...]
    readers: tuple[Any, ...]


def streams(graph: Any) -> list[Stream]:
    """The places of an onnx graph that may be equalized: written by Conv, joined by Add, read by ungrouped Conv."""
    joined: dict[str, str] = {}

    def root(name: str) -> str:
        while joined.setdefault(name, name) != name:
            name = joined[name]
        return name

    constants = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv":
            root(node.output[0])
        elif node.op_type == "Add":
            for name in node.input:
                joined[root(name)] = root(node.output[0])
    groups: dict[str, list[str]] = {}
    for name in list(joined):
        groups.setdefault(root(name), []).append(name)
    ends = {value.name for value in graph.output}
    found = []
    for tensors in groups.values():
        inside = set(tensors)
        makers = [node for node in graph.node if inside.intersection(node.output)]
        users = [node for node in graph.node if inside.intersection(node.input) and node.op_type != "Add"]
        made = {name for node in makers for name in node.output}
        linear = all(node.op_type in ("Conv", "Add") for node in makers) and inside == made and not inside & ends
        readable = all(node.op_type == "Conv" and _groups(node) == 1 and node.input[0] in inside for node in users)
        writers = tuple(node for node in makers if node.op_type == "Conv")
        # Weights that some other node uses too cannot be rescaled for this one alone.
        own = all(set(node.input[1:]) <= constants for node in [*writers, *users])
        if users and writers and linear and readable and own:
            found.append(Stream(tuple(tensors), writers, tuple(users)))
    return found


def factors(written: np.ndarray, read: np.ndarray) -> np.ndarray:
    """What to divide each written channel by, and multiply the reading weights by, so that both ranges become equal.

    written, read: largest absolute weight by channel, (C,). Channels without any weight keep the factor 1.
    """
    both = (written > 0) & (read > 0)
    return np.where(both, np.sqrt(np.where(both, written, 1.0) / np.where(both, read, 1.0)), 1.0)


def equalize(prepared: Path, into: Path) -> dict[str, Any]:
    """Write the equalized network. Returns `file`, and by stream `uneven_before` and `uneven_after`.

    Unevenness: the largest over the smallest range among the channels that are written (1: all alike).
    `file` is None where no convolution feeds another one directly: such a network has nothing to equalize.
    """
    import onnx
    from onnx import numpy_helper

    model = read_model(prepared)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    places = streams(model.graph)
    if not places:
        return {"file": None, "uneven_before": [], "uneven_after": []}

    def values(name: str) -> np.ndarray:
        return np.asarray(numpy_helper.to_array(weights[name]))

    def scale(name: str, by: np.ndarray) -> None:
        weights[name].CopyFrom(numpy_helper.from_array((values(name) * by).astype(np.float32), name))

    before, after = [], []
    for place in places:
        written = np.max([_by_output(values(node.input[1])) for node in place.writers], axis=0)
        read = np.max([np.abs(values(node.input[1])).max(axis=(0, 2, 3)) for node in place.readers], axis=0)
        factor = factors(written, read)
        for node in place.writers:
            scale(node.input[1], 1 / factor[:, None, None, None])
            for bias in node.input[2:]:
                scale(bias, 1 / factor)
        for node in place.readers:
            scale(node.input[1], factor[None, :, None, None])
        before.append(unevenness(written))
        after.append(unevenness(written / factor))
    with replacing(into) as partial:
        onnx.save(model, partial)
    return {"file": into, "uneven_before": before, "uneven_after": after}


def unevenness(ranges: np.ndarray) -> float:
    """The largest of some ranges over the smallest that is not zero."""
    used = ranges[ranges > 0]
    return float(used.max() / used.min()) if used.size else 1.0


def _by_output(weights: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(weights).reshape(len(weights), -1).max(axis=1))


def _groups(node: Any) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == "group"), 1)
