"""Charts of online and batch serving, from results alone: offered load, Little's law, LoadGen, cold starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.draw import style
from snippets.draw.style import FAINT, INK, QUIET, SERIES, STAGE_COLOURS, TAIL, THEORY
from snippets.load import estimates, queueing
from snippets.serve.batching.grouped import Gathered
from snippets.stats import Estimate, good_ms

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Load = Mapping[str, Any]
WITHIN = 0.15
"""How far counted and computed number of requests may lie apart before Little's law is doubted, as a share."""


def offered_load(curves: Mapping[str, Sequence[Load]], title: str) -> Figure:
    """Open loop: mean latency, p95 and answers per second against the offered load, filled where the server keeps up,
    with the intervals between windows where there are some.

    Dashed: M/D/1's mean for the first curve, with the time of a request at its saturated rate. Dash-dotted: the
    largest load that a server keeps up with; a server that was never overwhelmed has none, and its label says so.
    """
    figure, (left, right) = style.panels(style.Panels(columns=2), (9, 4.4))
    largest = max(load["offered_rps"] for loads in curves.values() for load in loads)
    for colour, (label, loads) in zip(SERIES, curves.items(), strict=False):
        found = queueing.capacity(loads)
        offered = np.array([load["offered_rps"] for load in loads])
        steady = np.array([queueing.keeps_up(load, found.saturated) for load in loads])
        means = [estimates.mean_latency(load) for load in loads]
        mean_ms = np.array([one.value for one in means])
        answered = np.array([load["completed_rps"] for load in loads])
        knee = "" if found.reached else f"; no knee up to {offered.max():.0f}/s"
        for axes, values, name in ((left, mean_ms, f"{label}: mean{knee}"), (right, answered, None)):
            axes.plot(offered, values, color=colour, label=name)
            axes.plot(offered[steady], values[steady], "o", color=colour)
            axes.plot(offered[~steady], values[~steady], "o", color=colour, mfc="white")
            if found.reached and found.holds:
                axes.axvline(found.holds, color=colour, lw=1.2, ls="-.", label=f"{label}: held up to here")
        for place, load, mean in zip(offered, loads, means, strict=True):
            style.whisker(left, place, mean, colour)
            style.whisker(right, place, estimates.rate(load), colour)
        tails = [known.value if (known := estimates.latency(load, 95)) else np.nan for load in loads]
        left.plot(offered[steady], np.array(tails)[steady], TAIL, color=colour, lw=1.2, label=f"{label}: p95")
    _theory(left, queueing.capacity(next(iter(curves.values()))))
    left.set(xlabel="offered load (requests/s)", ylabel="latency (ms)", xlim=(0, 1.05 * largest))
    style.logarithmic(left, "y")
    left.set_title(title)
    right.plot([0, largest], [0, largest], color=FAINT, lw=1, zorder=1, label="all that was offered")
    right.set(xlabel="offered load (requests/s)", ylabel="answered (requests/s)", xlim=(0, 1.05 * largest))
    right.set_ylim(0)
    right.set_title("Answered; hollow: falls behind")
    # Below the panels: a line of the chart would go through it anywhere else.
    figure.legend(*_named(left, right), ncols=2, loc="outside lower center")
    return figure


def _named(*panels: Axes) -> tuple[list[Any], list[Any]]:
    """Lines and their names in all panels, each name once."""
    named = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    return list(named.values()), list(named)


def _theory(axes: Axes, found: queueing.Capacity) -> None:
    """M/D/1's mean latency up to just below the saturated rate; nothing where that is not known."""
    if found.saturated is None or found.service_ms is None:
        return
    rates = np.linspace(0.01, 0.985, 80) * found.saturated
    means = [queueing.md1_latency_ms(rate, found.service_ms) for rate in rates]
    axes.plot(rates, means, THEORY, color=INK, lw=1, label="theory, no batching: mean")


def arrivals(loads: Mapping[str, Load], title: str) -> Figure:
    """The share of requests answered within a time, a line for each load; its mean is in the label."""
    figure, axes = style.canvas(title, "latency (ms)", "share of the requests answered within it")
    for colour, (label, load) in zip(SERIES, loads.items(), strict=False):
        good = good_ms(load)
        style.cumulative(axes, good, f"{label}: mean {style.short(float(good.mean()))} ms", colour)
    style.logarithmic(axes, "x")
    axes.legend(loc="lower right")
    return figure


def little(loads: Mapping[str, Load], title: str, curves: Sequence[str] = ()) -> Figure:
    """Counted against computed number of requests in the system, with the band WITHIN which they should lie.

    A load's name is "<curve>, <offered>": a curve has the colour that it has among the `curves` of `offered_load`, and
    its loads are told apart by their markers.
    """
    figure, axes = style.canvas(
        title, "arrivals per second x mean latency", "requests in the system, counted", size=(5.6, 4.6)
    )
    results = {label: queueing.little(load) for label, load in loads.items()}
    sides = [side for result in results.values() for side in (result.seen, result.expected)] or [1.0]
    low, high = min(sides) / 2, max(sides) * 2
    line = np.array([low, high])
    band = f"within {WITHIN:.0%}".replace("%", " %")
    axes.fill_between(line, line * (1 - WITHIN), line * (1 + WITHIN), color="#EEEEEE", lw=0, label=band)
    axes.plot(line, line, color=QUIET, lw=0.8)
    of = {label: label.rpartition(", ")[0] for label in results}
    colours = dict(zip(dict.fromkeys((*curves, *of.values())), SERIES, strict=False))
    markers = {curve: cycle(style.MARKERS) for curve in colours}
    for label, result in results.items():
        axes.plot(result.expected, result.seen, next(markers[of[label]]), color=colours[of[label]], label=label)
    for which in ("x", "y"):
        style.logarithmic(axes, which)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.legend(loc="upper left")
    return figure


