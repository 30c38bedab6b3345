"""Times of steps from clocks and from people, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from grading.checks.integrity.clocks import made_up_times
from snippets.record import load_record
from tests.grading.checks.paper import PaperRecord, PaperStep
from tests.grading.recorded import SMALL

# Of eight steps: how long each took by the clock that measures, what it took beside that to be written down, and what
# passed before the next; in us, all different.
TOOK = [123_456.7, 99_871.3, 512_345.1, 77_777.9, 301_234.6, 88_123.2, 91_111.4, 202_020.8]
BESIDE = [300, 41, 960, 77, 510, 133, 222, 87]
GAPS = [1500, 310, 777, 205, 4100, 650, 911, 123]


def told(took: Sequence[float] = TOOK, beside: Sequence[float] = BESIDE, gaps: Sequence[float] = GAPS) -> str:
    """What is told of steps with these times."""
    moment, steps = datetime(2026, 3, 1, 12, tzinfo=UTC), []
    for one, more, gap in zip(took, beside, gaps, strict=True):
        ended = moment + timedelta(microseconds=one + more)
        steps.append(PaperStep("a", {}, moment.isoformat(), ended.isoformat(), one / 1e6))
        moment = ended + timedelta(microseconds=gap)
    return "; ".join(made_up_times(cast(Any, PaperRecord(tuple(steps)))))


def test_times_of_a_clock_are_believed() -> None:
    assert told() == ""


@pytest.mark.parametrize("name", SMALL)
def test_those_of_measured_runs_are_believed(kept: Callable[[str], Path], name: str) -> None:
    assert made_up_times(load_record(kept(name))) == []


def test_three_steps_that_last_whole_milliseconds_are_too_many() -> None:
    assert told([2000, 3000, *TOOK[2:]]) == ""
    assert told([2000, 3000, 4000, *TOOK[3:]]) == "3 of 8 steps lasted a whole number of milliseconds"


def test_five_of_eight_steps_that_last_whole_microseconds_are_too_many() -> None:
    whole = [round(took) for took in TOOK]
    assert told([*whole[:4], *TOOK[4:]]) == ""
    assert "5 of 8 steps lasted a whole number of microseconds" in told([*whole[:5], *TOOK[5:]])


def test_steps_that_follow_each_other_at_once_are_told_and_so_are_equal_gaps() -> None:
    assert told(gaps=[0, 0, *GAPS[2:]]) == ""
    assert told(gaps=[0, 0, 1, *GAPS[3:]]) == "3 steps begin in the microsecond in which the one before them ended"
    assert told(gaps=[1000] * 3 + GAPS[3:]) == "", "three may be chance on a clock of microseconds"
    assert told(gaps=[1000] * 4 + GAPS[4:]) == "4 steps begin exactly 0.001 s after the one before them"


def test_what_is_written_down_takes_time_and_not_always_the_same() -> None:
    assert told(beside=[0] * 8) == "the steps' times leave no time to write them down"
    assert told(beside=[700] * 8) == "every step took the same 0.700 ms to write down"
    assert told(beside=[700, 710] * 4) == ""


def test_a_clock_of_date_and_time_that_ticks_in_milliseconds_is_only_asked_for_durations() -> None:
    steps = tuple(
        PaperStep("a", {}, "2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z", took / 1e6) for took in TOOK
    )
    assert made_up_times(cast(Any, PaperRecord(steps))) == []


def test_seven_steps_and_times_that_cannot_be_read_tell_nothing() -> None:
    assert told(TOOK[:7], [0] * 7, [0] * 7) == ""
    assert made_up_times(cast(Any, PaperRecord((PaperStep("a", {}, "noon", "noon", 0.12345678),) * 9))) == []
