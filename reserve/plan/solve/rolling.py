"""From days to hours: each day of the relaxation's answer is made a real timetable, in turn.

What does not fit on its day waits for the next; what comes later fills a free place when it may. The result is a
whole plan, close to the bound, from which the final improvement starts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Starts
from reserve.plan.solve.board import Board, ready_hour, without_overlap
from reserve.plan.solve.timetable import Timetable

PASSES = 3  # a part may follow another on the same day when the course allows it


def roll(
    course: Course,
    target: list[list[int]],
    wait: int,
    seconds: float,
    ahead: int = 1,
    going: Callable[[], bool] = lambda: True,
) -> Starts:
    """A plan that follows `target[unit][part]`, the day for each part (-1: the unit is not served). Parts planned
    for up to `ahead` days later fill what is free. It ends before its last day once it is not `going` any more."""
    board = Board(course)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    waiting = {(u, p) for u, days in enumerate(target) for p in range(len(days)) if min(days) >= 0}
    followers = [sum(p in befores for befores in course.after) for p in range(len(course.parts))]
    for day in range(course.days):
        if not going():
            break
        today = np.flatnonzero(course.day_of == day)
        for _ in range(PASSES):
            candidates, weights = {}, {}
            for unit, part in sorted(waiting):
                due = target[unit][part]
                if due > day + ahead:
                    continue
                taken = {p: found[unit, p][1] for p in range(len(course.parts)) if (unit, p) in found}
                ready = ready_hour(course, unit, part, taken)
                if ready < 0 or ready > today[-1]:
                    continue
                free = course.units[unit].starts[part][today] & (today >= ready)
                without_overlap(course, unit, part, free, int(today[0]), taken)
                if free.any():
                    candidates[unit, part] = today[free]
                    late = max(0, day - course.units[unit].alone_day - wait + 3)
                    weights[unit, part] = 1 if due > day else 10 + 4 * (day - due) + 3 * followers[part] + 20 * late
            if not candidates:
                break
            model = Timetable(course, candidates, board, whole=False)
            cost = model.zero()
            for column, (unit, part, hour) in enumerate(model.block):
                member = course.units[unit]
                # Preferred time first; then early in the day, most of all where another part waits for this one.
                bonus = 100 * bool(member.prefers and member.liked[part][hour])
                cost[column] = int(hour - today[0]) * (1 + 2 * bool(followers[part])) - bonus
                cost[column] -= 1000 * weights[unit, part]
            starts = model.solve(cost, seconds / course.days * 3, gap=1e-4)
            if not starts:
                break
            found.update(starts)
            board.book(starts)
            waiting -= starts.keys()
    return found
