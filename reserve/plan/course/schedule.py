"""A plan: which student has which node when; and an independent check that it breaks no rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from reserve.calendar import CHANGEOVER, Interval
from reserve.lease.leases import lease_name
from reserve.plan.course.capacity import buffer_start, free_nodes
from reserve.plan.course.course import Course, Unit, block_hours
from reserve.plan.course.roster import Student
from reserve.plan.course.windows import Weekly, expand

COMPLETE = "students who complete every part"


@dataclass(frozen=True)
class Booking:
    """One lease of the plan. Times are UTC; `end` leaves the margin before the whole hour."""

    netids: tuple[str, ...]  # who shares it; the lease carries the first one's name
    part: str
    hardware: str
    site: str
    node: str
    start: datetime
    end: datetime

    @property
    def lease(self) -> str:
        """Its name by the course's rule."""
        return lease_name(self.part, self.netids[0])

    @property
    def hours(self) -> int:
        """Whole hours that the node cannot serve anybody else of the course."""
        return int((self.end - self.start) / timedelta(hours=1) + 0.999)


@dataclass(frozen=True)
class Stage:
    """One goal of the plan, in order of importance: what was reached, and what no plan can beat given the
    stages before. `bound` is None when the time ran out before a bound was proven."""

    key: str
    text: str
    value: float
    bound: float | None
    maximise: bool = False

    @property
    def gap(self) -> float | None:
        """Distance to the bound as a share of the bound (0: proven best; infinite for a bound of 0 not reached)."""
        distance = self.distance
        if distance is None or self.bound is None:
            return None
        return distance / abs(self.bound) if self.bound else math.inf if distance else 0.0

    @property
    def distance(self) -> float | None:
        """How far the value is from the bound, in the goal's own unit."""
        if self.bound is None:
            return None
        return max(0.0, self.bound - self.value if self.maximise else self.value - self.bound)


@dataclass(frozen=True)
class Plan:
    """Bookings sorted by start, and how good they are. `stopped`: somebody ended the search before its time."""

    bookings: tuple[Booking, ...]
    stages: tuple[Stage, ...] = ()
    seconds: float = 0.0
    stopped: bool = False


Starts = Mapping[tuple[int, int], tuple[int, int]]
"""(unit, part) -> (node group, hour)."""


def name_nodes(course: Course, starts: Starts) -> tuple[Booking, ...]:
    """Give every block a node of its group, earliest first: a node is always free (see NodeGroup)."""
    free_from: dict[tuple[int, str], int] = {}
    found = []
    for (unit, part), (group, hour) in sorted(starts.items(), key=lambda item: (item[1][1], item[0])):
        hours = course.units[unit].hours[part]
        nodes = [n for n in course.groups[group].nodes if free_from.get((group, n), 0) <= hour]
        if not nodes:
            raise AssertionError(f"group {group} holds more blocks than nodes at hour {hour}")
        # The node that was idle longest: a late finish then disturbs nobody.
        node = min(nodes, key=lambda name: free_from.get((group, name), 0))
        free_from[group, node] = hour + hours
        pool = course.pools[course.groups[group].pool]
        block = course.block(part, hours).at(course.at(hour))
        netids, kind = course.units[unit].netids, pool.hardware
        found.append(Booking(netids, course.parts[part], kind.key, kind.site, node, block.start, block.end))
    return tuple(sorted(found, key=lambda b: (b.start, b.hardware, b.node)))


def finish_day(course: Course, bookings: Iterable[Booking]) -> int:
    """Day (in the course's zone, from 0) on which the last of these begins."""
    last = max(booking.start for booking in bookings)
    return int(course.day_of[course.hour_of(last)])


def by_unit(course: Course, bookings: Iterable[Booking]) -> dict[str, list[Booking]]:
    """Bookings by the netid that carries the lease; every unit has an entry."""
    found: dict[str, list[Booking]] = {unit.netid: [] for unit in course.units}
    for booking in bookings:
        found.setdefault(booking.netids[0], []).append(booking)
    return found


def is_complete(course: Course, bookings: Iterable[Booking]) -> bool:
    """Whether these bookings, of one student or pair, cover every part."""
    return {booking.part for booking in bookings} == set(course.parts)


def completed(course: Course, bookings: Iterable[Booking]) -> Stage:
    """The first goal's value for any bookings, with nothing proven about it."""
    mine = by_unit(course, bookings)
    value = sum(unit.weight for unit in course.units if is_complete(course, mine[unit.netid]))
    return Stage("complete", COMPLETE, value, None, maximise=True)


def _overlap(a: Interval, b: Interval) -> bool:
    return a.start < b.end and b.start < a.end


