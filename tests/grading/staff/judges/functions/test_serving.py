"""The expected values of the coding questions on load and batches, worked out by hand."""

from __future__ import annotations

import pytest

from grading.functions.worlds import call
from grading.staff.judges.functions.serving import batcher, closed_loop, open_loop, poisson_arrivals


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
