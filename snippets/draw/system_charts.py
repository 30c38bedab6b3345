"""Pictures of the system lab, drawn from step results alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.load import queueing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Load = Mapping[str, Any]

QUEUE, COMPUTE, CLIENT = "#ee9966", "#4477aa", "#bbbbbb"
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
INK, QUIET = "#333333", "#777777"


def p50(load: Load) -> float:
    """Median latency of the successes, ms."""
    return percentile(load, 50)


def percentile(load: Load, q: float) -> float:
    """q-th percentile of the successful requests' latency, ms; nan without any."""
    good = np.asarray(load["latency_ms"])[np.asarray(load["ok"])]
    return float(np.percentile(good, q)) if len(good) else float("nan")


def where_time_goes(loads: Mapping[str, Load], title: str) -> Figure:
    """Stacked bars: mean time a request waits in the queue, is computed, and spends outside of the server; above
    each the throughput, and beside it throughput by itself."""
    figure, (left, right) = _figure(1, 2, (10, 3.8), width_ratios=[3, 2])
    bottom = np.zeros(len(loads))
    for field, colour, label in (
        ("queue_ms", QUEUE, "waiting in the server's queue"),
        ("compute_ms", COMPUTE, "being computed"),
        ("client_ms", CLIENT, "network and client"),
    ):
        # The client's mean and the server's cover slightly different requests: a tiny negative rest is zero.
        heights = np.array([max(0.0, load[field]) for load in loads.values()])
        left.bar(list(loads), heights, bottom=bottom, color=colour, label=label, width=0.6)
        bottom += heights
    for position, top in enumerate(bottom):
        left.annotate(f"{top:.0f} ms", (position, top), ha="center", va="bottom", fontsize=9, color=INK)
    left.set(ylabel="mean time of a request (ms)", ylim=(0, 1.45 * max(bottom)))
    left.legend(frameon=False, fontsize=9, loc="upper left")
    left.set_title(title, loc="left")
    _bars(right, list(loads), [load["samples_per_s"] for load in loads.values()], "answers per second")
    return figure


def latency_and_throughput(curves: Mapping[str, Sequence[Load]], title: str) -> Figure:
    """One line a setting: throughput against median latency (p95 dotted), a point for each number of clients."""
    figure, (axes,) = _figure(1, 1, (7.5, 4.2))
    for colour, (label, loads) in zip(COLOURS, curves.items(), strict=False):
        rates = [load["samples_per_s"] for load in loads]
        axes.plot(rates, [p50(load) for load in loads], "o-", color=colour, label=label)
        axes.plot(rates, [percentile(load, 95) for load in loads], ":", color=colour, lw=1)
        for load, rate in zip(loads, rates, strict=True):
            axes.annotate(
                f"{load['clients']}",
                (rate, p50(load)),
                textcoords="offset points",
                xytext=(5, -11),
                fontsize=8,
                color=colour,
            )
    axes.set(xlabel="answers per second", ylabel="latency (ms): median, dotted: p95", yscale="log", xlim=(0, None))
    axes.set_ylim(axes.get_ylim()[0] / 1.4)
    _plain_log(axes)
    axes.legend(frameon=False, fontsize=9)
    axes.set_title(title, loc="left")
    axes.annotate(
        "figures at the points: clients", (1, -0.17), xycoords="axes fraction", ha="right", fontsize=8, color=QUIET
    )
    return figure