def _unit_faults(course: Course, unit: Unit, mine: list[Booking]) -> Iterable[str]:
    who = unit.netid
    due = min(student.due or course.due for student in unit.students)
    parts = {booking.part: booking for booking in mine}
    if len(parts) != len(mine):
        yield f"{who} has a part twice"
    for booking in mine:
        span = Interval(booking.start, booking.end)
        kind = next((p.hardware for p in course.pools if p.key == booking.hardware), None)
        if kind is None:
            yield f"{who} {booking.part}: the course has no {booking.hardware}"
            continue
        hours = block_hours(kind.block_hours, max(student.extra for student in unit.students))
        margin = kind.end_margin_minutes
        if booking.end - booking.start != timedelta(hours=hours, minutes=-margin):
            yield f"{who} {booking.part}: the block is not {hours} h less {margin} min"
        if booking.start.minute or booking.start.second or booking.start < course.start or booking.end > due:
            yield f"{who} {booking.part}: {booking.start} is not a whole hour between start and due date"
        for student in unit.students:
            yield from _time_faults(course, student, booking, span)
        rule = course.rules.parts[course.parts.index(booking.part)]
        for before in rule.after:
            if before not in parts:
                yield f"{who} has {booking.part} without {before}"
            elif parts[before].start + timedelta(hours=parts[before].hours + rule.gap_hours) > booking.start:
                yield f"{who}: {booking.part} begins within {rule.gap_hours} h of {before}"
    spans = sorted(Interval(booking.start, booking.end) for booking in mine)
    if any(_overlap(a, b) for a, b in zip(spans, spans[1:], strict=False)):
        yield f"{who} has two blocks at one time"


def _time_faults(course: Course, student: Student, booking: Booking, span: Interval) -> Iterable[str]:
    near = span.start - timedelta(days=2), span.end + timedelta(days=2)
    if student.begin and span.start < student.begin:
        yield f"{student.netid} {booking.part}: begins at {booking.start}, before {student.begin}"
    if any(_overlap(span, free) for free in expand(course.rules.holidays, course.tz, *near)):
        yield f"{student.netid} {booking.part}: on a holiday, {booking.start}"
    if any(_overlap(span, away) for away in expand(student.unavailable, student.tz, *near)):
        yield f"{student.netid} {booking.part}: unavailable at {booking.start}"
    waking = Weekly(frozenset(range(7)), course.rules.wake_minute, course.rules.sleep_minute)
    moment = span.start
    awake = sorted(expand([waking], student.tz, *near))
    for stretch in awake:
        if stretch.start <= moment < stretch.end:
            moment = stretch.end
    if moment < span.end:
        yield f"{student.netid} {booking.part}: outside waking hours at {moment}"


def faults(course: Course, bookings: Iterable[Booking]) -> list[str]:
    """Every rule that the bookings break, in words; empty for a right plan. Works on times and calendars,
    not on the grid that the solver used, so that an error there shows."""
    bookings = list(bookings)
    found: list[str] = []
    mine = by_unit(course, bookings)
    for unit in course.units:
        found += _unit_faults(course, unit, mine.pop(unit.netid))
    found += [f"{netid} is not in the roster" for netid, left in mine.items() if left]
    pools = {pool.key: pool for pool in course.pools}
    by_node: dict[tuple[str, str], list[Booking]] = {}
    for booking in bookings:
        pool = pools.get(booking.hardware)
        if pool is None or pool.hardware.part != booking.part or booking.node not in pool.calendar.nodes:
            found.append(f"{booking.lease}: {booking.node} is no {booking.hardware} for {booking.part}")
        elif not pool.calendar.is_free(booking.node, Interval(booking.start, booking.end)):
            found.append(f"{booking.lease}: {booking.node} is held by somebody else at {booking.start}")
        by_node.setdefault((booking.hardware, booking.node), []).append(booking)
    for (_, node), held in by_node.items():
        held.sort(key=lambda booking: booking.start)
        for one, two in zip(held, held[1:], strict=False):
            if one.end + CHANGEOVER > two.start:
                found.append(f"{node} is booked twice: {one.lease} and {two.lease}")
    return found + _limit_faults(course, bookings)


def _limit_faults(course: Course, bookings: list[Booking]) -> list[str]:
    found = []
    late = buffer_start(course)
    used: dict[tuple[str, int], int] = {}
    for booking in bookings:
        first = course.hour_of(booking.start)
        for hour in range(first, first + booking.hours):
            used[booking.hardware, hour] = used.get((booking.hardware, hour), 0) + 1
            used["", hour] = used.get(("", hour), 0) + 1
    nothing = np.zeros(course.hours, int)
    for number, pool in enumerate(course.pools):
        free = sum((free_nodes(course, i) for i, g in enumerate(course.groups) if g.pool == number), nothing)
        for hour in range(course.hours):
            most = pool.limit
            if pool.keep and hour >= late:
                most = min(most, max(0, int(free[hour]) - pool.keep))
            if used.get((pool.key, hour), 0) > most:
                found.append(f"{pool.key}: more than {most} leases at {course.at(hour)}")
    top = course.rules.max_simultaneous
    found += [
        f"more than {top} leases of the course at {course.at(hour)}"
        for hour in range(course.hours)
        if top and used.get(("", hour), 0) > top
    ]
    return found
