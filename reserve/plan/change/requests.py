"""What students ask for themselves: a slot, a swap, to give one back, to wait for one. Nobody else is ever moved.

A CSV file, as a form exports it, a request a row, taken in the order of the rows:

    netid,part,request,time,with
    ab123,edge,slot,2027-03-10T14:00,
    cd456,model,swap,,ef789          and ef789's row that asks the same of cd456
    gh012,system,give back,,
    ij345,system,wait,,

A slot that is taken, and whoever waits, is tried again when all others are done, in the order of the rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from reserve.calendar import Interval
from reserve.plan.change.explain import board_of
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Booking, faults
from reserve.plan.course.windows import local_moment
from snippets.errors import PlanError

COLUMNS = ("netid", "part", "request", "time", "with")
SLOT, SWAP, GIVE_BACK, WAIT = KINDS = ("slot", "swap", "give back", "wait")


@dataclass(frozen=True)
class Request:
    """One row. `time`: UTC; `other`: with whom to swap; `zone`: the student's."""

    netid: str
    part: str
    kind: str
    time: datetime | None
    other: str
    row: int
    zone: ZoneInfo


@dataclass(frozen=True)
class Answer:
    """What became of a request, in words; `yes`: it was done."""

    request: Request
    yes: bool
    text: str


def read_requests(path: Path, course: Course) -> list[Request]:
    """The rows of the file; further columns (a form's time stamp) are read over. Times are by the student's own clock.

    Raises PlanError naming the row and what to correct.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"cannot read the requests {path}: {error}; export them as CSV (UTF-8)") from None
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    reader.fieldnames = [(name or "").strip().lower() for name in reader.fieldnames or []]
    if not {"netid", "part", "request"} <= set(reader.fieldnames):
        raise PlanError(f"{path.name} row 1: the columns are {', '.join(COLUMNS)} (the first three are required)")
    zones = {student.netid: student.tz for unit in course.units for student in unit.students}
    found = []
    for line in reader:
        where = f"{path.name} row {reader.line_num}"
        cell = {name: (line.get(name) or "").strip() for name in COLUMNS}
        if not any(cell.values()):
            continue
        netid, part = cell["netid"].lower(), cell["part"].lower()
        kind, other = cell["request"].lower().replace("-", " ").replace("_", " "), cell["with"].lower()
        for name in (netid, other) if kind == SWAP else (netid,):
            if name not in zones:
                raise PlanError(f"{where}: {name!r} is not in the roster; correct the netid")
        if part not in course.parts:
            raise PlanError(f"{where}: {part!r} is no part; there are {', '.join(course.parts)}")
        if kind not in KINDS:
            raise PlanError(f"{where}: {kind!r} is no request; write one of {', '.join(KINDS)}")
        if kind == SLOT and not cell["time"]:
            raise PlanError(f"{where}: a slot needs its time, such as 2027-03-10T14:00")
        time = local_moment(cell["time"], zones[netid], f"{where}, time") if kind == SLOT else None
        found.append(Request(netid, part, kind, time, other, reader.line_num, zones[netid]))
    return found


class _Desk:
    """The plan as it changes from request to request."""

    def __init__(self, course: Course, bookings: Sequence[Booking], now: datetime) -> None:
        self.course, self.bookings, self.now = course, list(bookings), now
        self.known = set(faults(course, bookings))
        self.unit = {netid: number for number, unit in enumerate(course.units) for netid in unit.netids}

    def of(self, netid: str, part: str) -> Booking | None:
        return next((b for b in self.bookings if netid in b.netids and b.part == part), None)

    def change(self, gone: Sequence[Booking], new: Sequence[Booking]) -> str:
        """Make the change, unless it breaks a rule, which is then said."""
        if any(one.start <= self.now for one in gone):
            return "the block has begun"
        bookings = [b for b in self.bookings if b not in gone] + list(new)
        broken = [fault for fault in faults(self.course, bookings) if fault not in self.known]
        if broken:
            return broken[0]
        self.bookings = bookings
        return ""

    def node_at(self, part: int, span: Interval, but: Booking | None) -> tuple[str, str, str] | None:
        """(hardware, site, node) that is free then."""
        for pool in self.course.pools:
            if pool.hardware.part != self.course.parts[part]:
                continue
            for node in pool.calendar.nodes:
                mine = [b for b in self.bookings if b.node == node and b.hardware == pool.key and b != but]
                free = all(b.end <= span.start or span.end <= b.start for b in mine)
                if free and pool.calendar.is_free(node, span):
                    return pool.key, pool.hardware.site, node
        return None

    def give(self, request: Request, hour: int) -> str:
        """Give the student a block at that hour instead of the one they have, if any; '' or why not."""
        course, number = self.course, self.unit[request.netid]
        unit, part = course.units[number], course.parts.index(request.part)
        span = course.block(part, unit.hours[part]).at(course.at(hour))
        old = self.of(request.netid, request.part)
        found = self.node_at(part, Interval(span.start, span.end), old)
        if found is None:
            return "no node is free then"
        key, site, node = found
        new = Booking(unit.netids, request.part, key, site, node, span.start, span.end)
        return self.change([old] if old else [], [new])

    def slot(self, request: Request) -> str:
        course = self.course
        assert request.time is not None, "a slot has its time"
        if request.time < self.now:
            return "that time has passed"
        if request.time.minute or request.time.second:
            near = [course.at(course.hour_of(request.time) + more).astimezone(request.zone) for more in (0, 1)]
            return f"blocks begin at whole hours UTC: {near[0]:%H:%M} or {near[1]:%H:%M} by their clock"
        hour = course.hour_of(request.time)
        if not 0 <= hour < course.hours:
            return "that is not between start and due date"
        return self.give(request, hour)

    def swap(self, request: Request) -> str:
        mine, theirs = self.of(request.netid, request.part), self.of(request.other, request.part)
        if mine is None or theirs is None or mine == theirs:
            return "both need a time of their own for the part"
        if mine.hours != theirs.hours:
            return "their blocks are not equally long"
        new = [replace(theirs, netids=mine.netids), replace(mine, netids=theirs.netids)]
        return self.change([mine, theirs], new)

    def give_back(self, request: Request) -> str:
        mine = self.of(request.netid, request.part)
        return self.change([mine], []) if mine else "there is nothing to give back"

    def earliest(self, request: Request) -> str:
        """The first free time for a student who has none."""
        course, number = self.course, self.unit[request.netid]
        if self.of(request.netid, request.part):
            return "they have a time already; ask for a slot instead"
        part, unit = course.parts.index(request.part), course.units[number]
        board = board_of(course, tuple(self.bookings))
        free = board.anywhere(part, unit.hours[part]) & unit.starts[part]
        free[: max(0, int(np.ceil((self.now - course.start).total_seconds() / 3600)))] = False
        why = "no time that suits them is free"
        for hour in np.flatnonzero(free).tolist():
            why = self.give(request, hour)
            if not why:
                break
        return why


def take(
    course: Course, bookings: Sequence[Booking], requests: Sequence[Request], now: datetime
) -> tuple[list[Booking], list[Answer]]:
    """The bookings after all requests, and an answer to each in their order."""
    desk = _Desk(course, bookings, now)
    answers: dict[Request, Answer] = {}
    swaps = {(one.netid, one.other, one.part) for one in requests if one.kind == SWAP}
    waiting: list[Request] = []
    for request in requests:
        if request in answers:
            continue
        if request.kind == SWAP:
            if (request.other, request.netid, request.part) not in swaps:
                answers[request] = Answer(request, False, f"{request.other} has not asked for the same")
                continue
            why = desk.swap(request)
            two = {request.netid, request.other}
            for one in requests:
                if one.kind == SWAP and one.part == request.part and {one.netid, one.other} == two:
                    answers[one] = _answer(desk, one, why)
        elif request.kind == GIVE_BACK:
            answers[request] = _answer(desk, request, desk.give_back(request))
        elif request.kind == WAIT or (why := desk.slot(request)):
            waiting.append(request)
        else:
            answers[request] = _answer(desk, request, why)
    for request in waiting:
        why = desk.slot(request) if request.kind == SLOT else desk.earliest(request)
        answers[request] = _answer(desk, request, why)
    ordered = sorted(desk.bookings, key=lambda b: (b.start, b.hardware, b.node))
    return ordered, [answers[request] for request in requests]


def _answer(desk: _Desk, request: Request, why: str) -> Answer:
    if why:
        return Answer(request, False, why)
    mine = desk.of(request.netid, request.part)
    when = f"{mine.start.astimezone(request.zone):%a %b %d %H:%M %Z} on {mine.node}" if mine else "given back"
    return Answer(request, True, when)


def answers_text(answers: Sequence[Answer]) -> str:
    """A line a request, under a headline."""
    done = sum(answer.yes for answer in answers)
    lines = [f"{done} of {len(answers)} requests done, nobody else moved"]
    for one in answers:
        what = f"{one.request.netid} {one.request.part} {one.request.kind}"
        lines.append(f"  {what}: {one.text}" if one.yes else f"  {what}: refused: {one.text}")
    return "\n".join(lines)
