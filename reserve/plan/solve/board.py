"""A booking board: what is still free, hour by hour, as students take blocks one after the other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from reserve.plan.course.capacity import limits
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Starts


def running(free: np.ndarray, hours: int) -> np.ndarray:
    """Hours at which so many free hours in a row begin, as far as `free` tells: bool, the shape of `free`, whose last
    axis is hours. What would outlast the horizon is for others to forbid."""
    found = free.copy()
    for step in range(1, min(hours, free.shape[-1])):
        found[..., :-step] &= free[..., step:]
    return found


class Board:
    """Free capacity of a course's nodes; `take` and `give` keep every limit of the rules.
    Without `keep_buffer`, the nodes that the rules keep for retries may be taken as well.

    `left[limit, hour]` is what is free; the first limits are those of the groups, one each, the others are shared by
    several groups. Where blocks may begin follows from it and is kept up to date around each change.
    """

    def __init__(self, course: Course, keep_buffer: bool = True) -> None:
        self.course = course
        every = limits(course, keep_buffer)
        self.limits = every
        self.left = np.array([limit.at_most for limit in every])
        groups = range(len(course.groups))
        self.of_group = [np.array([i for i, limit in enumerate(every) if group in limit.groups]) for group in groups]
        self.for_part = [
            [g for g in groups if course.pools[course.groups[g].pool].hardware.part == part] for part in course.parts
        ]
        self._part = [course.parts.index(course.pools[group.pool].hardware.part) for group in course.groups]
        self._row = [self.for_part[self._part[group]].index(group) for group in groups]
        lengths = [sorted({unit.hours[part] for unit in course.units}) for part in range(len(course.parts))]
        self._fits = {
            (part, hours): np.zeros((len(self.for_part[part]), course.hours), bool)
            for part, every_length in enumerate(lengths)
            for hours in every_length
        }
        self._anywhere: dict[tuple[int, int], np.ndarray] = {}
        # Whose blocks compete with a group's for a limit that they share.
        self._with = [
            sorted({group}.union(*(limit.groups for limit in every[len(groups) :] if group in limit.groups)))
            for group in groups
        ]
        self._changed(groups, 0, course.hours)

    def open(self, group: int, part: int, hours: int, first: int = 0) -> np.ndarray:
        """Whether such a block may begin on the group at each hour from `first` on."""
        return self._fits[part, hours][self._row[group], first:]

    def anywhere(self, part: int, hours: int, first: int = 0) -> np.ndarray:
        """Whether such a block may begin on any group at each hour from `first` on."""
        if (part, hours) not in self._anywhere:
            self._anywhere[part, hours] = np.logical_or.reduce(self._fits[part, hours], axis=0)
        return self._anywhere[part, hours][first:]

    def group_at(self, part: int, hours: int, hour: int) -> int:
        """A group with room for the block, where it leaves the least idle before it; -1 when there is none."""
        found, least = -1, self.course.hours + 1
        for row in np.flatnonzero(self._fits[part, hours][:, hour]).tolist():
            own = self.left[self.for_part[part][row], : hour + 1]
            less = np.flatnonzero(own < own[-1])
            idle = hour - int(less[-1]) if len(less) else self.course.hours
            if idle < least:
                found, least = self.for_part[part][row], idle
        return found

    def take(self, group: int, hour: int, hours: int, count: int = 1) -> None:
        """Book `count` blocks of so many hours on the group from `hour` on, whether or not they fit."""
        self.left[self.of_group[group], hour : hour + hours] -= count
        shared = self.left[self.of_group[group][1:], hour : hour + hours]
        full = shared.size and shared.min() <= abs(count)  # a shared limit may be full now, or was
        self._changed(self._with[group] if full else [group], hour, hour + hours)

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
        self._changed(range(len(self.course.groups)), 0, self.course.hours)

    def give(self, group: int, hour: int, hours: int) -> None:
        """Give one such block back."""
        self.take(group, hour, hours, -1)

    def restore(self, left: np.ndarray) -> None:
        """Back to what was left at some time (a copy of `left` that was made then)."""
        np.copyto(self.left, left)
        self._changed(range(len(self.course.groups)), 0, self.course.hours)

    def _changed(self, groups: Iterable[int], begin: int, end: int) -> None:
        """What is left on these groups changed from hour `begin` to `end`: see anew where blocks may begin."""
        for group in groups:
            part = self._part[group]
            valid = self.course.groups[group].valid
            for kind, fits in self._fits.items():
                if kind[0] != part:
                    continue
                hours = kind[1]
                first = max(0, begin - hours + 1)
                rows = self.of_group[group]
                near = slice(first, min(self.course.hours, end + hours - 1))
                slack = np.min(self.left[rows, near], axis=0) > 0
                last = min(end, self.course.hours)
                open_ = running(slack, hours)[: last - first]
                fits[self._row[group], first:last] = open_ & valid[self.course.parts[part], hours][first:last]
                self._anywhere.pop(kind, None)


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
