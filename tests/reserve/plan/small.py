"""Small courses for tests: real hardware table, few nodes, few students."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from reserve.calendar import Calendar, Interval
from reserve.hardware import load
from reserve.plan.course.inputs import Inputs
from reserve.plan.course.roster import Student
from reserve.plan.course.rules import Rules, load_rules
from reserve.plan.course.windows import parse_windows

NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2027, 3, 8, 5, tzinfo=UTC)  # Monday 00:00 in New York
NODES = {"compute_liqid": 1, "compute_gigaio": 1, "gpu_p100": 2, "raspberrypi5": 1}


def student(
    netid: str,
    tz: str = "America/New_York",
    unavailable: str = "",
    preferred: str = "",
    extra: float = 1.0,
    pair: str = "",
) -> Student:
    where = "test"
    return Student(netid, ZoneInfo(tz), parse_windows(unavailable, where), parse_windows(preferred, where), extra, pair)


def inputs(
    students: Sequence[Student] | int = 4,
    days: float = 4,
    nodes: dict[str, int] | None = None,
    busy: dict[str, list[Interval]] | None = None,
    rules: Rules | None = None,
    **changes: object,
) -> Inputs:
    """A course from Monday 2027-03-08 00:00 in New York. `busy[node]`: what others hold of a node `KEY-N`."""
    if isinstance(students, int):
        students = [student(f"s{n + 1:02d}") for n in range(students)]
    calendars = {
        key: Calendar(key, {f"{key}-{n + 1}": tuple((busy or {}).get(f"{key}-{n + 1}", ())) for n in range(count)})
        for key, count in (nodes or NODES).items()
    }
    rules = rules or replace(load_rules(), buffer_hours=0, buffer_nodes=0)
    rules = replace(rules, **changes)  # type: ignore[arg-type]
    return Inputs(tuple(students), rules, load(), calendars, START, START + timedelta(days=days), NEW_YORK)
