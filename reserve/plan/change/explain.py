"""Who cannot finish, why, and which changes would admit them, each tried by planning again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from reserve.plan.course.course import Course, Unit
from reserve.plan.course.inputs import Inputs
from reserve.plan.course.schedule import Booking, Plan, by_unit, is_complete
from reserve.plan.solve.answers import Asked
from reserve.plan.solve.board import Board, ready_hour
from reserve.plan.solve.bounds import Relaxation, whole
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.prices import Dual, Until
from reserve.plan.solve.solve import make_plan

DAYS = (1, 2, 3, 5, 7)
NODES = (1, 2, 4)
PRICED_S = 2.0  # for the prices that tell what is scarcest
SCARCE = 0.01  # students fewer than all that the prices must prove
LEAST_S = 0.3  # with less time than this no change is tried


@dataclass(frozen=True)
class Left:
    """A student who does not complete, with the parts that are missing and the reason in words."""

    netids: tuple[str, ...]
    missing: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Change:
    """A change of the course that was tried: how many more complete with it, found by planning again."""

    text: str
    complete: int
    admits: int


def board_of(course: Course, bookings: tuple[Booking, ...], keep_buffer: bool = True) -> Board:
    """What the plan leaves free."""
    board = Board(course, keep_buffer)
    where = course.group_of
    for booking in bookings:
        if (booking.hardware, booking.node) in where:  # a block that is over may be on a node that is gone
            board.take(where[booking.hardware, booking.node], course.hour_of(booking.start), booking.hours)
    return board


def full_from(course: Course, board: Board, part: int) -> datetime | None:
    """Moment from which no block of the part can begin any more; None if one still can on the last possible hour."""
    hours = min(unit.hours[part] for unit in course.units)
    anyone = np.logical_or.reduce([unit.starts[part] for unit in course.units])
    possible = np.flatnonzero(anyone)
    free = np.flatnonzero(board.anywhere(part, hours) & anyone)
    if not len(possible) or (len(free) and free[-1] == possible[-1]):
        return None
    return course.at(int(free[-1]) + 1 if len(free) else 0)


def who_is_left(course: Course, plan: Plan) -> list[Left]:
    """Everyone who does not complete every part."""
    board = board_of(course, plan.bookings)
    mine = by_unit(course, plan.bookings)
    found = []
    for number, unit in enumerate(course.units):
        have = {booking.part: booking for booking in mine[unit.netid]}
        if is_complete(course, mine[unit.netid]):
            continue
        missing = tuple(part for part in course.parts if part not in have)
        if unit.alone_day < 0:
            text = _never(course, unit)
        else:
            taken = {course.parts.index(p): course.hour_of(b.start) for p, b in have.items()}
            part = course.parts.index(missing[0])
            pools = [pool.key for pool in course.pools if pool.hardware.part == missing[0]]
            since = full_from(course, board, part)
            free = np.flatnonzero(board.anywhere(part, unit.hours[part]) & unit.starts[part])
            ready = ready_hour(course, number, part, taken)
            when = f"from {since.astimezone(course.tz):%a %b %d %H:%M %Z}" if since else "at every time that suits them"
            if len(free) and free[-1] < ready:
                when += f", and {missing[0]} cannot begin before {course.at(ready).astimezone(course.tz):%b %d %H:%M}"
            text = f"{' and '.join(pools)} {'are' if len(pools) > 1 else 'is'} full {when}"
        found.append(Left(unit.netids, missing, text))
    return found


def scarcest(course: Course, seconds: float = PRICED_S) -> dict[str, float]:
    """For each part its share of the prices of node time (0 to 1, together 1): what the class lacks, whichever part a
    student happens to miss. They are the prices that prove how many can complete (see `solve.prices`); empty where
    nothing is scarce."""
    dual = Dual(course)
    asked = Asked(course.days, len(course.parts), finish=0.0)
    prices, bound = dual.climb(dual.nothing(1.0), asked, 0, Until(Effort(seconds), halved=True))
    worth = dict.fromkeys(course.parts, 0.0)
    for (part, _), price in prices.price.items():
        worth[course.parts[part]] += float(price.sum())
    able = sum(course.units[unit].weight for unit in course.able)
    total = sum(worth.values())
    if not total or -bound > able - SCARCE:  # as many can complete as there are
        return {}
    return {part: value / total for part, value in worth.items()}


def scarcest_text(course: Course, seconds: float = PRICED_S) -> str:
    """The sentence that names what is scarcest; '' where nothing is."""
    shares = scarcest(course, seconds) if course.able else {}
    if not shares:
        return ""
    part = max(shares, key=lambda name: shares[name])
    kinds = " and ".join(pool.key for pool in course.pools if pool.hardware.part == part)
    return (
        f"scarcest is node time for {part} ({kinds}), which has {100 * shares[part]:.0f} % of the prices of node time"
    )


def _never(course: Course, unit: Unit) -> str:
    """Why a student could not complete even if nobody else were in the course."""
    own = [name for name, suits in zip(course.parts, unit.suits, strict=True) if not suits.any()]
    if own:
        return f"no block of {' or '.join(own)} fits into their own times"
    for part, starts in zip(course.parts, unit.starts, strict=True):
        if not starts.any():
            kinds = [pool for pool in course.pools if pool.hardware.part == part]
            names = " and ".join(pool.key for pool in kinds)
            if not any(pool.calendar.nodes for pool in kinds):
                return f"no node of {names} can be reserved any more"
            return f"others hold {names} at every time that suits them"
    return "not all parts in their order fit into their own times and what others leave free"


def _first_that_admits(tries: list[tuple[str, Inputs]], total: int, now: int, seconds: float) -> Change | None:
    """The first of these changes with which everyone completes, else the one that admits most; each planned anew.
    None if the seconds do not suffice to plan any. Raises KeyboardInterrupt also where a plan swallowed it."""
    best: Change | None = None
    effort = Effort(seconds)
    for number, (text, inputs) in enumerate(tries):
        if effort.left() < LEAST_S:
            break
        course = inputs.course()
        relaxation = Relaxation(course)
        top = relaxation.optimum(relaxation.students(), maximise=True, seconds=effort.share(seconds / 3))
        if top is not None and whole(top.value, up=False) < total and number + 1 < len(tries):
            continue  # proven not to be enough: try more of it
        if effort.left() < LEAST_S:
            break
        plan = make_plan(course, effort.left() if number + 1 == len(tries) else effort.left() / 2)
        if plan.stopped:
            raise KeyboardInterrupt
        complete = int(plan.stages[0].value)
        if complete > now and (best is None or complete > best.complete):
            best = Change(text, complete, complete - now)
        if complete >= total:
            break
    return best


def changes(inputs: Inputs, course: Course, plan: Plan, seconds: float = 8.0) -> list[Change]:
    """What would admit those who are left, the most effective first; only what was verified by planning again within
    `seconds` in all."""
    effort = Effort(seconds)
    now = int(plan.stages[0].value)
    left = who_is_left(course, plan)
    total = course.total
    if not left:
        return []
    rules = inputs.rules
    missing = {part for one in left for part in one.missing}
    families = [
        [
            (f"move the due date by {n} day{'s' * (n > 1)}", replace(inputs, due=inputs.due + timedelta(days=n)))
            for n in DAYS
        ]
    ]
    for pool in course.pools:
        if pool.hardware.part in missing:
            key = pool.key
            more = [(f"{n} more node{'s' * (n > 1)} of {key}", inputs.with_more_nodes(key, n)) for n in NODES]
            families.append(more)
    if rules.buffer_nodes and rules.buffer_hours:
        none = replace(rules, buffer_nodes=0)
        families.append([("keep no nodes for retries before the due date", replace(inputs, rules=none))])
    if rules.wake_minute > 360 or rules.sleep_minute < 1440:
        wide = replace(rules, wake_minute=min(360, rules.wake_minute), sleep_minute=1440)
        families.append([("allow blocks from 06:00 to 24:00 local time", replace(inputs, rules=wide))])
    if rules.max_simultaneous:
        none = replace(rules, max_simultaneous=0)
        families.append([("no limit on simultaneous leases", replace(inputs, rules=none))])
    found = []
    for number, family in enumerate(families):
        change = _first_that_admits(family, total, now, effort.left() / (len(families) - number))
        if change:
            found.append(change)
    return sorted(found, key=lambda change: -change.complete)
