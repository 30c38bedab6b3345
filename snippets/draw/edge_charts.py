"""Charts of the edge lab, drawn from the record alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.decide.targets import target
from snippets.draw import style
from snippets.draw.style import INK, QUIET, SERIES, SMALL, STAGE_COLOURS, TARGET, THEORY, color
from snippets.edge import crossover, device, soak
from snippets.edge.browser import results
from snippets.edge.browser.page import PHASES as PAGE_PHASES
from snippets.edge.cold_start import PHASES
from snippets.measure.latency import Latency
from snippets.record.read import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEMPERATURE, CLOCK, HERE, NETWORK = SERIES[2], SERIES[1], SERIES[2], SERIES[6]
# A first visit's phases in the colours of a cold start's: what is brought, what is set up, the model, the first answer.
PAGE_STAGES = {"fetch": "process", "runtime": "libraries", "model": "model", "first_inference": "first_inference"}
# Round-trip times in ms of the users that the questions of "cloud or edge" ask about.
NETWORKS_MS = {"5G: 20 ms": 20.0, "hotel Wi-Fi: 150 ms": 150.0}


def latency_and_size(record: Record) -> Figure:
    """Every latency sample of each model beside its size, with the manager's limits as dashed lines."""
    rows, limit = device.verdicts(record), target(device.DEVICE)
    figure, (left, right) = style.panels(style.Panels(columns=2, width_ratios=(2, 1)), (10, 3.6))
    assert limit.p50_ms_below is not None and limit.size_mb_below is not None
    dice = np.random.default_rng(0)
    longest = 0.0
    for position, row in enumerate(rows):
        samples = device.by_threads(record, row.variant)[row.threads].ms
        shift = dice.uniform(-0.28, 0.28, samples.size)
        left.plot(samples, position + shift, ".", color=color(row.variant), alpha=0.5, mew=0)
        left.plot([row.p50.value] * 2, [position - 0.36, position + 0.36], color=INK)
        style.written_above(left, row.p50.value, position - 0.38, f"{row.p50.value:.2f}")
        longest = max(longest, float(np.percentile(samples, 95)))
        right.barh(position, row.size_mb, color=color(row.variant), height=0.62)
        style.written_behind(right, row.size_mb, position, f"{row.size_mb:.2f}")
    for axes in (left, right):
        style.rows_down(axes, [f"{row.variant}\n{_threads(row.threads)}" for row in rows])
        # A strip below the last model keeps the limits' labels clear of the dots.
        axes.set_ylim(len(rows) - 0.1, -0.8)
    _limit(left, limit.p50_ms_below)
    _limit(right, limit.size_mb_below)
    left.set(xlim=(0, 1.15 * max(limit.p50_ms_below, longest)), xlabel="latency of one photo (ms); bar: median")
    largest = max(row.size_mb for row in rows)
    right.set(xlim=(0, max(1.3 * largest, 1.2 * limit.size_mb_below)), xlabel="size of the file (MB)")
    right.set_yticklabels([])
    left.set_title("How long a photo takes")
    right.set_title("What the phone must store")
    return figure


