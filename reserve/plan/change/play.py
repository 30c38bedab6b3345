"""One play of the term: blocks happen in time order, some come to nothing, and whoever needs one books what is free.

What befalls a student is drawn before the play, so that two plays of the same `Luck` differ in nothing but the plan or
the due dates (common random numbers: Law, "Simulation Modeling and Analysis", 2015, section 11.2).
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from reserve.plan.change.explain import board_of
from reserve.plan.course.course import Course
from reserve.plan.course.inputs import Inputs
from reserve.plan.course.rules import Faults
from reserve.plan.course.schedule import Booking
from reserve.plan.solve.board import ready_hour, without_overlap

EXTRA_DAYS = 7  # played after the due date
TRIES = 12  # of one student at one part; whoever fails all of them gives up
NEVER = 10**6  # the hour of what does not happen


@dataclass(frozen=True)
class Luck:
    """What befalls a class in one term. `tries` float[unit, part, try]: a block fails where it is below the chance of
    failures; `begins` int[unit]: the hour before which a student does nothing (late starters)."""

    tries: np.ndarray
    begins: np.ndarray

    @classmethod
    def drawn(cls, course: Course, rng: np.random.Generator) -> Luck:
        """Of a class in which everybody begins in time."""
        units, parts = len(course.units), len(course.parts)
        return cls(rng.random((units, parts, TRIES)), np.zeros(units, int))


@dataclass(frozen=True)
class Played:
    """`ends` int[unit, part]: the hour at which each part is done (NEVER: not at all); `lost`: blocks that failed."""

    ends: np.ndarray
    lost: int


Looks = Mapping[tuple[int, int], int]
"""(unit, part) -> hour from which the student looks for a block of the part, where they have none."""


class Term:
    """Plays of one course and plan, which go on for EXTRA_DAYS after the due date."""

    def __init__(self, inputs: Inputs, bookings: Sequence[Booking]) -> None:
        more = timedelta(days=EXTRA_DAYS)
        students = tuple(replace(one, due=one.due + more) if one.due else one for one in inputs.students)
        self.course = course = replace(inputs, students=students, due=inputs.due + more).course()
        self.faults: Faults = inputs.rules.faults
        self.board = board_of(course, tuple(bookings), keep_buffer=False)
        self.full = self.board.left.copy()
        self.planned = {
            (course.unit_of[b.netids[0]], course.parts.index(b.part)): (
                course.hour_of(b.start),
                course.group_of[b.hardware, b.node],
            )
            for b in bookings
        }

    def due_hours(self, days: int = 0) -> np.ndarray:
        """int[unit, part]: the hour by which blocks end to be in time, `days` after the due date (each unit's own). The
        margin at a block's end counts: 21:00 to 23:50 is in time for 23:59."""
        course, found = self.course, []
        for unit in course.units:
            due = min(student.due or course.due for student in unit.students) - timedelta(days=EXTRA_DAYS - days)
            margins = [timedelta(minutes=course.margin(part)) for part in range(len(course.parts))]
            found.append([course.hour_of(due + margin) for margin in margins])
        return np.array(found, int).reshape(len(course.units), len(course.parts))

    def share(self, played: Played, due: np.ndarray) -> float:
        """Share of students (not units) with every part done by `due` int[unit, part]."""
        weight = np.array([unit.weight for unit in self.course.units], float)
        return float(weight[(played.ends <= due).all(axis=1)].sum() / weight.sum())

    def play(self, luck: Luck, looks: Looks) -> Played:
        """Play the term once; the same again for the same arguments. Who looks for a part waits until those before it
        are done."""
        return _Play(self, luck, looks).run()


class _Play:
    """The state of one play. `queue`: (hour, unit, part, whether the student looks for a block or one begins)."""

    def __init__(self, term: Term, luck: Luck, looks: Looks) -> None:
        self.course, self.board, self.luck, self.notice = term.course, term.board, luck, term.faults.notice_hours
        self.board.restore(term.full)
        self.booked = dict(term.planned)
        self.queue = [(hour, unit, part, False) for (unit, part), (hour, _) in self.booked.items()]
        self.queue += [(hour, unit, part, True) for (unit, part), hour in looks.items()]
        heapq.heapify(self.queue)
        faults = term.faults
        self.chances = np.cumsum([faults.boot_fails, faults.overslept, faults.taken, faults.needs_second])
        self.ends = np.full((len(self.course.units), len(self.course.parts)), NEVER)
        self.tried = np.zeros_like(self.ends)
        self.waiting: set[tuple[int, int]] = set()
        self.lost = 0

    def run(self) -> Played:
        while self.queue:
            hour, unit, part, looking = heapq.heappop(self.queue)
            if looking:
                self._look(unit, part, hour)
            else:
                self._begin(unit, part, hour)
        return Played(self.ends, self.lost)

    def _look(self, unit: int, part: int, hour: int) -> None:
        befores = self.course.after[part]
        if any(self.ends[unit, before] == NEVER for before in befores):
            self.waiting.add((unit, part))
            return
        gap = self.course.gap(part)
        first = [int(self.ends[unit, before]) + gap for before in befores]
        self._book(unit, part, max([hour, int(self.luck.begins[unit]), *first]))

    def _begin(self, unit: int, part: int, hour: int) -> None:
        """A booked block begins: it goes well, or another is looked for."""
        course = self.course
        length = course.units[unit].hours[part]
        before = {p: self.booked[unit, p][0] for p in course.after[part] if (unit, p) in self.booked}
        ready = ready_hour(course, unit, part, before)
        if ready < 0 or ready > hour:  # what comes before was moved: this block cannot be used any more
            self.board.give(self.booked[unit, part][1], hour, length)
            first = ready
        elif hour < self.luck.begins[unit]:
            self.lost += 1
            first = int(self.luck.begins[unit])
        else:
            number = min(int(self.tried[unit, part]), TRIES - 1)
            self.tried[unit, part] += 1
            what = int(np.searchsorted(self.chances, self.luck.tries[unit, part, number], side="right"))
            if what == len(self.chances):
                self._done(unit, part, hour + length)
                return
            self.lost += 1
            first = hour + self.notice + (length if what == len(self.chances) - 1 else 0)
        del self.booked[unit, part]
        if first < 0:  # nothing to be done without the part before
            self.waiting.add((unit, part))
        elif self.tried[unit, part] < TRIES:
            self._book(unit, part, first)

    def _done(self, unit: int, part: int, end: int) -> None:
        self.ends[unit, part] = end
        for later in range(len(self.course.parts)):
            if part in self.course.after[later] and (unit, later) in self.waiting:
                self.waiting.discard((unit, later))
                heapq.heappush(self.queue, (end, unit, later, True))

    def _book(self, unit: int, part: int, first: int) -> None:
        """Book the earliest block that the student can take, if there is any."""
        course = self.course
        length = course.units[unit].hours[part]
        if first >= course.hours:
            return
        free = self.board.anywhere(part, length, first) & course.units[unit].starts[part][first:]
        taken = {p: self.booked[unit, p][0] for p in range(len(course.parts)) if (unit, p) in self.booked}
        beside = {p: h for p, h in taken.items() if part not in course.after[p]}
        without_overlap(course, unit, part, free, first, beside)
        if not free.any():
            return
        hour = first + int(free.argmax())
        group = self.board.group_at(part, length, hour)
        self.board.take(group, hour, length)
        self.booked[unit, part] = (hour, group)
        heapq.heappush(self.queue, (hour, unit, part, False))
