"""Charts of the edge lab, drawn from the record alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.decide.targets import target
from snippets.draw import style
from snippets.draw.style import INK, LIMIT, QUIET, SERIES, SMALL, STAGE_COLOURS, TARGET, THEORY, color
from snippets.edge import crossover, device, soak
from snippets.edge.cold_start import PHASES
from snippets.record.read import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEMPERATURE, CLOCK, HERE, NETWORK = SERIES[2], SERIES[1], SERIES[2], SERIES[1]


def latency_and_size(record: Record) -> Figure:
    """Every latency sample of each model beside its size, with the manager's limits as dashed lines."""
    rows, limit = device.verdicts(record), target(device.DEVICE)
    figure, (left, right) = style.panels(style.Panels(columns=2, width_ratios=(2, 1)), (10, 3.6))
    assert limit.p50_ms_below is not None and limit.size_mb_below is not None
    dice = np.random.default_rng(0)
    for position, row in enumerate(rows):
        samples = device.by_threads(record, row.variant)[row.threads]
        shift = dice.uniform(-0.28, 0.28, samples.size)
        left.plot(samples, position + shift, ".", color=color(row.variant), alpha=0.5, mew=0)
        left.plot([row.p50.value] * 2, [position - 0.36, position + 0.36], color=INK)
        style.written_above(left, row.p50.value, position - 0.38, f"{row.p50.value:.2f}")
        right.barh(position, row.size_mb, color=color(row.variant), height=0.62)
        style.written_behind(right, row.size_mb, position, f"{row.size_mb:.2f}")
    for axes in (left, right):
        style.rows_down(axes, [f"{row.variant}\n{_threads(row.threads)}" for row in rows])
        # A strip below the last model keeps the limits' labels clear of the dots.
        axes.set_ylim(len(rows) - 0.1, -0.8)
    _limit(left, limit.p50_ms_below)
    _limit(right, limit.size_mb_below)
    longest = max(row.p95_ms for row in rows)
    left.set(xlim=(0, 1.15 * max(limit.p50_ms_below, longest)), xlabel="latency of one photo (ms); bar: median")
    largest = max(row.size_mb for row in rows)
    right.set(xlim=(0, max(1.3 * largest, 1.2 * limit.size_mb_below)), xlabel="size of the file (MB)")
    right.set_yticklabels([])
    left.set_title("How long a photo takes")
    right.set_title("What the phone must store")
    return figure


