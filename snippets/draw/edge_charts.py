"""Pictures of the edge lab, drawn from the record alone. matplotlib figures; the caller saves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.decide.targets import target
from snippets.draw import charts
from snippets.edge import crossover, device, soak
from snippets.edge.cold_start import PHASES
from snippets.record.read import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The same file has the same colour as in Part 1.
COLOURS = {"fp32": charts.color("onnx-all"), **{name: charts.color(name) for name in device.VARIANTS[1:]}}
PHASE_COLOURS = ("#bbbbbb", "#0072B2", "#56B4E9", "#D55E00")
INK, QUIET, WARM, COOL = charts.INK, "#777777", "#D55E00", "#009E73"


def latency_and_size(record: Record) -> Figure:
    """Every latency sample of each model beside its size, with the manager's limits as dashed lines."""
    rows, limit = device.table(record), target(device.DEVICE)
    figure, (left, right) = _figure(1, 2, (10, 3.6), width_ratios=[2, 1])
    dice = np.random.default_rng(0)
    longest = 0.0
    for position, row in enumerate(rows):
        samples = device.by_threads(record, row.variant)[row.threads]
        shift = dice.uniform(-0.28, 0.28, samples.size)
        left.plot(samples, position + shift, ".", color=COLOURS[row.variant], alpha=0.5, markersize=4.5, mew=0)
        left.plot([row.p50.value] * 2, [position - 0.36, position + 0.36], color=INK, lw=2)
        label = left.annotate(
            f"{row.p50.value:.2f}", (row.p50.value, position - 0.38), ha="center", va="bottom", fontsize=9, color=INK
        )
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8})
        right.barh(position, row.size_mb, color=COLOURS[row.variant], height=0.6)
        right.annotate(f" {row.size_mb:.2f}", (row.size_mb, position), va="center", fontsize=9, color=INK)
        longest = max(longest, row.p95_ms)
    assert limit.p50_ms_below is not None and limit.size_mb_below is not None
    _limit(left, limit.p50_ms_below)
    _limit(right, limit.size_mb_below)
    left.set(xlim=(0, max(1.15 * limit.p50_ms_below, 1.15 * longest)), xlabel="latency of one photo (ms); bar: median")
    right.set(xlim=(0, max(1.3 * max(row.size_mb for row in rows), 6)), xlabel="size of the file (MB)")
    for axes in (left, right):
        axes.set_yticks(range(len(rows)), [f"{row.variant}\n{_threads(row.threads)}" for row in rows])
        # A strip below the last model keeps the limits' labels clear of the dots.
        axes.set_ylim(len(rows) - 0.1, -0.7)
    right.set_yticklabels([])
    left.set_title("How long a photo takes", loc="left")
    right.set_title("What the phone must store", loc="left")
    return figure


def threads(record: Record) -> Figure:
    """Median latency against the number of threads, a line for each model, and the ideal of fp32 halved by two."""
    figure, (axes,) = _figure(1, 1, (6.4, 3.8))
    most = 1
    for variant in device.VARIANTS:
        if f"edge/{variant}-threads-1/latency" not in record.names():
            continue
        samples = device.by_threads(record, variant)
        counts = list(samples)
        medians = [float(np.median(values)) for values in samples.values()]
        axes.plot(counts, medians, "o-", color=COLOURS[variant], label=variant)
        if variant == "fp32":
            ideal = [medians[0] / count for count in counts]
            axes.plot(counts, ideal, ":", color=QUIET, label="fp32, if every thread helped fully")
        most = max(most, *counts)
    axes.set(xlabel="threads", ylabel="median latency (ms)", xticks=range(1, most + 1))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9)
    axes.set_title("What more threads bring", loc="left")
    return figure


def cold_start(results: dict[str, dict[str, Any]]) -> Figure:
    """Stacked bars of the phases until the first answer (medians), a steady prediction below each, by model."""
    figure, (axes,) = _figure(1, 1, (9, 0.65 * len(results) + 1.7))
    for position, result in enumerate(results.values()):
        left = 0.0
        for phase, colour in zip(PHASES, PHASE_COLOURS, strict=True):
            length = float(np.median(result[f"{phase}_ms"]))
            label = phase.replace("_", " ") if position == 0 else None
            axes.barh(position, length, left=left, color=colour, height=0.55, label=label)
            left += length
        steady = float(np.median(result["steady_ms"]))
        axes.annotate(f" {left:.0f} ms; then {steady:.1f} ms", (left, position), va="center", fontsize=9, color=INK)
    axes.set_yticks(range(len(results)), list(results))
    axes.set_ylim(len(results) - 0.5, -0.5)
    longest = max(sum(float(np.median(result[f"{phase}_ms"])) for phase in PHASES) for result in results.values())
    axes.set_xlim(0, 1.3 * longest)
    axes.set_xlabel("from starting the process to the first answer (ms)")
    figure.legend(frameon=False, fontsize=9, ncols=4, loc="outside lower center")
    axes.set_title("What the first user waits for", loc="left")
    return figure


