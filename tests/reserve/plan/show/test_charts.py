"""The charts of a plan: pictures that load nothing, the same again, with what they claim written on them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as xml
from datetime import datetime

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
    assert [text for text in written if " (" in text] == kinds
    assert written.count("nodes") == len(kinds) + 1, "an axis each, and the legend's line"


def test_the_finish_chart_counts_who_finished() -> None:
    written = words(charts.finish_chart(COURSE, BOOKINGS))
    assert "plan: 4 of 4" in written and "first come, first served: 4 of 4" in written


def test_nodes_kept_for_retries_are_told_for_each_kind_that_has_them() -> None:
    nodes = {"compute_liqid": 1, "gpu_p100": 2, "raspberrypi5": 4}
    kept = words(charts.load_chart(inputs(2, days=4, nodes=nodes, buffer_hours=24, buffer_nodes=1).course(), ()))
    assert "gpu_p100 (system), 1 kept for retries at the end" in kept and "compute_liqid (model)" in kept


@pytest.mark.parametrize("days", [1, 2, 8, 9, 21, 100])
def test_days_are_labelled_at_even_distances_and_so_few_that_none_touches_the_next(days: int) -> None:
    # Three weeks touch the end of a month, where a locator by day of the month puts the 31st beside the 1st.
    course = inputs(1, days=days).course()
    written = [text for text in words(charts.load_chart(course, ())) if re.fullmatch(r"\w{3} \w{3} \d\d", text)]
    assert 1 <= len(written) <= charts.MOST_LABELS + 1
    dates = [datetime.strptime(f"{text} 2027", "%a %b %d %Y") for text in written]
    assert len({b - a for a, b in zip(dates, dates[1:], strict=False)}) <= 1


def test_a_chart_has_a_name_the_pages_colours_and_ids_of_its_own() -> None:
    one, two = charts.load_chart(COURSE, BOOKINGS), charts.finish_chart(COURSE, BOOKINGS)
    for name, text in (("load", one), ("finish", two)):
        assert f'role="img" aria-labelledby="{name}-title"' in text and f'<title id="{name}-title">' in text
        assert set(re.findall(r"#[0-9a-f]{6}", text)) <= {"#000000", "#ffffff"}, "every colour is the page's"
        assert "currentColor" in text and "var(--blue)" in text
        ids = set(re.findall(r'\bid="([^"]+)"', text))
        assert ids and all(id.startswith(f"{name}-") for id in ids)
        assert (
            set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
            and {a or b for a, b in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text)} <= ids
        )
