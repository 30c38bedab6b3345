"""Charts of any measurement: bars, cumulative curves, lines over counts, points with a front, totals divided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from snippets.draw import style
from snippets.draw.labels import place_labels
from snippets.draw.style import FAINT, INK, MET, SMALL, TARGET, color
from snippets.measure.latency import Latency
from snippets.stats import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Limit:
    """A value that is to be kept or reached, and the text that says so beside its line."""

    value: float
    name: str


@dataclass(frozen=True)
class Marks:
    """What a scatter chart shows beside its points, each by the point's name.

    `front`: names on the Pareto front, joined by steps; `undecided`: names drawn as rings, not known to be off it;
    `areas`: of the dots in square points; `x_errors`, `y_errors`: intervals; `x_below`: the region left of this value
    meets a target.
    """

    front: Sequence[str] = ()
    undecided: Sequence[str] = ()
    areas: Mapping[str, float] = field(default_factory=dict)
    x_errors: Mapping[str, Estimate] = field(default_factory=dict)
    y_errors: Mapping[str, Estimate] = field(default_factory=dict)
    x_below: float | None = None


NO_MARKS = Marks()


def bars(
    estimates: Mapping[str, Estimate], title: str, unit: str, *, limit: Limit | None = None, digits: int = 2
) -> Figure:
    """Horizontal bars with their confidence intervals, first name on top, figures written at the ends."""
    figure, axes = style.canvas(title, unit, size=(7.2, 0.9 + 0.46 * max(2, len(estimates))))
    names = list(estimates)
    colours = [color(name, position) for position, name in enumerate(names)]
    axes.barh(names, [estimates[name].value for name in names], color=colours, height=0.62)
    reach = 0.0
    for row, one in enumerate(estimates.values()):
        low, high = style.ends(one)
        axes.plot([low, high], [row, row], color=INK, linewidth=1.4, solid_capstyle="butt")
        style.written_behind(axes, max(one.value, high), row, f"{one.value:,.{digits}f}")
        reach = max(reach, one.value, high)
    style.rows_down(axes, names)
    if limit is not None:
        reach = max(reach, limit.value)
        _limit_above(axes, limit, reach)
    axes.set_xlim(0, 1.16 * (reach or 1.0))
    return figure


def distributions(latencies: Mapping[str, Latency], title: str) -> Figure:
    """Latency distributions as cumulative curves: read p50, p95 and p99 off the dotted lines.

    A percentile that the samples of one of them are too few for has no line.
    """
    figure, axes = style.canvas(title, "latency of one request (ms), logarithmic", "requests answered by then (%)")
    for position, (name, one) in enumerate(latencies.items()):
        style.cumulative(axes, one.ms, name, color(name, position))
    style.logarithmic(axes, "x")
    told = [p for p in (50, 95, 99) if all(one.percentile(p) for one in latencies.values())]
    style.level_lines(axes, told)
    axes.set_ylim(0, 103)
    axes.legend(loc="best")
    return figure


def lines(series: Mapping[str, Mapping[int, Estimate]], title: str, x: str, y: str) -> Figure:
    """Lines over counts (batch sizes, threads) on an axis of powers of 2, with the confidence interval as a band."""
    figure, axes = style.canvas(title, x, y)
    ticks: set[int] = set()
    for position, (name, points) in enumerate(series.items()):
        counts = sorted(points)
        ticks.update(counts)
        shade = color(name, position)
        axes.plot(counts, [points[c].value for c in counts], marker="o", color=shade, label=name)
        low, high = zip(*(style.ends(points[c]) for c in counts), strict=True)
        axes.fill_between(counts, low, high, color=shade, alpha=0.18, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(ticks), [str(tick) for tick in sorted(ticks)])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    if len(series) > 1:
        axes.legend()
    return figure


def scatter(
    points: Mapping[str, tuple[float, float]],
    title: str,
    x: str,
    y: str,
    *,
    marks: Marks = NO_MARKS,
    log_x: bool = True,
) -> Figure:
    """Points with their names; those of the Pareto front are joined, the region of a target is shaded.

    A ring lies round the dots beside it, so that neither hides the other.
    """
    figure, axes = style.canvas(title, x, y, size=(7.6, 4.6))
    if len(marks.front) > 1:
        xs, ys = zip(*(points[name] for name in marks.front), strict=True)
        axes.plot(np.repeat(xs, 2)[1:], np.repeat(ys, 2)[:-1], color=FAINT, linewidth=1.6, zorder=1)
    for position, (name, (px, py)) in enumerate(points.items()):
        if name in marks.y_errors:
            axes.plot([px, px], style.ends(marks.y_errors[name]), color=FAINT, linewidth=1, zorder=1)
        if name in marks.x_errors:
            axes.plot(style.ends(marks.x_errors[name]), [py, py], color=FAINT, linewidth=1, zorder=1)
        ring = name in marks.undecided
        axes.scatter(
            [px],
            [py],
            s=marks.areas.get(name, 150 if ring else 70),
            facecolor="none" if ring else color(name, position),
            edgecolor=color(name, position) if ring else "white",
            zorder=4 if ring else 3,
            linewidth=2 if ring else 1.2,
            alpha=1.0 if ring or not marks.front or name in marks.front else 0.45,
        )
    axes.margins(x=0.16, y=0.14)
    if log_x:
        values = [px for px, _ in points.values()] + ([marks.x_below] if marks.x_below else [])
        values += [end for one in marks.x_errors.values() for end in style.ends(one)]
        style.logarithmic(axes, "x")
        axes.set_xlim(min(values) / 1.5, max(values) * 1.9)
    if marks.x_below is not None:
        left = axes.get_xlim()[0]
        axes.axvspan(left, marks.x_below, color=MET, alpha=0.08, linewidth=0)
        axes.set_xlim(left=left)
        style.limit_line(axes, marks.x_below)
    nameless = place_labels(axes, points, areas=marks.areas, important={*marks.front, *marks.undecided})
    if nameless:
        note = f"{len(nameless)} dot{'s' * (len(nameless) > 1)} without a name: none is on the front"
        axes.text(
            0.99, 0.02, note, transform=axes.transAxes, ha="right", va="bottom", fontsize=SMALL, color=INK, alpha=0.7
        )
    return figure


def operation_bars(columns: Mapping[str, Mapping[str, float]], title: str, x: str, *, most: int = 9) -> Figure:
    """Stacked bars, one for each column: how a total divides among operation types (rarer ones summed)."""
    totals: dict[str, float] = {}
    for parts in columns.values():
        for name, value in parts.items():
            totals[name] = totals.get(name, 0.0) + value
    shown = sorted(totals, key=lambda name: -totals[name])[:most]
    without_own = iter(style.OTHER_OPERATIONS * 2)
    layers = {
        name: (
            style.OPERATION_COLOURS.get(name) or next(without_own),
            [parts.get(name, 0.0) for parts in columns.values()],
        )
        for name in shown
    }
    rest = [sum(value for name, value in parts.items() if name not in shown) for parts in columns.values()]
    if any(rest):
        layers["others"] = (style.REST, rest)
    figure, axes = style.canvas(title, x, size=(7.6, 1.6 + 0.5 * len(columns)))
    left = np.zeros(len(columns))
    for name, (colour, widths) in layers.items():
        axes.barh(
            list(columns), widths, left=left, height=0.62, label=name, edgecolor="white", linewidth=0.7, color=colour
        )
        left += widths
    for row, total in enumerate(left):
        style.written_behind(axes, total, row, f"{total:,.0f}" if total >= 20 else f"{total:.1f}")
    style.rows_down(axes, list(columns))
    axes.set_xlim(0, max(left.max(initial=0.0) * 1.1, 1e-9))
    figure.legend(loc="outside lower left", ncols=4)
    return figure


def _limit_above(axes: Axes, limit: Limit, reach: float) -> None:
    """The limit's line, its name in a strip above the first bar, on the side where there is room."""
    axes.set_ylim(top=-1.05)
    style.limit_line(axes, limit.value)
    left_of_it = limit.value > 0.5 * reach
    axes.annotate(
        limit.name,
        (limit.value, -0.72),
        xytext=(-5 if left_of_it else 5, 0),
        textcoords="offset points",
        color=TARGET,
        fontsize=SMALL,
        va="center",
        ha="right" if left_of_it else "left",
    )
