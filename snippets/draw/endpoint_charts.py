"""Pictures of the endpoint lab, drawn from the record's samples. matplotlib figures; the caller saves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import stats
from snippets.draw import charts
from snippets.serve.stages import STAGES, account

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Load = Mapping[str, Any]
STAGE_COLOURS = {
    "decode": "#56B4E9",
    "preprocess": "#009E73",
    "queue": "#E69F00",
    "inference": "#0072B2",
    "postprocess": "#CC79A7",
    "transport": "#BBBBBB",
}
STAGE_NAMES = {"queue": "waiting for the model", "transport": "network, HTTP and client"}


def good_ms(load: Load) -> np.ndarray:
    """Latencies of the successes, ms."""
    return np.asarray(load["latency_ms"])[np.asarray(load["ok"], dtype=bool)]


def waiting(loads: Mapping[str, Load]) -> Figure:
    """How the latencies of each load are distributed: the share of requests answered within a time."""
    figure, axes = charts.canvas("How long users wait", "latency (ms)", "answered by then (%)", size=(7.5, 4.0))
    for position, (name, load) in enumerate(loads.items()):
        values = np.sort(good_ms(load))
        shares = np.arange(1, values.size + 1) / values.size * 100
        axes.plot(values, shares, drawstyle="steps-post", color=charts.color(name, position), label=name)
    for percent in (50, 95):
        axes.axhline(percent, color=charts.INK, lw=0.8, ls=":")
        axes.annotate(f"p{percent}", (1.005, percent), xycoords=("axes fraction", "data"), va="center", fontsize=9)
    ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [str(tick) for tick in shown])
    axes.minorticks_off()
    axes.set_ylim(0, 101)
    figure.legend(fontsize=9, ncols=2, loc="outside lower center")
    return _closed(figure)


def where_time_goes(loads: Mapping[str, Load]) -> Figure:
    """Stacked bars of the mean milliseconds of a request by stage, a bar for each load."""
    figure, axes = charts.canvas("Where the time goes", "mean time of a request (ms)", size=(9, 0.7 * len(loads) + 1.7))
    for position, load in enumerate(loads.values()):
        left = 0.0
        spent = account(dict(load))
        for stage in (*STAGES, "transport"):
            label = STAGE_NAMES.get(stage, stage) if position == 0 else None
            axes.barh(position, spent[stage], left=left, color=STAGE_COLOURS[stage], height=0.6, label=label)
            left += spent[stage]
        axes.annotate(f" {left:.0f} ms", (left, position), va="center", fontsize=9)
    axes.set_yticks(range(len(loads)), list(loads))
    axes.set_ylim(len(loads) - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.grid(axis="y", visible=False)
    figure.legend(fontsize=9, ncols=3, loc="outside lower center")
    return _closed(figure)


def _closed(figure: Figure) -> Figure:
    """The figure, out of pyplot's hands: a notebook would else show it a second time."""
    from matplotlib import pyplot

    pyplot.close(figure)
    return figure


def table(loads: Mapping[str, Load]) -> str:
    """Markdown: requests per second, failures, median with its interval and p95 of each load."""
    heading = "| service | clients | requests/s | failures | p50 (ms), 95 % interval | p95 (ms) |"
    lines = [heading, "|---|---|---|---|---|---|"]
    for name, load in loads.items():
        values = good_ms(load)
        middle = stats.median(values)
        lines.append(
            f"| {name.rpartition(',')[0]} | {load['clients']} | {load['requests_per_s']:.1f} | {load['failures']} | "
            f"{middle.value:.1f} ({middle.low:.1f} to {middle.high:.1f}) | {stats.percentile(values, 95):.1f} |"
        )
    return "\n".join(lines)
