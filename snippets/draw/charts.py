"""One look for all charts of the kit: colours that stay with a variant, quiet axes, units on every axis.

    from snippets import plots
    figure, axes = plots.canvas("Latency of one request", "milliseconds", "")

Colours are those of Okabe and Ito (2008), which people with colour-blindness tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snippets.stats import Estimate

COLORS = {
    "eager": "#8C8C8C",
    "compiled": "#5B5B5B",
    "onnx-none": "#A6CBE3",
    "onnx-basic": "#6FB1D8",
    "onnx-extended": "#3A8FC4",
    "onnx-all": "#0072B2",
    "dynamic": "#CC79A7",
    "aggressive": "#D55E00",
    "conservative": "#E69F00",
    "openvino": "#009E73",
    "cuda": "#7A4FBF",
    "tensorrt": "#3B2A78",
}
OTHER = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C", "#7A4FBF")
INK, GRID, TARGET = "#222222", "#DDDDDD", "#B3261E"
STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "figure.facecolor": "white",
    "font.size": 10.5,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#999999",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 2,
}


def color(name: str, position: int = 0) -> str:
    """The colour of a variant, or for a name without one the colour at a position of the palette."""
    return COLORS.get(name, OTHER[position % len(OTHER)])


def canvas(
    title: str,
    x: str = "",
    y: str = "",
    *,
    size: tuple[float, float] = (7.2, 4.0),
    rows: int = 1,
    columns: int = 1,
    **options: Any,
) -> tuple[Any, Any]:
    """A new figure in the kit's style: (figure, axes), or an array of axes for several rows or columns."""
    import matplotlib.pyplot as plt

    plt.rcParams.update(STYLE)  # type: ignore[arg-type]
    figure, axes = plt.subplots(rows, columns, figsize=size, constrained_layout=True, **options)
    if rows == columns == 1:
        axes.set_title(title)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
    else:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
        for one in np.ravel(axes):
            one.set_xlabel(x)
            one.set_ylabel(y)
    return figure, axes


