"""Charts of Part 1 that show one thing only: the data, the confusions, the break-even, the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from snippets.draw import style
from snippets.draw.labels import place_labels
from snippets.draw.style import FAINT, GRID, INK, LIMIT, QUIET, SMALL, color

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gallery(images: np.ndarray, labels: np.ndarray, classes: Sequence[str], columns: int = 6) -> Figure:
    """One picture of each class (the first twelve classes), uint8 images (N,224,224,3), with its name."""
    shown = [(name, np.flatnonzero(labels == label)) for label, name in enumerate(classes)][:12]
    shown = [(name, found) for name, found in shown if len(found)]
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    figure, panels = style.panels(style.Panels(rows, columns), (1.55 * columns, 1.75 * rows))
    for axis in panels:
        axis.axis("off")
    for axis, (name, found) in zip(panels, shown, strict=False):
        axis.imshow(images[found[0]])
        axis.set_title(name, fontsize=SMALL, fontweight="normal", loc="center", pad=3)
    return figure


def confusions(counts: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Confusion matrix (classes,classes) as a heat map, each row divided by its sum; counts above zero written."""
    number = len(classes)
    side = min(9.0, 2.2 + 0.42 * number)
    figure, axes = style.canvas(title, "what the model says", "what it is", size=(side + 0.6, side - 0.3))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(number), classes, rotation=45, ha="right", fontsize=8.5)
    axes.set_yticks(range(number), classes, fontsize=8.5)
    axes.grid(visible=False)
    if number <= 20:
        for row, column in zip(*np.nonzero(counts), strict=True):
            axes.text(
                column,
                row,
                str(counts[row, column]),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[row, column] > 0.5 else INK,
            )
    return figure


def investment(paid_s: float, samples_ms: Mapping[str, np.ndarray], even: float) -> Figure:
    """Total seconds after n requests without and with a cost paid first; `even` is where the lines cross.

    The crossing is marked, its number left to the reader.
    `samples_ms` holds two variants, the one without and the one with the cost, in that order.
    """
    (slow, slow_ms), (fast, fast_ms) = samples_ms.items()
    finite = bool(np.isfinite(even)) and even > 0
    most = 2.0 * even if finite else 1000.0
    requests = np.linspace(0, most, 50)
    figure, axes = style.canvas("When compiling has paid for itself", "requests answered", "seconds since the start")
    axes.plot(requests, requests * np.median(slow_ms) / 1000, color=color(slow), label=slow)
    total_s = paid_s + requests * np.median(fast_ms) / 1000
    axes.plot(requests, total_s, color=color(fast), label=f"{fast}, compiling included")
    if finite:
        axes.scatter([even], [even * float(np.median(slow_ms)) / 1000], color=INK, zorder=3, s=30, label="break-even")
    axes.set_xlim(0, most)
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def search_chart(
    losses: Mapping[str, float], sizes_mb: Mapping[str, float], chosen: Mapping[str, str], criteria: Mapping[str, float]
) -> Figure:
    """Every candidate of the search: its size and the accuracy it lost; the chosen ones are named and filled.

    `losses` are fractions on the validation split; `chosen` maps a criterion's name to a candidate.
    """
    figure, axes = style.canvas(
        "The search: what each candidate costs and saves",
        "size of the file (MB)",
        "accuracy lost on validation images (points)",
        size=(7.6, 4.4),
    )
    points, styles = {}, {}
    for name, loss in losses.items():
        winners = [key for key, value in chosen.items() if value == name]
        axes.scatter(
            [sizes_mb[name]],
            [100 * loss],
            s=80 if winners else 45,
            zorder=3,
            color=color(winners[0]) if winners else FAINT,
            edgecolor="white",
            linewidth=1,
        )
        text = f"{' and '.join(winners)}: {name}" if winners else name
        points[text] = (sizes_mb[name], 100 * loss)
        styles[text] = {"fontweight": "bold", "color": INK} if winners else {"fontsize": 7.5, "color": QUIET}
    for name, criterion in criteria.items():
        axes.axhline(100 * criterion, color=color(name), linestyle=LIMIT, linewidth=1.4)
        axes.annotate(
            f"{name}: at most {100 * criterion:g}",
            (1.0, 100 * criterion),
            fontsize=SMALL,
            ha="right",
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            color=color(name),
        )
    widest = max(sizes_mb.values())
    axes.set_xlim(min(sizes_mb.values()) * 0.9, widest * 1.12)
    axes.axhline(0, color=GRID, linewidth=1)
    place_labels(axes, points, styles)
    return figure
