"""Plans made student by student and made better: an iterated greedy search (Ruiz and Stuetzle 2007).

Each student in turn takes the cheapest times that are still free, at prices that keep them off what others need more
(`prices`). Then some who are near one another are taken out and put in again in another order; the result stays if it
is better, or hardly worse as long as the search is warm (simulated annealing). A limit on waiting or on missed
preferences is reached by taking out who breaks it and searching until everybody has a place again.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Starts
from reserve.plan.solve.answers import NEVER, Alike, Answers, Asked, alike
from reserve.plan.solve.board import Board
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.goals import missed, waited
from reserve.plan.solve.prices import Prices

LATE = 1e-3  # days that an hour in the time kept for retries counts: it decides between plans that are equal
EARLY = 1e-5  # and what an hour later counts: as early on a day as may be
WARMTH = 1.0  # days that a plan may be worse at first and stay
TAKEN_OUT = 4, 14  # students at a time
NEAR_HOURS = 24  # who has a block so near another's is taken out with them
TRIED = 12  # of those without a place, at a time
LOST = 4.0  # a student without a place counts so many times the worst finish
PRICED = (0.0, 0.5, 1.0, 1.0)  # how far prices are heeded, drawn anew each time


@dataclass(frozen=True)
class Standing:
    """A state to come back to."""

    at: dict[tuple[int, int], tuple[int, int]]
    out: tuple[int, ...]


class Greedy:
    """A plan in the making. `at` as in Starts; `out`: units that have no place."""

    def __init__(self, course: Course, prices: Prices | None = None, seed: int = 1) -> None:
        self.course, self.rng = course, random.Random(seed)
        self.board, self.answers = Board(course), Answers(course)
        self.alone: dict[int, Alike] = {}
        for one in alike(course, course.able):
            for row, unit in enumerate(one.units.tolist()):
                self.alone[unit] = one.only(slice(row, row + 1))
        self.asked = Asked(course.days, len(course.parts), late=LATE)
        self.at: dict[tuple[int, int], tuple[int, int]] = {}
        self.value: dict[int, float] = {}
        self.out: list[int] = list(course.able)
        self.prices = prices
        self.early = EARLY * np.arange(course.hours)

    # --- One student ---------------------------------------------------------------------------------------

    def put(self, unit: int, priced: float = 1.0) -> bool:
        """Give the unit the cheapest times that are free; whether there are any."""
        course, mine = self.course, self.alone[unit]
        charged = []
        for part, hours in enumerate(mine.hours):
            price = self.early + priced * self.prices.price[part, hours] if self.prices and priced else self.early
            charged.append(np.where(self.board.anywhere(part, hours), price, NEVER))
        cost, found = self.answers.cheapest(mine, charged, self.asked)
        if cost[0] >= NEVER:
            return False
        starts = found[:, 0].tolist()
        for part, befores in enumerate(course.after):
            for before in befores:
                if starts[part] < starts[before] + mine.hours[before] + course.gap(part):
                    return False
        for part, hour in enumerate(starts):
            group = self.board.group_at(part, mine.hours[part], hour)
            if group < 0:  # two of its own blocks at one hour met a limit on all leases
                self._give(unit, range(part))
                return False
            self.board.take(group, hour, mine.hours[part])
            self.at[unit, part] = (group, hour)
        day = int(course.day_of[max(starts)])
        missing = sum(float(mine.misses[part][0, hour]) for part, hour in enumerate(starts))
        late = sum(float(mine.late[part][hour]) for part, hour in enumerate(starts))
        self.value[unit] = float(mine.weight[0]) * day + missing + LATE * late
        return True

    def _give(self, unit: int, parts: Iterable[int]) -> None:
        for part in parts:
            group, hour = self.at.pop((unit, part))
            self.board.give(group, hour, self.course.units[unit].hours[part])

    def take_out(self, unit: int) -> None:
        """Give the unit's blocks back."""
        self._give(unit, range(len(self.course.parts)))
        del self.value[unit]

    def load(self, starts: Starts) -> None:
        """The complete units of a plan that exists; everybody else is out."""
        course = self.course
        self.board = Board(course)
        self.at, self.value, self.out = {}, {}, []
        parts = range(len(course.parts))
        for unit in course.able:
            if not all((unit, part) in starts for part in parts):
                self.out.append(unit)
                continue
            mine = self.alone[unit]
            for part in parts:
                group, hour = self.at[unit, part] = starts[unit, part]
                self.board.take(group, hour, mine.hours[part])
            hours = [self.at[unit, part][1] for part in parts]
            extra = sum(float(mine.misses[p][0, h]) + LATE * float(mine.late[p][h]) for p, h in enumerate(hours))
            self.value[unit] = float(mine.weight[0]) * int(course.day_of[max(hours)]) + extra

    def fill(self, order: Iterable[int] | None = None) -> None:
        """Put in whoever is out, those who could finish first and have the fewest times first."""
        todo = list(order if order is not None else sorted(self.out, key=self._ease))
        self.out = [unit for unit in todo if not self.put(unit)]

    def _ease(self, unit: int) -> tuple[int, int]:
        member = self.course.units[unit]
        return member.alone_day, sum(int(mask.sum()) for mask in member.starts)

    # --- All -----------------------------------------------------------------------------------------------

    def lost(self) -> int:
        """Students without a place."""
        return sum(self.course.units[unit].weight for unit in self.out)

    def standing(self) -> Standing:
        """The present state."""
        return Standing(dict(self.at), tuple(self.out))

    def back_to(self, standing: Standing) -> None:
        """As it was."""
        self.load(standing.at)

    def limit(self, wait: int | None = None, worst_miss: int | None = None) -> None:
        """From now on nobody waits longer or misses more; who does is taken out."""
        self.asked = replace(
            self.asked,
            wait=self.asked.wait if wait is None else wait,
            worst_miss=self.asked.worst_miss if worst_miss is None else worst_miss,
        )
        for unit in list(self.value):
            if (
                waited(self.course, self.at, unit) > self.asked.wait
                or missed(self.course, self.at, unit) > self.asked.worst_miss
            ):
                self.take_out(unit)
                self.out.append(unit)

    def search(
        self, effort: Effort, lost: int = -1, better: Callable[[], None] | None = None, warmth: float = WARMTH
    ) -> bool:
        """Take out and put in until the effort is over, or no more than `lost` students are without a place (whether
        that came about). While places are looked for, days count nothing: what is as good may always stay. `better` is
        called now and then."""
        total, rounds = max(effort.left(), 1e-3), 0
        while self.lost() > lost and effort.left() > 0 and self.alone:
            self.turn(warmth * max(0.0, effort.left() / total), days=lost < 0)
            rounds += 1
            if better and rounds % 200 == 0:
                better()
        return self.lost() <= lost

    def turn(self, warmth: float, days: bool = True) -> None:
        """Take some out, try them and some of those without a place again, and keep what came of it if it is better, or
        at most about `warmth` days worse. Without `days`, only who has a place counts."""
        chosen = self._chosen()
        tried = self.rng.sample(self.out, min(len(self.out), TRIED))
        before = {key: self.at[key] for unit in chosen for key in self._keys(unit)}
        values = {unit: self.value[unit] for unit in chosen}
        for unit in chosen:
            self.take_out(unit)
        todo = [*chosen, *tried]
        if self.rng.random() < 0.5:
            self.rng.shuffle(todo)
        else:
            todo.sort(key=lambda unit: self.course.units[unit].alone_day + 6 * self.rng.random())
        priced = self.rng.choice(PRICED)
        placed = [unit for unit in todo if self.put(unit, priced)]
        weigh = LOST * self.course.worst_finish
        units = self.course.units
        worse = sum(days * self.value[unit] - weigh * units[unit].weight for unit in placed)
        worse -= sum(days * values[unit] - weigh * units[unit].weight for unit in chosen)
        if worse <= 0 or self.rng.random() < math.exp(-worse / max(warmth, 1e-3)):
            done = set(todo)
            self.out = [unit for unit in self.out if unit not in done] + [u for u in todo if u not in self.value]
            return
        for unit in placed:
            self.take_out(unit)
        for (unit, part), (group, hour) in before.items():
            self.board.take(group, hour, units[unit].hours[part])
            self.at[unit, part] = (group, hour)
        self.value.update(values)

    def _keys(self, unit: int) -> list[tuple[int, int]]:
        return [(unit, part) for part in range(len(self.course.parts))]

    def _chosen(self) -> list[int]:
        """Some with blocks of one part near an hour: an hour of somebody with a place, or one that would suit somebody
        without."""
        part = self.rng.randrange(len(self.course.parts))
        if not self.value:
            return []
        if self.out and self.rng.random() < 0.6:
            hours = np.flatnonzero(self.alone[self.rng.choice(self.out)].starts[part][0])
            middle = int(self.rng.choice(hours.tolist())) if len(hours) else 0
        else:
            middle = self.at[self.rng.choice(list(self.value)), part][1]
        near = [unit for unit in self.value if abs(self.at[unit, part][1] - middle) <= NEAR_HOURS]
        return self.rng.sample(near, min(len(near), self.rng.randint(*TAKEN_OUT)))
