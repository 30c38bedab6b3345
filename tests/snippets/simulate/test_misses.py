"""What is off, by how much, and what is said of it: from figures that can be worked out by hand."""

import math

import numpy as np
import pytest

from snippets.simulate.calibrated import Figures
from snippets.simulate.misses import CANDIDATES, Miss, figures, misses, shown, told
from snippets.stats import Estimate

NOWHERE = (-math.inf, math.inf)


def load(ms: float, answers: int, windows: int = 1) -> dict:
    """So many answers in a second of each window, all after `ms`."""
    one = {"latency_ms": np.full(answers, ms), "ok": np.ones(answers, bool), "seconds": 1.0, "clients": 1}
    if windows == 1:
        return one
    whole = {"latency_ms": np.full(answers * windows, ms), "ok": np.ones(answers * windows, bool)}
    return {**one, **whole, "seconds": float(windows), "windows": [one] * windows}


def test_the_furthest_by_factor_comes_first_and_half_is_as_far_as_twice():
    found = misses({"a": Figures(100, 10, 20), "b": Figures(210, 10, 25)}, {"a": load(10, 100), "b": load(10, 100)})
    assert [(miss.load, miss.figure) for miss in found[:3]] == [
        ("b", "p95"),
        ("b", "answers per second"),
        ("a", "p95"),
    ]
    assert [miss.error for miss in found[:3]] == pytest.approx([1.5, 1.1, 1.0])


def test_an_error_counts_from_the_nearest_end_of_the_interval_and_is_none_within_it():
    assert Miss("a", "p95", 12, Estimate(20, 15, 30)).beyond == pytest.approx(12 / 15 - 1)
    assert Miss("a", "p95", 36, Estimate(20, 15, 30)).beyond == pytest.approx(36 / 30 - 1)
    assert Miss("a", "p95", 16, Estimate(20, 15, 30)).beyond == 0
    assert Miss("a", "p95", 12, Estimate(20, *NOWHERE)).beyond == pytest.approx(-0.4)


def test_fewer_answers_and_longer_latencies_both_mean_slower_than_predicted():
    slow = Estimate(50, *NOWHERE)
    assert Miss("a", "answers per second", 100, slow).direction == "slower"
    assert Miss("a", "p50", 10, slow).direction == "slower"
    assert Miss("a", "answers per second", 10, slow).direction == "faster"
    assert Miss("a", "p95", 100, slow).direction == "faster"


def test_figures_have_intervals_where_windows_give_them_and_a_tail_of_few_samples_none():
    rate, p50, p95 = figures(load(10, 40, windows=3))
    assert (rate.value, p50.value, p95.value) == (40, 10, 10)
    assert rate.bounded and p50.bounded and not p95.bounded


def test_a_load_without_an_answer_has_no_figures():
    dead = {**load(10, 4), "ok": np.zeros(4, bool)}
    assert misses({"a": Figures(1, 1, 1)}, {"a": dead}) == []
    assert told([]) == ""


def test_a_miss_is_told_with_its_unit_its_interval_and_its_direction():
    assert shown(Miss("on, 8 clients", "p95", 12, Estimate(20, 18, 23))) == (
        "p95 of on, 8 clients: predicted 12 ms, measured 20 ms (18 to 23), 40 % too low"
    )
    assert shown(Miss("on", "answers per second", 150, Estimate(100, *NOWHERE))) == (
        "answers per second of on: predicted 150/s, measured 100/s, 50 % too high"
    )


def test_where_nothing_is_far_off_the_furthest_is_told_and_no_cause():
    """Errors of 0, 10 and 20 %: half are at 10 % or less."""
    text = told(misses({"a": Figures(100, 11, 12)}, {"a": load(10, 100)}))
    assert text.startswith(
        "Of 3 figures, half were off by 10 % or less; none by more than 25 %. The furthest: p95 of a"
    )
    assert not any(cause in text for causes in CANDIDATES.values() for cause in causes)


def test_misses_are_listed_with_what_the_model_was_not_told_in_that_direction():
    text = told([Miss("a", "p95", 10, Estimate(20, 19, 21)), Miss("b", "p95", 15, Estimate(20, *NOWHERE))])
    assert "half were off by 38 % or less; 1 by more than 25 %:" in text
    assert "p95 of a" in text and "p95 of b" not in text
    assert all(cause in text for cause in CANDIDATES["slower"])
    assert not any(cause in text for cause in CANDIDATES["faster"])


@pytest.mark.parametrize(
    ("reach", "interval", "is_open"),
    [
        ((), (11, 40), False),  # 10 predicted, at least 11 measured
        ((), (9, 40), True),
        ((5, 12), (11, 40), True),
        ((5, 12), NOWHERE, False),  # 20 measured, and no interval
        ((5, 21), NOWHERE, True),
    ],
)
def test_a_miss_is_open_where_the_range_of_one_meets_the_interval_of_the_other(reach, interval, is_open):
    miss = Miss("a", "p95", 10, Estimate(20, *interval), *reach)
    assert miss.open is is_open
    assert ("(all within what the unsteadiness" in told([miss])) is is_open


def test_what_is_left_open_of_a_prediction_comes_from_its_forecast():
    said = Figures(100, 10, 20, slower=Figures(90, 12, 50), faster=Figures(105, 9, 15))
    found = {miss.figure: (miss.low, miss.high) for miss in misses({"a": said}, {"a": load(10, 100)})}
    assert found == {"answers per second": (90, 105), "p50": (9, 12), "p95": (15, 50)}


def test_only_the_furthest_are_listed():
    text = told([Miss(name, "p50", 10, Estimate(20, *NOWHERE)) for name in "abcde"])
    assert [f"p50 of {name}" in text for name in "abcde"] == [True, True, True, False, False]
    assert "- and 2 more" in text
