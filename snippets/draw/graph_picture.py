"""Drawing the beginning of an ONNX graph at each optimization level, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snippets.draw.style import FAINT, INK, OPERATION_COLOURS, QUIET, REST, SMALL, canvas
from snippets.engine.graph import Operation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CONSTANT = "constant"
FILL = {
    "convolution": OPERATION_COLOURS["Conv"],
    "normalization": OPERATION_COLOURS["BatchNormalization"],
    "activation": OPERATION_COLOURS["Clip"],
    "fused": OPERATION_COLOURS["FusedConv"],
    "layout": OPERATION_COLOURS["Conv (NCHWc)"],
    "other": FAINT,
    CONSTANT: REST,
}
MEANING = {
    "convolution": "convolution",
    "normalization": "batch normalization",
    "activation": "ReLU6 (Clip)",
    "fused": "fused: convolution + ReLU6",
    "layout": "convolution (+ ReLU6), NCHWc layout",
    "other": "something else",
    CONSTANT: "work on constants",
}
# In units of the drawing: sizes of boxes, distance of rows and of columns, how far left constant work lies.
BOX_HEIGHT, BOX_WIDTH, GAP, PITCH, ASIDE = 0.62, 1.9, 1.0, 4.3, 1.98
LONG_TEXT = 14


@dataclass(frozen=True)
class Box:
    """A rounded box around its middle (x, y), with a text of `size` points."""

    x: float
    y: float
    text: str
    fill: str
    width: float = BOX_WIDTH
    height: float = BOX_HEIGHT
    size: float = 8.6


def draw_trunks(columns: Mapping[str, Sequence[Operation]], title: str) -> Figure:
    """The figure: one column a level, an image's way from top to bottom, constant work in grey beside it."""
    from matplotlib.patches import Patch

    tallest = max(len(operations) for operations in columns.values())
    figure, axes = canvas(title, size=(2.5 * len(columns), 1.5 + 0.52 * tallest))
    axes.axis("off")
    for column, (level, operations) in enumerate(columns.items()):
        x = column * PITCH
        axes.text(x, 0.95, level, ha="center", fontsize=11.5, fontweight="bold")
        axes.text(x, 0.45, "image", ha="center", va="center", fontsize=SMALL, color=QUIET)
        for row, operation in enumerate(operations):
            y = -row * GAP - 0.45
            arrow = {"arrowstyle": "-|>", "color": QUIET, "linewidth": 1.1}
            came_from = y + GAP - BOX_HEIGHT / 2 if row else 0.25
            axes.annotate("", (x, y + BOX_HEIGHT / 2), (x, came_from), arrowprops=arrow)
            _draw(axes, Box(x, y, operation.label.replace(" (NCHWc)", ""), FILL[operation.kind]))
            for box in _constant_boxes(operation, x, y):
                _draw(axes, box)
                axes.plot([box.x + box.width / 2, x - BOX_WIDTH / 2], [box.y, y], color=FAINT, linewidth=0.9)
        axes.text(x, -len(operations) * GAP - 0.05, "...", ha="center", va="center", fontsize=12, color=QUIET)
    axes.set_xlim(-2.9, (len(columns) - 1) * PITCH + 1.3)
    axes.set_ylim(-tallest * GAP - 0.4, 1.4)
    used = {operation.kind for operations in columns.values() for operation in operations}
    if any(operation.constant_inputs for operations in columns.values() for operation in operations):
        used.add(CONSTANT)
    handles = [Patch(color=FILL[kind], label=text) for kind, text in MEANING.items() if kind in used]
    figure.legend(handles=handles, loc="outside lower left", ncols=3)
    return figure


def _constant_boxes(operation: Operation, x: float, y: float) -> list[Box]:
    """The constant work that feeds an operation: one box beside it, or two half as high, one above the other."""
    texts = operation.constant_inputs[:2]
    heights = {1: ((0.0, BOX_HEIGHT * 0.7),), 2: ((0.2, 0.34), (-0.2, 0.34))}.get(len(texts), ())
    return [
        Box(x - ASIDE, y + up, text, FILL[CONSTANT], 1.42, height, 7.0)
        for text, (up, height) in zip(texts, heights, strict=True)
    ]


def _draw(axes: Axes, box: Box) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (box.x - box.width / 2, box.y - box.height / 2)
    shape = "round,pad=0,rounding_size=0.12"
    axes.add_patch(FancyBboxPatch(corner, box.width, box.height, boxstyle=shape, facecolor=box.fill, edgecolor="none"))
    size = box.size if len(box.text) < LONG_TEXT else box.size - 1.7
    axes.text(box.x, box.y, box.text, ha="center", va="center", fontsize=size, color=INK)
