"""What a plan is made from, in one place, so that any of it can be changed and the plan made again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reserve.calendar import Calendar, Interval, next_hour
from reserve.hardware import Hardware
from reserve.plan.course.course import Course, make_course
from reserve.plan.course.pools import make_pools
from reserve.plan.course.roster import LONGEST_WEEKS, MOST_STUDENTS, Student
from reserve.plan.course.rules import Rules
from snippets.errors import PlanError

AFTER = timedelta(days=7)  # so long others hold nodes after the due date of a class without a roster
WHAT_IF = "students=191,weeks=2,liqid=4,gigaio=2,p100=6,pi5=7"


@dataclass(frozen=True)
class Inputs:
    """Students, rules, hardware and calendars, and the time from `start` to `due`."""

    students: tuple[Student, ...]
    rules: Rules
    table: Mapping[str, Hardware]
    calendars: Mapping[str, Calendar]
    start: datetime
    due: datetime
    tz: ZoneInfo

    def course(self, *, empty: bool = False) -> Course:
        """Everything on the hour grid; `empty`: a part may have no node left. Raises PlanError for what cannot be
        planned."""
        pools = make_pools(self.table, self.calendars, self.rules, empty=empty)
        return make_course(self.students, self.rules, pools, self.start, self.due, self.tz)

    def with_more_nodes(self, key: str, count: int) -> Inputs:
        """The same with `count` more nodes of a kind that nobody else holds."""
        calendar = self.calendars[key]
        nodes = dict(calendar.nodes) | {f"{key}-extra-{n + 1}": () for n in range(count)}
        limits = dict(self.rules.limits)
        if key in limits:
            limits[key] += count
        rules = replace(self.rules, limits=limits)
        return replace(self, calendars={**self.calendars, key: Calendar(key, nodes)}, rules=rules)


def _settings(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for piece in text.split(","):
        name, equals, value = (word.strip().lower() for word in piece.partition("="))
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not equals or not name or name in found or not 0 <= number <= 1e6:
            raise PlanError(f"--what-if: {piece.strip()!r} is not NAME=NUMBER; for example {WHAT_IF}")
        if name not in ("weeks", "busy") and number != int(number):
            raise PlanError(f"--what-if: {piece.strip()!r}: {name} is a whole number")
        found[name] = number
    return found


def _busy(rng: random.Random, share: float, start: datetime, end: datetime) -> tuple[Interval, ...]:
    """Leases of others that fill about `share` of the time, 6 to 48 hours each."""
    found, at = [], start
    while at < end:
        length = timedelta(hours=rng.choice((6, 12, 24, 48)))
        if rng.random() < share:
            found.append(Interval(at, at + length - timedelta(minutes=10)))
        at += length
    return tuple(found)


def what_if(
    text: str, rules: Rules, table: Mapping[str, Hardware], tz: ZoneInfo, start: datetime, due: datetime | None = None
) -> Inputs:
    """A class without a roster: `students`, `weeks`, a node count by hardware (a part of its name is enough), and
    optionally `busy` (share of node time that others hold, in leases drawn at random) and `seed`."""
    settings = _settings(text)
    count, weeks = int(settings.pop("students", 0)), settings.pop("weeks", 0)
    busy, seed = settings.pop("busy", 0), int(settings.pop("seed", 1))
    if not 1 <= count <= MOST_STUDENTS or not (due or 0 < weeks <= LONGEST_WEEKS) or busy >= 1:
        raise PlanError(
            f"--what-if needs students (1 to {MOST_STUDENTS}), weeks (up to {LONGEST_WEEKS}; or --due) and busy below "
            f"1; example: {WHAT_IF}"
        )
    start = next_hour(start)
    end = due or start + timedelta(weeks=weeks)
    calendars = {}
    for name, nodes in settings.items():
        keys = [key for key in table if name.lower() == key.lower()] or [key for key in table if name.lower() in key]
        if len(keys) != 1:
            raise PlanError(f"--what-if: {name!r} names no single hardware; there are {', '.join(table)}")
        if nodes < 1 or nodes > 500:
            raise PlanError(f"--what-if: the pool {keys[0]} has {nodes:g} nodes: it is empty, or over 500")
        rng = random.Random(f"{seed} {keys[0]}")
        later = random.Random(f"{seed} {keys[0]} later")  # others go on after the due date, which retries meet
        calendars[keys[0]] = Calendar(
            keys[0],
            {
                f"{keys[0]}-{n + 1:02d}": (*_busy(rng, busy, start, end), *_busy(later, busy, end, end + AFTER))
                for n in range(int(nodes))
            },
        )
    students = tuple(Student(f"student{n + 1:03d}", tz, row=n + 2) for n in range(count))
    return Inputs(students, rules, table, calendars, start, end, tz)
