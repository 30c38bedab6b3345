"""The time that is left: the plan made better by integer programs over some students at a time, or over all.

*All* where the program is small: goal by goal, with what the goals before it reached held fast; then the solver also
proves what is best. *Some* elsewhere (large neighbourhood search, Shaw 1998): the others stand, and those who are taken
out, with who competes with them, are given times anew so that the whole is better.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Starts
from reserve.plan.solve.board import Board
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.goals import complete_units, measure, missed, rank, waited
from reserve.plan.solve.timetable import Timetable

SMALL = 25_000  # candidate starts that one integer program of the whole course may have
FEW = 5_000  # and one of a neighbourhood
OFFERS_S = 8.0  # longest that one neighbourhood is worked on
NEVER_BELOW_0 = ("wait", "worst_miss", "late")
IDLE = 60  # neighbourhoods in a row without a better plan, after which the search ends


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


@dataclass
class Polisher:
    """Works on the best plan until the time is up."""

    course: Course
    effort: Effort
    best: Best
    reserve_s: float = 0.0  # to be left for others
    current: Starts = field(default_factory=dict)

    def left(self) -> float:
        """Seconds to work with."""
        return self.effort.left() - self.reserve_s

    def values(self) -> dict[str, int]:
        """The goals of the best plan."""
        return measure(self.course, self.best.starts)

    # --- Everyone at once ----------------------------------------------------------------------------------

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

    # --- Some at a time ------------------------------------------------------------------------------------

    def neighbourhoods(self, seed: int = 1) -> None:
        """Take out some students, give them times anew; again until the time is up. First so that fewer have the
        worst wait, as long as it is not proven that somebody must; then so that the best plan gets better."""
        rng, course = random.Random(seed), self.course
        each = max(1.0, size(course, course.able) / max(1, len(course.able)))
        count = max(4, min(len(course.able), int(FEW / each)))
        for share, fewer in ((0.4, True), (1.0, False)):
            until = self.left() * (1 - share)
            self.current, idle = self.best.starts, 0
            while self.left() > max(1.0, until) and idle < IDLE:
                values = measure(course, self.current)
                if fewer and values["wait"] == self.best.bound("wait", values):
                    break
                found = self._anew(self._chosen(rng, count, values), values, fewer)
                better = found is not None and self._standing(found, fewer) < self._standing(self.current, fewer)
                idle = 0 if better else idle + 1
                if found is not None and better:
                    self.current = found
                    self.best.offer(found)

    def _standing(self, starts: Starts, fewer: bool) -> tuple[int, ...]:
        """The goals' rank; with `fewer`, how many have the worst wait comes right after it."""
        values = measure(self.course, starts)
        order = rank(values)
        if not fewer:
            return order
        worst = sum(waited(self.course, starts, u) == values["wait"] for u in complete_units(self.course, starts))
        return (*order[:2], worst, *order[2:])

    def _chosen(self, rng: random.Random, count: int, values: dict[str, int]) -> set[int]:
        """Who is taken out: those who hold a goal back, then whoever has blocks near theirs, or near some day."""
        course, starts = self.course, self.current
        done = set(complete_units(course, starts))
        wanting = [unit for unit in self.course.able if unit not in done]
        kind = rng.random()
        if wanting and kind < 0.6:
            first = rng.sample(wanting, min(len(wanting), max(1, count // 4)))
        elif kind < 0.8 and values["wait"]:
            first = [u for u in done if waited(course, starts, u) == values["wait"]][: count // 2]
        elif kind < 0.9 and values["worst_miss"]:
            first = [u for u in done if missed(course, starts, u) == values["worst_miss"]][: count // 2]
        else:
            first = []
        first = first or [rng.choice(self.course.able)]
        middle = rng.choice([int(course.day_of[hour]) for (_, _), (_, hour) in starts.items()] or [0])
        near = [u for (u, _), (_, hour) in starts.items() if abs(int(course.day_of[hour]) - middle) <= 1]
        rng.shuffle(near)
        chosen = dict.fromkeys([*first, *near])
        rest = list(self.course.able)
        rng.shuffle(rest)
        return set(list(dict.fromkeys([*chosen, *rest]))[:count])

    def _anew(self, chosen: set[int], values: dict[str, int], fewer: bool) -> Starts | None:
        """Times for the chosen beside the others: as many complete, then as few with the worst wait, then early."""
        course = self.course
        starts = {key: at for key, at in self.current.items() if key[0] not in chosen}
        board = Board(course)
        board.book(starts)
        wanting = values["complete"] < sum(course.units[unit].weight for unit in self.course.able)
        free = candidates(course, chosen, None if wanting else values["wait"])
        open_: dict[tuple[int, int], np.ndarray] = {}
        for (unit, part), hours in free.items():
            length = course.units[unit].hours[part]
            if (part, length) not in open_:
                open_[part, length] = board.anywhere(part, length)
            free[unit, part] = hours[open_[part, length][hours]]
        model = Timetable(course, free, board)
        if not model.block:
            return None
        cost, real = model.finish()
        if not wanting:
            model.limit_missed(values["worst_miss"])
        # Weights keep the order of the goals: a day over the wait outweighs all finishes, a student all waits.
        day = 2 * course.worst_finish
        if fewer or wanting:
            cost += 20 * day * model.over_wait(values["wait"] - fewer, len(cost))
        for unit, column in model.done.items():
            cost[column] -= 20 * day * (2 * len(chosen) + 2) * course.units[unit].weight
        found = model.solve(cost, min(OFFERS_S, self.left()), gap=1e-4, real=real)
        return None if found is None else {**starts, **found}
