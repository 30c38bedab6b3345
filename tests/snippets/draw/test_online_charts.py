"""Charts of online serving: theory beside measurement, the knee, tails, and what a cold start costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snippets.draw import online_charts, style
from snippets.load import queueing
from snippets.serve.batching.grouped import Gathered


@pytest.fixture
def keeping(open_load: dict[str, Any]) -> dict[str, Any]:
    """2.5 a second, all answered."""
    return {**open_load, "completed_rps": 2.5, "failures": 0}


@pytest.fixture
def behind(keeping: dict[str, Any]) -> dict[str, Any]:
    """Twenty a second, of which 4 are answered: 32 more under way after two seconds."""
    piled = np.array([1, 33])
    return {**keeping, "offered_rps": 20.0, "arrivals": 40, "completed_rps": 4.0, "sampled_in_flight": piled}


def lines(axes: Any, style: str) -> list[Any]:
    return [line for line in axes.get_lines() if line.get_linestyle() == style]


def test_the_knee_and_the_theory_stand_beside_what_was_measured(keeping: dict, behind: dict) -> None:
    left, right = online_charts.offered_load({"off": [keeping, behind]}, "x").axes
    assert [float(line.get_xdata()[0]) for line in lines(right, "-.")] == [2.5]
    theory = next(line for line in left.get_lines() if "theory" in str(line.get_label()))
    rate, latency = float(theory.get_xdata()[40]), float(theory.get_ydata()[40])
    # Saturated it answers 4 a second: 250 ms each.
    assert latency == pytest.approx(queueing.md1_latency_ms(rate, 250.0)) and rate < 4
    # Answers in 10, 20, 30 and 40 ms: the mean is drawn, as in theory.
    means = next(line for line in left.get_lines() if line.get_label() == "off: mean")
    assert list(means.get_ydata()) == [25.0, 25.0] and list(means.get_xdata()) == [2.5, 20.0]
    assert [line.get_label() for line in lines(left, "-.")] == ["off: held up to here"]
    hollow = [line for line in left.get_lines() if line.get_markerfacecolor() == "white"]
    assert [list(line.get_xdata()) for line in hollow] == [[20.0]]


def test_a_knee_that_was_not_reached_is_not_drawn_but_said(keeping: dict) -> None:
    left, right = online_charts.offered_load({"on": [keeping, {**keeping, "offered_rps": 5.0}]}, "x").axes
    assert not lines(right, "-.") and "on: mean; no knee up to 5/s" in [line.get_label() for line in left.get_lines()]
    assert not [line for line in left.get_lines() if "theory" in str(line.get_label())]


def test_littles_law_is_a_point_by_its_two_sides(open_load: dict[str, Any]) -> None:
    (axes,) = online_charts.little({"one": open_load}, "Little").axes
    point = axes.get_lines()[-1]
    # Five arrivals in two seconds, of 20.2 ms each on average.
    assert float(point.get_xdata()[0]) == pytest.approx(2.5 * 20.2e-3)
    assert float(point.get_ydata()[0]) == 0.05


def test_littles_law_gives_a_curve_the_colour_that_it_has_against_the_offered_load(open_load: dict[str, Any]) -> None:
    loads = {f"{name}/s": open_load for name in ("on, 5", "on, 9", "off, 5")}
    (axes,) = online_charts.little(loads, "Little", ("off", "on")).axes
    points = [(line.get_color(), line.get_marker()) for line in axes.get_lines()[1:]]
    off, on = style.SERIES[:2]
    assert points == [(on, "o"), (on, "s"), (off, "o")]


def test_littles_law_is_drawn_empty_where_no_server_kept_up() -> None:
    (axes,) = online_charts.little({}, "Little").axes
    assert len(axes.get_lines()) == 1


def test_a_scenarios_dot_is_loadgens_median_and_its_bar_the_tail() -> None:
    theirs = {"result_50.00_percentile_latency_ns": 2_500_000, "result_99.00_percentile_latency_ns": 9_000_000}
    left, right = online_charts.scenarios({"Server": {"samples_per_s": 20.0, "loadgen": theirs}}, "MLPerf").axes
    assert left.patches[0].get_height() == 20.0
    assert [list(line.get_ydata()) for line in right.get_lines()] == [[2.5, 9.0], [2.5], [9.0]]
    assert [text.get_text() for text in right.texts] == ["2.5 ms"]


def test_a_cold_request_is_loading_and_asking_and_pays_from_its_break_even_on() -> None:
    one = {"load_ms": np.array([900.0]), "first_ms": np.array([100.0]), "warm_ms": np.array([5.0])}
    left, right = online_charts.cold_and_warm({"search": one}, (0, 60), 8.0, "Cold").axes
    assert [bar.get_width() for bar in left.patches] == [900.0, 100.0] and left.get_xscale() == "linear"
    assert [text.get_text() for text in left.texts] == ["900 + 100 ms\n(warm: 5.0 ms)"]
    # A second of loading, each worth eight of waiting: 3600 s of keeping warm pay for 400 cold starts.
    at_once, held = right.get_lines()[:2]
    assert np.interp(400, at_once.get_xdata(), at_once.get_ydata()) == pytest.approx(100)
    assert np.interp(400, held.get_xdata(), held.get_ydata()) == pytest.approx(100, abs=0.1)


def test_arrivals_are_told_apart_by_what_share_was_answered_in_what_time(keeping: dict[str, Any]) -> None:
    """Answers in 10, 20, 30 and 40 ms: half within 20 ms, all within 40, 25 on average."""
    slower = {**keeping, "latency_ms": keeping["latency_ms"] * 2}
    (axes,) = online_charts.arrivals({"evenly spaced": keeping, "at random": slower}, "x").axes
    even, random = (line for line in axes.get_lines() if ": mean" in str(line.get_label()))
    assert str(even.get_label()).startswith("evenly spaced: mean 25") and "mean 50" in str(random.get_label())
    assert max(even.get_xdata()) == 40 and max(random.get_xdata()) == 80


def test_company_shows_the_mean_batch_and_the_wait_of_each_delay() -> None:
    found = {50: {0: Gathered(1.0, 0.0), 5: Gathered(1.5, 4.5)}, 800: {0: Gathered(1.0, 0.0), 5: Gathered(5.0, 2.5)}}
    left, right = online_charts.company(found, 8, "x").axes
    drawn = {str(line.get_label()): list(line.get_ydata()) for line in left.get_lines()}
    assert drawn["50 requests a second"] == [1.0, 1.5] and drawn["800 requests a second"] == [1.0, 5.0]
    assert drawn["the largest batch"] == [8, 8]
    assert [list(line.get_ydata()) for line in right.get_lines()] == [[0.0, 4.5], [0.0, 2.5]]