def soaking(result: dict[str, Any]) -> Figure:
    """Latency over the time of a soak; below it temperature and clock, or why the board does not tell them."""
    figure, panels = _figure(3, 1, (9, 6), height_ratios=[2, 1, 1], sharex=True)
    middle, median, p95 = soak.over_time(result)
    panels[0].fill_between(middle, median, p95, color=COLOURS["fp32"], alpha=0.25, lw=0, label="median to p95")
    panels[0].plot(middle, median, color=COLOURS["fp32"], label="median")
    panels[0].set_ylim(0, 1.25 * float(p95.max()))
    panels[0].set_ylabel("latency (ms)")
    panels[0].legend(frameon=False, fontsize=9, ncols=2, loc="lower right")
    panels[0].set_title(f"{len(result['latency_ms']):,} predictions in {result['seconds']:.0f} s", loc="left")
    _told(panels[1], result, "temperature_c", "temperature (°C)", WARM)
    _told(panels[2], result, "clock_mhz", "clock (MHz)", COOL)
    for time, limit in zip(result["board_s"], result["limits"], strict=True):
        if limit:
            panels[2].axvline(time, color=WARM, alpha=0.25, lw=2)
    panels[2].set(xlabel="seconds", xlim=(0, float(result["seconds"])))
    return figure


def cloud_or_edge(
    edge_ms: np.ndarray, server_ms: np.ndarray, sending_ms: float, *, measured_rtt_ms: float | None = None
) -> Figure:
    """Total delay against round-trip time: the edge's flat line and the cloud's, without and with sending the photo."""
    figure, (axes,) = _figure(1, 1, (8, 4.2))
    local, server = float(np.median(edge_ms)), float(np.median(server_ms))
    bare = crossover.crossover(edge_ms, server_ms)
    span = max(3 * abs(bare.rtt_ms), 2 * local, 1.3 * (measured_rtt_ms or 0), 10.0)
    rtt = np.linspace(0, span, 200)
    axes.axhline(local, color=WARM, lw=2)
    axes.annotate("on the device", (span, local), ha="right", va="bottom", color=WARM)
    for sending, style, label in ((0.0, "-", "cloud, photo of no size"), (sending_ms, "--", "cloud, photo sent")):
        axes.plot(rtt, crossover.cloud_total_ms(rtt, server, sending), style, color=COLOURS["fp32"], label=label)
    if bare.rtt_ms > 0:
        axes.axvspan(max(0.0, bare.low_ms), bare.high_ms, color=QUIET, alpha=0.2, lw=0)
        axes.plot(bare.rtt_ms, local, "o", color=INK)
        axes.annotate(
            f" crossover at {bare.rtt_ms:.1f} ms",
            (bare.rtt_ms, local),
            va="top",
            xytext=(4, -6),
            textcoords="offset points",
            color=INK,
        )
    else:
        axes.annotate(
            "the device answers before the server even without a network",
            (0.02, 0.95),
            xycoords="axes fraction",
            va="top",
            color=INK,
        )
    if measured_rtt_ms is not None:
        axes.axvline(measured_rtt_ms, color=COOL, lw=1)
        axes.annotate(f" your network: {measured_rtt_ms:.1f} ms", (measured_rtt_ms, 0), va="bottom", color=COOL)
    top = float(crossover.cloud_total_ms(span, server, sending_ms))
    axes.set(
        xlim=(0, span),
        ylim=(0, 1.1 * max(top, local)),
        xlabel="round-trip time of the network (ms)",
        ylabel="until the user sees the class (ms)",
    )
    figure.legend(frameon=False, fontsize=9, ncols=2, loc="outside lower center")
    axes.set_title("Cloud or edge", loc="left")
    return figure


def _told(axes: Axes, result: dict[str, Any], name: str, label: str, colour: str) -> None:
    """A board's quantity over time, or the reason for its absence in words."""
    values = np.asarray(result[name])
    if np.isfinite(values).any():
        axes.plot(result["board_s"], values, ".-", color=colour)
        axes.margins(y=0.3)
    else:
        axes.annotate(
            f"not told here: {result['absent'].get(name, 'no reading')}",
            (0.01, 0.5),
            va="center",
            xycoords="axes fraction",
            color=QUIET,
            fontsize=9,
        )
        axes.set_yticks([])
    axes.set_ylabel(label)


def _limit(axes: Axes, value: float) -> None:
    axes.axvline(value, color=charts.TARGET, ls="--", lw=1)
    axes.annotate(
        f"target: below {value:g} ",
        (value, 0.01),
        xycoords=("data", "axes fraction"),
        fontsize=9,
        color=charts.TARGET,
        ha="right",
        va="bottom",
    )


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _figure(rows: int, columns: int, size: tuple[float, float], **options: Any) -> tuple[Figure, list[Axes]]:
    from matplotlib import pyplot

    pyplot.rcParams.update(charts.STYLE)  # type: ignore[arg-type]
    shared = {"sharex": options.pop("sharex", False)}
    figure, axes = pyplot.subplots(
        rows, columns, figsize=size, layout="constrained", gridspec_kw=options or None, squeeze=False, **shared
    )
    pyplot.close(figure)
    found = list(axes.ravel())
    for each in found:
        each.grid(axis="y", visible=False)
    return figure, found
