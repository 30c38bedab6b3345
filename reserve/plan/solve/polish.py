"""The optimum of a small course: an integer program over everyone, goal by goal, with what the goals before reached
held fast. The solver also proves what is best.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Starts
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.goals import measure
from reserve.plan.solve.timetable import Timetable

SMALL = 25_000  # candidate starts that one integer program of the whole course may have
LEAST_SEARCH_S, SEARCH_S = 0.5, 4.0  # searched before it: at least, and for a course with as many
NEVER_BELOW_0 = ("wait", "worst_miss", "late")


class Best(Protocol):
    """The best plan so far and what is proven of it: `solve.Search`."""

    starts: Starts

    def offer(self, starts: Starts) -> None:
        """Take it if it is better."""
        ...

    def bound(self, key: str, reached: dict[str, int]) -> int | None:
        """What no plan can beat for this goal, given the goals before it; None where nothing is proven."""
        ...

    def prove(self, key: str, values: dict[str, int]) -> None:
        """The solver proved that no plan is better in this goal than `values`, given the goals before it."""
        ...


def candidates(course: Course, units: Collection[int], wait: int | None = None) -> dict[tuple[int, int], np.ndarray]:
    """Every start of these units' parts on days that let them finish within `wait` days of what they could alone."""
    found = {}
    for unit in units:
        member = course.units[unit]
        last = course.days if wait is None else member.alone_day + wait
        for part, starts in enumerate(member.starts):
            hours = np.flatnonzero(starts)
            found[unit, part] = hours[course.day_of[hours] <= last]
    return found


def size(course: Course, units: Collection[int]) -> int:
    """Candidate starts of these units."""
    return sum(int(mask.sum()) for unit in units for mask in course.units[unit].starts)


def search_seconds(possible: int, left_s: float) -> float:
    """How long to search before the integer program of a course with so many possible starts, of `left_s` seconds: the
    fewer there are, the sooner the program has the optimum, whatever was found before."""
    return min(max(LEAST_SEARCH_S, SEARCH_S * possible / SMALL), left_s / 4)


@dataclass
class Polisher:
    """Works on the best plan until the time is up."""

    course: Course
    effort: Effort
    best: Best
    reserve_s: float = 0.0  # to be left for others

    def left(self) -> float:
        """Seconds to work with."""
        return self.effort.left() - self.reserve_s

    def values(self) -> dict[str, int]:
        """The goals of the best plan."""
        return measure(self.course, self.best.starts)

    def everyone(self) -> bool:
        """Goal by goal over all candidate starts; whether every goal is proven."""
        proven = True
        for key in ("complete", "wait", "worst_miss", "finish", "late"):
            if self.left() < 1:
                return False
            proven &= self._goal(key)
        return proven

    def _goal(self, key: str) -> bool:
        """Better this goal until it cannot be, or its share of the time is up; whether it is proven."""
        stop = self.left() - self.left() * 0.6
        while self.left() > stop:
            values = self.values()
            if values[key] == self.best.bound(key, values) or (key in NEVER_BELOW_0 and values[key] == 0):
                return True
            found, empty = self._better(key, values, self.left() - stop)
            if found is None:
                if empty:
                    self.best.prove(key, values)
                return empty
            self.best.offer(found)
            if self.values() == values:
                return False
        return False

    def _better(self, key: str, values: dict[str, int], seconds: float) -> tuple[Starts | None, bool]:
        """A plan that is better in this goal and no worse in those before; or None, and whether there is none."""
        course = self.course
        order = list(values)
        past = order[: order.index(key)]
        wait = values["wait"] - 1 if key == "wait" else values["wait"] if "wait" in past else None
        model = Timetable(course, candidates(course, self.course.able, wait))
        if not model.block:
            return None, True
        if key == "worst_miss" or "worst_miss" in past:
            model.limit_missed(values["worst_miss"] - (key == "worst_miss"))
        finish, real = model.finish() if key in ("finish", "late") else (model.zero(), [])
        students = model.zero()
        for unit, column in model.done.items():
            students[column] = -course.units[unit].weight
        cost = students
        if key != "complete":
            model.at_most(students, -values["complete"])
        if key == "finish":
            cost = finish
            model.at_most(finish, values["finish"] - 1)
        elif key == "late":
            cost = model.late()
            model.at_most(finish, values["finish"])
            model.at_most(cost, values["late"] - 1)
        elif key == "complete":
            model.at_most(students, -values["complete"] - 1)
        elif wait is not None or key == "worst_miss":
            cost = model.zero()  # any plan will do
        found = model.solve(cost, seconds, gap=0.0, real=real)
        return found, found is None and model.program.infeasible
