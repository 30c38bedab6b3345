"""The value of each goal for given starts, by hand."""

from __future__ import annotations

from reserve.plan.solve.goals import complete_units, measure, missed, rank, waited
from tests.reserve.plan.small import inputs, student

# Two days from a Monday midnight; model blocks of 3, edge of 2, system of 3 hours; 12 hours after part model.
COURSE = inputs([student("a1", preferred="Mon"), student("b2")], days=3, buffer_hours=24, buffer_nodes=1).course()
MODEL, EDGE, SYSTEM = range(3)
STARTS = {
    (0, MODEL): (0, 8),
    (0, EDGE): (0, 32),
    (0, SYSTEM): (0, 48 + 8),  # Wednesday
    (1, MODEL): (0, 12),
}


def test_only_whole_students_are_complete() -> None:
    assert complete_units(COURSE, STARTS) == [0]


def test_waiting_is_days_after_the_day_on_which_one_could_finish_alone() -> None:
    assert COURSE.units[0].alone_day == 1 and waited(COURSE, STARTS, 0) == 1


def test_blocks_outside_preferred_time_are_missed() -> None:
    assert missed(COURSE, STARTS, 0) == 2


def test_all_goals_together() -> None:
    # Finish: day 2, and two missed blocks that count two days each. Late: the last 24 hours begin at hour 48.
    assert measure(COURSE, STARTS) == {"complete": 1, "wait": 1, "worst_miss": 2, "finish": 2 + 2 * 2, "late": 3}


def test_more_students_outrank_everything_then_goal_by_goal() -> None:
    values = measure(COURSE, STARTS)
    assert rank({**values, "complete": 2, "wait": 9}) < rank(values)
    assert rank({**values, "wait": 0, "finish": 99}) < rank(values) < rank({**values, "late": 4})
