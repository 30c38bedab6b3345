"""Expected values of Part 3's coding questions, worked out by hand."""

from __future__ import annotations

import pytest

from grading.staff.judges.functions.system import micro_batches


@pytest.mark.parametrize(
    ("arrivals", "most", "delay", "sizes"),
    [
        ([], 4, 5.0, []),
        ([0.0, 1.0, 2.0], 2, 5.0, [2, 1]),  # full after two
        ([0.0, 5.0, 5.5], 8, 5.0, [2, 1]),  # the delay counts from the first of a batch, its end included
        ([0.0, 3.0, 6.0, 9.0], 8, 5.0, [2, 2]),
        ([1.0, 1.0, 1.0], 1, 9.0, [1, 1, 1]),
    ],
)
def test_a_batch_ends_when_it_is_full_or_its_first_request_has_waited_long_enough(
    arrivals: list[float], most: int, delay: float, sizes: list[int]
) -> None:
    assert micro_batches(arrivals, most, delay) == sizes
