"""The charts of a plan: pictures that load nothing, the same again, with what they claim written on them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as xml

import pytest

from reserve.plan.change.simulate import ByDay, Simulation
from reserve.plan.show import charts
from reserve.plan.solve.baselines import first_come_first_served
from tests.reserve.plan.small import inputs

COURSE = inputs(4, days=4).course()
BOOKINGS = first_come_first_served(COURSE)
RESULT = Simulation(5, 4, 1.0, (ByDay(0, 0.5, 0.4, 0.6, 0.2, 0.0, 0.5), ByDay(1, 1.0, 1.0, 1.0, 1.0, 0.6, 1.0)))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.load_chart(COURSE, BOOKINGS),
        lambda: charts.finish_chart(COURSE, BOOKINGS),
        lambda: charts.wait_chart(COURSE, BOOKINGS),
        lambda: charts.simulation_chart(RESULT),
    ],
    ids=["load", "finish", "wait", "simulation"],
)
def test_a_chart_is_one_svg_that_loads_nothing_and_is_the_same_again(draw) -> None:
    text = draw()
    assert xml.fromstring(text).tag.endswith("svg")
    assert not re.search(r'(href|src)="(?!#)', text)
    assert draw() == text


def test_nothing_planned_is_drawn_too() -> None:
    assert charts.load_chart(COURSE, ()).startswith("<svg") and charts.wait_chart(COURSE, ()).startswith("<svg")


def words(chart: str) -> list[str]:
    """The texts of a chart in the order of drawing: its letters are outlines, and a comment says what they spell."""
    return re.findall(r"<!-- (.+?) -->", chart)


def test_the_load_has_a_row_for_each_kind_of_hardware() -> None:
    kinds = [f"{pool.key} ({pool.hardware.part})" for pool in COURSE.pools]
    written = words(charts.load_chart(COURSE, BOOKINGS))
    assert [text for text in written if text.endswith(")")] == kinds
    assert written.count("nodes") == len(kinds) + 1, "an axis each, and the legend's line"


def test_the_finish_chart_counts_who_finished() -> None:
    written = words(charts.finish_chart(COURSE, BOOKINGS))
    assert "plan: 4 of 4" in written and "first come, first served: 4 of 4" in written