def bars(
    estimates: Mapping[str, Estimate],
    title: str,
    unit: str,
    *,
    target: float | None = None,
    target_name: str = "",
    digits: int = 2,
    log: bool = False,
) -> Any:
    """Horizontal bars with their confidence intervals, first name on top, figures written at the ends."""
    figure, axes = canvas(title, unit, size=(7.2, 0.9 + 0.46 * max(2, len(estimates))))
    names = list(estimates)
    values = [estimates[name].value for name in names]
    if log:
        axes.set_xscale("log")
    axes.barh(names, values, color=[color(name, i) for i, name in enumerate(names)], height=0.62)
    reach = max(values) if values else 1.0
    for row, name in enumerate(names):
        one = estimates[name]
        ends = [one.low if np.isfinite(one.low) else one.value, one.high if np.isfinite(one.high) else one.value]
        axes.plot(ends, [row, row], color=INK, linewidth=1.4, solid_capstyle="butt")
        end = max(one.value, ends[1])
        axes.annotate(
            f"{one.value:,.{digits}f}", (end, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9.5
        )
        reach = max(reach, end)
    top = -0.65
    if target is not None:
        top = -1.05
        reach = max(reach, target)
        left_of_it = target > 0.5 * reach
        axes.axvline(target, color=TARGET, linestyle=(0, (4, 3)), linewidth=1.5)
        axes.annotate(
            target_name,
            (target, -0.72),
            xytext=(-5 if left_of_it else 5, 0),
            textcoords="offset points",
            color=TARGET,
            fontsize=9,
            va="center",
            ha="right" if left_of_it else "left",
        )
    axes.set_xlim(right=reach * (2.0 if log else 1.16), left=None if log else 0)
    axes.set_ylim(len(names) - 0.4, top)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    return figure


def distributions(samples_ms: Mapping[str, np.ndarray], title: str) -> Any:
    """Latency distributions as cumulative curves: read p50, p95 and p99 off the dotted lines."""
    figure, axes = canvas(title, "latency of one request, ms (logarithmic)", "share of requests answered by then")
    for position, (name, samples) in enumerate(samples_ms.items()):
        ordered = np.sort(samples)
        axes.step(
            ordered,
            np.arange(1, len(ordered) + 1) / len(ordered),
            where="post",
            label=name,
            color=color(name, position),
        )
    axes.set_xscale("log")
    plain_ticks(axes, "x")
    for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
        axes.axhline(share, color="#777777", linewidth=1, linestyle=":")
        axes.annotate(
            name, (1.005, share), xycoords=("axes fraction", "data"), fontsize=8.5, va="center", color="#555555"
        )
    axes.set_ylim(0, 1.03)
    axes.legend(loc="best")
    return figure


def lines(series: Mapping[str, Mapping[int, Estimate]], title: str, x: str, y: str, *, log2: bool = True) -> Any:
    """Lines over counts (batch sizes, threads), with the confidence interval as a band."""
    figure, axes = canvas(title, x, y)
    ticks: set[int] = set()
    for position, (name, points) in enumerate(series.items()):
        counts = sorted(points)
        ticks.update(counts)
        shade = color(name, position)
        axes.plot(counts, [points[c].value for c in counts], marker="o", markersize=5, color=shade, label=name)
        low = [points[c].low if np.isfinite(points[c].low) else points[c].value for c in counts]
        high = [points[c].high if np.isfinite(points[c].high) else points[c].value for c in counts]
        axes.fill_between(counts, low, high, color=shade, alpha=0.18, linewidth=0)
    if log2:
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
    front: Sequence[str] = (),
    sizes: Mapping[str, float] | None = None,
    log_x: bool = True,
    x_below: float | None = None,
    y_above: float | None = None,
    y_errors: Mapping[str, Estimate] | None = None,
) -> Any:
    """Points with their names; those of the Pareto front are joined, the region of a target is shaded."""
    figure, axes = canvas(title, x, y, size=(7.6, 4.6))
    if log_x:
        axes.set_xscale("log")
    if len(front) > 1:
        xs, ys = zip(*(points[name] for name in front), strict=True)
        axes.plot(np.repeat(xs, 2)[1:], np.repeat(ys, 2)[:-1], color="#BBBBBB", linewidth=1.6, zorder=1)
    for position, (name, (px, py)) in enumerate(points.items()):
        if y_errors and name in y_errors:
            axes.plot([px, px], [y_errors[name].low, y_errors[name].high], color="#AAAAAA", linewidth=1, zorder=1)
        on_front = not front or name in front
        axes.scatter(
            [px],
            [py],
            s=(sizes or {}).get(name, 70),
            color=color(name, position),
            zorder=3,
            edgecolor="white",
            linewidth=1.2,
            alpha=1.0 if on_front else 0.45,
        )
    axes.margins(x=0.16, y=0.14)
    if log_x:
        low, high = (f([p[0] for p in points.values()] + ([x_below] if x_below else [])) for f in (min, max))
        axes.set_xlim(low / 1.5, high * 1.9)
        plain_ticks(axes, "x")
    if x_below is not None:
        left = axes.get_xlim()[0]
        axes.axvspan(left, x_below, color="#009E73", alpha=0.08, linewidth=0)
        axes.set_xlim(left=left)
        axes.axvline(x_below, color=TARGET, linestyle=(0, (4, 3)), linewidth=1.4)
    if y_above is not None:
        axes.axhline(y_above, color=TARGET, linestyle=(0, (4, 3)), linewidth=1.4)
    place_labels(axes, points, areas=sizes)
    return figure