def threads(record: Record) -> Figure:
    """Median latency and its interval by threads, a line for each model, and fp32's ideal: divided by threads."""
    figure, axes = style.canvas("What more threads bring", "threads", "median latency (ms)", size=(6.4, 3.8))
    most = 1
    for variant in device.VARIANTS:
        if f"edge/{variant}-threads-1/latency" not in record.names():
            continue
        samples = device.by_threads(record, variant)
        found = [one.p50() for one in samples.values()]
        medians = np.array([one.value for one in found])
        low, high = np.transpose([style.ends(one) for one in found])
        # Side by side, so that no interval hides another.
        beside = [count + 0.02 * (device.VARIANTS.index(variant) - 1.5) for count in samples]
        axes.errorbar(
            beside,
            medians,
            np.maximum(0, [medians - low, high - medians]),
            fmt="o-",
            capsize=3,
            color=color(variant),
            label=variant,
        )
        if variant == "fp32":
            ideal = [medians[0] / count for count in samples]
            axes.plot(list(samples), ideal, THEORY, color=QUIET, lw=1, label="fp32, if every thread helped fully")
        most = max(most, *samples)
    axes.set(xticks=range(1, most + 1))
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def cold_start(results: Mapping[str, Mapping[str, Any]]) -> Figure:
    """A stacked bar of phases until the first answer (medians) for each model, and behind it a steady prediction."""
    figure, axes = style.canvas(
        "What the first user waits for",
        "from starting the process to the first answer (ms)",
        size=(9, 0.65 * len(results) + 1.7),
    )
    longest = 0.0
    for position, result in enumerate(results.values()):
        left = 0.0
        for phase in PHASES:
            length = float(np.median(result[f"{phase}_ms"]))
            label = phase.replace("_", " ") if position == 0 else None
            axes.barh(position, length, left=left, color=STAGE_COLOURS[phase], height=0.62, label=label)
            left += length
        steady = float(np.median(result["steady_ms"]))
        style.written_behind(axes, left, position, f"then {steady:.1f} ms")
        longest = max(longest, left)
    style.rows_down(axes, list(results))
    axes.set_xlim(0, 1.3 * longest)
    figure.legend(ncols=4, loc="outside lower center")
    return figure


def soaking(result: Mapping[str, Any]) -> Figure:
    """Latency over the time of a soak; below it temperature and clock, or in words why the board does not tell."""
    quantities = (
        ("temperature_c", "temperature (°C)", TEMPERATURE),
        ("clock_mhz", "clock (MHz)", CLOCK),
    )
    told = [each for each in quantities if np.isfinite(np.asarray(result[each[0]])).any()]
    layout = style.Panels(rows=1 + len(told), height_ratios=(2, *[1] * len(told)), share_x=True)
    figure, (latency, *below) = style.panels(layout, (9, 3.4 + 1.4 * len(told)))
    middle, p50, p95 = soak.over_time(result)
    latency.fill_between(middle, p50, p95, color=color("fp32"), alpha=0.25, lw=0, label="median to p95")
    latency.plot(middle, p50, color=color("fp32"), label="median")
    latency.set(ylim=(0, 1.25 * float(p95.max())), ylabel="latency (ms)")
    latency.legend(ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)  # above: the line is below
    latency.set_title(f"{len(result['latency_ms']):,} predictions in {result['seconds']:.0f} s")
    for axes, (name, label, colour) in zip(below, told, strict=True):
        axes.plot(result["board_s"], np.asarray(result[name]), ".-", color=colour)
        axes.margins(y=0.3)
        axes.set_ylabel(label)
    last = below[-1] if below else latency
    for moment, limit in zip(result["board_s"], result["limits"], strict=True):
        if limit:
            last.axvline(moment, color=TEMPERATURE, alpha=0.25)
    silent = [
        f"{label.partition(' (')[0]} not told here: {result['absent'].get(name, 'no reading')}"
        for name, label, _ in quantities
        if name not in [each[0] for each in told]
    ]
    if silent:
        figure.supxlabel("\n".join(silent), fontsize=SMALL, color=QUIET, x=0.01, ha="left")
    last.set(xlabel="seconds", xlim=(0, float(result["seconds"])))
    return figure


