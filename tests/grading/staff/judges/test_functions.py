"""The expected values of the function tests, worked out by hand, and when a student's value agrees with one."""

from __future__ import annotations

import pytest

from grading.functions.tasks import tasks
from grading.functions.worlds import call
from grading.staff.judges.functions import (
    agrees,
    batcher,
    break_even,
    cases,
    closed_loop,
    crossover_ms,
    micro_batches,
    open_loop,
    percentile,
    poisson_arrivals,
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


@pytest.mark.parametrize(
    ("service", "seconds", "expected"),
    [
        ([0.25], 1.0, [250.0] * 4),  # the fourth ends with the time, and nobody begins a fifth
        ([0.5, 0.25], 0.625, [500.0, 250.0]),  # begun in time, answered later
        ([0.125], 0.0, []),
    ],
)
def test_a_closed_loop_begins_no_request_when_the_time_is_up(
    service: list[float], seconds: float, expected: list[float]
) -> None:
    assert call("server", closed_loop, [service, seconds]) == expected


def test_a_latency_of_an_open_loop_counts_the_wait_before_the_sending() -> None:
    # The server stands still for 2 s: what was due at 0.5 and 1 is answered at 2.125 and 2.25, and at 4 all is well.
    found = call("server", open_loop, [[2.0, 0.125, 0.125], [0.0, 0.5, 1.0, 4.0]])
    assert found == [2000.0, 1625.0, 1250.0, 2000.0]


def test_gaps_between_random_arrivals_are_exponential_and_end_with_the_time() -> None:
    # 1 - u of 1/2 gives ln 2 = 0.6931 s at one a second; u of 0 gives no gap.
    assert poisson_arrivals(1.0, 2.0, [0.5, 0.0, 0.5, 0.5]) == pytest.approx([0.693147, 0.693147, 1.386294], abs=1e-6)


@pytest.mark.parametrize(
    ("arrivals", "most", "delay", "expected"),
    [
        # Full with the second; two more come while the model works, and the fifth later stays alone.
        ([0.0, 0.002, 0.004, 0.005, 0.03], 2, 0.5, [[0.002, [0, 1]], [0.012, [2, 3]], [0.53, [4]]]),
        # The delay counts from the first of a batch.
        ([0.0, 0.03, 0.06, 0.09, 0.12], 8, 0.1, [[0.1, [0, 1, 2, 3]], [0.22, [4]]]),
        # Without a delay what waits already is taken all the same.
        ([0.0, 0.001, 0.002], 8, 0.0, [[0.0, [0]], [0.01, [1, 2]]]),
    ],
)
def test_a_batcher_waits_for_company_for_so_long_and_no_longer(
    arrivals: list[float], most: int, delay: float, expected: list[object]
) -> None:
    traffic = {"arrivals_s": arrivals, "batch_s": 0.01, "request_s": 0.0}
    assert call("queue", batcher, [traffic, most, delay]) == expected


def test_a_task_belongs_to_the_part_that_its_id_begins_with() -> None:
    parts = {task.name: task.part for task in tasks()}
    assert parts == {
        "percentile": "model",
        "break_even": "model",
        "multiply_by_rows": "model",
        "multiply_in_tiles": "model",
        "crossover_ms": "edge",
        "micro_batches": "system",
        "closed_loop": "system",
        "poisson_arrivals": "system",
        "open_loop": "system",
        "batcher": "system",
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