def threads(record: Record) -> Figure:
    """Median latency against the number of threads, a line for each model, and the ideal of fp32 halved by two."""
    figure, axes = style.canvas("What more threads bring", "threads", "median latency (ms)", size=(6.4, 3.8))
    most = 1
    for variant in device.VARIANTS:
        if f"edge/{variant}-threads-1/latency" not in record.names():
            continue
        samples = device.by_threads(record, variant)
        medians = [float(np.median(values)) for values in samples.values()]
        axes.plot(list(samples), medians, "o-", color=color(variant), label=variant)
        if variant == "fp32":
            ideal = [medians[0] / count for count in samples]
            axes.plot(list(samples), ideal, THEORY, color=QUIET, lw=1, label="fp32, if every thread helped fully")
        most = max(most, *samples)
    axes.set(xticks=range(1, most + 1))
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def cold_start(results: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Stacked bars of the phases until the first answer (medians), a steady prediction below each, by model."""
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
        style.written_behind(axes, left, position, f"{left:.0f} ms; then {steady:.1f} ms")
        longest = max(longest, left)
    style.rows_down(axes, list(results))
    axes.set_xlim(0, 1.3 * longest)
    figure.legend(ncols=4, loc="outside lower center")
    return figure


def soaking(result: Mapping[str, Any]) -> Figure:
    """Latency over the time of a soak; below it temperature and clock, or why the board does not tell them."""
    layout = style.Panels(rows=3, height_ratios=(2, 1, 1), share_x=True)
    figure, (latency, temperature, clock) = style.panels(layout, (9, 6))
    middle, median, p95 = soak.over_time(result)
    latency.fill_between(middle, median, p95, color=color("fp32"), alpha=0.25, lw=0, label="median to p95")
    latency.plot(middle, median, color=color("fp32"), label="median")
    latency.set(ylim=(0, 1.25 * float(p95.max())), ylabel="latency (ms)")
    latency.legend(ncols=2, loc="lower right")
    latency.set_title(f"{len(result['latency_ms']):,} predictions in {result['seconds']:.0f} s")
    _told(temperature, result, "temperature_c", "temperature (°C)", TEMPERATURE)
    _told(clock, result, "clock_mhz", "clock (MHz)", CLOCK)
    for moment, limit in zip(result["board_s"], result["limits"], strict=True):
        if limit:
            clock.axvline(moment, color=TEMPERATURE, alpha=0.25)
    clock.set(xlabel="seconds", xlim=(0, float(result["seconds"])))
    return figure


def cloud_or_edge(
    edge_ms: np.ndarray, server_ms: np.ndarray, sending_ms: float, *, measured_rtt_ms: float | None = None
) -> Figure:
    """Total delay against round-trip time: the edge's flat line and the cloud's, without and with sending the photo."""
    figure, axes = style.canvas(
        "Cloud or edge", "round-trip time of the network (ms)", "until the user sees the class (ms)", size=(8, 4.2)
    )
    local, server = float(np.median(edge_ms)), float(np.median(server_ms))
    bare = crossover.crossover(edge_ms, server_ms)
    span = max(3 * abs(bare.rtt_ms), 2 * local, 1.3 * (measured_rtt_ms or 0), 10.0)
    rtt = np.linspace(0, span, 200)
    axes.axhline(local, color=HERE, label="on the device")
    for sending, dashes, label in ((0.0, "-", "cloud, photo of no size"), (sending_ms, "--", "cloud, photo sent")):
        axes.plot(rtt, crossover.cloud_total_ms(rtt, server, sending), dashes, color=SERIES[0], label=label)
    _crossing(axes, bare, local)
    if measured_rtt_ms is not None:
        axes.axvline(measured_rtt_ms, color=NETWORK, lw=1)
        axes.annotate(f" your network: {measured_rtt_ms:.1f} ms", (measured_rtt_ms, 0), va="bottom", color=NETWORK)
    top = float(crossover.cloud_total_ms(span, server, sending_ms))
    axes.set(xlim=(0, span), ylim=(0, 1.1 * max(top, local)))
    figure.legend(ncols=3, loc="outside lower center")
    return figure


def _crossing(axes: Axes, bare: crossover.Crossover, local_ms: float) -> None:
    """The point where device and cloud take equally long, with its interval; in words where there is none."""
    if bare.rtt_ms <= 0:
        text = "the device answers before the server even without a network"
        axes.annotate(text, (0.02, 0.95), xycoords="axes fraction", va="top")
        return
    axes.axvspan(max(0.0, bare.low_ms), bare.high_ms, color=QUIET, alpha=0.2, lw=0)
    axes.plot(bare.rtt_ms, local_ms, "o", color=INK)
    axes.annotate(
        f"crossover at {bare.rtt_ms:.1f} ms",
        (bare.rtt_ms, local_ms),
        xytext=(10, 22),
        textcoords="offset points",
        va="bottom",
    )


def _told(axes: Axes, result: Mapping[str, Any], name: str, label: str, colour: str) -> None:
    """A board's quantity over time, or the reason for its absence in words."""
    values = np.asarray(result[name])
    axes.set_ylabel(label)
    if np.isfinite(values).any():
        axes.plot(result["board_s"], values, ".-", color=colour)
        axes.margins(y=0.3)
        return
    text = f"not told here: {result['absent'].get(name, 'no reading')}"
    axes.annotate(text, (0.01, 0.5), va="center", xycoords="axes fraction", color=QUIET, fontsize=SMALL)
    axes.set_yticks([])


def _limit(axes: Axes, value: float) -> None:
    axes.axvline(value, color=TARGET, linestyle=LIMIT, lw=1.4)
    axes.annotate(
        f"target: below {value:g} ",
        (value, 0.01),
        xycoords=("data", "axes fraction"),
        fontsize=SMALL,
        color=TARGET,
        ha="right",
        va="bottom",
    )


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"
