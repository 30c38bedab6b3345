"""A booking board: what is still free, hour by hour, as students take blocks one after the other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from reserve.plan.course.capacity import limits
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Starts


class Board:
    """Free capacity of a course's nodes; `take` and `give` keep every limit of the rules.
    Without `keep_buffer`, the nodes that the rules keep for retries may be taken as well."""

    def __init__(self, course: Course, keep_buffer: bool = True) -> None:
        self.course = course
        every = limits(course, keep_buffer)
        self.limits = every
        self.left = np.array([limit.at_most for limit in every])  # [limit, hour]
        self.of_group = [
            np.array([i for i, limit in enumerate(every) if group in limit.groups])
            for group in range(len(course.groups))
        ]
        self.for_part = [
            [g for g, group in enumerate(course.groups) if course.pools[group.pool].hardware.part == part]
            for part in course.parts
        ]

    def open(self, group: int, part: int, hours: int, first: int = 0) -> np.ndarray:
        """Whether such a block may begin on the group at each hour from `first` on."""
        valid = self.course.groups[group].valid[self.course.parts[part], hours][first:]
        slack = self.left[self.of_group[group], first:].min(axis=0) > 0
        found = valid.copy()
        for step in range(min(hours, len(slack))):  # a block that would outlast the horizon is not valid anyway
            found[: len(slack) - step] &= slack[step:]
        return found

    def anywhere(self, part: int, hours: int, first: int = 0) -> np.ndarray:
        """Whether such a block may begin on any group at each hour from `first` on."""
        found = np.zeros(self.course.hours - first, bool)
        for group in self.for_part[part]:
            found |= self.open(group, part, hours, first)
        return found

    def group_at(self, part: int, hours: int, hour: int) -> int:
        """A group with room for the block; -1 when there is none."""
        for group in self.for_part[part]:
            if not self.course.groups[group].valid[self.course.parts[part], hours][hour]:
                continue
            if self.left[self.of_group[group], hour : hour + hours].min() > 0:
                return group
        return -1

    def take(self, group: int, hour: int, hours: int, count: int = 1) -> None:
        """Book `count` blocks of so many hours on the group from `hour` on, whether or not they fit."""
        self.left[self.of_group[group], hour : hour + hours] -= count

    def book(self, starts: Starts) -> None:
        """Take the block of each start."""
        for (unit, part), (group, hour) in starts.items():
            self.take(group, hour, self.course.units[unit].hours[part])

    def hold(self, pool: int, hour: int, hours: int) -> None:
        """Count a block that the calendar shows already towards the limits of the rules, and no node twice."""
        groups = {g for g, group in enumerate(self.course.groups) if group.pool == pool}
        for row, limit in enumerate(self.limits):
            if row >= len(self.course.groups) and (limit.everything or groups & set(limit.groups)):
                self.left[row, max(0, hour) : max(0, hour + hours)] -= 1

    def give(self, group: int, hour: int, hours: int) -> None:
        """Give one such block back."""
        self.take(group, hour, hours, -1)


def ready_hour(course: Course, unit: int, part: int, taken: dict[int, int]) -> int:
    """First hour at which the unit may begin the part, given the starts of its others; -1 if one is missing."""
    hours = course.units[unit].hours
    needed = course.after[part]
    if any(before not in taken for before in needed):
        return -1
    return max([0, *(taken[before] + hours[before] + course.gap(part) for before in needed)])


def without_overlap(course: Course, unit: int, part: int, free: np.ndarray, first: int, taken: dict[int, int]) -> None:
    """Clear, in place, the starts (from hour `first`) at which the unit would be in two blocks at once."""
    hours = course.units[unit].hours
    for other, start in taken.items():
        low, high = start - hours[part] + 1 - first, start + hours[other] - first
        free[max(0, low) : max(0, high)] = False


def first_come(
    course: Course, board: Board, order: Iterable[int], latest: bool = False, not_before: dict[int, int] | None = None
) -> dict[tuple[int, int], tuple[int, int]]:
    """Students book one after the other, each part as early as they can (or as late).

    `not_before` gives the hour from which each unit looks. Parts that do not fit are left out, with those that
    wait for them.
    """
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for unit in order:
        taken: dict[int, int] = {}
        parts = range(len(course.parts))
        for part in reversed(parts) if latest else parts:
            member = course.units[unit]
            first = (not_before or {}).get(unit, 0)
            last = course.hours
            if latest:
                after = [p for p in parts if part in course.after[p]]
                if any(p not in taken for p in after):
                    continue
                last = min([last, *(taken[p] - course.gap(p) - member.hours[part] + 1 for p in after)])
            else:
                ready = ready_hour(course, unit, part, taken)
                if ready < 0:
                    continue
                first = max(first, ready)
            if first >= last:
                continue
            free = board.anywhere(part, member.hours[part], first)[: last - first]
            free = free & member.starts[part][first:last]
            without_overlap(course, unit, part, free, first, taken)
            choices = np.flatnonzero(free)
            if not len(choices):
                continue
            hour = first + int(choices[-1 if latest else 0])
            group = board.group_at(part, member.hours[part], hour)
            board.take(group, hour, member.hours[part])
            taken[part] = hour
            found[unit, part] = (group, hour)
        if latest:  # a later part without the one before it is worth nothing: give it back
            for part in list(taken):
                if any(before not in taken for before in course.after[part]):
                    group, hour = found.pop((unit, part))
                    board.give(group, hour, course.units[unit].hours[part])
    return found
