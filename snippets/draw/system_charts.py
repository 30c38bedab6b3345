"""Charts of Triton in a closed loop, from results alone: where time goes, batching, instances, neighbours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import stats
from snippets.draw import style
from snippets.draw.style import INK, QUIET, SERIES, STAGE_COLOURS, TAIL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Load = Mapping[str, Any]
# Field of a load -> its colour and what it is called.
TIME_BARS = {
    "queue_ms": (STAGE_COLOURS["queue"], "waiting in the server's queue"),
    "compute_ms": (STAGE_COLOURS["inference"], "being computed"),
    "client_ms": (STAGE_COLOURS["transport"], "network and client"),
}
WINDOW_GREY = "#EEEEEE"
MARKERS = "osD^"


def where_time_goes(loads: Mapping[str, Load], title: str) -> Figure:
    """Stacked bars: mean time a request waits in the queue, is computed, and spends outside of the server; above
    each the sum, and beside it throughput by itself."""
    figure, (left, right) = style.panels(style.Panels(columns=2, width_ratios=(3, 2)), (10, 3.8))
    bottom = np.zeros(len(loads))
    for field, (colour, label) in TIME_BARS.items():
        # The client's mean and the server's cover slightly different requests: a tiny negative rest is zero.
        heights = np.array([max(0.0, load[field]) for load in loads.values()])
        left.bar(list(loads), heights, bottom=bottom, color=colour, label=label, width=0.6)
        bottom += heights
    for position, top in enumerate(bottom):
        style.written_above(left, position, top, f"{top:.0f} ms")
    left.set(ylabel="mean time of a request (ms)", ylim=(0, 1.45 * max(bottom)))
    left.grid(axis="x", visible=False)
    left.legend(loc="upper left")
    left.set_title(title)
    rates = {label: load["samples_per_s"] for label, load in loads.items()}
    style.columns(right, rates, "Answers per second", [style.MET] * len(rates))
    return figure


def latency_and_throughput(curves: Mapping[str, Sequence[Load]], title: str) -> Figure:
    """One line a setting: throughput against median latency (p95 dotted); each number of clients has a marker."""
    figure, axes = style.canvas(title, "answers per second", "latency (ms): median; dotted: p95", size=(7.5, 4.4))
    numbers = sorted({load["clients"] for loads in curves.values() for load in loads})
    markers = dict(zip(numbers, MARKERS, strict=False))
    for colour, (label, loads) in zip(SERIES, curves.items(), strict=False):
        rates = [load["samples_per_s"] for load in loads]
        medians = [stats.good_percentile(load, 50) for load in loads]
        axes.plot(rates, medians, color=colour, label=label)
        axes.plot(rates, [stats.good_percentile(load, 95) for load in loads], TAIL, color=colour, lw=1)
        for load, rate, median in zip(loads, rates, medians, strict=True):
            axes.plot(rate, median, markers[load["clients"]], color=colour, ms=7, mec="white")
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

    figure, panels = style.panels(style.Panels(columns=len(loads), share_y=True), (3.4 * len(loads), 3.6), title)
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
    """CPU (whole machine, and the server's part) and GPUs over time, one panel a load; grey: the measured window."""
    columns = len(loads) if len(loads) <= 3 else 2
    rows = math.ceil(len(loads) / columns)
    layout = style.Panels(rows=rows, columns=columns, share_y=True)
    figure, panels = style.panels(layout, (3.6 * columns, 2.9 * rows + 0.5), title)
    for spare in panels[len(loads) :]:
        spare.set_visible(False)
    for axes, (label, load) in zip(panels, loads.items(), strict=False):
        axes.axvspan(0, load["seconds"], color=WINDOW_GREY, lw=0)
        axes.plot(load["util_s"], load["util_cpu"], color=QUIET, lw=1.2, label="CPU, all cores")
        axes.fill_between(load["util_s"], load["util_server"], color=SERIES[4], alpha=0.7, lw=0, label="CPU: Triton")
        for gpu, line in enumerate(np.asarray(load["util_gpu"]).T):
            axes.plot(load["util_s"], line, color=SERIES[gpu % 4], lw=1.5, label=f"GPU {gpu}")
        axes.set(xlim=(-0.5, load["seconds"] + 0.5), ylim=(0, 105), xlabel="time (s)")
        axes.set_title(label, fontweight="normal")
    for axes in panels[::columns]:
        axes.set_ylabel("busy (%)")
    panels[len(loads) - 1].legend(frameon=True, framealpha=0.8, edgecolor="none", loc="lower right")
    return figure


def grid(loads: Mapping[tuple[int, int], Load], title: str) -> Figure:
    """Instances x threads: throughput as colour and figure, p95 below it."""
    figure, axes = style.canvas(title, "instances of the model", "threads of each instance", size=(6.4, 4.0))
    instances, threads = (sorted({key[i] for key in loads}) for i in (0, 1))
    table = np.full((len(threads), len(instances)), np.nan)
    for (i, t), load in loads.items():
        row, column = threads.index(t), instances.index(i)
        table[row, column] = load["samples_per_s"]
        text = f"{load['samples_per_s']:.0f}/s\np95 {stats.good_percentile(load, 95):.0f} ms"
        axes.annotate(text, (column, row), ha="center", va="center")
    axes.imshow(table, cmap="YlGn", alpha=0.7, vmin=0, vmax=1.5 * np.nanmax(table), aspect="auto", origin="lower")
    axes.set_xticks(range(len(instances)), [str(i) for i in instances])
    axes.set_yticks(range(len(threads)), [str(t) for t in threads])
    axes.grid(visible=False)
    return figure


def neighbours(loads: Mapping[str, Load], title: str) -> Figure:
    """The light model's latency as a cumulative curve for each arrangement, and what the heavy one got done."""
    figure, (left, right) = style.panels(style.Panels(columns=2, width_ratios=(3, 2)), (10, 3.8))
    for colour, (label, load) in zip(SERIES, loads.items(), strict=False):
        style.cumulative(left, stats.good_ms(load), label, colour)
    style.logarithmic(left, "x")
    style.level_lines(left, (95,))
    left.set(xlabel="latency of the light model (ms)", ylabel="requests answered by then (%)", ylim=(0, 103))
    left.legend(loc="lower right")
    left.set_title(title)
    beside = {
        label: (load["neighbour_rps"], colour)
        for (label, load), colour in zip(loads.items(), SERIES, strict=False)
        if "neighbour_rps" in load
    }
    rates = {label: rps for label, (rps, _) in beside.items()}
    style.columns(right, rates, "Requests/s of the heavy neighbour", [colour for _, colour in beside.values()])
    return figure
