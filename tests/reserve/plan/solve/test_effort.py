"""A budget by the clock, which can be ended from outside."""

import pytest

from reserve.plan.solve import effort as module
from reserve.plan.solve.effort import Effort


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def test_it_counts_down_by_the_clock_and_hands_out_no_more_than_is_left(clock) -> None:
    effort = Effort(10)
    clock[0] = 1004.0
    assert (effort.elapsed(), effort.left()) == (4, 6)
    assert effort.share(2) == 2 and effort.share(100) == 6
    clock[0] = 1012.0
    assert effort.left() == -2 and effort.share(3) == module.LEAST_S


def test_stopped_from_outside_nothing_is_left(clock) -> None:
    effort = Effort(10)
    effort.stop()
    assert effort.left() == 0 and effort.share(5) == module.LEAST_S


def test_progress_is_told_with_the_time(clock) -> None:
    told: list[str] = []
    effort = Effort(10, told.append)
    clock[0] = 1002.5
    effort.progress("better")
    Effort(10).progress("nobody listens")
    assert told == ["  2.5 s  better"]
