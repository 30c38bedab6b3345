"""Prices of node time, and the bound that they prove (Lagrangian relaxation; Geoffrion 1974).

Every start hour of every kind of block has a price. Students answer each for themselves with the cheapest times
(`answers`), nodes with the blocks that earn most: no plan costs less than what students pay in all less what nodes
earn. So any prices prove a bound; good ones are those at which as many blocks are wanted as offered, and they are a
guide to good plans as well. They are climbed to by Adam (Kingma and Ba 2015) on the difference of the two.

    price[part, hours][hour]      of a block of the part, so many hours long, that begins at the hour
    shared[limit][hour]           of using the hour at all, where a rule limits several node groups together
    unserved                      what it costs not to serve a student, so that `serve` of them are served
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from reserve.plan.course.capacity import Limit, limits
from reserve.plan.course.course import Course
from reserve.plan.solve.answers import NEVER, Alike, Answers, Asked, alike
from reserve.plan.solve.effort import Effort

STEP, SLOW, FAST = 0.2, 0.9, 0.99  # Adam's step and memories
# The step of `most`, after how many rounds it is halved, and after how many it is too small to matter.
HALVED_STEP, HALVED, ROUNDS = (
    0.05,
    40,
    260,
)  # the step of `most`, after how many rounds it is halved, and the last round
WHOLE = 1e-4  # by which a sum of floats may miss a whole number
LEAST_ROUNDS = 3  # climbed even without time


@dataclass(frozen=True)
class Prices:
    """See the module's head."""

    price: dict[tuple[int, int], np.ndarray]
    shared: tuple[np.ndarray, ...]
    unserved: float

    def vector(self) -> np.ndarray:
        """All of it in one row, in the order of the fields."""
        return np.concatenate([*self.price.values(), *self.shared, [self.unserved]])

    def of_vector(self, row: np.ndarray) -> Prices:
        """The prices that `vector` would give this row."""
        count = len(self.price)
        hourly = row[:-1].reshape(max(1, count + len(self.shared)), -1)
        return Prices(dict(zip(self.price, hourly[:count], strict=True)), tuple(hourly[count:]), float(row[-1]))


@dataclass(frozen=True)
class Market:
    """What came of some prices: the bound, and by how much more was wanted than offered (as a row of Prices)."""

    bound: float
    excess: np.ndarray


class Until:
    """How long to climb, and in which steps: until `effort` is over or the bound is `enough`. The step shrinks with
    what is left of the effort, so that all of it is used; or is `halved` again and again, for an early answer."""

    def __init__(self, effort: Effort, enough: float = np.inf, *, halved: bool = False) -> None:
        self.effort, self.enough, self.halved = effort, enough, halved
        self._total = max(effort.left(), 1e-3)

    def goes_on(self, rounds: int) -> bool:
        """Whether to go on after so many rounds."""
        return self.effort.left() > 0 and not (self.halved and rounds >= ROUNDS)

    def step(self, rounds: int) -> float:
        """Adam's step after so many rounds."""
        if self.halved:
            return HALVED_STEP * 0.5 ** (rounds / HALVED)
        return STEP * max(0.0, self.effort.left() / self._total)


