"""Charts of Part 1 that show one thing only: the ladder of kernels, the roofline, the data, the confusions, the
break-even, the search, the scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snippets.draw import style
from snippets.draw.labels import place_labels
from snippets.draw.style import GRID, GROUND, INK, QUIET, SMALL, color
from snippets.stats import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Roof:
    """The limits of a roofline: operations a second by name, bytes read a second by where from; billions."""

    compute: Mapping[str, float]
    reading: Mapping[str, float]


def ladder_chart(rates: Mapping[str, Estimate], title: str, unit: str = "GFLOP/s") -> Figure:
    """Rates of the rungs, first on top, each a dot with its interval on a logarithmic axis, and joined by a line."""
    from matplotlib.ticker import LogLocator

    figure, axes = style.canvas(title, f"{unit}, logarithmic", size=(7.2, 0.9 + 0.38 * len(rates)))
    values = [one.value for one in rates.values()]
    axes.plot(values, range(len(rates)), color=style.FAINT, linewidth=1.4, zorder=1)
    for row, (name, one) in enumerate(rates.items()):
        shade = style.TARGET if name.endswith(", yours") else style.SERIES[0]
        axes.plot(style.ends(one), [row, row], color=shade, linewidth=2.4)
        axes.scatter([one.value], [row], s=48, color=shade, zorder=3)
        style.written_behind(axes, max(one.value, style.ends(one)[1]), row, plain(one.value))
    style.logarithmic(axes, "x")
    axes.xaxis.set_major_locator(LogLocator(base=10))
    axes.set_xlim(
        min(style.ends(one)[0] for one in rates.values()) / 2, max(style.ends(one)[1] for one in rates.values()) * 3
    )
    style.rows_down(axes, list(rates))
    return figure


def plain(value: float) -> str:
    """A number in three digits, without a power of ten: "0.046", "122", "1,360"."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def roofline(
    roof: Roof, points: Mapping[str, tuple[float, Estimate]], title: str, kinds: Mapping[str, str] | None = None
) -> Figure:
    """Points (operations a byte, rate) under the limits that were measured, all in billions a second.

    The limit at each place of the horizontal axis is the lower one of computing and of reading. `kinds`: by point, in
    whose colour it is drawn; then the kinds have a legend, and the points no names.
    The model is that of S. Williams, A. Waterman, D. Patterson, "Roofline" (2009).
    """
    figure, axes = style.canvas(
        title, "operations for each byte that must be moved, logarithmic", "GFLOP/s, logarithmic", size=(7.6, 4.8)
    )
    xs = [x for x, _ in points.values()]
    ridges = [max(roof.compute.values()) / speed for speed in roof.reading.values()]
    along = np.geomspace(min(*xs, *ridges) / 3, max(*xs, *ridges) * 4, 200)
    most = max(roof.compute.values())
    for speed, dashes in zip(roof.reading.values(), ("-", style.LIMIT), strict=False):
        axes.plot(along, np.minimum(along * speed, most), color=QUIET, linestyle=dashes, linewidth=1.6, zorder=1)
    for name, flat in roof.compute.items():
        start = flat / max(roof.reading.values())
        axes.plot([start, along[-1]], [flat, flat], color=QUIET, linewidth=1.6, zorder=1)
        axes.annotate(
            f"{name}: {plain(flat)}",
            (along[-1], flat),
            xytext=(0, 3),
            textcoords="offset points",
            fontsize=SMALL,
            color=QUIET,
            ha="right",
        )
    shades = {kind: style.SERIES[place] for place, kind in enumerate(dict.fromkeys((kinds or {}).values()))}
    for place, (name, (x, rate)) in enumerate(points.items()):
        shade = shades[kinds[name]] if kinds else color(name, place)
        axes.plot([x, x], style.ends(rate), color=shade, linewidth=1.2, zorder=2)
        axes.scatter([x], [rate.value], s=34 if kinds else 60, color=shade, zorder=3, edgecolor="white", linewidth=0.8)
    style.logarithmic(axes, "x")
    style.logarithmic(axes, "y")
    axes.set_xlim(along[0], along[-1])
    lowest = min(*(rate.value for _, rate in points.values()), along[0] * min(roof.reading.values()))
    axes.set_ylim(lowest / 1.6, most * 2)
    _name_rising_lines(axes, roof.reading, along[5])
    if kinds:
        for kind, shade in shades.items():
            axes.scatter([], [], s=34, color=shade, label=kind)
        axes.legend(loc="lower right")
    else:
        place_labels(axes, {name: (x, rate.value) for name, (x, rate) in points.items()})
    return figure


