"""A load's figures have the interval that its windows give, and none where they cannot tell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from snippets.load import estimates
from snippets.load.windows import joined

T_OF_FOUR = 2.776  # Student's t for five windows, 95 %


def window(ms: float, answers: int = 40, **more: Any) -> dict[str, Any]:
    """A closed loop's second with so many answers, each after `ms`."""
    return {"latency_ms": np.full(answers, ms), "ok": np.ones(answers, dtype=bool), "seconds": 1.0, **more}


def arriving(share: float, ms: float = 10.0, seconds: float = 1.0) -> dict[str, Any]:
    """A window of an open loop that keeps the one instance busy for that share of the time, 10 ms a request."""
    arrivals = round(100 * share * seconds)
    more = {"offered_rps": 100 * share, "arrivals": arrivals, "completed_rps": 100 * share, "compute_ms": 10.0}
    return {**window(ms, arrivals, **more), "seconds": seconds, "sampled_s": [0.0, 1.0], "sampled_in_flight": [1, 1]}


def test_the_interval_comes_from_how_far_windows_lie_apart() -> None:
    # 38, 39, 40, 41, 42 answers a second: on average 40, their logarithms spread by about 1.6 / 40.
    load = joined([window(10.0, answers) for answers in (38, 39, 40, 41, 42)])
    rate = estimates.rate(load)
    spread = math.sqrt(sum(math.log(n / 40) ** 2 for n in (38, 39, 40, 41, 42)) / 4 / 5)
    assert rate.value == 40
    assert math.log(rate.high / 40) == pytest.approx(T_OF_FOUR * spread, rel=1e-3)
    assert rate.low * rate.high == pytest.approx(40**2)


def test_many_samples_in_one_window_say_nothing_about_another_window() -> None:
    assert not estimates.rate(window(10.0, 5000)).bounded
    assert not estimates.rate(joined([window(10.0, 5000)] * 2)).bounded
    assert estimates.rate(joined([window(10.0, 40)] * 3)).bounded


def test_a_percentile_is_told_from_so_many_samples_on() -> None:
    # Five windows of 25 are 125 samples, of 26 they are 130; a p99 takes 662.
    few, more = (joined([window(10.0, answers)] * 5) for answers in (25, 26))
    assert estimates.latency(few, 95) is None and estimates.latency(few, 50) is not None
    assert estimates.latency(more, 95) is not None and estimates.latency(more, 99) is None
    assert estimates.latency(joined([window(10.0, 133)] * 5), 99) is not None
    assert estimates.latency({**window(1.0), "ok": np.zeros(40, dtype=bool)}, 50) is None


def test_a_ratio_is_taken_window_by_window_so_that_what_slowed_both_does_not_count() -> None:
    # The machine halves its speed and doubles it again; b is twice as slow as a in each round.
    speeds = (10.0, 20.0, 5.0, 11.0, 13.0)
    a, b = (joined([window(ms * times) for ms in speeds]) for times in (1, 2))
    ratio = estimates.times_the_latency(b, a)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2, 2, 2))
    assert ratio.excludes(1.0) and not estimates.times_the_rate(b, a).excludes(1.0)
    alone = estimates.latency(b, 50)
    assert alone is not None and alone.high > 2 * alone.low


def test_loads_that_did_not_take_the_same_turns_have_a_ratio_without_an_interval() -> None:
    three, five = (joined([window(10.0)] * number) for number in (3, 5))
    ratio = estimates.times_the_rate(five, three)
    assert ratio.value == 1 and not ratio.bounded and not ratio.excludes(1.0)


def test_a_queue_that_grows_has_no_interval() -> None:
    growing = {**arriving(0.3), "sampled_in_flight": [1, 40]}
    assert estimates.latency(joined([arriving(0.3)] * 5), 50).bounded  # type: ignore[union-attr]
    load = joined([growing] * 5)
    assert not estimates.latency(load, 50).bounded and not estimates.rate(load).bounded  # type: ignore[union-attr]


# A queue that is busy half of the time remembers 2 x 10 ms / 0.25 = 80 ms; at 90 % it is 2 s, at 100 % for ever.
@pytest.mark.parametrize(
    ("share", "seconds", "percent", "given"),
    [
        (0.5, 0.2, 50, True),  # twice 80 ms fit into 200
        (0.5, 0.1, 50, False),
        (0.5, 10.0, 95, True),  # ten times into 10 s
        (0.5, 0.7, 95, False),
        (0.9, 3.0, 50, False),
        (0.9, 5.0, 50, True),
        (1.0, 900.0, 50, False),
    ],
)
def test_windows_shorter_than_a_queue_remembers_give_none(
    share: float, seconds: float, percent: int, given: bool
) -> None:
    assert estimates.settled(joined([arriving(share, seconds=seconds)] * 5), percent) is given


def test_more_instances_and_batches_keep_a_server_less_busy() -> None:
    full = joined([arriving(1.0)] * 5)
    assert not estimates.settled(full, 50)
    assert estimates.settled({**full, "instances": 4}, 50) and estimates.settled({**full, "mean_batch": 4.0}, 50)


def test_a_neighbours_rate_has_an_interval_too() -> None:
    load = joined([window(10.0, neighbour_rps=rate) for rate in (9.0, 10.0, 11.0)])
    heavy = estimates.neighbour_rate(load)
    assert heavy.value == 10 and heavy.low < 9.5 < 10.5 < heavy.high
