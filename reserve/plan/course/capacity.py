"""How many blocks fit on the nodes: shared by the bounds (linear) and the plan (integer)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from reserve.plan.course.course import Course


@dataclass(frozen=True)
class Tiles:
    """Every block that could be put on some node group; entry k of each array describes tile k."""

    group: np.ndarray
    part: np.ndarray
    hours: np.ndarray
    start: np.ndarray

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True)
class Limit:
    """At every hour h the tiles of these node groups that cover h number at most `at_most[h]`."""

    groups: tuple[int, ...]
    at_most: np.ndarray
    everything: bool = False  # the limit on all leases of the course together


def tiles(course: Course, wanted: Iterable[tuple[int, int, np.ndarray]]) -> Tiles:
    """The tiles for blocks of (part, hours) at the marked hours, on every group where they may begin."""
    rows: list[tuple[int, int, int, np.ndarray]] = []
    for part, hours, mask in wanted:
        for index, group in enumerate(course.groups):
            valid = group.valid.get((course.parts[part], hours))
            if valid is not None:
                rows.append((index, part, hours, np.flatnonzero(valid & mask)))
    sizes = [len(starts) for *_, starts in rows]

    def column(values: list[int]) -> np.ndarray:
        return np.repeat(np.array(values, np.int64), sizes)

    starts = np.concatenate([starts for *_, starts in rows]) if rows else np.zeros(0, np.int64)
    return Tiles(column([r[0] for r in rows]), column([r[1] for r in rows]), column([r[2] for r in rows]), starts)


def free_nodes(course: Course, group: int) -> np.ndarray:
    """Per hour, how many nodes of the group some block could use then."""
    use = np.zeros(course.hours, bool)
    for (_, hours), valid in course.groups[group].valid.items():
        for step in range(hours):
            use[step:] |= valid[: course.hours - step]
    return use * len(course.groups[group].nodes)


def buffer_start(course: Course) -> int:
    """First hour of the time before the due date in which nodes are kept for retries."""
    if not course.rules.buffer_hours:
        return course.hours
    return max(0, math.ceil((course.due - course.start) / timedelta(hours=1)) - course.rules.buffer_hours)


def late_part(course: Course, hour: int, hours: int) -> int:
    """How many of a block's hours lie in the time before the due date in which nodes are kept for retries."""
    return max(0, hour + hours - max(hour, buffer_start(course)))


def limits(course: Course, keep_buffer: bool = True) -> list[Limit]:
    """The node counts, the course's limit on each kind of hardware, the buffer, and the limit on all leases."""
    found = [Limit((index,), np.full(course.hours, len(group.nodes))) for index, group in enumerate(course.groups)]
    late = np.arange(course.hours) >= buffer_start(course)
    for number, pool in enumerate(course.pools):
        members = tuple(i for i, group in enumerate(course.groups) if group.pool == number)
        if not members:
            continue
        nodes = len(pool.calendar.nodes)
        at_most = np.full(course.hours, pool.limit)
        if pool.keep and keep_buffer:
            free = np.sum([free_nodes(course, member) for member in members], axis=0)
            at_most[late] = np.minimum(at_most[late], np.maximum(0, free[late] - pool.keep))
        if (at_most < nodes).any():
            found.append(Limit(members, at_most))
    if course.rules.max_simultaneous:
        found.append(
            Limit(tuple(range(len(course.groups))), np.full(course.hours, course.rules.max_simultaneous), True)
        )
    return found


def covering(course: Course, parts: Tiles, limit: Limit) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (hour, tile) of the tiles that count towards the limit at that hour."""
    chosen = np.flatnonzero(np.isin(parts.group, limit.groups))
    hours = parts.hours[chosen]
    tile = np.repeat(chosen, hours)
    step = np.concatenate([np.arange(h) for h in hours]) if len(hours) else np.zeros(0, np.int64)
    hour = parts.start[tile] + step
    inside = hour < course.hours
    return hour[inside], tile[inside]
