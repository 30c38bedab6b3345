"""A sentence about an outcome says what the samples say, and where they say nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snippets import stats
from snippets.decide import outcomes
from snippets.stats import Estimate, Front

STEADY = np.full(20, 4.0)


# 8 / 4 is 2; 4 / 8 is 0.5; 4 / 4.02 is 0.995, within 2 %.
@pytest.mark.parametrize(
    ("b_ms", "sentence"),
    [
        (2.0, "old / new = 2.00 (2.00 to 2.00) times: new is faster"),
        (8.0, "old / new = 0.50 (0.50 to 0.50) times: old is faster"),
        (4.02, "old / new = 1.00 (1.00 to 1.00) times: the same"),
    ],
)
def test_a_ranking_names_the_faster_one(b_ms: float, sentence: str) -> None:
    assert outcomes.ranking("old", "new", stats.compare(STEADY, np.full(20, b_ms), paired=True)) == sentence


def test_a_ranking_that_the_samples_do_not_decide_names_nobody() -> None:
    one = stats.compare(STEADY, np.tile([3.0, 5.0], 10), paired=True)
    assert outcomes.ranking("old", "new", one).endswith("times: not decided by these samples")


def test_a_gain_is_one_only_where_the_intervals_are_apart() -> None:
    before = Estimate(100.0, 90.0, 110.0)
    assert outcomes.gain("images/s", before, Estimate(150.0, 120.0, 160.0)) == "images/s: 1.50 times as many"
    assert outcomes.gain("images/s", before, Estimate(50.0, 40.0, 60.0)) == "images/s: 0.50 times as many"
    for other in (Estimate(120.0, 110.0, 130.0), Estimate(80.0, 70.0, 90.0)):
        assert outcomes.gain("images/s", before, other).endswith(", but not decided by these samples")


@pytest.mark.parametrize(
    ("after_ms", "end"), [(2.0, "2.00 times as many"), (4.02, "1.00 times as many, which is the same")]
)
def test_a_gain_of_what_took_turns_is_the_ratio_of_its_times(after_ms: float, end: str) -> None:
    one = stats.compare(STEADY, np.full(20, after_ms), paired=True)
    assert outcomes.gain_in_turn("images/s", one) == f"images/s: {end}"


def test_a_gain_that_the_rounds_do_not_decide_says_so() -> None:
    one = stats.compare(STEADY, np.tile([3.0, 5.0], 10), paired=True)
    assert outcomes.gain_in_turn("images/s", one).endswith("times as many, but not decided by these samples")


def test_a_front_is_told_with_those_that_are_not_decided() -> None:
    assert outcomes.on_the_front(Front(("a", "b"), ())) == "on the front: a, b"
    assert outcomes.on_the_front(Front(("a",), ("c",))) == "on the front: a; not decided: c"


def test_a_ratio_is_decided_only_if_as_many_lies_outside_of_its_interval() -> None:
    assert outcomes.times(Estimate(1.95, 1.9, 2.01), "the answers") == "1.95 (1.90 to 2.01) times the answers"
    assert outcomes.times(Estimate(1.2, 0.9, 1.6), "the answers").endswith(
        "(0.90 to 1.60) times the answers (not decided)"
    )
    assert outcomes.times(Estimate(1.2, -math.inf, math.inf), "the answers") == "1.20 times the answers (not decided)"


def test_a_rate_is_told_as_a_share_of_what_the_multiplications_allow() -> None:
    # 90 billion a second and 300 million an image: 300 images/s; 150 are half of that.
    told = outcomes.share_of_peak("openvino", Estimate(150, 140, 160), 90e9, 300_000_000)
    assert told == (
        "90 billion multiplications a second, 300 million for an image: 300 images/s\n"
        "openvino: 150 (140 to 160) images/s, 50% of that"
    )


def test_a_peak_that_was_exceeded_is_no_limit() -> None:
    told = outcomes.share_of_peak("openvino", Estimate(360, 350, 370), 90e9, 300_000_000)
    assert told.endswith(
        "120% of that: these cores can do more than the matrix product shows, so it was disturbed and is no limit"
    )
    assert "no limit" not in outcomes.share_of_peak("openvino", Estimate(310, 290, 330), 90e9, 300_000_000)


def test_what_came_back_of_a_loss_is_told_only_where_the_images_bound_it() -> None:
    lost = Estimate(0.4, 0.3, 0.5)
    told = outcomes.came_back(lost, Estimate(0.75, 0.612, 0.888))
    assert told == "40.0 (30.0 to 50.0) points lost, of which 75 % (61 to 89) came back"
    for share in (Estimate(0.5, -math.inf, math.inf), Estimate(math.nan, -math.inf, math.inf)):
        assert outcomes.came_back(lost, share).endswith("so no share of it can be told")
