"""Model files that went wrong on their way to the platform, made from a good ONNX file."""

from __future__ import annotations

from pathlib import Path

from snippets.files import replacing

BROKEN_OFF, REORDERED, SHORT = "upload broken off", "classes in another order", "one class too few"
KINDS = (BROKEN_OFF, REORDERED, SHORT)


def spoil(kind: str, source: Path, into: Path) -> Path:
    """Write `source` spoiled in one of KINDS to `into`; atomic. ValueError for another kind.

    The first half of the file; the same network whose classes come in the opposite order, as of a team that trained
    with another list of them; and the network without its last class.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is none of {', '.join(KINDS)}")
    into.parent.mkdir(parents=True, exist_ok=True)
    with replacing(into) as partial:
        if kind == BROKEN_OFF:
            partial.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        else:
            _with_classes(kind, source, partial)
    return into


def _with_classes(kind: str, source: Path, into: Path) -> None:
    """The network with a Gather behind its output that picks classes from it."""
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper

    from snippets.engine.export import count_classes

    classes = count_classes(source)
    chosen = np.arange(classes)[::-1] if kind == REORDERED else np.arange(classes - 1)
    model = onnx.load(source)
    graph = model.graph
    output = graph.output[0]
    inner = f"{output.name}_inner"
    for node in graph.node:
        node.output[:] = [inner if name == output.name else name for name in node.output]
    graph.initializer.append(numpy_helper.from_array(chosen.astype(np.int64), "chosen_classes"))
    graph.node.append(helper.make_node("Gather", [inner, "chosen_classes"], [output.name], axis=1))
    shape = output.type.tensor_type.shape
    shape.dim[-1].dim_value = len(chosen)
    onnx.save(model, into)
