"""Charts of online and batch serving, from results alone: offered load, Little's law, LoadGen, cold starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import stats
from snippets.draw import style
from snippets.draw.style import INK, LIMIT, QUIET, SERIES, SMALL, STAGE_COLOURS, TAIL, THEORY
from snippets.load import queueing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Load = Mapping[str, Any]
WITHIN = 0.15
"""How far counted and computed number of requests may lie apart before Little's law is doubted, as a share."""
MARKERS = "osD^"


def offered_load(curves: Mapping[str, Sequence[Load]], service_ms: float, title: str) -> Figure:
    """Open loop: latency and answers per second against the offered load; dashed: M/D/1 for `service_ms`."""
    figure, (left, right) = style.panels(style.Panels(columns=2), (10.5, 4.0))
    largest = max(load["offered_rps"] for loads in curves.values() for load in loads)
    for colour, (label, loads) in zip(SERIES, curves.items(), strict=False):
        offered = [load["offered_rps"] for load in loads]
        for percent, name, line, width in ((50, "median", "o-", 2.0), (99, "p99", TAIL, 1.2)):
            values = [stats.good_percentile(load, percent) for load in loads]
            left.plot(offered, values, line, color=colour, lw=width, label=f"{label}, {name}")
        right.plot(offered, [load["completed_rps"] for load in loads], "o-", color=colour, label=label)
        at = queueing.knee(loads)
        if at:
            for axes in (left, right):
                axes.axvline(at, color=colour, lw=0.8, ls="-.")
    rates = np.linspace(0.01, 0.985, 80) * 1e3 / service_ms
    means = [queueing.md1_latency_ms(rate, service_ms) for rate in rates]
    left.plot(rates, means, THEORY, color=INK, lw=1, label="theory, no batching: mean")
    left.set(xlabel="offered load (requests/s)", ylabel="latency (ms)", xlim=(0, 1.05 * largest))
    style.logarithmic(left, "y")
    # Room for the legend above the curves.
    left.set_ylim(top=left.get_ylim()[1] * 20)
    left.legend(loc="upper left")
    left.set_title(title)
    right.plot([0, largest], [0, largest], THEORY, color=INK, lw=1, label="all that was offered")
    right.set(xlabel="offered load (requests/s)", ylabel="answered (requests/s)", xlim=(0, 1.05 * largest))
    right.set_ylim(0)
    right.legend()
    right.set_title("Answered; dash-dotted: the knee")
    return figure


