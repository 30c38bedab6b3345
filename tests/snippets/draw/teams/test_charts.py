"""What the charts of teams show."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from snippets.alt_text import alt_text
from snippets.draw.teams import charts

LAYOUTS = ("one process", "one each")


def seen(failed: int) -> dict[str, Any]:
    """Ten visitors in a second, each answered after 10 ms; those from the sixth on, so many, got an error."""
    ok = np.ones(10, dtype=bool)
    ok[5 : 5 + failed] = False
    waited = np.full(10, 10.0)
    return {"started_s": np.arange(10) / 10, "latency_ms": waited, "ok": ok, "fault_s": 0.45, "seconds": 1.0}


FOUND = {fault: {"one process": seen(2), "one each": seen(0)} for fault in ("crash", "hang")}


def test_each_visitor_is_a_point_or_a_cross_in_the_panel_of_its_fault_and_layout() -> None:
    figure = charts.outages(FOUND, "Visitors")
    assert len(figure.axes) == 4
    answered, errors, fault = figure.axes[0].get_lines()
    assert len(answered.get_xdata()) == 8 and list(errors.get_xdata()) == pytest.approx([0.5, 0.6])
    assert list(fault.get_xdata()) == [0.45, 0.45]
    assert [len(line.get_xdata()) for line in figure.axes[1].get_lines()[:2]] == [10, 0]
    assert figure.axes[2].get_title(loc="left") == "hang, one process: 2 errors, 0 late"
    plt.close(figure)


def test_the_chart_is_told_in_words() -> None:
    figure = charts.outages(FOUND, "Visitors of the good model")
    title, words = alt_text(figure)
    assert title == "Visitors of the good model"
    assert all(name in words for name in ("crash, one process: 2 errors, 0 late", "hang, one each", "waited (ms)"))
    plt.close(figure)