def batch_histogram(loads: Mapping[str, Load], title: str) -> Figure:
    """For each setting, the share of requests answered in an execution of each batch size."""
    figure, panels = _figure(1, len(loads), (3.4 * len(loads), 3.4), sharey=True)
    largest = max(int(size) for load in loads.values() for size in load["batches"])
    for axes, (label, load), colour in zip(panels, loads.items(), COLOURS, strict=False):
        sizes = np.array([int(size) for size in load["batches"]])
        rows = sizes * np.array(list(load["batches"].values()))
        axes.bar(sizes, rows / rows.sum() * 100, color=colour, width=0.85)
        axes.axvline(load["mean_batch"], color=INK, lw=1, ls="--")
        axes.set(xlim=(0.3, largest + 0.7), xlabel="rows in the execution", title=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_ylabel("share of the requests (%)")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def utilization(loads: Mapping[str, Load], title: str) -> Figure:
    """CPU (whole machine, and the server's part) and GPUs over time, one panel a load; grey: the measured window."""
    figure, panels = _figure(1, len(loads), (3.6 * len(loads), 3.2), sharey=True)
    for axes, (label, load) in zip(panels, loads.items(), strict=True):
        axes.axvspan(0, load["seconds"], color="#eeeeee", lw=0)
        axes.plot(load["util_s"], load["util_cpu"], color=QUIET, lw=1.2, label="CPU, all cores")
        axes.fill_between(load["util_s"], load["util_server"], color=COLOURS[0], alpha=0.5, lw=0, label="CPU: Triton")
        for gpu, line in enumerate(np.asarray(load["util_gpu"]).T):
            axes.plot(load["util_s"], line, color=COLOURS[1 + gpu], lw=1.5, label=f"GPU {gpu}")
        axes.set(xlim=(-0.5, load["seconds"] + 0.5), ylim=(0, 105), xlabel="time (s)", title=label)
    panels[0].set_ylabel("busy (%)")
    panels[-1].legend(frameon=True, framealpha=0.8, edgecolor="none", fontsize=8, loc="lower right")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def grid(loads: Mapping[tuple[int, int], Load], p95_target_ms: float, title: str) -> Figure:
    """Instances x threads: throughput as colour and figure, p95 below it; the best under the target has a frame."""
    figure, (axes,) = _figure(1, 1, (6.2, 4.0))
    instances, threads = (sorted({key[i] for key in loads}) for i in (0, 1))
    table = np.full((len(threads), len(instances)), np.nan)
    best = best_under(loads, p95_target_ms)
    for (i, t), load in loads.items():
        row, column = threads.index(t), instances.index(i)
        table[row, column] = load["samples_per_s"]
        axes.annotate(
            f"{load['samples_per_s']:.0f}/s\np95 {percentile(load, 95):.0f} ms",
            (column, row),
            ha="center",
            va="center",
            fontsize=10,
            color=INK,
        )
        if (i, t) == best:
            axes.add_patch(_frame(column, row))
    axes.imshow(table, cmap="YlGn", alpha=0.7, vmin=0, vmax=1.5 * np.nanmax(table), aspect="auto", origin="lower")
    axes.set_xticks(range(len(instances)), [str(i) for i in instances])
    axes.set_yticks(range(len(threads)), [str(t) for t in threads])
    axes.set(xlabel="instances of the model", ylabel="threads of each instance")
    axes.set_title(title, loc="left")
    return figure


def best_under(loads: Mapping[tuple[int, int], Load], p95_target_ms: float) -> tuple[int, int] | None:
    """The setting with the most answers per second among those whose p95 meets the target; None if none does."""
    meeting = {key: load for key, load in loads.items() if percentile(load, 95) <= p95_target_ms}
    return max(meeting, key=lambda key: meeting[key]["samples_per_s"], default=None)


def neighbours(loads: Mapping[str, Load], title: str) -> Figure:
    """The light model's latency as a cumulative curve for each arrangement, and what the heavy one got done."""
    figure, (left, right) = _figure(1, 2, (10, 3.8), width_ratios=[3, 2])
    for colour, (label, load) in zip(COLOURS, loads.items(), strict=False):
        good = np.sort(np.asarray(load["latency_ms"])[np.asarray(load["ok"])])
        left.step(good, np.arange(1, len(good) + 1) / len(good) * 100, color=colour, label=label, lw=1.8, where="post")
    left.axhline(95, color=QUIET, lw=0.8, ls=":")
    left.annotate("p95", (left.get_xlim()[1], 95), ha="right", va="bottom", fontsize=8, color=QUIET)
    left.set(xscale="log", xlabel="latency of the light model (ms)", ylabel="requests answered by then (%)")
    _plain_log(left, "x")
    left.legend(frameon=False, fontsize=9, loc="lower right")
    left.set_title(title, loc="left")
    _bars(
        right,
        list(loads),
        [load.get("neighbour_rps", 0.0) for load in loads.values()],
        "requests/s of the heavy neighbour",
        COLOURS,
    )
    return figure


def offered_load(curves: Mapping[str, Sequence[Load]], service_ms: float, title: str) -> Figure:
    """Open loop: latency and answers per second against the offered load; dashed: M/D/1 for `service_ms`."""
    figure, (left, right) = _figure(1, 2, (10.5, 4.0))
    largest = max(load["offered_rps"] for loads in curves.values() for load in loads)
    for colour, (label, loads) in zip(COLOURS, curves.items(), strict=False):
        offered = [load["offered_rps"] for load in loads]
        left.plot(offered, [p50(load) for load in loads], "o-", color=colour, label=f"{label}, median")
        left.plot(offered, [percentile(load, 99) for load in loads], ":", color=colour, lw=1.2, label=f"{label}, p99")
        right.plot(offered, [load["completed_rps"] for load in loads], "o-", color=colour, label=label)
        at = queueing.knee(loads)
        if at:
            for axes in (left, right):
                axes.axvline(at, color=colour, lw=0.8, ls="-.")
    rates = np.linspace(0.01, 0.985, 80) * 1e3 / service_ms
    left.plot(
        rates,
        [queueing.md1_latency_ms(rate, service_ms) for rate in rates],
        "--",
        color=INK,
        lw=1,
        label="theory, no batching: mean",
    )
    left.set(yscale="log", xlabel="offered load (requests/s)", ylabel="latency (ms)", xlim=(0, 1.05 * largest))
    _plain_log(left)
    left.legend(frameon=False, fontsize=8)
    left.set_title(title, loc="left")
    right.plot([0, largest], [0, largest], "--", color=INK, lw=1, label="all that was offered")
    right.set(xlabel="offered load (requests/s)", ylabel="answered (requests/s)", xlim=(0, 1.05 * largest))
    right.set_ylim(0)
    right.legend(frameon=False, fontsize=8)
    right.set_title("Offered and answered; dash-dotted: the knee", loc="left")
    return figure


def little(loads: Mapping[str, Load], title: str) -> Figure:
    """Counted against computed number of requests in the system, with a band of 15 %."""
    figure, (axes,) = _figure(1, 1, (5.2, 4.4))
    results = {label: queueing.little(load) for label, load in loads.items()}
    low = min(min(r.seen, r.expected) for r in results.values()) / 2
    high = max(max(r.seen, r.expected) for r in results.values()) * 2
    line = np.array([low, high])
    axes.fill_between(line, line * 0.85, line * 1.15, color="#eeeeee", lw=0, label="within 15 %")
    axes.plot(line, line, color=QUIET, lw=0.8)
    for number, (label, result) in enumerate(results.items()):
        shape, colour = "osD^"[number // len(COLOURS) % 4], COLOURS[number % len(COLOURS)]
        axes.plot(result.expected, result.seen, shape, color=colour, label=label)
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(low, high),
        ylim=(low, high),
        xlabel="arrivals per second x mean latency",
        ylabel="requests in the system, counted",
    )
    _plain_log(axes, "x")
    _plain_log(axes)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    axes.set_title(title, loc="left")
    return figure


def scenarios(results: Mapping[str, Load], title: str) -> Figure:
    """LoadGen scenarios side by side: samples per second, and the time a sample takes (p50 bar, p99 mark)."""
    figure, (left, right) = _figure(1, 2, (10, 3.6))
    _bars(left, list(results), [r["samples_per_s"] for r in results.values()], "samples per second", COLOURS)
    left.set_title(f"{title}: samples per second", loc="left")
    medians = [float(np.percentile(r["latency_ms"], 50)) for r in results.values()]
    tails = [float(np.percentile(r["latency_ms"], 99)) for r in results.values()]
    _bars(right, list(results), medians, "time until a sample is answered (ms)", COLOURS)
    right.plot(list(results), tails, "_", color=INK, ms=22, mew=2, label="p99")
    right.set(yscale="log", ylim=(min(medians) / 3, max(tails) * 3))
    _plain_log(right)
    right.legend(frameon=False, fontsize=9, markerscale=0.5, loc="upper left")
    return figure


def cold_and_warm(cold: Mapping[str, Load], holds_s: Sequence[float], penalty_s: float, title: str) -> Figure:
    """Stacked bars of a cold request beside a warm one, and the cost of both policies against requests per hour."""
    figure, (left, right) = _figure(1, 2, (10.5, 4.0))
    position, ticks = 0, list[str]()
    for label, one in cold.items():
        load, first = float(np.median(one["load_ms"])), float(np.median(one["first_ms"]))
        warm = float(np.median(one["warm_ms"]))
        left.bar(position, load, color=QUEUE, width=0.7, label="loading the model" if not ticks else None)
        left.bar(
            position, first, bottom=load, color=COLOURS[1], width=0.7, label="first request" if not ticks else None
        )
        left.bar(position + 1, warm, color=COMPUTE, width=0.7, label="warm request" if not ticks else None)
        for x, y in ((position, load + first), (position + 1, warm)):
            left.annotate(f"{y:.0f} ms", (x, y), ha="center", va="bottom", fontsize=9, color=INK)
        ticks += [f"{label}\ncold", f"{label}\nwarm"]
        position += 2
    left.set_xticks(range(position), ticks)
    left.set(ylabel="time until the answer (ms)", yscale="log", ylim=(1, None))
    left.set_ylim(1, left.get_ylim()[1] * 3)
    _plain_log(left)
    left.legend(frameon=False, fontsize=9)
    left.set_title(title, loc="left")
    dearest = max(cold.values(), key=lambda one: float(np.median(one["load_ms"])))
    cold_s = float(np.median(dearest["load_ms"] + dearest["first_ms"])) / 1e3
    even = queueing.warm_break_even_per_hour(cold_s, penalty_s)
    rates = np.geomspace(even / 300, even * 4, 120)
    for colour, hold_s in zip(COLOURS[2:], holds_s, strict=False):
        costs = [queueing.cost_per_hour(rate, cold_s, hold_s, penalty_s) / 36 for rate in rates]
        right.plot(rates, costs, color=colour, label=f"unloaded after {hold_s:g} s idle")
    right.axhline(100, color=COMPUTE, label="always warm")
    right.axvline(even, color=QUIET, lw=0.8, ls="--")
    right.annotate(f"{even:.0f}/h", (even, 12), fontsize=9, color=QUIET, ha="right", rotation=90, va="bottom")
    right.set(xscale="log", xlabel="requests per hour", ylabel="cost (% of always warm)", ylim=(0, 180))
    right.legend(frameon=False, fontsize=8, loc="upper left")
    right.set_title("When keeping warm is cheaper", loc="left")
    return figure


def _bars(axes: Axes, labels: Sequence[str], values: Sequence[float], what: str, colours: Sequence[str] = ()) -> None:
    axes.bar(labels, values, color=list(colours)[: len(values)] or "#228833", width=0.6)
    for position, value in enumerate(values):
        axes.annotate(
            f"{value:.0f}" if value >= 10 else f"{value:.1f}",
            (position, value),
            ha="center",
            va="bottom",
            fontsize=9,
            color=INK,
        )
    axes.set(ylim=(0, 1.2 * max([*values, 1e-9])))
    axes.set_title(what[0].upper() + what[1:], loc="left")


def _frame(column: int, row: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.47, row - 0.46), 0.94, 0.92, fill=False, ec=COLOURS[1], lw=2.5)


def _plain_log(axes: Axes, which: str = "y") -> None:
    """Plain figures (20, 50, 100) on a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(ScalarFormatter())
    axis.set_minor_formatter(NullFormatter())


def _figure(rows: int, columns: int, size: tuple[float, float], width_ratios: Any = None, sharey: bool = False) -> Any:
    from matplotlib.figure import Figure

    # Not through pyplot: a notebook would show an open figure a second time.
    figure = Figure(figsize=size, layout="constrained")
    ratios = {"width_ratios": width_ratios} if width_ratios else None
    axes = figure.subplots(rows, columns, squeeze=False, sharey=sharey, gridspec_kw=ratios)
    for one in axes.flat:
        one.spines[["top", "right"]].set_visible(False)
    return figure, list(axes.flat)
