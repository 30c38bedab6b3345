"""After a change: new times for whoever lost theirs, moving as few others as possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from reserve.calendar import Interval
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Booking, Starts, name_nodes
from reserve.plan.solve.board import Board, ready_hour, without_overlap
from reserve.plan.solve.solve import complete_units, fill
from reserve.plan.solve.timetable import Timetable

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


def _hour(course: Course, moment: datetime) -> int:
    return int((moment - course.start) / timedelta(hours=1))


def _kept(
    course: Course, old: Sequence[Booking], now: datetime, missed: set[tuple[str, str]]
) -> tuple[list[Booking], dict[tuple[int, int], int]]:
    """The old bookings that can stay, and the hours of those that have begun or are over."""
    unit_of = {unit.netid: (number, unit) for number, unit in enumerate(course.units)}
    stay: list[Booking] = []
    past: dict[tuple[int, int], int] = {}
    calendars = {pool.key: pool.calendar for pool in course.pools}
    for booking in sorted(old, key=lambda b: b.start):
        number, unit = unit_of.get(booking.netids[0], (-1, None))
        if unit is None or booking.part not in course.parts or (booking.netids[0], booking.part) in missed:
            continue
        part, hour = course.parts.index(booking.part), _hour(course, booking.start)
        if booking.start < now:
            past[number, part] = hour
            stay.append(booking)
            continue
        calendar = calendars.get(booking.hardware)
        same = booking.netids == tuple(student.netid for student in unit.students)
        inside = 0 <= hour < course.hours and booking.end <= course.due and booking.hours == unit.hours[part]
        free = (
            calendar is not None
            and booking.node in calendar.nodes
            and calendar.is_free(booking.node, Interval(booking.start, booking.end))
        )
        if same and inside and free and unit.starts[part][hour]:
            stay.append(booking)
    # A part whose predecessor is lost, or no longer before it, has to go as well.
    while True:
        have = {(unit_of[b.netids[0]][0], course.parts.index(b.part)): _hour(course, b.start) for b in stay}
        wrong = [
            b
            for b in stay
            if b.start >= now and not _in_order(course, have, unit_of[b.netids[0]][0], course.parts.index(b.part))
        ]
        if not wrong:
            return stay, past
        stay = [b for b in stay if b not in wrong]


def _in_order(course: Course, have: Mapping[tuple[int, int], int], unit: int, part: int) -> bool:
    taken = {p: have[unit, p] for p in range(len(course.parts)) if (unit, p) in have and p != part}
    ready = ready_hour(course, unit, part, taken)
    return 0 <= ready <= have[unit, part]


def _as_starts(course: Course, bookings: Iterable[Booking]) -> dict[tuple[int, int], tuple[int, int]]:
    group_of = {(course.pools[g.pool].key, node): i for i, g in enumerate(course.groups) for node in g.nodes}
    unit_of = {unit.netid: number for number, unit in enumerate(course.units)}
    return {
        (unit_of[b.netids[0]], course.parts.index(b.part)): (
            group_of.get((b.hardware, b.node), 0),
            _hour(course, b.start),
        )
        for b in bookings
    }


def _shift(
    course: Course, kept: Starts, past: Mapping[tuple[int, int], int], first: int, seconds: float
) -> Starts | None:
    """Let others move a little too: as many complete as possible, then as few moved as possible, then early."""
    parts = range(len(course.parts))
    board, settled = Board(course), {key: kept[key] for key in past}
    for (unit, part), (group, hour) in settled.items():
        board.take(group, hour, course.units[unit].hours[part])
    candidates: dict[tuple[int, int], np.ndarray] = {}
    for unit, member in enumerate(course.units):
        done = {p: hour for (u, p), hour in past.items() if u == unit}
        whole = all((unit, p) in kept for p in parts)
        for part in parts:
            if part in done:
                continue
            free = member.starts[part].copy()
            free[:first] = False
            for before in course.after[part]:
                if before in done:
                    free[: done[before] + member.hours[before] + course.gap(part)] = False
            without_overlap(course, unit, part, free, 0, done)
            if whole:
                day = course.day_of[kept[unit, part][1]]
                free &= np.abs(course.day_of - day) <= SPREAD_DAYS
            candidates[unit, part] = np.flatnonzero(free)
    model = Timetable(course, candidates, board, settled=settled)
    cost = model.zero()
    top = 4 * course.hours * len(course.parts)
    for unit, column in model.done.items():
        cost[column] -= top * 10 * len(course.units) * course.units[unit].weight
    moved: dict[int, list[int]] = {}
    for column, (unit, part, hour) in enumerate(model.block):
        if unit >= 0:
            cost[column] += hour / 100
            if (unit, part) in kept and kept[unit, part][1] == hour:
                moved.setdefault(unit, []).append(column)
    flags = {unit: model.program.new(1, 1) for unit in moved}
    for unit, stays in moved.items():
        for column in stays:  # done - stay <= moved
            model.program.rows.add([model.done.get(unit, -1), column, flags[unit]], [1, -1, -1])
    cost = np.append(cost, np.full(len(flags), float(top)))
    found = model.solve(cost, seconds, gap=1e-6)
    return None if not found else {**settled, **found}


def replan(
    course: Course, old: Sequence[Booking], now: datetime, missed: Iterable[tuple[str, str]] = (), seconds: float = 20.0
) -> Replan:
    """New bookings from the old ones. `course` starts where the old plan did, with today's roster, calendar (without
    the course's own leases) and due date; what began before `now` stands; `missed` names (netid, part) that began
    but came to nothing."""
    stay, past = _kept(course, old, now, set(missed))
    first = max(0, int(np.ceil((now - course.start) / timedelta(hours=1))))
    kept = _as_starts(course, stay)
    starts = fill(course, kept, seconds, first)
    if len(complete_units(course, starts)) < sum(unit.alone_day >= 0 for unit in course.units):
        shifted = _shift(course, kept, past, first, seconds)
        if shifted is not None:
            shifted = fill(course, shifted, seconds, first)
            if len(complete_units(course, shifted)) > len(complete_units(course, starts)):
                starts = shifted
    same = {key for key, at in starts.items() if key in kept and kept[key][1] == at[1]}
    return _report(course, old, stay, starts, same)


def _report(
    course: Course, old: Sequence[Booking], stay: Sequence[Booking], starts: Starts, same: set[tuple[int, int]]
) -> Replan:
    """Name the nodes (who did not move keeps theirs where possible) and say what changed."""
    unit_of = {unit.netid: number for number, unit in enumerate(course.units)}
    fixed = {
        (unit_of[b.netids[0]], course.parts.index(b.part)): b
        for b in stay
        if (unit_of[b.netids[0]], course.parts.index(b.part)) in same
    }
    bookings = _on_nodes(course, starts, fixed)
    before = {(b.netids[0], b.part): b for b in old}
    after = {(b.netids[0], b.part): b for b in bookings}
    moves = []
    for key in sorted(before.keys() | after.keys()):
        one, two = before.get(key), after.get(key)
        if one is None or two is None or one != two:
            moves.append(Move((two or one).netids, key[1], one, two))  # type: ignore[union-attr]
    kept_keys = {(b.netids[0], b.part) for b in stay}
    planned = {netid for netid, _ in before if netid in unit_of}
    least = {netid for netid, part in before.keys() - kept_keys if netid in unit_of}
    changed = {
        m.netids[0]
        for m in moves
        if m.netids[0] in planned and m.before and (m.after is None or m.before.start != m.after.start)
    }
    return Replan(tuple(bookings), tuple(moves), len(least), len(changed))


def _on_nodes(course: Course, starts: Starts, fixed: Mapping[tuple[int, int], Booking]) -> list[Booking]:
    """Those who stay keep their node when the others still fit beside them; else nodes are given anew."""
    used: dict[tuple[str, str], list[Interval]] = {}
    found = list(fixed.values())
    for booking in found:
        used.setdefault((booking.hardware, booking.node), []).append(Interval(booking.start, booking.end))
    for key, (group, hour) in sorted(starts.items(), key=lambda item: item[1][1]):
        if key in fixed:
            continue
        unit, part = key
        span = course.block(part, course.units[unit].hours[part]).at(course.at(hour))
        choices = [group] + [
            i
            for i, other in enumerate(course.groups)
            if i != group and course.pools[other.pool].hardware.part == course.parts[part]
        ]
        for index in choices:
            pool = course.pools[course.groups[index].pool]
            node = next(
                (
                    n
                    for n in course.groups[index].nodes
                    if pool.calendar.is_free(n, span)
                    and not any(i.start < span.end and span.start < i.end for i in used.get((pool.key, n), []))
                ),
                None,
            )
            if node is not None:
                break
        else:
            return list(name_nodes(course, starts))
        used.setdefault((pool.key, node), []).append(span)
        netids = tuple(student.netid for student in course.units[unit].students)
        found.append(Booking(netids, course.parts[part], pool.key, pool.hardware.site, node, span.start, span.end))
    return sorted(found, key=lambda b: (b.start, b.hardware, b.node))


def moves_text(result: Replan) -> str:
    """Who moves, from when to when (UTC)."""
    lines = [f"{result.moved} students or pairs move; at least {result.least} had to"]
    for move in result.moves:
        old = f"{move.before.start:%m-%d %H:%M} on {move.before.node}" if move.before else "not planned"
        new = f"{move.after.start:%m-%d %H:%M} on {move.after.node}" if move.after else "no time found"
        lines.append(f"  {'+'.join(move.netids)} {move.part}: {old} -> {new}")
    return "\n".join(lines)
