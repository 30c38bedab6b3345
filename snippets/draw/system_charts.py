"""Charts of Triton in a closed loop, from results alone: where time goes, batching, instances, neighbours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import stats
from snippets.draw import style
from snippets.draw.style import INK, QUIET, SERIES, STAGE_COLOURS
from snippets.load import estimates, windows
from snippets.simulate import misses
from snippets.simulate.calibrated import Figures
from snippets.simulate.misses import OFF_BY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Load = Mapping[str, Any]
# Field of a load -> its colour and what it is called.
TIME_BARS = {
    "queue_ms": (STAGE_COLOURS["queue"], "waiting in the server's queue"),
    "compute_ms": (STAGE_COLOURS["inference"], "being computed"),
    "client_ms": (STAGE_COLOURS["transport"], "network and client"),
}
WINDOW_GREY = "#EEEEEE"
WIDE = 80
"""From how many times on the ends of a small panel lie too far apart for 1, 2, 5, 10 to be legible."""


def where_time_goes(loads: Mapping[str, Load], title: str) -> Figure:
    """Stacked bars: mean time a request waits in the queue, is computed, and spends outside of the server; above
    each the sum, and beside it throughput by itself, both with their intervals between windows."""
    figure, (left, right) = style.panels(style.Panels(columns=2, width_ratios=(3, 2)), (9, 3.8))
    bottom = np.zeros(len(loads))
    for field, (colour, label) in TIME_BARS.items():
        # The client's mean and the server's cover slightly different requests: a tiny negative rest is zero.
        heights = np.array([max(0.0, load[field]) for load in loads.values()])
        left.bar(list(loads), heights, bottom=bottom, color=colour, label=label, width=0.6)
        bottom += heights
    reach = float(max(bottom))
    for position, (load, whole) in enumerate(zip(loads.values(), bottom, strict=True)):
        top = max(float(whole), style.whisker(left, position, estimates.mean_latency(load)))
        style.written_above(left, position, top, f"{style.short(whole)} ms")
        reach = max(reach, top)
    left.set(ylabel="mean time of a request (ms)", ylim=(0, 1.55 * reach))
    left.grid(axis="x", visible=False)
    left.legend(loc="upper left")
    left.set_title(title)
    rates = {label: estimates.rate(load) for label, load in loads.items()}
    style.columns(right, rates, "Answers per second", [style.color(label, 1) for label in rates])
    for axes in (left, right):
        _turned_if_long(axes, list(loads))
    return figure


def _turned_if_long(axes: Axes, names: Sequence[str]) -> None:
    """Names under bars in two lines where they would touch each other."""
    if max(map(len, names)) * len(names) > 30:
        lines = [name.replace(", ", ",\n") if ", " in name else name.replace(" client", "\nclient") for name in names]
        axes.set_xticks(range(len(names)), lines)


def latency_and_throughput(curves: Mapping[str, Sequence[Load]], title: str) -> Figure:
    """One line a setting: throughput against median latency; each number of clients has a marker, each point the
    intervals of both."""
    figure, axes = style.canvas(title, "answers per second", "median latency (ms), logarithmic", size=(7.5, 4.4))
    numbers = sorted({load["clients"] for loads in curves.values() for load in loads})
    markers = dict(zip(numbers, style.MARKERS, strict=False))
    for colour, (label, loads) in zip(SERIES, curves.items(), strict=False):
        rates = [load["samples_per_s"] for load in loads]
        medians = [stats.good_percentile(load, 50) for load in loads]
        axes.plot(rates, medians, color=colour, label=label, lw=1.2)
        for load, rate, median in zip(loads, rates, medians, strict=True):
            axes.plot(rate, median, markers[load["clients"]], color=colour, ms=7, mec="white")
            across, up = estimates.rate(load), estimates.latency(load, 50)
            if across.bounded and up is not None and up.bounded:
                axes.plot([across.low, across.high], [median, median], color=colour, lw=1)
                axes.plot([rate, rate], [up.low, up.high], color=colour, lw=1)
    for number, marker in markers.items():
        axes.plot([], [], marker, color=QUIET, label=f"{number} client{'s' * (number > 1)}")
    style.logarithmic(axes, "y")
    axes.set_xlim(left=0)
    figure.legend(ncols=3, loc="outside lower center")
    return figure


def batch_histogram(loads: Mapping[str, Load], title: str) -> Figure:
    """For each setting, the share of requests answered in an execution of each batch size; dashed: the mean of them,
    the batch in which the mean request found itself (the mean over executions is smaller)."""
    from matplotlib.ticker import MaxNLocator

    figure, panels = style.panels(style.Panels(columns=len(loads), share_y=True), (3.0 * len(loads), 3.6), title)
    largest = max(int(size) for load in loads.values() for size in load["batches"])
    for axes, (label, load), colour in zip(panels, loads.items(), SERIES, strict=False):
        sizes = np.array([int(size) for size in load["batches"]])
        rows = sizes * np.array(list(load["batches"].values()))
        axes.bar(sizes, rows / rows.sum() * 100, color=colour, width=0.85)
        axes.axvline((sizes * rows).sum() / rows.sum(), color=INK, lw=1, ls="--")
        axes.set(xlim=(0.3, largest + 0.7), xlabel="rows in the execution")
        axes.set_title(label, fontweight="normal")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].set_ylabel("share of the requests (%)")
    return figure


def utilization(loads: Mapping[str, Load], title: str) -> Figure:
    """CPU (all, the server's and the load generator's part) and GPUs over time, one panel a load; grey: its windows,
    one behind the other. The legend says the most memory in use and the median clock of each GPU in the last load."""
    columns = len(loads) if len(loads) <= 3 else 2
    rows = math.ceil(len(loads) / columns)
    layout = style.Panels(rows=rows, columns=columns, share_y=True)
    figure, panels = style.panels(layout, (3.0 * columns + (columns < 3), 2.7 * rows + 0.8), title)
    for spare in panels[len(loads) :]:
        spare.set_visible(False)
    for axes, (label, load) in zip(panels, loads.items(), strict=False):
        start = 0.0
        for window in windows.parts(load):
            axes.axvspan(start, start + window["seconds"], color=WINDOW_GREY, lw=1.5, ec="white")
            start += window["seconds"]
        axes.plot(load["util_s"], load["util_cpu"], color=QUIET, lw=1.2, label="CPU, all cores")
        # Two samplers a moment apart: of what all do, Triton does no more than all.
        own = np.minimum(load["util_server"], load["util_cpu"])
        axes.fill_between(load["util_s"], own, color=SERIES[4], alpha=0.7, lw=0, label="CPU: Triton")
        if "util_client" in load:  # older records lack it
            axes.plot(load["util_s"], load["util_client"], color=INK, lw=1.3, ls=":", label="CPU: load generator")
        for gpu, line in enumerate(np.asarray(load["util_gpu"]).T):
            axes.plot(
                load["util_s"], line, color=SERIES[gpu % 4], lw=1.5, label=f"GPU {gpu}{_memory_and_clock(load, gpu)}"
            )
        axes.set(xlim=(0, load["seconds"]), ylim=(0, 105), xlabel="measured time (s)")
        axes.set_title(label, fontweight="normal")
    for axes in panels[::columns]:
        axes.set_ylabel("busy (%)")
    figure.legend(*panels[len(loads) - 1].get_legend_handles_labels(), ncols=3, loc="outside lower center")
    return figure


def _memory_and_clock(load: Load, gpu: int) -> str:
    """The most memory of a GPU that was in use, and its median clock, in words; empty where the record lacks them."""
    memory, clock = (
        np.asarray(load.get(name, np.zeros((0, 0))), dtype=np.float64)
        for name in ("util_gpu_memory_mb", "util_gpu_clock_mhz")
    )
    found = [column[np.isfinite(column)] for column in (memory[:, gpu : gpu + 1], clock[:, gpu : gpu + 1])]
    if not all(one.size for one in found):
        return ""
    return f" ({found[0].max() / 1e3:.1f} GB, {np.median(found[1]):.0f} MHz)"


def grid(loads: Mapping[tuple[int, int], Load], title: str) -> Figure:
    """Instances x threads: throughput as colour and figure, with its interval, and p95 below it."""
    figure, axes = style.canvas(title, "instances of the model", "threads of each instance", size=(6.4, 4.0))
    instances, threads = (sorted({key[i] for key in loads}) for i in (0, 1))
    table = np.full((len(threads), len(instances)), np.nan)
    for (i, t), load in loads.items():
        row, column = threads.index(t), instances.index(i)
        table[row, column] = load["samples_per_s"]
        rate, p95 = estimates.rate(load), estimates.latency(load, 95)
        text = f"{rate.value:.0f}/s" + (f" ({rate.low:.0f} to {rate.high:.0f})" if rate.bounded else "")
        if p95 is not None:
            text += f"\np95 {p95.value:.0f}" + (f" ({p95.low:.0f} to {p95.high:.0f}) ms" if p95.bounded else " ms")
        axes.annotate(text, (column, row), ha="center", va="center")
    axes.imshow(table, cmap="YlGn", alpha=0.7, vmin=0, vmax=1.5 * np.nanmax(table), aspect="auto", origin="lower")
    axes.set_xticks(range(len(instances)), [str(i) for i in instances])
    axes.set_yticks(range(len(threads)), [str(t) for t in threads])
    axes.grid(visible=False)
    return figure


def predicted(forecast: Mapping[str, Figures], loads: Mapping[str, Load], title: str) -> Figure:
    """What a model said of loads against what was measured: answers per second, p50 and p95, a panel each.

    A load's name is "<setting>, <load>", as "on, 8 clients", or a setting alone: a setting has a colour, a load a
    marker. Upright lines are what the windows say of the measured figure, level ones what the machine's unsteadiness
    leaves open of the predicted one, where they are known. The line is where the model is right; the band, OFF_BY to
    either side.
    """
    figure, panels = style.panels(style.Panels(columns=3), (9, 4.0), title)
    names = [_setting_and_load(name) for name in forecast]
    colours = dict(zip(dict.fromkeys(setting for setting, _ in names), SERIES, strict=False))
    markers = dict(zip(dict.fromkeys(load for _, load in names), style.MARKERS, strict=False))
    said = [one.ranges() for one in forecast.values()]
    seen = [misses.figures(loads[name]) for name in forecast]
    for number, (axes, what) in enumerate(zip(panels, ("answers per second", "p50 (ms)", "p95 (ms)"), strict=True)):
        pairs = [(ours[number], theirs[number]) for ours, theirs in zip(said, seen, strict=True)]
        reached = [value for pair in pairs for one in pair for value in (one.value, *style.ends(one))]
        ends = np.array([min(reached) / 1.5, max(reached) * 1.5])
        axes.fill_between(ends, ends * (1 - OFF_BY), ends * (1 + OFF_BY), color=WINDOW_GREY, lw=0)
        axes.plot(ends, ends, color=QUIET, lw=0.8)
        for (setting, load), (ours, theirs) in zip(names, pairs, strict=True):
            style.whisker(axes, ours.value, theirs, colours[setting])
            if ours.bounded:
                axes.plot(style.ends(ours), [theirs.value] * 2, color=colours[setting], linewidth=1.4)
            axes.plot(ours.value, theirs.value, markers[load], color=colours[setting], ms=7, mec="white", mew=0.5)
        for which in ("x", "y"):
            style.logarithmic(axes, which, wide=ends[1] > WIDE * ends[0])
        axes.set(xlim=tuple(ends), ylim=tuple(ends), xlabel="predicted")
        axes.set_title(what, fontweight="normal")
    panels[0].set_ylabel("measured")
    for setting, colour in colours.items():
        panels[0].plot([], [], "s", color=colour, label=setting)
    for load, marker in markers.items():
        if load:
            panels[0].plot([], [], marker, color=QUIET, label=load)
    figure.legend(ncols=3, loc="outside lower center")
    return figure


def _setting_and_load(name: str) -> tuple[str, str]:
    setting, comma, load = name.rpartition(", ")
    return (setting, load) if comma else (name, "")


def neighbours(loads: Mapping[str, Load], title: str) -> Figure:
    """The light model's latency as a cumulative curve for each arrangement, and what the heavy one got done."""
    figure, (left, right) = style.panels(style.Panels(columns=2, width_ratios=(3, 2)), (9, 3.8))
    for colour, (label, load) in zip(SERIES, loads.items(), strict=False):
        style.cumulative(left, stats.good_ms(load), label, colour)
    style.logarithmic(left, "x")
    style.level_lines(left, (95,))
    left.set(xlabel="latency of the light model (ms)", ylabel="requests answered by then (%)", ylim=(0, 103))
    left.legend(loc="lower right")
    left.set_title(title)
    beside = {
        label: (estimates.neighbour_rate(load), colour)
        for (label, load), colour in zip(loads.items(), SERIES, strict=False)
        if "neighbour_rps" in load
    }
    rates = {label: rate for label, (rate, _) in beside.items()}
    style.columns(right, rates, "Requests/s of the heavy one", [colour for _, colour in beside.values()])
    return figure
