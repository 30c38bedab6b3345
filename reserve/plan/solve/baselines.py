"""What happens without a plan, on the same input: first come first served, and everyone at the deadline."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from reserve.plan.course.capacity import late_part
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Booking, Starts, by_unit, finish_day, is_complete, name_nodes
from reserve.plan.solve.board import Board, first_come

LAST_DAYS = 4  # when everyone who waits for the deadline begins to look for a slot


@dataclass(frozen=True)
class Baseline:
    """How a way of giving out slots ends. Days are counted from the first of the plan."""

    name: str
    complete: int
    worst_wait: int
    mean_wait: float
    mean_finish: float
    missed: int  # blocks outside preferred time
    late_hours: int  # node-hours in the time that the rules keep for retries


def outcome(name: str, course: Course, bookings: Iterable[Booking]) -> Baseline:
    """Measure any set of bookings."""
    bookings = list(bookings)
    mine = by_unit(course, bookings)
    waits: list[int] = []
    days: list[int] = []
    missed = 0
    for unit in course.units:
        if not is_complete(course, mine[unit.netid]):
            continue
        day = finish_day(course, mine[unit.netid])
        waits += [day - unit.alone_day] * unit.weight
        days += [day] * unit.weight
        for booking in mine[unit.netid]:
            liked = unit.liked[course.parts.index(booking.part)]
            missed += unit.weight * (not liked[course.hour_of(booking.start)])
    late_hours = sum(late_part(course, course.hour_of(booking.start), booking.hours) for booking in bookings)
    return Baseline(
        name,
        len(days),
        max(waits, default=0),
        float(np.mean(waits)) if waits else 0.0,
        float(np.mean(days)) if days else 0.0,
        missed,
        late_hours,
    )


def shuffled(course: Course, seed: int = 1) -> list[int]:
    """The units in random order."""
    order = list(range(len(course.units)))
    random.Random(seed).shuffle(order)
    return order


def first_come_first_served(course: Course, seed: int = 1) -> tuple[Booking, ...]:
    """Students arrive in random order; each takes the earliest block of each part that suits them. Same rules as
    the plan's."""
    return name_nodes(course, first_come(course, Board(course), shuffled(course, seed)))


def at_the_deadline(course: Course, seed: int = 1) -> tuple[Booking, ...]:
    """Everyone looks for slots in the last days only, the parts in order, each as early as is still
    free then. The nodes that the rules keep for retries are used up as well."""
    first = max(0, course.hours - 24 * LAST_DAYS)
    order = shuffled(course, seed)
    starts: Starts = first_come(course, Board(course, keep_buffer=False), order, not_before=dict.fromkeys(order, first))
    return name_nodes(course, starts)


def compare(course: Course, bookings: Iterable[Booking], seed: int = 1) -> list[Baseline]:
    """The plan beside both naive ways, on the same input."""
    return [
        outcome("plan", course, bookings),
        outcome("first come, first served", course, first_come_first_served(course, seed)),
        outcome(f"everyone in the last {LAST_DAYS} days", course, at_the_deadline(course, seed)),
    ]
