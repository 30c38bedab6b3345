"""What a matplotlib figure shows, in words: for who cannot see it, and as the caption under it.

    title, description = alt_text(figure)
    -> "Latency of one photo", "Latency of one photo: milliseconds, for eager, compiled; showing p50, p95."

The words are the figure's own, its titles, axes, categories and series; its numbers are in the tables beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMES = 12
MOST_PANELS = 6


def alt_text(figure: Figure) -> tuple[str, str]:
    """(title, description) of a figure; both are empty for one without a word on it."""
    top = _line(figure.get_suptitle())
    panels = [axes for axes in figure.axes if axes.has_data() and axes.get_label() != "<colorbar>"]
    titles = [_title(axes) for axes in panels]
    if panels and all(axes.images and not axes.axison for axes in panels):
        described = [f"{len(panels)} pictures: {_names(titles)}" if len(panels) > 1 else titles[0]]
    else:
        described = list(filter(None, map(_panel, panels[:MOST_PANELS])))
    title = top or next(filter(None, titles), "")
    sentences = [top, *described]
    return title, " ".join(one if one.endswith((".", "?", "!")) else f"{one}." for one in sentences if one)


def _panel(axes: Axes) -> str:
    """What one panel shows: its title, what is drawn against what, for which categories, in which series."""
    across, up = _line(axes.get_xlabel()), _line(axes.get_ylabel())
    drawn = f"{up} against {across}" if across and up else across or up
    categories = _words(label.get_text() for axis in (axes.xaxis, axes.yaxis) for label in axis.get_ticklabels())
    legend = axes.get_legend()
    labels = [text.get_text() for text in legend.get_texts()] if legend else axes.get_legend_handles_labels()[1]
    series = [name for name in dict.fromkeys(map(_line, labels)) if name and name not in categories]
    said = drawn
    said += f"{', ' if said else ''}for {_names(categories)}" if categories else ""
    said += f"{'; ' if said else ''}showing {_names(series)}" if series else ""
    return ": ".join(filter(None, (_title(axes), said)))


def _title(axes: Axes) -> str:
    places: tuple[Any, ...] = ("left", "center", "right")
    return next(filter(None, (_line(axes.get_title(loc=place)) for place in places)), "")


def _words(labels: Iterable[str]) -> list[str]:
    """The labels that name something; a scale's numbers, which may be written as formulas, do not."""
    named = (name for name in labels if "$" not in name and any(map(str.isalpha, name.replace("e", ""))))
    return list(dict.fromkeys(map(_line, named)))


def _names(names: Iterable[str]) -> str:
    named = list(filter(None, dict.fromkeys(names)))
    more = len(named) - MOST_NAMES
    return ", ".join(named[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _line(text: str) -> str:
    return " ".join(text.replace("$", "").split())