def cloud_or_edge(
    edge: Latency,
    server: Latency,
    sending_ms: Mapping[str, float],
    *,
    networks: Mapping[str, float] = NETWORKS_MS,
    crossing_ms: float | None = None,
    title: str = "Cloud or edge",
) -> Figure:
    """Total delay against round-trip time: the edge's flat line and the cloud's, for each way to send the photo.

    `sending_ms`: time to send by the name of what is sent; `networks`: round-trip times in ms to be marked, by name;
    `crossing_ms`: where the lines cross with nothing to send (None: by the two medians; 0 or less: nowhere).
    Both axes are logarithmic, so that a crossing at a millisecond and a far user's 150 ms can be read from one chart.
    """
    figure, axes = style.canvas(
        title, "round-trip time of the network (ms)", "until the user sees the class (ms)", size=(8, 4.8)
    )
    local, remote = edge.p50().value, server.p50().value
    bare = crossover.crossover(edge, server)
    if crossing_ms is not None and (bare.rtt_ms > 0 or crossing_ms > 0):
        bare = replace(bare, rtt_ms=crossing_ms)
    first = min([0.5, *(value / 2 for value in [bare.rtt_ms, *networks.values()] if value > 0)])
    rtt = np.geomspace(first, 1.6 * max([200.0, bare.rtt_ms, *networks.values()]), 300)
    axes.plot(rtt, np.full(rtt.size, local), color=HERE, label="on the device")
    for (what, sending), dashes in zip(sending_ms.items(), ("-", "--", ":"), strict=False):
        total = crossover.cloud_total_ms(rtt, remote, sending)
        axes.plot(rtt, total, linestyle=dashes, color=SERIES[0], label=f"cloud, {what}")
    style.logarithmic(axes, "x")
    style.logarithmic(axes, "y")
    axes.set_xlim(rtt[0], rtt[-1])
    axes.set_ylim(axes.get_ylim()[0] / 1.3, axes.get_ylim()[1] * 1.6)
    for name, value in networks.items():
        axes.axvline(value, color=NETWORK, lw=1.2, zorder=1.5)
        style.written_at(axes, value, 1.01, name, NETWORK)
    _crossing(axes, bare, local)
    figure.legend(ncols=2, loc="outside lower center")
    return figure


def browser(record: Record) -> Figure:
    """Median and interval of each model in the browser and natively; beside it what a first visitor waits for."""
    rows = results.rows(record)
    layout = style.Panels(columns=2, width_ratios=(3, 2))
    figure, (left, right) = style.panels(layout, (10, 0.85 * len(rows) + 2.4))
    longest = first = 0.0
    for position, row in enumerate(rows):
        shades = [("native", row.native, 0.45), (f"browser, {_threads(row.threads)}", row.browser, 1.0)]
        if row.threads > 1:
            shades.append(("browser, 1 thread", row.one_thread, 0.7))
        shown = [each for each in shades if each[1] is not None]
        for place, (name, estimate, alpha) in enumerate(shown):
            assert estimate is not None
            y = position + 0.27 * (place - (len(shown) - 1) / 2)
            left.barh(y, estimate.value, color=color(row.variant), alpha=alpha, height=0.24)
            low, high = style.ends(estimate)
            left.plot([low, high], [y, y], color=INK, linewidth=1.4, solid_capstyle="butt")
            style.written_behind(left, high, y, f"{style.short(estimate.value)}  {name}")
            longest = max(longest, high)
        start = 0.0
        for phase in PAGE_PHASES:
            length = row.phases_ms[phase]
            label = phase.replace("_", " ") if position == 0 else None
            right.barh(position, length, left=start, color=STAGE_COLOURS[PAGE_STAGES[phase]], height=0.6, label=label)
            start += length
        style.written_behind(right, start, position, f"{start:.0f}")
        first = max(first, start)
    style.rows_down(left, [row.variant for row in rows])
    style.rows_down(right, [row.variant for row in rows])
    left.set(xlim=(0, 1.5 * longest), xlabel="one photo, warm (ms); line: 95 % interval")
    right.set(xlim=(0, 1.25 * first), xlabel="until the first answer (ms)", yticklabels=[])
    left.set_title("In the browser and beside it")
    right.set_title("A first visit")
    figure.legend(ncols=4, loc="outside lower right")
    return figure


def _crossing(axes: Axes, bare: crossover.Crossover, local_ms: float) -> None:
    """The point where device and cloud take equally long, with its interval; in words where there is none."""
    if bare.rtt_ms <= 0:
        text = "with nothing to send, the device answers before the server even without a network"
        if bare.high_ms > 0:
            text = "with nothing to send, device and server are too close to tell which is the faster one"
        # On white, so that no network's line strikes it through.
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        axes.annotate(text, (0.02, 0.02), xycoords="axes fraction", va="bottom", fontsize=SMALL, bbox=box)
        return
    axes.axvspan(max(axes.get_xlim()[0], bare.low_ms), bare.high_ms, color=QUIET, alpha=0.2, lw=0)
    axes.plot(bare.rtt_ms, local_ms, "o", color=INK)


def _limit(axes: Axes, value: float) -> None:
    style.limit_line(axes, value)
    style.written_at(axes, value, 0.01, f"target: below {value:g} ", TARGET, "right")


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"
