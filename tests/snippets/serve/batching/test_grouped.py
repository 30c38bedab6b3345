"""Batches on paper: who comes together, and what the wait for company costs."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.serve.batching.grouped import Gathered, by_delay, gathered, micro_batches


@pytest.mark.parametrize(
    ("arrivals", "most", "delay", "sizes"),
    [
        ([], 4, 5.0, []),
        ([0.0, 2.0, 20.0, 21.0, 22.0], 2, 5.0, [2, 2, 1]),
        ([0.0, 5.0, 5.5], 8, 5.0, [2, 1]),  # on the edge of the delay
        ([1.0, 1.0, 1.0], 8, 0.0, [3]),
        ([0.0, 3.0, 6.0, 9.0], 8, 4.0, [2, 2]),  # the delay counts from the first of a batch, not from the last
    ],
)
def test_requests_come_together_until_the_batch_is_full_or_the_delay_is_over(arrivals, most, delay, sizes) -> None:
    assert micro_batches(arrivals, most, delay) == sizes


def test_a_full_batch_goes_at_once_and_another_waits_its_delay_out() -> None:
    arrivals = np.array([0.0, 2.0, 20.0])
    # 2 and 0 ms in the full batch; 5 ms for the one to whom nobody comes.
    assert gathered(arrivals, [2, 1], 2, 5.0) == Gathered(1.5, pytest.approx(7 / 3))


def test_the_longer_the_delay_and_the_more_come_the_larger_the_batch() -> None:
    found = by_delay(micro_batches, (50, 800), (0, 5, 20), 8)
    for waits in found.values():
        batches = [one.batch for one in waits.values()]
        assert batches == sorted(batches) and batches[0] == pytest.approx(1, abs=0.1) and batches[-1] <= 8
    assert found[50][5].batch < found[800][5].batch
    assert found[50][20].wait_ms > 10 > found[800][20].wait_ms, "a crowd fills the batch long before the delay is over"