def place_labels(
    axes: Any,
    points: Mapping[str, tuple[float, float]],
    styles: Mapping[str, Mapping[str, Any]] | None = None,
    areas: Mapping[str, float] | None = None,
) -> None:
    """Name every point beside it where no other name or point is, with a thin line to a name that is farther off.
    As few of the chart's own lines as possible are crossed.

    To be called last, when the limits of the axes stand. By name: `styles` of text, `areas` of dots in square points.
    """
    from matplotlib.patheffects import withStroke
    from matplotlib.transforms import Bbox

    axes.figure.draw_without_rendering()
    frame, pixel = axes.get_window_extent(), axes.figure.dpi / 72
    places = {name: axes.transData.transform(point) for name, point in points.items()}
    radii = {name: max(5.0, (areas or {}).get(name, 0.0) ** 0.5 / 2) for name in points}
    taken = [Bbox.from_bounds(x, y, 0, 0).padded(radii[name] * pixel) for name, (x, y) in places.items()]
    drawn = [line.get_path().transformed(line.get_transform()) for line in axes.get_lines()]
    tries = [(1, 0), (1, -12), (1, 12), (-1, 0)]
    tries += [(side, 12 * rows) for far in range(2, 8) for rows in (-far, far) for side in (1, -1)]
    for name, (x, y) in sorted(places.items(), key=lambda place: (-place[1][1], place[1][0])):
        text = axes.annotate(
            name,
            points[name],
            xytext=(0, 0),
            textcoords="offset points",
            va="center",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            **{"fontsize": 9, **(styles or {}).get(name, {})},
        )
        extent, beside = text.get_window_extent(), radii[name] + 4
        boxes = {
            (side, up): Bbox.from_bounds(
                x + side * beside * pixel - (extent.width if side < 0 else 0),
                y + up * pixel - extent.height / 2,
                extent.width,
                extent.height,
            )
            for side, up in tries
        }
        inside = [
            place
            for place, box in boxes.items()
            if frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        ]
        free = [place for place in inside if not boxes[place].count_overlaps(taken)] or tries[:1]
        crossed = {
            place: sum(line.intersects_bbox(boxes[place].padded(pixel), filled=False) for line in drawn)
            for place in free
        }
        side, up = min(free, key=crossed.__getitem__)
        taken.append(boxes[side, up])
        text.set(position=(side * beside, up), horizontalalignment="left" if side > 0 else "right")
        if abs(up) > 12:
            axes.annotate(
                "",
                points[name],
                xytext=(side * (beside - 2), up),
                textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": "#BBBBBB", "linewidth": 0.7, "shrinkB": 4},
            )


def plain_ticks(axes: Any, which: str) -> None:
    """Write a logarithmic axis as 1, 2, 5, 10 rather than as powers; where it spans little, the steps between too."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))

    def between(value: float, _: int) -> str:
        low, high = axis.get_view_interval()
        return f"{value:g}" if high < 5 * low else ""

    axis.set_minor_formatter(FuncFormatter(between))


def operation_bars(columns: Mapping[str, Mapping[str, float]], title: str, x: str, *, most: int = 9) -> Any:
    """Stacked bars, one for each column: how a total divides among operation types (rarer ones summed)."""
    totals: dict[str, float] = {}
    for parts in columns.values():
        for name, value in parts.items():
            totals[name] = totals.get(name, 0.0) + value
    shown = sorted(totals, key=lambda name: -totals[name])[:most]
    palette = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#7A4FBF", "#A5A500", "#5B5B5B")
    figure, axes = canvas(title, x, size=(7.6, 1.6 + 0.5 * len(columns)))
    names = list(columns)
    left = np.zeros(len(names))
    for position, operation in enumerate([*shown, "others"]):
        if operation == "others":
            widths = np.array([sum(v for k, v in columns[name].items() if k not in shown) for name in names])
            if not widths.any():
                continue
        else:
            widths = np.array([columns[name].get(operation, 0.0) for name in names])
        axes.barh(
            names,
            widths,
            left=left,
            height=0.62,
            label=operation,
            edgecolor="white",
            linewidth=0.7,
            color=palette[position] if operation != "others" else "#CFCFCF",
        )
        left += widths
    for row, total in enumerate(left):
        axes.annotate(
            f"{total:,.0f}" if total >= 20 else f"{total:.1f}",
            (total, row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
        )
    axes.set_xlim(0, max(left.max(initial=0.0) * 1.1, 1e-9))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower left", ncols=4, fontsize=9)
    return figure
