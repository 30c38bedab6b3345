"""Play the term many times with failures: how many finish by the due date, and by later ones."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from reserve.plan.change.explain import board_of
from reserve.plan.course.inputs import Inputs
from reserve.plan.course.schedule import Booking
from reserve.plan.solve.board import ready_hour, without_overlap
from snippets.stats import proportion

EXTRA_DAYS = 7
Z95 = 1.959963984540054


@dataclass(frozen=True)
class ByDay:
    """Finished so many days after the due date: mean share of students with its 95 % confidence interval, and the
    share of terms in which everyone finished (Wilson's interval)."""

    days: int
    share: float
    low: float
    high: float
    all_share: float
    all_low: float
    all_high: float


@dataclass(frozen=True)
class Simulation:
    """What so many simulated terms came to."""

    terms: int
    students: int
    lost_blocks: float  # mean per term
    by_day: tuple[ByDay, ...]


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    mean = float(values.mean())
    half = Z95 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return mean, max(0.0, mean - half), min(1.0, mean + half)


class _Term:
    """One play: bookings happen in time order; a lost block is booked again where something is free."""

    def __init__(self, inputs: Inputs, bookings: Sequence[Booking]) -> None:
        more = timedelta(days=EXTRA_DAYS)
        students = tuple(replace(one, due=one.due + more) if one.due else one for one in inputs.students)
        longer = replace(inputs, students=students, due=inputs.due + more)
        self.course = longer.course()
        self.rules = inputs.rules
        self.board = board_of(self.course, tuple(bookings), keep_buffer=False)
        self.full = self.board.left.copy()
        where, unit_of = self.course.group_of, self.course.unit_of
        self.planned = {
            (unit_of[b.netids[0]], self.course.parts.index(b.part)): (
                self.course.hour_of(b.start),
                where[b.hardware, b.node],
            )
            for b in bookings
        }
        self.due_hours = [
            math.floor((inputs.due + timedelta(days=d) - self.course.start) / timedelta(hours=1))
            for d in range(EXTRA_DAYS + 1)
        ]

    def play(self, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """Hour at which each unit has finished (a large number: never), and how many blocks were lost."""
        course, faults = self.course, self.rules.faults
        self.board.restore(self.full)
        booked = dict(self.planned)
        ends: dict[tuple[int, int], int] = {}
        queue = [(hour, unit, part) for (unit, part), (hour, _) in booked.items()]
        heapq.heapify(queue)
        chances = np.cumsum([faults.boot_fails, faults.overslept, faults.taken, faults.needs_second])
        lost = 0
        while queue:
            hour, unit, part = heapq.heappop(queue)
            length = course.units[unit].hours[part]
            before = {p: booked[unit, p][0] for p in course.after[part] if (unit, p) in booked}
            ready = ready_hour(course, unit, part, before)
            if ready < 0 or ready > hour:  # what comes before was moved: this block cannot be used any more
                self.board.give(booked[unit, part][1], hour, length)
                first = ready
            else:
                what = int(np.searchsorted(chances, rng.random(), side="right"))
                if what == len(chances):
                    ends[unit, part] = hour + length
                    continue
                lost += 1
                first = hour + faults.notice_hours + (length if what == 3 else 0)
            del booked[unit, part]
            start = -1 if first < 0 else self._book(unit, part, first, booked)
            if start >= 0:
                heapq.heappush(queue, (start, unit, part))
        done = np.full(len(course.units), 10**6)
        for unit in range(len(done)):
            mine = [ends.get((unit, part), 10**6) for part in range(len(course.parts))]
            done[unit] = max(mine)
        return done, lost

    def _book(self, unit: int, part: int, first: int, booked: dict[tuple[int, int], tuple[int, int]]) -> int:
        """Book the earliest block that the student can take; its hour, -1 when there is none."""
        course = self.course
        length = course.units[unit].hours[part]
        if first >= course.hours:
            return -1
        free = self.board.anywhere(part, length, first) & course.units[unit].starts[part][first:]
        taken = {p: booked[unit, p][0] for p in range(len(course.parts)) if (unit, p) in booked}
        beside = {p: h for p, h in taken.items() if part not in course.after[p]}
        without_overlap(course, unit, part, free, first, beside)
        if not free.any():
            return -1
        hour = first + int(free.argmax())
        group = self.board.group_at(part, length, hour)
        self.board.take(group, hour, length)
        booked[unit, part] = (hour, group)
        return hour


def simulate(inputs: Inputs, bookings: Sequence[Booking], terms: int = 200, seed: int = 1) -> Simulation:
    """Play `terms` terms (seeded: the same again for the same seed)."""
    term, rng = _Term(inputs, bookings), np.random.default_rng(seed)
    weights = np.array([unit.weight for unit in term.course.units])
    shares = np.zeros((terms, EXTRA_DAYS + 1))
    lost = 0
    for number in range(terms):
        done, failures = term.play(rng)
        lost += failures
        for day, hour in enumerate(term.due_hours):
            shares[number, day] = weights[done <= hour].sum() / weights.sum()
    by_day = []
    for day in range(EXTRA_DAYS + 1):
        everyone = proportion(int((shares[:, day] >= 1 - 1e-12).sum()), terms)
        by_day.append(ByDay(day, *_interval(shares[:, day]), everyone.value, everyone.low, everyone.high))
    return Simulation(terms, int(weights.sum()), lost / terms, tuple(by_day))