@dataclass
class Dual:
    """The bounds of one course; `serve`: at least so many students are to be complete."""

    course: Course
    answers: Answers = field(init=False)
    classes: list[Alike] = field(init=False)
    shared: list[Limit] = field(init=False)

    def __post_init__(self) -> None:
        course = self.course
        self.answers = Answers(course)
        self.classes = alike(course, course.able)
        self.shared = limits(course)[len(course.groups) :]
        self.kinds = sorted({(p, one.hours[p]) for one in self.classes for p in range(len(course.parts))})
        self.nodes = _Nodes(course, self.kinds, self.shared)

    def nothing(self, unserved: float) -> Prices:
        """Everything for free."""
        hours = self.course.hours
        return Prices(
            {kind: np.zeros(hours) for kind in self.kinds}, tuple(np.zeros(hours) for _ in self.shared), unserved
        )

    def most(self, asked: Asked, effort: Effort, below: int) -> int:
        """No plan within `asked` has more complete students than this; ends when it is less than `below`."""
        counted = replace(asked, finish=0.0)
        # Students are whole: anything less than `below` is enough.
        _, bound = self.climb(self.nothing(1.0), counted, 0, Until(effort, -below + 2 * WHOLE, halved=True))
        return math.floor(-bound + WHOLE)

    def market(self, prices: Prices, asked: Asked, serve: int) -> Market:
        """No plan that serves `serve` students within `asked` comes to less than the bound."""
        wanted = {kind: np.zeros(self.course.hours) for kind in self.kinds}
        bound, served = prices.unserved * serve, 0.0
        for one in self.classes:
            mine = [prices.price[part, hours] for part, hours in enumerate(one.hours)]
            cost, at = self.answers.cheapest(one, mine, asked)
            gain = cost - prices.unserved * one.weight
            yes = (gain < 0) & (cost < NEVER)
            bound += float(gain[yes].sum())
            served += float(one.weight[yes].sum())
            for part, hours in enumerate(one.hours):
                np.add.at(wanted[part, hours], at[part, yes], 1)
        earned, offered, used = self.nodes.best(prices)
        bound -= earned
        more = [used[row] - limit.at_most for row, limit in enumerate(self.shared)]
        bound -= sum(float(prices.shared[row] @ limit.at_most) for row, limit in enumerate(self.shared))
        excess = [*(wanted[kind] - offered[kind] for kind in self.kinds), *more, [serve - served]]
        return Market(bound, np.concatenate(excess))

    def climb(self, prices: Prices, asked: Asked, serve: int, until: Until) -> tuple[Prices, float]:
        """Better prices and their bound, from these on. What it costs not to serve somebody is kept where everybody is
        to be served, or no number is asked for."""
        row = prices.vector()
        fixed = not 0 < serve < sum(float(one.weight.sum()) for one in self.classes)
        best, bound = prices, -np.inf
        first, second, rounds = np.zeros_like(row), np.zeros_like(row), 0
        while rounds < LEAST_ROUNDS or until.goes_on(rounds):
            now = prices.of_vector(row)
            found = self.market(now, asked, serve)
            rounds += 1
            if found.bound > bound:
                best, bound = now, found.bound
                if bound >= until.enough:
                    break
            excess = found.excess
            first = SLOW * first + (1 - SLOW) * excess
            second = FAST * second + (1 - FAST) * excess**2
            step = until.step(rounds)
            move = first / (1 - SLOW**rounds) / (np.sqrt(second / (1 - FAST**rounds)) + 1e-3)
            if fixed:
                move[-1] = 0
            row = np.maximum(0, row + step * move)
        return best, bound


class _Nodes:
    """What each node group does at given prices: the blocks, one after the other, that earn most."""

    def __init__(self, course: Course, kinds: list[tuple[int, int]], shared: list[Limit]) -> None:
        self.course, self.shared = course, shared
        self.kinds, self.lengths = kinds, sorted({hours for _, hours in kinds}) or [1]
        self.count = np.array([len(group.nodes) for group in course.groups], float)
        part_of = [course.parts.index(course.pools[group.pool].hardware.part) for group in course.groups]
        self.kind_of = {hours: [(part, hours) for part in part_of] for hours in self.lengths}
        nowhere = np.zeros(course.hours, bool)
        # [hours][hour, group]: whether such a block may begin on the group
        self.may = {
            hours: np.array(
                [g.valid.get((course.parts[p], hours), nowhere) for g, p in zip(course.groups, part_of, strict=True)]
            ).T
            for hours in self.lengths
        }
        self.member = np.array([[g in limit.groups for g in range(len(course.groups))] for limit in shared], bool)

    def best(self, prices: Prices) -> tuple[float, dict[tuple[int, int], np.ndarray], np.ndarray]:
        """(earned in all, blocks offered by kind and hour, hours used [limit, hour])."""
        course, groups = self.course, len(self.course.groups)
        size = course.hours
        fee = np.zeros((size + 1, groups))  # summed over the hours before
        for row, members in enumerate(self.member):
            fee[1:, members] += np.cumsum(prices.shared[row])[:, None]
        free = np.zeros(size)
        earns = np.zeros((size, 1 + len(self.lengths), groups))  # [hour, 0: nothing for an hour, or a length, group]
        for row, hours in enumerate(self.lengths, 1):
            mine = np.array([prices.price.get(kind, free) for kind in self.kind_of[hours]]).T
            ends = np.minimum(np.arange(size) + hours, size)
            earns[:, row] = np.where(self.may[hours], mine - (fee[ends] - fee[:-1]), -NEVER)
        steps = np.array([1, *self.lengths])
        total = np.zeros((size + self.lengths[-1], groups))
        worth = np.any(earns[:, 1:] > 0, axis=(1, 2)).tolist()
        for hour in range(size - 1, -1, -1):
            if worth[hour]:
                np.maximum.reduce(earns[hour] + total[hour + steps], axis=0, out=total[hour])
            else:
                total[hour] = total[hour + 1]
        choice = np.argmax(earns + total[np.arange(size)[:, None] + steps], axis=1)  # [hour, group]
        offered = {kind: np.zeros(size) for kind in self.kinds}
        used = np.zeros((len(self.shared), size))
        for group in range(groups):
            hour = 0
            while hour < size:
                row = int(choice[hour, group])
                if row:
                    hours = self.lengths[row - 1]
                    offered[self.kind_of[hours][group]][hour] += self.count[group]
                    if len(self.shared):
                        used[self.member[:, group], hour : hour + hours] += self.count[group]
                hour += int(steps[row])
        return float(total[0] @ self.count), offered, used
