"""Expected values of Part 1's coding questions, worked out by hand."""

from __future__ import annotations

import pytest

from grading.staff.judges.functions.model import break_even, percentile


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