def _name_rising_lines(axes: Axes, speeds: Mapping[str, float], x: float) -> None:
    """Write the name and speed along each rising line, above its place `x`. The limits of the axes stand."""
    (width, height), box = axes.figure.get_size_inches(), axes.get_position()  # type: ignore[union-attr]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    rise = height * box.height / np.log10(high / low) / (width * box.width / np.log10(right / left))
    for name, speed in speeds.items():
        axes.annotate(
            f"{name}: {speed:.3g} GB/s",
            (x, x * speed),
            xytext=(0, 5),
            textcoords="offset points",
            fontsize=SMALL,
            color=QUIET,
            rotation=float(np.degrees(np.arctan(rise))),
            rotation_mode="anchor",
        )


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


def investment(
    paid_s: float, medians_ms: Mapping[str, float], even: float | None, title: str = "When the cost has paid for itself"
) -> Figure:
    """Total seconds after n requests without and with a cost paid first; `even`, where the lines cross (None: never).

    The crossing is marked, its number left to the reader.
    `medians_ms` holds two variants, the one without and the one with the cost, in that order.
    """
    (slow, slow_ms), (fast, fast_ms) = medians_ms.items()
    crossing = 0.0 if even is None else float(even)
    most = 2.0 * crossing if crossing > 0 else 1000.0
    requests = np.linspace(0, most, 50)
    figure, axes = style.canvas(title, "requests answered", "seconds since the start")
    axes.plot(requests, requests * slow_ms / 1000, color=color(slow), label=slow)
    total_s = paid_s + requests * fast_ms / 1000
    axes.plot(requests, total_s, color=color(fast), label=f"{fast}, compiling included")
    if crossing > 0:
        axes.scatter([crossing], [crossing * slow_ms / 1000], color=INK, zorder=3, s=30, label="break-even")
    axes.set_xlim(0, most)
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def search_chart(
    losses: Mapping[str, Estimate], notes: Mapping[str, str], chosen: Mapping[str, str], criteria: Mapping[str, float]
) -> Figure:
    """Every candidate of the search, first on top: the accuracy it lost with its interval; the chosen ones in colour.

    `losses` are fractions on the validation split; `notes` are written at the right edge; `chosen` maps a criterion's
    name to a candidate.
    """
    figure, axes = style.canvas(
        "What each candidate costs in accuracy",
        "accuracy lost on validation images (points), with its 95 % interval",
        size=(7.6, 1.5 + 0.34 * len(losses)),
    )
    labels = []
    for row, (name, loss) in enumerate(losses.items()):
        winners = [key for key, value in chosen.items() if value == name]
        labels.append(f"{name} ({' and '.join(winners)})" if winners else name)
        shade = color(winners[0]) if winners else QUIET
        axes.plot([100 * loss.low, 100 * loss.high], [row, row], color=shade, linewidth=2.4)
        axes.scatter([100 * loss.value], [row], s=70 if winners else 36, color=shade, zorder=3)
        axes.annotate(
            notes[name], (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize=SMALL, color=INK
        )
    # Each limit's name stands on a line of its own below the rows: on a long axis the limits are close to each other.
    for line, (name, criterion) in enumerate(criteria.items()):
        style.limit_line(axes, 100 * criterion, color(name))
        axes.annotate(
            f"{name}: at most {100 * criterion:g}",
            (100 * criterion, len(losses) - 0.3 + 0.5 * line),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=color(name),
            bbox=GROUND,
        )
    axes.axvline(0, color=GRID, linewidth=1)
    style.rows_down(axes, labels)
    axes.set_ylim(len(losses) - 0.5 + 0.5 * len(criteria), -0.6)
    return figure


def sensitivity_chart(errors: Mapping[str, float], most: int = 12) -> Figure:
    """Relative error of the logits with one part of the network alone in 8 bits, worst first, on a logarithmic axis.

    Shows the `most` worst parts.
    """
    worst = dict(list(errors.items())[:most])
    figure, axes = style.canvas(
        "One part at a time in 8 bits",
        "mean squared error of the logits, relative to their mean square",
        size=(7.2, 0.9 + 0.3 * len(worst)),
    )
    names = list(worst)
    axes.barh(names, list(worst.values()), color=color("dynamic"), height=0.62)
    axes.set_xscale("log")
    style.rows_down(axes, names)
    return figure


def gains_chart(
    shares: Mapping[str, Sequence[Estimate]], gains: Sequence[Estimate], mean: Estimate, title: str
) -> Figure:
    """Left, accuracy in per cent by seed and by what was learnt from; right, the gain in points by seed, and of all.

    `shares`: by source, an estimate a seed. `gains`: by seed, with intervals over images; `mean`: over all seeds.
    """
    figure, (left, right) = style.panels(style.Panels(columns=2, width_ratios=(1.0, 1.15)), (9.6, 3.4), title)
    places = np.arange(1, len(gains) + 1)
    for position, (source, estimates) in enumerate(shares.items()):
        beside = places + 0.12 * (2 * position - 1)
        shade = style.SERIES[position]
        for x, one in zip(beside, estimates, strict=True):
            style.whisker(left, x, one, shade)
        left.scatter(
            beside, [one.value for one in estimates], s=52, color=shade, zorder=3, label=f"learnt from {source}"
        )
    left.set_xticks(places, [f"seed {place}" for place in places])
    left.set_xlim(0.4, len(gains) + 0.6)
    left.margins(y=0.2)
    left.set_ylabel("accuracy, %")
    left.set_title("Students, intervals over images")
    left.grid(axis="x", visible=False)
    left.legend(loc="best")
    rows = {**{f"seed {place}": one for place, one in zip(places, gains, strict=True)}, "mean of the seeds": mean}
    for row, (name, one) in enumerate(rows.items()):
        whole = name == "mean of the seeds"
        shade = INK if whole else QUIET
        right.plot(style.ends(one), [row, row], color=shade, linewidth=2.4 if whole else 1.4)
        right.scatter([one.value], [row], s=60 if whole else 36, color=shade, zorder=3)
        style.written_behind(right, style.ends(one)[1], row, f"{one.value:+.1f}")
    right.axvline(0, color=style.FAINT, linewidth=1.4)
    right.margins(x=0.2)
    style.rows_down(right, list(rows))
    right.set_xlabel("points gained by learning from the teacher")
    right.set_title("Gains (over images), their mean (over seeds)")
    return figure


def remains_chart(shares: Mapping[str, Mapping[str, Estimate]], whole: str, title: str) -> Figure:
    """What is left of each quantity, as a share of what `whole` has: a group of bars a quantity, a bar a network.

    `shares`: by quantity, then by network, with an interval where it was measured in samples. A line marks the whole.
    """
    names = list(dict.fromkeys(name for found in shares.values() for name in found))
    height = 0.8 / max(1, len(names))
    figure, axes = style.canvas(
        title, f"per cent of {whole}", size=(7.6, 1.5 + 0.26 * len(names) * max(1, len(shares)))
    )
    reach = 100.0
    for place, name in enumerate(names):
        shade = color(name, place)
        rows = [row + (place - (len(names) - 1) / 2) * height for row in range(len(shares))]
        values = [100 * found[name].value for found in shares.values()]
        axes.barh(rows, values, height=0.9 * height, color=shade, label=name)
        for row, value, found in zip(rows, values, shares.values(), strict=True):
            low, high = (100 * end for end in style.ends(found[name]))
            axes.plot([low, high], [row, row], color=INK, linewidth=1.4, solid_capstyle="butt")
            style.written_behind(axes, max(value, high), row, f"{value:.0f}")
            reach = max(reach, value, high)
    style.rows_down(axes, list(shares))
    axes.axvline(100, color=QUIET, linestyle=style.LIMIT, linewidth=1.4, zorder=1)
    axes.set_xlim(0, 1.12 * reach)
    figure.legend(loc="outside lower left", ncols=max(1, len(names)))
    return figure


def training_chart(losses: Mapping[str, np.ndarray], lost: Mapping[str, Estimate], title: str) -> Figure:
    """Left, by name the cross-entropy of each batch, float64 (steps,); right, what each file loses in accuracy.

    A loss of accuracy, a fraction, is a dot with its interval, first name on top.
    """
    from matplotlib.ticker import MaxNLocator

    figure, (left, right) = style.panels(style.Panels(columns=2, width_ratios=(1, 1.3)), (9.6, 3.2), title)
    for place, (name, loss) in enumerate(losses.items()):
        marker = "o" if loss.size <= 30 else ""
        left.plot(np.arange(1, loss.size + 1), loss, marker=marker, color=color(name, place), label=name)
    left.legend()
    left.set(xlabel="training steps", ylabel="cross-entropy of the batch")
    left.set_title("While it is trained")
    left.set_ylim(bottom=0)
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    for row, (name, one) in enumerate(lost.items()):
        shade = color(name, row)
        low, high = style.ends(one)
        right.plot([100 * low, 100 * high], [row, row], color=shade, linewidth=2.4)
        right.scatter([100 * one.value], [row], s=60, color=shade, zorder=3)
        style.written_behind(right, 100 * max(one.value, high), row, f"{100 * one.value:.1f}")
    right.axvline(0, color=QUIET, linewidth=1)
    right.set(xlabel="points of accuracy lost against float32, with 95 % interval")
    right.set_title("What was lost")
    right.margins(x=0.12)
    style.rows_down(right, list(lost))
    right.set_ylim(len(lost) - 0.5, -0.5)
    return figure
