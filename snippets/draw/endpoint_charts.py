"""Charts of the endpoint lab, drawn from the record's samples."""

from __future__ import annotations

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

    A load's name ends with its engine and clients ("FastAPI, ONNX, 16 clients"): engines have colours, clients dashes.
    """
    figure, axes = style.canvas(
        "How long users wait", "latency (ms), logarithmic", "requests answered by then (%)", size=(7.5, 4.0)
    )
    clients = sorted({load["clients"] for load in loads.values()})
    for position, (name, load) in enumerate(loads.items()):
        engine = next((part for part in name.split(", ") if part in style.MODEL_COLOURS), name)
        dashes = DASHES[clients.index(load["clients"]) % len(DASHES)]
        colour = style.color(engine, position)
        style.cumulative(axes, stats.good_ms(load), name, colour, dashes)
    style.logarithmic(axes, "x")
    style.level_lines(axes, (50, 95))
    axes.set_ylim(0, 103)
    figure.legend(ncols=2, loc="outside lower center")
    return figure


def where_time_goes(loads: Mapping[str, Load]) -> Figure:
    """Stacked bars of the mean milliseconds of a request by stage, a bar for each load."""
    figure, axes = style.canvas("Where the time goes", "mean time of a request (ms)", size=(9, 0.7 * len(loads) + 1.7))
    for position, load in enumerate(loads.values()):
        left = 0.0
        spent = account(load)
        for stage in (*STAGES, "transport"):
            label = STAGE_NAMES.get(stage, stage) if position == 0 else None
            axes.barh(position, spent[stage], left=left, color=STAGE_COLOURS[stage], height=0.62, label=label)
            left += spent[stage]
        style.written_behind(axes, left, position, f"{left:.0f} ms")
    style.rows_down(axes, list(loads))
    axes.margins(x=0.12)
    figure.legend(ncols=3, loc="outside lower center")
    return figure
