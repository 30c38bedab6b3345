"""The planning problem: who needs what, when each could, and which nodes are free, on a grid of whole hours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import permutations
from zoneinfo import ZoneInfo

import numpy as np

from reserve.calendar import Block, Interval, next_hour
from reserve.plan.course.pools import NodeGroup, Pool, node_groups
from reserve.plan.course.roster import LONGEST_WEEKS, Student
from reserve.plan.course.rules import Rules
from reserve.plan.course.windows import Weekly, expand
from snippets.errors import PlanError


@dataclass(frozen=True)
class Unit:
    """One student, or a pair who share leases. Arrays are over the hours of the horizon."""

    students: tuple[Student, ...]
    hours: tuple[int, ...]  # block length per part
    suits: tuple[np.ndarray, ...]  # bool: would this part's block lie wholly within their own times from here
    starts: tuple[np.ndarray, ...]  # bool: and is some node free for it
    liked: tuple[np.ndarray, ...]  # bool: and lies wholly within preferred time
    alone_day: int  # day on which the last block would begin if the class were empty; -1: impossible

    @property
    def netid(self) -> str:
        """Whose name the leases carry."""
        return self.students[0].netid

    @property
    def netids(self) -> tuple[str, ...]:
        """Of its students, as their bookings have them."""
        return tuple(student.netid for student in self.students)

    @property
    def weight(self) -> int:
        """Students in it: 1 or 2."""
        return len(self.students)

    @cached_property
    def prefers(self) -> bool:
        """Whether some times are preferred to others: because one of them named some, or for the office hours."""
        return not all(mask.all() for mask in self.liked)


@dataclass(frozen=True)
class Course:
    """Everything that a plan must respect. Hour 0 is `start` (UTC, a whole hour); blocks end by `due`, those of a
    student with an own due date by theirs, which may be later."""

    rules: Rules
    pools: tuple[Pool, ...]
    groups: tuple[NodeGroup, ...]
    units: tuple[Unit, ...]
    start: datetime
    due: datetime
    tz: ZoneInfo
    hours: int
    day_of: np.ndarray  # local date in the course's zone of each hour, counted from the first
    parts: tuple[str, ...]
    after: tuple[tuple[int, ...], ...]  # per part, the indices of those before it

    @property
    def days(self) -> int:
        """Local days that the horizon touches."""
        return int(self.day_of[-1]) + 1

    @property
    def total(self) -> int:
        """Students (not units)."""
        return sum(unit.weight for unit in self.units)

    @property
    def able(self) -> list[int]:
        """Numbers of the units that could complete alone."""
        return [number for number, unit in enumerate(self.units) if unit.alone_day >= 0]

    @property
    def unit_of(self) -> dict[str, int]:
        """Number of the unit whose leases carry each netid."""
        return {unit.netid: number for number, unit in enumerate(self.units)}

    @property
    def group_of(self) -> dict[tuple[str, str], int]:
        """Number of the group of each (hardware, node)."""
        return {(self.pools[g.pool].key, node): number for number, g in enumerate(self.groups) for node in g.nodes}

    @property
    def worst_finish(self) -> int:
        """More than the goal `finish` counts for any one student."""
        return self.days + len(self.parts) * self.rules.preference_days

    def at(self, hour: int) -> datetime:
        """The moment (UTC) at which this hour of the horizon begins."""
        return self.start + timedelta(hours=int(hour))

    def hour_of(self, moment: datetime) -> int:
        """The hour of the horizon, from 0, that begins at this moment; below 0 before the horizon."""
        return int((moment - self.start) / timedelta(hours=1))

    def block(self, part: int, hours: int) -> Block:
        """A block of the part of so many hours."""
        return Block(hours, self.margin(part))

    def margin(self, part: int) -> int:
        """Minutes before the whole hour at which leases of the part end."""
        return max(p.hardware.end_margin_minutes for p in self.pools if p.hardware.part == self.parts[part])

    def gap(self, part: int) -> int:
        """Hours that must lie between the part and those before it."""
        return self.rules.parts[part].gap_hours

    @property
    def sinks(self) -> tuple[int, ...]:
        """Parts that no other part waits for: the last of them finishes a student."""
        needed = {before for befores in self.after for before in befores}
        return tuple(part for part in range(len(self.parts)) if part not in needed)


def block_hours(base: int, extra: float) -> int:
    """Whole hours of a block for a student whose time is multiplied by `extra`."""
    return math.ceil(base * extra - 1e-9)


def _minutes(intervals: Sequence[Interval], start: datetime, count: int) -> np.ndarray:
    """Which of `count` minutes from `start` the intervals touch."""
    mask = np.zeros(count, bool)
    for interval in intervals:
        begin = math.floor((interval.start - start).total_seconds() / 60)
        end = math.ceil((interval.end - start).total_seconds() / 60)
        mask[max(0, begin) : max(0, min(count, end))] = True
    return mask


def _closed_before(open_minutes: np.ndarray) -> np.ndarray:
    """How many closed minutes come before each minute; int32[minutes + 1]."""
    counts = np.zeros(len(open_minutes) + 1, np.int32)
    np.cumsum(~open_minutes, out=counts[1:], dtype=np.int32)
    return counts


def _fits(closed: np.ndarray, hours: int, block: Block) -> np.ndarray:
    """For each hour, whether a block that begins there touches only open minutes (see `_closed_before`)."""
    length, last = int(block.duration.total_seconds() // 60), len(closed) - 1
    at = np.arange(hours) * 60
    end = at + length
    return (end <= last) & (closed[np.minimum(end, last)] == closed[np.minimum(at, last)])


class _Times:
    """Open and preferred minutes of students, each zone's waking hours computed once. `tz`: the course's zone."""

    def __init__(self, rules: Rules, start: datetime, due: datetime, end: datetime, tz: ZoneInfo) -> None:
        self.rules, self.start, self.due, self.end = rules, start, due, end
        self.count = int((end - start).total_seconds() // 60)
        self.holidays = self.painted(rules.holidays, tz)
        self.office = self.painted(rules.office_hours, tz) if rules.office_hours else np.ones(self.count, bool)
        self.awake: dict[str, np.ndarray] = {}

    def painted(self, windows: Sequence, tz: ZoneInfo) -> np.ndarray:
        return _minutes(list(expand(windows, tz, self.start, self.end)), self.start, self.count)

    def open(self, student: Student) -> np.ndarray:
        if student.tz.key not in self.awake:
            waking = Weekly(frozenset(range(7)), self.rules.wake_minute, self.rules.sleep_minute)
            self.awake[student.tz.key] = self.painted([waking], student.tz) & ~self.holidays
        found = self.awake[student.tz.key]
        if student.unavailable:
            found = found & ~self.painted(student.unavailable, student.tz)
        first, last = student.begin or self.start, student.due or self.due
        if first > self.start or last < self.end:
            found = found & _minutes([Interval(first, last)], self.start, self.count)
        return found

    def preferred(self, student: Student) -> np.ndarray:
        return self.painted(student.preferred, student.tz) if student.preferred else self.office


def _alone(
    course_after: Sequence[Sequence[int]],
    gaps: Sequence[int],
    hours: Sequence[int],
    starts: Sequence[np.ndarray],
    day_of: np.ndarray,
) -> int:
    """Day on which the last block begins when nobody else is in the course; -1 when it never can.

    One student does one block at a time, so for a given order of the parts the earliest start of each is
    best; all orders are tried.
    """
    best = -1
    for order in permutations(range(len(hours))):
        ends: dict[int, int] = {}
        clock = last = 0
        for part in order:
            if any(before not in ends for before in course_after[part]):
                break
            ready = max([clock, *(ends[before] + gaps[part] for before in course_after[part])])
            free = np.flatnonzero(starts[part][ready:])
            if not len(free):
                break
            last = ready + int(free[0])
            clock = ends[part] = last + hours[part]
        else:
            day = int(day_of[last])
            best = day if best < 0 else min(best, day)
    return best


def narrowed(course: Course, opens: np.ndarray, due: np.ndarray) -> Course:
    """The course with each part only from `opens` on and ended by `due`, both int[unit, part], hours of the horizon."""
    hour, units = np.arange(course.hours), []
    gaps = [course.gap(part) for part in range(len(course.parts))]
    for number, unit in enumerate(course.units):
        within = [(hour >= opens[number, p]) & (hour + unit.hours[p] <= due[number, p]) for p in range(len(gaps))]
        suits = tuple(mask & inside for mask, inside in zip(unit.suits, within, strict=True))
        starts = tuple(mask & inside for mask, inside in zip(unit.starts, within, strict=True))
        alone = _alone(course.after, gaps, unit.hours, starts, course.day_of)
        units.append(replace(unit, suits=suits, starts=starts, alone_day=alone))
    return replace(course, units=tuple(units))


def pair_up(students: Sequence[Student]) -> list[tuple[Student, ...]]:
    """Students in file order, partners together."""
    by_id = {student.netid: student for student in students}
    partner = {student.netid: student.pair for student in students if student.pair}
    partner |= {other: netid for netid, other in partner.items()}
    done: set[str] = set()
    units: list[tuple[Student, ...]] = []
    for student in students:
        if student.netid not in done:
            other = partner.get(student.netid)
            units.append((student, by_id[other]) if other else (student,))
            done |= {member.netid for member in units[-1]}
    return units


def _check_blocks(pools: Sequence[Pool]) -> None:
    """Raise PlanError where two kinds of hardware of one part have blocks of different length: a student's block must
    fit on either."""
    first: dict[str, Pool] = {}
    for pool in pools:
        one, two = first.setdefault(pool.hardware.part, pool).hardware, pool.hardware
        for what, a, b in (
            ("block_hours", one.block_hours, two.block_hours),
            ("end_margin_minutes", one.end_margin_minutes, two.end_margin_minutes),
        ):
            if a != b:
                raise PlanError(
                    f"{one.key} and {two.key} both serve the part {two.part}, with {what} {a} and {b} in "
                    "reserve/hardware.toml: a plan needs them equal. Make them so, or plan without one of the two"
                )


def make_course(
    students: Sequence[Student], rules: Rules, pools: Sequence[Pool], start: datetime, due: datetime, tz: ZoneInfo
) -> Course:
    """Put students, rules and nodes on the hour grid from the first whole hour at or after `start` to `due`.

    Raises PlanError when nothing could be planned: no time left, or a block longer than the calendar.
    """
    start = next_hour(start)
    end = max([due, *(student.due for student in students if student.due)])
    span = (end - start) / timedelta(hours=1)
    if due <= start:
        raise PlanError(f"the due date {due:%Y-%m-%d %H:%M} UTC is not after the start {start:%Y-%m-%d %H:%M} UTC")
    if span > LONGEST_WEEKS * 168:
        raise PlanError(f"from {start:%Y-%m-%d} to {end:%Y-%m-%d} is over {LONGEST_WEEKS} weeks; set --from nearer")
    _check_blocks(pools)
    horizon, hours = Interval(start, end), math.ceil(span)
    names = tuple(part.name for part in rules.parts)
    after = tuple(tuple(names.index(before) for before in part.after) for part in rules.parts)
    base = [next(p.hardware.block_hours for p in pools if p.hardware.part == name) for name in names]
    margins = [max(p.hardware.end_margin_minutes for p in pools if p.hardware.part == name) for name in names]
    members = pair_up(students)
    lengths: dict[str, set[int]] = {name: set() for name in names}
    for pair in members:
        for name, length in zip(names, base, strict=True):
            needed = block_hours(length, max(student.extra for student in pair))
            limit = max(p.hardware.max_lease_days for p in pools if p.hardware.part == name) * 24
            if Block(needed, 0).duration > end - start or needed > limit:
                raise PlanError(
                    f"row {pair[0].row}: {pair[0].netid}'s {name} block of {needed} h is longer than the "
                    f"{'calendar' if needed <= limit else 'longest lease'} ({min(span, limit):.0f} h); "
                    "choose a later due date or less extra time"
                )
            lengths[name].add(needed)
    groups = node_groups(list(pools), lengths, horizon)
    somewhere = {
        key: np.logical_or.reduce([g.valid[key] for g in groups if key in g.valid])
        for key in {key for group in groups for key in group.valid}
    }
    local = [(start + timedelta(hours=n)).astimezone(tz).date() for n in range(hours)]
    day_of = np.array([(day - local[0]).days for day in local])
    gaps = [part.gap_hours for part in rules.parts]
    times, everywhere, nowhere = _Times(rules, start, due, end, tz), np.ones(hours, bool), np.zeros(hours, bool)
    units = []
    for pair in members:
        extra = max(student.extra for student in pair)
        own = tuple(block_hours(length, extra) for length in base)
        opened = _closed_before(np.logical_and.reduce([times.open(student) for student in pair]))
        suits = tuple(_fits(opened, hours, Block(length, margin)) for length, margin in zip(own, margins, strict=True))
        starts = tuple(
            mask & somewhere.get((name, length), nowhere) for name, length, mask in zip(names, own, suits, strict=True)
        )
        if rules.office_hours or any(student.preferred for student in pair):
            liked = _closed_before(np.logical_and.reduce([times.preferred(student) for student in pair]))
            good = tuple(
                _fits(liked, hours, Block(length, margin)) for length, margin in zip(own, margins, strict=True)
            )
        else:
            good = (everywhere,) * len(names)
        units.append(Unit(pair, own, suits, starts, good, _alone(after, gaps, own, starts, day_of)))
    return Course(rules, tuple(pools), tuple(groups), tuple(units), start, due, tz, hours, day_of, names, after)
