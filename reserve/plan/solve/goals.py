"""The goals of a plan, most important first, and the value of each for given starts."""

from __future__ import annotations

from reserve.plan.course.capacity import late_part
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import COMPLETE, Starts

TEXTS = {
    "complete": COMPLETE,
    "wait": "most days that anyone finishes later than they could with the nodes to themselves",
    "worst_miss": "most blocks outside their preferred time that anyone gets",
    "finish": "sum over students of the day of their last block (0: the first day), plus what missed preferences count",
    "late": "node-hours planned in the time kept for retries before the due date",
}


def complete_units(course: Course, starts: Starts) -> list[int]:
    """Numbers of the units that have every part."""
    parts = range(len(course.parts))
    return [u for u in range(len(course.units)) if all((u, p) in starts for p in parts)]


def waited(course: Course, starts: Starts, unit: int) -> int:
    """Days that a complete unit finishes later than it could alone."""
    days = [int(course.day_of[starts[unit, part][1]]) for part in range(len(course.parts))]
    return max(days) - course.units[unit].alone_day


def missed(course: Course, starts: Starts, unit: int) -> int:
    """Blocks of a complete unit outside its preferred time."""
    member = course.units[unit]
    return sum(not member.liked[part][starts[unit, part][1]] for part in range(len(course.parts)))


def measure(course: Course, starts: Starts) -> dict[str, int]:
    """The value of every goal for a plan given as starts."""
    units, done = course.units, complete_units(course, starts)
    waits = {u: waited(course, starts, u) for u in done}
    misses = {u: missed(course, starts, u) for u in done}
    each = course.rules.preference_days
    return {
        "complete": sum(units[u].weight for u in done),
        "wait": max(waits.values(), default=0),
        "worst_miss": max(misses.values(), default=0),
        "finish": sum((waits[u] + units[u].alone_day + each * misses[u]) * units[u].weight for u in done),
        "late": sum(late_part(course, hour, units[u].hours[p]) for (u, p), (_, hour) in starts.items()),
    }


def rank(values: dict[str, int]) -> tuple[int, ...]:
    """What makes one plan better than another: the smaller, goal by goal."""
    return (-values["complete"], *(values[key] for key in TEXTS if key != "complete"))
