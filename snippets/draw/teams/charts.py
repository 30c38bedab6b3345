"""Charts of several teams on one platform: visitors beside a neighbour that goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.draw import style
from snippets.draw.style import INK, SERIES, TARGET
from snippets.teams.visitors import hurt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Seen = Mapping[str, Any]


def outages(seen: Mapping[str, Mapping[str, Seen]], title: str) -> Figure:
    """Visitors of the good model: a row for each fault, a column for each layout, a point for each visitor by when he
    came and how long he waited; a cross for who got an error. `seen`: fault -> layout -> `isolation.measure`."""
    layouts = list(next(iter(seen.values())))
    layout = style.Panels(rows=len(seen), columns=len(layouts), share_x=True, share_y=True)
    figure, panels = style.panels(layout, (9, 1.2 + 1.9 * len(seen)), title)
    for place, (fault, each) in enumerate(seen.items()):
        for column, name in enumerate(layouts):
            axes, one = panels[place * len(layouts) + column], each[name]
            came, waited, ok = (np.asarray(one[field]) for field in ("started_s", "latency_ms", "ok"))
            axes.plot(came[ok], waited[ok], ".", color=SERIES[0], ms=5, label="answered")
            axes.plot(came[~ok], waited[~ok], "x", color=TARGET, ms=6, mew=1.6, label="error")
            axes.axvline(one["fault_s"], color=INK, lw=1, ls=style.TAIL, label="the neighbour goes wrong")
            found = hurt(one)
            axes.set_title(f"{fault}, {name}: {found.failed} errors, {found.late} late", fontweight="normal")
            style.logarithmic(axes, "y")
            if place == len(seen) - 1:
                axes.set_xlabel("came at (s)")
            if column == 0:
                axes.set_ylabel("waited (ms)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=3, loc="outside lower center")
    return figure
