"""After a change: new times for whoever lost theirs, moving as few others as possible."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from reserve.calendar import Calendar, Interval
from reserve.plan.course.course import Course, make_course
from reserve.plan.course.schedule import Booking, Starts, completed, faults, name_nodes
from reserve.plan.solve.board import Board, ready_hour, without_overlap
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.linear import NOTHING
from reserve.plan.solve.solve import fill
from reserve.plan.solve.timetable import Timetable
from snippets.errors import PlanError

SPREAD_DAYS = 2  # others may move this far


@dataclass(frozen=True)
class Move:
    """A booking that is new, gone or at another time; `before`/`after` None: there was or is none."""

    netids: tuple[str, ...]
    part: str
    before: Booking | None
    after: Booking | None


@dataclass(frozen=True)
class Replan:
    """The new bookings; who moved. `least`: units that had to move (their old time is impossible): no plan moves
    fewer. `moved`: units with a block at another time, the newly planned not counted."""

    bookings: tuple[Booking, ...]
    moves: tuple[Move, ...]
    least: int
    moved: int


def _kept(course: Course, old: Sequence[Booking], now: datetime, missed: set[tuple[str, str]]) -> list[Booking]:
    """The old bookings that can stay, with those that have begun or are over."""
    unit_of = course.unit_of
    stay: list[Booking] = []
    calendars = {pool.key: pool.calendar for pool in course.pools}
    for booking in sorted(old, key=lambda b: b.start):
        netid = booking.netids[0]
        if netid not in unit_of or booking.part not in course.parts or (netid, booking.part) in missed:
            continue
        if booking.start < now:
            stay.append(booking)
            continue
        unit = course.units[unit_of[netid]]
        part, hour = course.parts.index(booking.part), course.hour_of(booking.start)
        calendar = calendars.get(booking.hardware)
        same = booking.netids == unit.netids
        inside = 0 <= hour < course.hours and booking.hours == unit.hours[part]
        free = (
            calendar is not None
            and booking.node in calendar.nodes
            and calendar.is_free(booking.node, Interval(booking.start, booking.end))
        )
        if same and inside and free and unit.starts[part][hour]:
            stay.append(booking)
    # A part whose predecessor is lost, or no longer before it, has to go as well.
    while True:
        have = _hours_of(course, stay)
        wrong = [
            b
            for b in stay
            if b.start >= now and not _in_order(course, have, unit_of[b.netids[0]], course.parts.index(b.part))
        ]
        if not wrong:
            return stay
        stay = [b for b in stay if b not in wrong]


def _in_order(course: Course, have: Mapping[tuple[int, int], int], unit: int, part: int) -> bool:
    taken = {p: have[unit, p] for p in range(len(course.parts)) if (unit, p) in have and p != part}
    ready = ready_hour(course, unit, part, taken)
    return 0 <= ready <= have[unit, part]


@dataclass(frozen=True)
class _Around:
    """What is planned around bookings that stand: their course (in its calendars the bookings' nodes are taken), and
    what they leave free. `at`: (unit, part) -> hour of each."""

    course: Course
    board: Board
    at: Mapping[tuple[int, int], int]


def _around(course: Course, standing: Sequence[Booking]) -> _Around:
    busy: dict[tuple[str, str], list[Interval]] = {}
    for b in standing:
        busy.setdefault((b.hardware, b.node), []).append(Interval(b.start, b.end))
    pools = [
        replace(
            pool,
            calendar=Calendar(
                pool.key,
                {node: (*held, *busy.get((pool.key, node), ())) for node, held in pool.calendar.nodes.items()},
            ),
        )
        for pool in course.pools
    ]
    students = [student for unit in course.units for student in unit.students]
    held = make_course(students, course.rules, pools, course.start, course.due, course.tz)
    board = Board(held)
    pool_of = {pool.key: number for number, pool in enumerate(pools)}
    for b in standing:
        if b.hardware in pool_of:
            board.hold(pool_of[b.hardware], course.hour_of(b.start), b.hours)
    return _Around(held, board, _hours_of(held, standing))


def _shift(around: _Around, kept: Mapping[tuple[int, int], int], first: int, seconds: float) -> Starts | None:
    """Times for all that does not stand: as many complete as possible, then as few moved from `kept` as possible,
    then early."""
    course, parts = around.course, range(len(around.course.parts))
    candidates: dict[tuple[int, int], np.ndarray] = {}
    for unit, member in enumerate(course.units):
        done = {p: hour for (u, p), hour in around.at.items() if u == unit}
        whole = all((unit, p) in kept or p in done for p in parts)
        for part in parts:
            if part in done:
                continue
            free = member.starts[part].copy()
            free[:first] = False
            for before in course.after[part]:
                if before in done:
                    free[: done[before] + member.hours[before] + course.gap(part)] = False
            for later in parts:
                if part in course.after[later] and later in done:
                    free[max(0, done[later] - course.gap(later) - member.hours[part] + 1) :] = False
            without_overlap(course, unit, part, free, 0, done)
            if whole:
                day = course.day_of[kept[unit, part]]
                free &= np.abs(course.day_of - day) <= SPREAD_DAYS
            candidates[unit, part] = np.flatnonzero(free)
    model = Timetable(course, candidates, around.board, settled={key: (-1, hour) for key, hour in around.at.items()})
    cost = model.zero()
    top = 4 * course.hours * len(course.parts)
    for unit, column in model.done.items():
        cost[column] -= top * 10 * len(course.units) * course.units[unit].weight
    moved: dict[int, list[int]] = {}
    for column, (unit, part, hour) in model.block.items():
        cost[column] += hour / 100
        if kept.get((unit, part)) == hour:
            moved.setdefault(unit, []).append(column)
    flags = {unit: model.program.one(1) for unit in moved}
    for unit, stays in moved.items():
        for column in stays:  # done - stay <= moved
            model.program.rows.add([model.done.get(unit, NOTHING), column, flags[unit]], [1, -1, -1])
    cost = np.append(cost, np.full(len(flags), float(top)))
    return model.solve(cost, seconds, gap=1e-6)


def replan(
    course: Course,
    old: Sequence[Booking],
    now: datetime,
    missed: Iterable[tuple[str, str]] = (),
    seconds: float = 20.0,
    made: Collection[Booking] = (),
) -> Replan:
    """New bookings from the old ones. `course` starts where the old plan did, with today's roster, calendar (without
    the course's own leases), rules (without nodes kept for retries: these are the retries) and due date; what began
    before `now` stands; `missed` names (netid, part) that began but came to nothing; `made` are those of the old
    bookings that have a lease, whose node is never changed and whose time only if nothing else helps.

    Raises PlanError if what stays breaks a rule of today.
    """
    stay = _kept(course, old, now, set(missed))
    first = max(0, int(np.ceil((now - course.start) / timedelta(hours=1))))
    able = sum(course.units[number].weight for number in course.able)
    begun = [b for b in stay if b.start < now]
    best: list[Booking] = []
    effort = Effort(seconds)
    # First around everyone who can stay; then others may move too; those with a lease only if nothing else helps.
    for level, standing in enumerate((stay, [b for b in stay if b in begun or b in made], begun)):
        if level and (len(standing) == len(stay) or (best and completed(course, best).value >= able)):
            continue
        around = _around(course, standing)
        kept = _hours_of(course, [b for b in stay if b not in standing])
        starts: dict[tuple[int, int], tuple[int, int]] = {key: (-1, hour) for key, hour in around.at.items()}
        board = around.board
        if level:
            shifted = _shift(around, kept, first, effort.share(seconds / 3))
            if shifted is None:
                continue
            board.book(shifted)
            starts = {**starts, **shifted}
            served = {unit for unit, _ in shifted}
            for (unit, part), hour in sorted(kept.items()):  # who does not complete keeps what they have, if it fits
                length = course.units[unit].hours[part]
                group = -1 if unit in served else board.group_at(part, length, hour)
                if group >= 0:
                    board.take(group, hour, length)
                    starts[unit, part] = (group, hour)
        filled = fill(around.course, starts, effort.share(seconds / 6), first, board)
        new = {key: at for key, at in filled.items() if key not in around.at}
        bookings = [*standing, *_on_nodes(around.course, new, [b for b in stay if b not in standing])]
        if any(b in made and _renamed(b, bookings) for b in stay):
            continue
        if not best or completed(course, bookings).value > completed(course, best).value:
            best = bookings
    before = set(faults(course, begun))
    broken = [fault for fault in faults(course, best) if fault not in before]
    if broken:
        more = f" (and {len(broken) - 1} more)" if broken[1:] else ""
        raise PlanError(
            f"what was planned does not fit today's rules: {broken[0]}{more}; "
            "take the change of the rules back, or make a new plan in another --out"
        )
    return _report(course, old, stay, sorted(best, key=lambda b: (b.start, b.hardware, b.node)))


def _renamed(booking: Booking, bookings: Iterable[Booking]) -> bool:
    """Whether the booking has its time still, on another node."""
    return any(
        b.lease == booking.lease
        and b.start == booking.start
        and (b.hardware, b.node) != (booking.hardware, booking.node)
        for b in bookings
    )


def _hours_of(course: Course, bookings: Iterable[Booking]) -> dict[tuple[int, int], int]:
    unit_of = course.unit_of
    return {(unit_of[b.netids[0]], course.parts.index(b.part)): course.hour_of(b.start) for b in bookings}


def _report(course: Course, old: Sequence[Booking], stay: Sequence[Booking], bookings: Sequence[Booking]) -> Replan:
    """What changed."""
    planned = {unit.netid for unit in course.units}
    before = {(b.netids[0], b.part): b for b in old}
    after = {(b.netids[0], b.part): b for b in bookings}
    moves = []
    for key in sorted(before.keys() | after.keys()):
        one, two = before.get(key), after.get(key)
        if one is None or two is None or one != two:
            moves.append(Move((two or one).netids, key[1], one, two))  # type: ignore[union-attr]
    kept_keys = {(b.netids[0], b.part) for b in stay}
    least = {netid for netid, part in before.keys() - kept_keys if netid in planned}
    changed = {
        m.netids[0]
        for m in moves
        if m.netids[0] in planned and m.before and (m.after is None or m.before.start != m.after.start)
    }
    return Replan(tuple(bookings), tuple(moves), len(least), len(changed))


def _on_nodes(course: Course, starts: Starts, old: Sequence[Booking]) -> list[Booking]:
    """Nodes for new starts around what stands (see `_around`). Whoever keeps the hour of an `old` booking keeps its
    node too when the others still fit beside them; else nodes are given anew, which always works."""
    same = {key: b for b in old for key, hour in _hours_of(course, [b]).items() if starts.get(key, (0, -1))[1] == hour}
    used: dict[tuple[str, str], list[Interval]] = {}
    for booking in same.values():
        used.setdefault((booking.hardware, booking.node), []).append(Interval(booking.start, booking.end))
    found = list(same.values())
    for (unit, part), (group, hour) in sorted(starts.items(), key=lambda item: item[1][1]):
        if (unit, part) in same:
            continue
        span = course.block(part, course.units[unit].hours[part]).at(course.at(hour))
        pool = course.pools[course.groups[group].pool]
        free = [
            name
            for name in course.groups[group].nodes
            if not any(i.start < span.end and span.start < i.end for i in used.get((pool.key, name), []))
        ]
        if not free:
            return list(name_nodes(course, starts))
        used.setdefault((pool.key, free[0]), []).append(span)
        netids, kind = course.units[unit].netids, pool.hardware
        found.append(Booking(netids, course.parts[part], kind.key, kind.site, free[0], span.start, span.end))
    return found


def moves_text(result: Replan, roster: Collection[str]) -> str:
    """Who moves, from when to when (UTC). `roster`: the netids of today's class."""
    lines = [f"{result.moved} students or pairs move; at least {result.least} had to"]
    for move in result.moves:
        old = f"{move.before.start:%m-%d %H:%M} on {move.before.node}" if move.before else "not planned"
        new = f"{move.after.start:%m-%d %H:%M} on {move.after.node}" if move.after else "no time found"
        if move.after is None and not set(move.netids) & set(roster):
            new = "not in the roster any more"
        elif move.after is None and move.before and move.netids[0] not in roster:
            new = f"{' + '.join(n for n in move.netids if n in roster)} is planned alone"
        lines.append(f"  {'+'.join(move.netids)} {move.part}: {old} -> {new}")
    return "\n".join(lines)
