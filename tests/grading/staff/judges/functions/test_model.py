"""Expected values of Part 1's coding questions, worked out by hand."""

from __future__ import annotations

import math
import random

import pytest

from grading.staff.judges.functions.model import (
    MAKERS,
    block_interval,
    break_even,
    cost_per_million,
    paired_comparison,
    percentile,
)


@pytest.mark.parametrize(
    ("samples", "percent", "expected"),
    [
        ([4.0], 95, 4.0),
        ([30.0, 10.0, 20.0], 50, 20.0),
        ([30.0, 10.0, 20.0], 0, 10.0),
        ([30.0, 10.0, 20.0], 100, 30.0),
        # Rank 0.75 * 2 = 1.5: half way from 20 to 30.
        ([30.0, 10.0, 20.0], 75, 25.0),
        # Rank 0.95 * 10 = 9.5: half way from 9 to 10.
        ([float(n) for n in range(11)], 95, 9.5),
    ],
)
def test_a_percentile_lies_between_the_nearest_ranks(samples: list[float], percent: float, expected: float) -> None:
    assert percentile(samples, percent) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("fixed", "slow", "fast", "expected"),
    [
        (30, 5, 2, 10),  # 3 ms saved each: ten requests, exactly
        (31, 5, 2, 11),  # and one more for the rest
        (0, 5, 2, 0),
        (0, 2, 5, 0),
        (30, 2, 5, None),
        (30, 5, 5, None),
    ],
)
def test_a_cost_is_covered_after_so_many_requests_or_never(
    fixed: float, slow: float, fast: float, expected: int | None
) -> None:
    assert break_even(fixed, slow, fast) == expected


def test_the_middle_of_blocks_is_their_geometric_mean_and_its_interval_is_on_logarithms() -> None:
    # Logarithms 0 and 2 ln 2: mean ln 2, deviation sqrt(2) ln 2, over sqrt(2): half is ln 2.
    assert block_interval([1.0, 4.0], 1.0, 1.0) == pytest.approx([2, 1, 4])
    assert block_interval([1.0, 4.0], 2.0, 1.5) == pytest.approx([2, 2 / 8, 16])
    assert block_interval([3.0, 3.0, 3.0], 9.0, 2.0) == pytest.approx([3, 3, 3])


@pytest.mark.parametrize(
    ("factor", "verdict"), [(0.9, "a"), (1.1, "b"), (1.0, "same"), (1.02, "same"), (0.98, "same"), (1.021, "b")]
)
def test_rounds_that_agree_decide_by_the_margin(factor: float, verdict: str) -> None:
    b = [10.0, 20.0, 5.0]
    found = paired_comparison([one * factor for one in b], b, 4.0, 0.02000001)
    assert found == [pytest.approx(factor)] * 3 + [verdict]


def test_an_interval_over_the_margins_end_decides_nothing() -> None:
    # Ratios 1 and e: mean of logarithms 0.5, half t * 0.5.
    found = paired_comparison([1.0, math.e], [1.0, 1.0], 1.0, 0.02)
    assert found == [pytest.approx(math.exp(0.5)), pytest.approx(1), pytest.approx(math.e), "undecided"]


def test_every_verdict_comes_up_among_the_cases_and_none_is_near_its_limit() -> None:
    solve, make = MAKERS["paired_comparison"]
    for seed in range(20):
        found = [solve(*arguments) for arguments, _ in make(random.Random(seed))]
        assert {one[3] for one in found} == {"a", "b", "same", "undecided"}
        assert min(abs(end - limit) for one in found for end in one[1:3] for limit in (0.98, 1.02)) > 1e-7


def test_a_million_predictions_cost_the_time_that_is_rented_for_them() -> None:
    # 10,000 s busy, 20,000 s rented at a thousandth a second.
    assert cost_per_million(100, 3.6, 0.5) == pytest.approx(20)
    assert cost_per_million(100, 0, 0.5) == 0
