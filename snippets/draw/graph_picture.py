"""Drawing the beginning of an ONNX graph at each optimization level, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snippets.draw.charts import canvas
from snippets.engine.graph import Step

FILL = {
    "convolution": "#0072B2",
    "normalization": "#E69F00",
    "activation": "#009E73",
    "fused": "#7A4FBF",
    "layout": "#D55E00",
    "other": "#8C8C8C",
    "constant": "#DADADA",
}
MEANING = {
    "convolution": "convolution",
    "normalization": "batch normalization",
    "activation": "ReLU6 (Clip)",
    "fused": "fused: convolution + ReLU6",
    "layout": "the same, in the NCHWc layout",
    "other": "something else",
    "constant": "work on constants",
}
BOX_HEIGHT, BOX_WIDTH, GAP = 0.62, 1.9, 1.0


def draw(columns: Mapping[str, Sequence[Step]], title: str) -> Any:
    """The figure: one column a level, an image's way from top to bottom, constant work in grey beside it."""
    from matplotlib.patches import FancyBboxPatch, Patch

    tallest = max(len(steps) for steps in columns.values())
    figure, axes = canvas(title, size=(2.5 * len(columns), 1.5 + 0.52 * tallest))
    axes.axis("off")
    used: set[str] = set()
    pitch = 4.3
    for column, (level, steps) in enumerate(columns.items()):
        x = column * pitch
        axes.text(x, 0.95, level, ha="center", fontsize=11.5, fontweight="bold")
        axes.text(x, 0.45, "image", ha="center", va="center", fontsize=9, color="#555555")
        for row, step in enumerate(steps):
            y = -row * GAP - 0.45
            axes.annotate(
                "",
                (x, y + BOX_HEIGHT / 2),
                (x, y + GAP - BOX_HEIGHT / 2 if row else 0.25),
                arrowprops={"arrowstyle": "-|>", "color": "#777777", "linewidth": 1.1},
            )
            _box(axes, FancyBboxPatch, x, y, BOX_WIDTH, FILL[step.kind], step.label.replace(" (NCHWc)", ""), "white")
            used.add(step.kind)
            for position, text in enumerate(step.constant_inputs[:2]):
                cx, cy = (
                    x - 1.98,
                    y + (0.2 if position == 0 and len(step.constant_inputs) > 1 else -0.2 if position else 0.0),
                )
                height = 0.34 if len(step.constant_inputs) > 1 else BOX_HEIGHT * 0.7
                _box(axes, FancyBboxPatch, cx, cy, 1.42, FILL["constant"], text, "#333333", height, 6.6)
                axes.plot([cx + 0.71, x - BOX_WIDTH / 2], [cy, y], color="#AAAAAA", linewidth=0.9)
                used.add("constant")
        axes.text(x, -len(steps) * GAP - 0.05, "...", ha="center", va="center", fontsize=12, color="#555555")
    axes.set_xlim(-2.9, (len(columns) - 1) * pitch + 1.3)
    axes.set_ylim(-tallest * GAP - 0.4, 1.4)
    handles = [Patch(color=FILL[kind], label=MEANING[kind]) for kind in MEANING if kind in used]
    figure.legend(handles=handles, loc="outside lower left", ncols=3, fontsize=9)
    return figure


def _box(
    axes: Any,
    patch: Any,
    x: float,
    y: float,
    width: float,
    fill: str,
    text: str,
    ink: str,
    height: float = BOX_HEIGHT,
    size: float = 8.6,
) -> None:
    axes.add_patch(
        patch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=fill,
            edgecolor="none",
        )
    )
    axes.text(x, y, text, ha="center", va="center", fontsize=size if len(text) < 14 else size - 1.7, color=ink)
