"""The expected values of the function tests, worked out by hand, and when a student's value agrees with one."""

from __future__ import annotations

import pytest

from grading.functions.tasks import tasks
from grading.staff.judges.functions import agrees, break_even, cases, crossover_ms, micro_batches, percentile


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


def test_the_crossover_is_the_devices_extra_time_and_none_where_it_is_faster() -> None:
    assert (crossover_ms(40, 12), crossover_ms(5, 5), crossover_ms(5, 12)) == (28, 0, 0)


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


def test_a_task_belongs_to_the_part_that_its_id_begins_with() -> None:
    parts = {task.name: task.part for task in tasks()}
    assert parts == {
        "percentile": "model",
        "break_even": "model",
        "multiply_by_rows": "model",
        "multiply_in_tiles": "model",
        "crossover_ms": "edge",
        "micro_batches": "system",
    }


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        (1.0, True),
        (1, "1"),
        (1.0, None),
        (1.0, [1.0]),
        (None, 0),
        ([1], [1, 1]),
        ([1, 2], (1, 2)),
        (1.0, float("nan")),
        (2.0, 2.1),
    ],
)
def test_only_equal_values_of_the_right_type_agree(expected: object, given: object) -> None:
    assert not agrees(expected, given)


def test_whole_floats_and_rounding_errors_agree() -> None:
    assert agrees(3, 3.0) and agrees(0.3, 0.1 + 0.2) and agrees([1, None], [1, None])


def test_cases_are_many_valid_and_the_same_for_the_same_file() -> None:
    for task in tasks():
        made = cases(task, "seed")
        assert len(made) >= 12 and made == cases(task, "seed") and made != cases(task, "other")
