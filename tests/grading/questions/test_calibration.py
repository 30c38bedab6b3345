"""Predictions scored by calibration, worked out by hand; and what makes a scoring rule proper, tried out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from grading.questions.calibration import choice_outcome, interval_outcome, interval_score, part_share


def test_a_score_is_the_width_and_ten_times_the_miss_on_a_logarithmic_scale() -> None:
    assert interval_score(5, 20, 10) == pytest.approx(math.log(4))
    assert interval_score(5, 20, 40) == pytest.approx(math.log(4) + 10 * math.log(2))
    assert interval_score(5, 20, 2.5) == pytest.approx(math.log(4) + 10 * math.log(2))


def test_a_signed_quantity_is_linear_around_zero() -> None:
    assert interval_score(-0.1, 0.1, 0.0, signed=True) == pytest.approx(0.2, abs=1e-3)
    assert interval_score(10, 40, 20, signed=True) == pytest.approx(math.log(4), abs=0.01)
    assert interval_score(-1, 1, -5, signed=True) > interval_score(-1, 1, -2, signed=True) > 7


@pytest.mark.parametrize(
    ("interval", "share"),
    [
        ((10 / math.sqrt(2), 10 * math.sqrt(2)), 1.0),  # a factor of 2
        ((1, 30), 0.0),  # a factor of 30
        ((5, 20), math.log(7.5) / math.log(15)),  # ln(30 / 4) / ln(30 / 2)
        ((0.001, 1e6), (math.log(30) - math.log(1e9)) / math.log(15)),  # absurd: costs as a miss does
    ],
)
def test_covering_earns_and_width_costs(interval: tuple[float, float], share: float) -> None:
    found = interval_outcome(interval, 10)
    assert found.held and found.share == pytest.approx(share)


def test_a_miss_says_by_what_factor_and_costs_more_the_farther_it_is() -> None:
    near, far = interval_outcome((5, 9), 10), interval_outcome((1, 2.5), 10)
    assert not near.held and near.off == pytest.approx(10 / 9) and far.off == pytest.approx(4)
    assert 0 < near.share < 1 and far.share < 0
    assert far.told == "your interval misses the value by a factor of 4 (a factor of 2.5 between its ends)"


def test_a_value_that_is_not_positive_is_missed_as_far_as_can_be() -> None:
    assert interval_outcome((1, 2), 0).share == -10 and not interval_outcome((1, 2), 0).held


@pytest.mark.parametrize(
    ("sure", "held", "share"),
    [
        (1.0, True, 1.0),
        (0.25, True, 0.0),  # a quarter for each of four
        (0.25, False, 0.0),
        (1.0, False, 1 - 2 / 0.75),
        # 0.7 and three times 0.1: (0.3 ** 2 + 3 * 0.1 ** 2) = 0.12; 0.7 ** 2 + 0.9 ** 2 + 2 * 0.1 ** 2 = 1.32.
        (0.7, True, 1 - 0.12 / 0.75),
        (0.7, False, 1 - 1.32 / 0.75),
    ],
)
def test_a_choice_is_scored_by_brier_against_knowing_nothing(sure: float, held: bool, share: float) -> None:
    found = choice_outcome("a" if held else "b", sure, {"a"}, 4)
    assert (found.held, found.share) == (held, pytest.approx(share))


@pytest.mark.parametrize("choices", [2, 3, 4])
def test_a_sure_guess_at_random_costs_on_average(choices: int) -> None:
    shares = [choice_outcome(str(picked), 1.0, {"0"}, choices).share for picked in range(choices)]
    assert np.mean(shares) == pytest.approx(-1)


def test_nobody_gains_by_another_confidence_than_there_is() -> None:
    def expected(stated: float, true: float) -> float:
        right, wrong = (choice_outcome(name, stated, {"a"}, 3).share for name in ("a", "b"))
        return true * right + (1 - true) * wrong

    stated = np.linspace(0.01, 1, 100)
    for true in (0.4, 0.6, 0.9):
        assert stated[np.argmax([expected(each, true) for each in stated])] == pytest.approx(true)


def test_nobody_gains_by_another_interval_than_that_of_four_fifths() -> None:
    # Whose knowledge is a factor, normal on the logarithmic scale: 10 and 90 % lie 1.28 deviations off the middle.
    values = np.exp(np.random.default_rng(5).normal(math.log(10), 0.4, 4000))
    halves = np.linspace(0.5, 2.5, 21)
    gained = [
        np.mean([interval_outcome((10 / math.exp(0.4 * half), 10 * math.exp(0.4 * half)), x).share for x in values])
        for half in halves
    ]
    assert halves[int(np.argmax(gained))] == pytest.approx(1.28, abs=0.15)


def test_a_part_earns_between_nothing_and_all_and_a_miss_is_paid_by_the_others() -> None:
    assert part_share([1.2, 0.8], [1, 1]) == pytest.approx(1.0)
    assert part_share([1.0, -1.0], [1, 1]) == 0.0
    assert part_share([1.0, -0.5], [1, 0.5]) == pytest.approx(0.5)
    assert part_share([-3.0], [1]) == 0.0 and part_share([], []) == 0.0
