"""The cheapest times of one student for given prices: exact, and the same for many students at once.

A start hour costs what its block is charged and what a missed preference counts; the day of the last block counts too.
One student does one block at a time, so for a given order of the parts the cheapest times are found from the last
part to the first, each hour knowing the cheapest rest (dynamic programming); all orders are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from reserve.plan.course.capacity import late_part
from reserve.plan.course.course import Course

NEVER = 1e7  # costs more than any answer
MOST_CHOICES = 20  # of parts that may miss a preference; with more, a limit on misses is not looked at


@dataclass(frozen=True)
class Alike:
    """Students whose blocks have the same lengths. [part][student, hour]: `starts` and `likes` say where blocks may and
    should begin, `misses` what a block there counts for a missed preference. `late`: [part][hour], hours of the block
    in the time that is kept for retries."""

    units: np.ndarray
    hours: tuple[int, ...]
    starts: tuple[np.ndarray, ...]
    likes: tuple[np.ndarray, ...]
    misses: tuple[np.ndarray, ...]
    late: tuple[np.ndarray, ...]
    alone_day: np.ndarray
    weight: np.ndarray

    def only(self, rows: np.ndarray | slice) -> Alike:
        """Some of these students."""
        starts, likes, misses = (tuple(one[rows] for one in each) for each in (self.starts, self.likes, self.misses))
        return Alike(
            self.units[rows],
            self.hours,
            starts,
            likes,
            misses,
            self.late,
            self.alone_day[rows],
            self.weight[rows],
        )


def alike(course: Course, units: Sequence[int]) -> list[Alike]:
    """These units, put together by the lengths of their blocks."""
    by_hours: dict[tuple[int, ...], list[int]] = {}
    for unit in units:
        by_hours.setdefault(course.units[unit].hours, []).append(unit)
    found = []
    parts = range(len(course.parts))
    for hours, chosen in by_hours.items():
        members = [course.units[unit] for unit in chosen]
        weight = np.array([member.weight for member in members], float)
        starts = tuple(np.array([member.starts[part] for member in members]) for part in parts)
        likes = tuple(np.array([member.liked[part] for member in members]) for part in parts)
        late = tuple(
            np.array([late_part(course, hour, hours[part]) for hour in range(course.hours)], float) for part in parts
        )
        each = course.rules.preference_days
        misses = tuple(weight[:, None] * each * ~likes[part] for part in parts)
        alone = np.array([member.alone_day for member in members])
        found.append(Alike(np.array(chosen), hours, starts, likes, misses, late, alone, weight))
    return found


@dataclass(frozen=True)
class Asked:
    """What an answer may be: nobody finishes more than `wait` days after they could alone, nobody gets more than
    `worst_miss` blocks that they do not prefer. `finish`: what a day and a missed preference count; `late`: what an
    hour counts in the time that is kept for retries."""

    wait: int
    worst_miss: int
    finish: float = 1.0
    late: float = 0.0


class Answers:
    """Cheapest times in one course."""

    def __init__(self, course: Course) -> None:
        parts = range(len(course.parts))
        self.course = course
        self.orders = [
            order
            for order in permutations(parts)
            if all(order.index(before) < order.index(part) for part in parts for before in course.after[part])
        ]

    def _may_miss(self, worst_miss: int) -> list[frozenset[int]]:
        """Sets of parts of which an answer may miss the preference."""
        parts = range(len(self.course.parts))
        chosen = [frozenset(some) for some in combinations(parts, min(worst_miss, len(parts)))]
        return chosen if len(chosen) <= MOST_CHOICES else [frozenset(parts)]

    def cheapest(self, of: Alike, prices: Sequence[np.ndarray], asked: Asked) -> tuple[np.ndarray, np.ndarray]:
        """(cost [student], start hours [part, student]) of the cheapest times; cost NEVER or more where there are
        none. `prices`: [part], by hour or by student and hour, NEVER where no block may begin. A gap to a part that
        is not the one just before is not looked at."""
        course, parts = self.course, range(len(self.course.parts))
        size = len(of.units)
        last_day = int(of.alone_day.max()) + asked.wait
        end = int(np.searchsorted(course.day_of, last_day, "right"))
        day = course.day_of[:end]
        costs, likes = [], []
        for part in parts:
            free = of.starts[part][:, :end]
            cost = prices[part][..., :end] + asked.finish * of.misses[part][:, :end] + asked.late * of.late[part][:end]
            costs.append(np.where(free, cost, NEVER))
            likes.append(of.likes[part][:, :end])
        in_time = day <= of.alone_day[:, None] + asked.wait
        finish = np.where(in_time, asked.finish * of.weight[:, None] * day, NEVER)
        best, at = np.full(size, NEVER), np.zeros((len(parts), size), int)
        every = np.arange(size)
        for may_miss in self._may_miss(asked.worst_miss):
            allowed = [c if p in may_miss else np.where(likes[p], c, NEVER) for p, c in enumerate(costs)]
            for order in self.orders:
                cheapest, after, steps = finish, 0, []
                for position in reversed(range(len(order))):
                    part = order[position]
                    rest = np.full((size, end), NEVER)
                    if after < end:
                        rest[:, : end - after] = cheapest[:, after:]
                    here = allowed[part] + rest
                    steps.append((part, here))
                    cheapest = np.minimum.accumulate(here[:, ::-1], axis=1)[:, ::-1]
                    if position:
                        before = order[position - 1]
                        after = of.hours[before] + (course.gap(part) if before in course.after[part] else 0)
                better = cheapest[:, 0] < best
                if not better.any():
                    continue
                best = np.where(better, cheapest[:, 0], best)
                rows, clock = every[better], np.zeros(int(better.sum()), int)
                hours = np.arange(end)
                for position, (part, here) in enumerate(reversed(steps)):
                    mine = np.where(hours >= clock[:, None], here[rows], 2 * NEVER)
                    clock = mine.argmin(axis=1)
                    at[part, rows] = clock
                    if position + 1 < len(order):
                        later = order[position + 1]
                        clock = clock + of.hours[part] + (course.gap(later) if part in course.after[later] else 0)
        return best, at
