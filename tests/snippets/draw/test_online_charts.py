"""Charts of online serving: theory beside measurement, the knee, tails, and what a cold start costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snippets.draw import online_charts
from snippets.load import queueing


def test_the_knee_and_the_theory_stand_beside_what_was_measured(open_load: dict[str, Any]) -> None:
    keeping = {**open_load, "completed_rps": 2.5, "failures": 0}
    figure = online_charts.offered_load({"off": [keeping, {**keeping, "offered_rps": 5.0, "arrivals": 50}]}, 100.0, "x")
    left, right = figure.axes
    knees = [line for line in right.get_lines() if line.get_linestyle() == "-."]
    assert [float(line.get_xdata()[0]) for line in knees] == [2.5]
    theory = next(line for line in left.get_lines() if "theory" in str(line.get_label()))
    rate, latency = float(theory.get_xdata()[40]), float(theory.get_ydata()[40])
    assert latency == pytest.approx(queueing.md1_latency_ms(rate, 100.0))


def test_littles_law_is_a_point_by_its_two_sides(open_load: dict[str, Any]) -> None:
    (axes,) = online_charts.little({"one": open_load}, "Little").axes
    point = axes.get_lines()[-1]
    # Five arrivals in two seconds, of 20.2 ms each on average.
    assert float(point.get_xdata()[0]) == pytest.approx(2.5 * 20.2e-3)
    assert float(point.get_ydata()[0]) == 0.05


def test_a_scenarios_bar_is_its_median_and_its_mark_the_tail() -> None:
    result = {"samples_per_s": 20.0, "latency_ms": np.arange(1.0, 102.0)}
    left, right = online_charts.scenarios({"Server": result}, "MLPerf").axes
    assert left.patches[0].get_height() == 20.0 and right.patches[0].get_height() == 51.0
    assert float(right.get_lines()[0].get_ydata()[0]) == 100.0


def test_a_cold_request_is_loading_and_asking_and_pays_from_its_break_even_on() -> None:
    one = {"load_ms": np.array([900.0]), "first_ms": np.array([100.0]), "warm_ms": np.array([5.0])}
    left, right = online_charts.cold_and_warm({"search": one}, (0, 60), 8.0, "Cold").axes
    assert [text.get_text() for text in left.texts] == ["1000 ms", "5 ms"]
    # A second of loading and eight of waiting: 3600 s of keeping warm pay for 400 cold starts.
    assert [text.get_text() for text in right.texts] == ["400/h"]
