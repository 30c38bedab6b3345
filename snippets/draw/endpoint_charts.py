"""Charts of the endpoint lab, drawn from the record's samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from snippets import stats
from snippets.draw import style
from snippets.draw.style import STAGE_COLOURS
from snippets.serve.stages import STAGES, account

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Load = Mapping[str, Any]
STAGE_NAMES = {"queue": "waiting for the model", "transport": "network, HTTP and client"}
# More clients than one are told apart by their dashes: the colour is that of the engine.
DASHES = ("-", "--", ":", "-.")


def waiting(loads: Mapping[str, Load]) -> Figure:
    """How the latencies of each load are distributed: the share of requests answered within a time.

    A load's name ends with its engine and clients ("FastAPI, ONNX, 16 clients"): engines have colours, clients dashes,
    and so have other services, and the arrivals of an open loop.
    """
    figure, axes = style.canvas(
        "How long users wait", "latency (ms), logarithmic", "requests answered by then (%)", size=(7.5, 4.0)
    )
    # An open loop's clients are whoever comes.
    clients = sorted({load.get("clients", math.inf) for load in loads.values()})
    others = list(dict.fromkeys(name.rpartition(", ")[0] for name in loads))
    for position, (name, load) in enumerate(loads.items()):
        engine = next((part for part in name.split(", ") if part in style.MODEL_COLOURS), name)
        dashes = DASHES[clients.index(load.get("clients", math.inf)) % len(DASHES)]
        service = name.rpartition(", ")[0]
        colour = style.color(engine, others.index(service) if service else position)
        style.cumulative(axes, stats.good_ms(load), name, colour, dashes)
    style.logarithmic(axes, "x")
    style.level_lines(axes, (50, 95))
    axes.set_ylim(0, 103)
    figure.legend(ncols=2, loc="outside lower center")
    return figure


def where_time_goes(loads: Mapping[str, Load]) -> Figure:
    """Stacked bars of a request's mean time by stage, a bar for each load: in milliseconds, and as shares of it."""
    figure, (left, right) = style.panels(
        style.Panels(columns=2, share_y=True, width_ratios=(5, 4)), (9, 0.7 * len(loads) + 1.9)
    )
    for position, load in enumerate(loads.values()):
        spent = account(load)
        whole = sum(spent.values())
        for axes, scale in ((left, 1.0), (right, 100 / whole)):
            start = 0.0
            for stage in (*STAGES, "transport"):
                label = STAGE_NAMES.get(stage, stage) if position == 0 and axes is left else None
                width = spent[stage] * scale
                axes.barh(position, width, left=start, color=STAGE_COLOURS[stage], height=0.62, label=label)
                start += width
        style.written_behind(left, whole, position, f"{whole:.0f} ms")
    for axes in (left, right):
        style.rows_down(axes, list(loads))
    left.margins(x=0.16)
    left.set_xlabel("mean time of a request (ms)")
    left.set_title("Where the time goes")
    right.set(xlabel="share of the request (%)", xlim=(0, 100))
    figure.legend(ncols=3, loc="outside lower center")
    return figure


def omission(loads: Mapping[str, Mapping[str, Load]]) -> Figure:
    """The share of requests that were answered within a time, by where the time counts from, a colour for each load.

    `loads`: by name, then "yours" with `from_due_ms` and `from_sending_ms`.
    """
    figure, axes = style.canvas(
        "From when is a latency counted?", "latency (ms), logarithmic", "requests answered by then (%)", size=(7.5, 4.0)
    )
    for position, (name, load) in enumerate(loads.items()):
        colour = style.SERIES[position]
        style.cumulative(axes, load["yours"]["from_due_ms"], f"{name}, from when due", colour)
        style.cumulative(axes, load["yours"]["from_sending_ms"], f"{name}, from the sending", colour, "--")
    style.logarithmic(axes, "x")
    style.level_lines(axes, (50, 95))
    axes.set_ylim(0, 103)
    figure.legend(ncols=2, loc="outside lower center")
    return figure