def scenarios(results: Mapping[str, Load], title: str) -> Figure:
    """LoadGen scenarios side by side: samples per second, and LoadGen's own p50 (dot) and p99 (bar) of a sample."""
    figure, (left, right) = style.panels(style.Panels(columns=2), (9, 3.8))
    # LoadGen's test is one run: there is no second one to tell how far it may be off.
    rates = {label: Estimate(result["samples_per_s"], -np.inf, np.inf) for label, result in results.items()}
    style.columns(left, rates, f"{title}: samples per second", SERIES[: len(rates)])
    for place, (result, colour) in enumerate(zip(results.values(), SERIES, strict=False)):
        median, tail = (loadgen_ms(result, percent) for percent in (50, 99))
        right.plot([place, place], [median, tail], color=colour, lw=1)
        right.plot(place, median, "o", color=colour)
        right.plot(place, tail, "_", color=colour, ms=18, mew=2)
        style.written_behind(right, place, median, f"{style.short(median)} ms")
    right.set_xticks(range(len(results)), list(results))
    right.set_xlim(-0.5, len(results) - 0.1)
    right.grid(axis="x", visible=False)
    style.logarithmic(right, "y")
    right.set_title("Time of a sample (ms): p50, p99")
    return figure


def loadgen_ms(result: Load, percent: int) -> float:
    """A percentile of a sample's latency by LoadGen's own clock, ms (50, 90, 95, 97 or 99)."""
    return float(result["loadgen"][f"result_{percent}.00_percentile_latency_ns"]) / 1e6


def company(found: Mapping[float, Mapping[float, Gathered]], max_batch: int, title: str) -> Figure:
    """Rows of the mean batch, and the mean wait for company, against the delay; a line for each number of requests a
    second."""
    figure, (left, right) = style.panels(style.Panels(columns=2), (9, 3.8))
    for colour, (rate, by_delay) in zip(SERIES, found.items(), strict=False):
        for axes, what in ((left, "batch"), (right, "wait_ms")):
            values = [getattr(one, what) for one in by_delay.values()]
            axes.plot(list(by_delay), values, "o-", color=colour, label=f"{rate:g} requests a second")
    left.axhline(max_batch, color=FAINT, lw=1, zorder=1, label="the largest batch")
    left.set(xlabel="delay (ms)", ylabel="requests in the mean batch", ylim=(0, max_batch * 1.1))
    left.set_title(title)
    right.set(xlabel="delay (ms)", ylabel="mean wait for company (ms)")
    right.set_ylim(0)
    right.set_title("What it costs")
    figure.legend(*_named(left), ncols=2, loc="outside lower center")
    return figure


def cold_and_warm(cold: Mapping[str, Load], holds_s: Sequence[float], wait_price: float, title: str) -> Figure:
    """A cold request of each model beside a warm one, and the cost of both policies against requests per hour.

    `holds_s`: for how many seconds without a request a model stays loaded; `wait_price`: what a second of a visitor's
    wait is worth, in seconds of server time.
    """
    figure, (left, right) = style.panels(style.Panels(columns=2), (9, 4.2))
    _cold_beside_warm(left, cold)
    left.set_title(title)
    cold_s = max(queueing.cold_s(one) for one in cold.values())
    _costs(right, cold_s, holds_s, wait_price * cold_s)
    right.set_title("When keeping warm is cheaper")
    return figure


def _cold_beside_warm(axes: Axes, cold: Mapping[str, Load]) -> None:
    """A bar for each model, loading and first request one behind the other, and what a warm request takes instead."""
    furthest = 0.0
    for place, one in enumerate(cold.values()):
        load, first, warm = (float(np.median(one[f"{what}_ms"])) for what in ("load", "first", "warm"))
        named = place == 0
        axes.barh(place, load, color=STAGE_COLOURS["model"], height=0.6, label="until loaded" if named else None)
        axes.barh(
            place,
            first,
            left=load,
            color=STAGE_COLOURS["first_inference"],
            height=0.6,
            label="first request" if named else None,
        )
        each = np.asarray(one["load_ms"]) + np.asarray(one["first_ms"])
        axes.plot(each, np.full(len(each), place), "|", color=INK, ms=10, label="each cold start" if named else None)
        end = max(load + first, float(each.max()))
        style.written_behind(axes, end, place, f"{load:.0f} + {first:.0f} ms\n(warm: {warm:.1f} ms)")
        furthest = max(furthest, end)
    style.rows_down(axes, list(cold))
    axes.set(xlim=(0, 1.45 * furthest), xlabel="time until the answer to a cold request (ms)")
    axes.legend(loc="upper right")


def _costs(axes: Axes, cold_s: float, holds_s: Sequence[float], penalty_s: float) -> None:
    """Cost in per cent of always keeping warm, for each time that a model is held, against requests per hour."""
    even = queueing.warm_break_even_per_hour(cold_s, penalty_s)
    rates = np.linspace(0, even * 2, 120)
    for colour, hold_s in zip(SERIES, holds_s, strict=False):
        costs = [queueing.cost_per_hour(rate, cold_s, hold_s, penalty_s) / 36 for rate in rates]
        axes.plot(rates, costs, color=colour, label=f"unloaded after {hold_s:.3g} s idle")
    axes.axhline(100, color=STAGE_COLOURS["inference"], lw=1.2, label="always warm")
    axes.set(xlabel="requests per hour", ylabel="cost (% of always warm)", xlim=(0, 2 * even), ylim=(0, 215))
    axes.legend(loc="upper left")
