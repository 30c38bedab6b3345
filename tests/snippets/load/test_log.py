"""A window's numbers follow from the requests that were noted: rates of successes, failures, averages over time."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.errors import ServerError
from snippets.load.log import Log, Request, mean_in_flight, require_answers, summary, time_average


def noted() -> Log:
    """Four requests by a clock that stood at 100 s when the window opened; one of them failed."""
    log = Log()
    for row in ((100.5, 101.0, ""), (99.5, 100.5, ""), (101.0, 101.5, "refused"), (101.5, 102.0, "")):
        log.add(Request(*row))
    return log


def test_a_window_is_summed_up_from_its_requests() -> None:
    found = summary(noted().rows(), opened=100.0, seconds=2.0, batch=4)
    assert found["latency_ms"].tolist() == [1000.0, 500.0, 500.0, 500.0]
    assert found["started_s"].tolist() == [-0.5, 0.5, 1.0, 1.5]
    assert found["ok"].tolist() == [True, True, False, True]
    assert (found["requests_per_s"], found["samples_per_s"]) == (1.5, 6.0)
    assert found["failures"] == 1 and found["errors"] == {"refused": 1}


def test_requests_under_way_are_averaged_over_the_time_that_they_overlap() -> None:
    # 0.5 s of the one that began before the window, and three times half a second: 2 s of 2 s.
    assert mean_in_flight(noted().rows(), 100.0, 102.0) == pytest.approx(1.0)
    assert mean_in_flight(noted().rows(), 200.0, 201.0) == 0.0


def test_answers_since_a_moment_are_counted_by_their_end() -> None:
    assert noted().answered_since(101.5) == 2 and len(noted()) == 4


def test_the_first_end_since_a_moment_is_found_or_there_is_none_yet() -> None:
    assert noted().first_end_since(100.6) == 101.0 and noted().first_end_since(102.1) is None


def test_what_was_read_of_an_answer_stands_beside_its_latency_and_nothing_beside_a_failure() -> None:
    rows = [Request(1.0, 2.0, "", {"inference_ms": 7.0}), Request(0.5, 1.5, "refused")]
    found = summary(rows, opened=0.0, seconds=2.0, batch=1)
    assert np.isnan(found["inference_ms"][0]) and found["inference_ms"][1] == 7.0


def test_a_load_without_a_single_answer_measured_nothing() -> None:
    rows = [Request(1.0, 2.0, "refused"), Request(1.0, 2.0, "refused"), Request(1.0, 2.0, "late")]
    with pytest.raises(ServerError, match="All 3 requests to `food` failed: refused"):
        require_answers(summary(rows, 0.0, 2.0, 1), "`food`")
    require_answers(summary([*rows, Request(1.0, 2.0, "")], 0.0, 2.0, 1), "`food`")


def test_what_was_taken_does_not_grow_afterwards() -> None:
    log = noted()
    taken = log.rows()
    log.add(Request(103.0, 104.0, ""))
    assert len(taken) == 4 and len(log) == 5


def test_a_look_that_comes_late_counts_for_the_whole_gap() -> None:
    # Ten under way for nine of ten seconds, which a stalled machine has looked at only at the ends.
    assert time_average(np.array([0.0, 1.0, 10.0]), np.array([0, 10, 10])) == pytest.approx((5 + 90) / 10)
    assert time_average(np.array([3.0]), np.array([7])) == 7 and time_average(np.empty(0), np.empty(0)) == 0
