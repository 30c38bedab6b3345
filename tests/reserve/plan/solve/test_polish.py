"""What the time that is left is used for: better plans, proofs, and never a worse one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Starts, faults, name_nodes
from reserve.plan.solve.board import Board, first_come
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.goals import measure, rank
from reserve.plan.solve.polish import Polisher, candidates, search_seconds, size
from tests.reserve.plan.small import inputs, student

# Alone, a1 could finish on Tuesday, b2 (no time on Monday and Tuesday) on Thursday. Who comes first takes the best.
MADE = inputs([student("a1"), student("b2", unavailable="Mon+Tue"), student("c3"), student("d4")], days=6)


@dataclass
class Kept:
    """The best plan so far, with nothing known of bounds."""

    course: Course
    starts: Starts
    offered: list[tuple[int, ...]] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)

    def offer(self, starts: Starts) -> None:
        if rank(measure(self.course, starts)) < rank(measure(self.course, self.starts)):
            self.starts = starts
            self.offered.append(rank(measure(self.course, starts)))

    def bound(self, key: str, reached: dict[str, int]) -> int | None:
        return None

    def prove(self, key: str, values: dict[str, int]) -> None:
        self.proven.append(key)


def late_plan(course: Course) -> Starts:
    """Everybody as late as can be: a plan with room for better ones."""
    return first_come(course, Board(course), range(len(course.units)), latest=True)


@pytest.fixture
def kept() -> Kept:
    course = MADE.course()
    return Kept(course, late_plan(course))


def test_over_everyone_each_goal_is_bettered_and_proven(kept: Kept) -> None:
    before = measure(kept.course, kept.starts)
    polisher = Polisher(kept.course, Effort(60), kept)
    assert polisher.everyone()
    after = measure(kept.course, kept.starts)
    assert rank(after) < rank(before) and after["complete"] == 4 and after["wait"] == 0
    assert kept.proven == ["complete", "finish"], "the other goals are 0, which needs no proof"
    assert faults(kept.course, name_nodes(kept.course, kept.starts)) == []
    assert kept.offered == sorted(kept.offered, reverse=True)


def test_without_time_nothing_is_touched(kept: Kept) -> None:
    effort = Effort(60)
    effort.stop()
    polisher = Polisher(kept.course, effort, kept)
    assert not polisher.everyone()
    assert kept.offered == [] and kept.proven == []


def test_candidates_end_on_the_day_that_the_wait_allows() -> None:
    course = MADE.course()
    all_, few = candidates(course, [0]), candidates(course, [0], wait=0)
    assert size(course, [0]) == sum(len(hours) for hours in all_.values())
    last = max(int(course.day_of[hours].max()) for hours in few.values())
    assert last == course.units[0].alone_day < max(int(course.day_of[hours].max()) for hours in all_.values())
    assert all(np.isin(few[key], all_[key]).all() for key in few)


@pytest.mark.parametrize(
    ("possible", "left_s", "searched_s"),
    [(1_000, 60, 0.5), (12_500, 60, 2), (25_000, 60, 4), (25_000, 8, 2), (100, 1, 0.25)],
)
def test_the_smaller_a_course_the_sooner_its_integer_program_begins(
    possible: int, left_s: float, searched_s: float
) -> None:
    assert search_seconds(possible, left_s) == pytest.approx(searched_s)