def little(loads: Mapping[str, Load], title: str) -> Figure:
    """Counted against computed number of requests in the system, with the band WITHIN which they should lie."""
    figure, axes = style.canvas(
        title, "arrivals per second x mean latency", "requests in the system, counted", size=(5.6, 4.6)
    )
    results = {label: queueing.little(load) for label, load in loads.items()}
    low = min(min(result.seen, result.expected) for result in results.values()) / 2
    high = max(max(result.seen, result.expected) for result in results.values()) * 2
    line = np.array([low, high])
    band = f"within {WITHIN:.0%}".replace("%", " %")
    axes.fill_between(line, line * (1 - WITHIN), line * (1 + WITHIN), color="#EEEEEE", lw=0, label=band)
    axes.plot(line, line, color=QUIET, lw=0.8)
    for number, (label, result) in enumerate(results.items()):
        marker, colour = MARKERS[number // len(SERIES) % len(MARKERS)], SERIES[number % len(SERIES)]
        axes.plot(result.expected, result.seen, marker, color=colour, label=label)
    for which in ("x", "y"):
        style.logarithmic(axes, which)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.legend(loc="upper left")
    return figure


def scenarios(results: Mapping[str, Load], title: str) -> Figure:
    """LoadGen scenarios side by side: samples per second, and the time a sample takes (p50 bar, p99 mark)."""
    figure, (left, right) = style.panels(style.Panels(columns=2), (10, 3.8))
    rates = {label: result["samples_per_s"] for label, result in results.items()}
    style.columns(left, rates, f"{title}: samples per second", SERIES[: len(rates)])
    medians = {label: stats.percentile(result["latency_ms"], 50) for label, result in results.items()}
    tails = [stats.percentile(result["latency_ms"], 99) for result in results.values()]
    style.columns(right, medians, "Time until a sample is answered (ms)", SERIES[: len(medians)])
    right.plot(list(results), tails, "_", color=INK, ms=22, mew=2, label="p99")
    style.logarithmic(right, "y")
    right.set_ylim(min(medians.values()) / 3, max(tails) * 3)
    right.legend(markerscale=0.5, loc="upper left")
    return figure


def cold_and_warm(cold: Mapping[str, Load], holds_s: Sequence[float], penalty_s: float, title: str) -> Figure:
    """Stacked bars of a cold request beside a warm one, and the cost of both policies against requests per hour.

    `holds_s`: for how many seconds without a request a model stays loaded; `penalty_s`: what a cold start's wait is
    worth, in seconds of server time.
    """
    figure, (left, right) = style.panels(style.Panels(columns=2), (10.5, 4.2))
    _cold_beside_warm(left, cold)
    left.set_title(title)
    dearest = max(cold.values(), key=lambda one: float(np.median(one["load_ms"])))
    cold_s = float(np.median(dearest["load_ms"] + dearest["first_ms"])) / 1e3
    _costs(right, cold_s, holds_s, penalty_s)
    right.set_title("When keeping warm is cheaper")
    return figure


def _cold_beside_warm(axes: Axes, cold: Mapping[str, Load]) -> None:
    """Two bars for each model: loading and the first request, and a warm one."""
    ticks: list[str] = []
    for label, one in cold.items():
        load, first, warm = (float(np.median(one[f"{what}_ms"])) for what in ("load", "first", "warm"))
        at, named = len(ticks), not ticks
        axes.bar(at, load, color=STAGE_COLOURS["model"], width=0.7, label="loading the model" if named else None)
        axes.bar(
            at,
            first,
            bottom=load,
            color=STAGE_COLOURS["first_inference"],
            width=0.7,
            label="first request" if named else None,
        )
        axes.bar(at + 1, warm, color=STAGE_COLOURS["inference"], width=0.7, label="warm request" if named else None)
        style.written_above(axes, at, load + first, f"{load + first:.0f} ms")
        style.written_above(axes, at + 1, warm, f"{warm:.0f} ms")
        ticks += [f"{label}\ncold", f"{label}\nwarm"]
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_ylabel("time until the answer (ms)")
    style.logarithmic(axes, "y")
    axes.set_ylim(1, axes.get_ylim()[1] * 3)
    axes.grid(axis="x", visible=False)
    axes.legend()


def _costs(axes: Axes, cold_s: float, holds_s: Sequence[float], penalty_s: float) -> None:
    """Cost in per cent of always keeping warm, for each time that a model is held, against requests per hour."""
    even = queueing.warm_break_even_per_hour(cold_s, penalty_s)
    rates = np.geomspace(even / 300, even * 4, 120)
    for colour, hold_s in zip(SERIES, holds_s, strict=False):
        costs = [queueing.cost_per_hour(rate, cold_s, hold_s, penalty_s) / 36 for rate in rates]
        axes.plot(rates, costs, color=colour, label=f"unloaded after {hold_s:g} s idle")
    axes.axhline(100, color=STAGE_COLOURS["inference"], label="always warm")
    axes.axvline(even, color=QUIET, lw=1, linestyle=LIMIT)
    axes.annotate(f"{even:.0f}/h", (even, 12), fontsize=SMALL, color=QUIET, ha="right", rotation=90, va="bottom")
    style.logarithmic(axes, "x")
    axes.set(xlabel="requests per hour", ylabel="cost (% of always warm)", ylim=(0, 180))
    axes.legend(loc="upper left")
