"""What no plan can beat: a linear relaxation of the plan, solved to optimality by HiGHS.

Each kind of student (same times, same weight) chooses *periods* for its parts, as cumulative counts; each class of
students chooses *hours* for its blocks, within the capacity of the nodes hour by hour. A period is a day, or a share
of one when there are few kinds. What is given up: whole students, a student's own times within a period where classes
had to be merged, the gap between parts finer than a period, and two parts at the same hour. Every real plan is a
point of this relaxation, so its optimum bounds every plan.
Cumulative ("step") variables for precedence: Pritsker and Watters 1968; their relaxation is the tight one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from reserve.plan.course.capacity import buffer_start, covering, tiles
from reserve.plan.course.capacity import limits as capacity_limits
from reserve.plan.course.course import Course, Unit
from reserve.plan.solve.linear import NOTHING, Program, Rows
from reserve.plan.solve.prices import Prices

EXACT_CLASSES = 6
SHARES = (12, 8, 6, 4, 3, 2)  # periods a day, tried from the finest
AFFORDABLE = 12_000  # kinds times periods that HiGHS solves in a second or two


TOLERANCE = 1e-5


@dataclass(frozen=True)
class Solved:
    """An optimum: its value, per unit and part the days that it uses (empty: not served), and the prices of node time
    at which it is reached."""

    value: float
    days: tuple[tuple[tuple[int, ...], ...], ...]
    prices: Prices


@dataclass(frozen=True)
class Limits:
    """What an optimum may not give up: `row @ x <= limit` for each of `fixed`, the number of students first; nobody
    finishing more than `wait` days after they could alone; nobody with more than `worst_miss` unpreferred blocks.
    None: no such limit."""

    fixed: tuple[tuple[np.ndarray, float], ...] = ()
    wait: int | None = None
    worst_miss: int | None = None


NO_LIMITS = Limits()


def whole(value: float, *, up: bool) -> int:
    """The integer that a bound implies: nothing between is possible, and solver tolerance is allowed for."""
    return (
        math.ceil(value - TOLERANCE * max(1, abs(value)) ** 0.5)
        if up
        else math.floor(value + TOLERANCE * max(1, abs(value)) ** 0.5)
    )


@dataclass
class Kind:
    """Units that are alike: their numbers in the course, and the columns of the linear program."""

    units: list[int]
    weight: int
    days: tuple[tuple[int, ...], ...]  # per part, the periods in which it may begin
    order: tuple[tuple[int, int, tuple[int, ...]], ...]
    liked: tuple[tuple[int, ...], ...]  # per part, the periods with a start in preferred time
    starts: list[np.ndarray]  # per part, the hours at which one of the units may begin
    count: int = NOTHING
    done_by: list[list[int]] = field(default_factory=list)  # [part][period]: cumulative column
    finished_by: list[int] = field(default_factory=list)  # [day]


class Relaxation(Program):
    """The linear program of one course; `optimum` adds what earlier stages fixed and an objective."""

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.course = course
        for share in SHARES:
            self._periods(share)
            self.kinds = self._kinds()
            if len(self.kinds) * self.periods <= AFFORDABLE:
                break
        else:
            self._periods(1)
            self.kinds = self._kinds()
        for kind in self.kinds:
            self._steps(kind)
        self.supply_row: dict[tuple[int, int], np.ndarray] = {}  # (part, block's hours) -> row of each start hour
        self.limit_row: list[int] = []  # first row of each limit
        self.missed: list[tuple[np.ndarray, np.ndarray, int]] = []
        for kind in self.kinds:
            if course.units[kind.units[0]].prefers:
                self._preferences(kind)
        self._capacity()

    def _periods(self, share: int) -> None:
        """Cut each local day into `share` periods; `period_of[hour]`, `last_of[day]`."""
        course = self.course
        first = [0, *(np.flatnonzero(np.diff(course.day_of)) + 1).tolist()]
        # The first day may begin at any hour: count its hours from its end.
        begins = np.array(first)[course.day_of]
        begins[course.day_of == 0] = first[1] - 24 if len(first) > 1 else 0
        part_of_day = np.clip((np.arange(course.hours) - begins) * share // 24, 0, share - 1)
        self.period_of = course.day_of * share + part_of_day
        self.periods = course.days * share
        self.share = share

    def _kinds(self) -> list[Kind]:
        alike: dict[tuple, Kind] = {}
        for index, unit in enumerate(self.course.units):
            if unit.alone_day < 0:
                continue
            days = tuple(self._days_of(mask) for mask in unit.starts)
            liked = (
                tuple(self._days_of(a & b) for a, b in zip(unit.starts, unit.liked, strict=True))
                if unit.prefers
                else ()
            )
            key = (unit.hours, unit.weight, unit.alone_day, days, self._order(unit), liked)
            if key not in alike:
                alike[key] = Kind([], unit.weight, days, key[4], liked, [mask.copy() for mask in unit.starts])
            kind = alike[key]
            kind.units.append(index)
            for part, mask in enumerate(unit.starts):
                kind.starts[part] |= mask
        return list(alike.values())

    def _days_of(self, mask: np.ndarray) -> tuple[int, ...]:
        return tuple(np.unique(self.period_of[mask]).tolist())

    def _order(self, unit: Unit) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
        """For each pair of parts in order: (first, second, for each period of the second the last period of the
        first that leaves room for it, or -1)."""
        course, found = self.course, []
        starts = [np.flatnonzero(mask) for mask in unit.starts]
        for part, befores in enumerate(course.after):
            period = self.period_of[starts[part]]
            last = starts[part][np.flatnonzero(np.diff(period, append=self.periods))]
            for before in befores:
                room = np.searchsorted(starts[before], last - course.gap(part) - unit.hours[before], "right")
                reach = np.where(room > 0, self.period_of[starts[before][np.maximum(room, 1) - 1]], -1)
                found.append((before, part, tuple(reach.tolist())))
        return tuple(found)

    def _steps(self, kind: Kind) -> None:
        """Columns and precedence of one kind; a period without a possible start shares the column before."""
        course, size = self.course, len(kind.units)
        kind.count = self.one(size)
        for days in kind.days:
            present, columns, current = set(days), [], NOTHING
            for day in range(self.periods):
                if day in present:
                    before, current = current, (kind.count if day == days[-1] else self.one(size))
                    if before != NOTHING:
                        self.rows.add([before, current], [1, -1])
                columns.append(current)
            kind.done_by.append(columns)
        for before, part, reach in kind.order:
            for day, latest in zip(kind.days[part], reach, strict=True):
                column = kind.done_by[before][latest] if latest >= 0 else NOTHING
                if kind.done_by[part][day] != column:
                    self.rows.add([kind.done_by[part][day], column], [1, -1])
        alone = course.units[kind.units[0]].alone_day
        for day in range(course.days):
            below = {kind.done_by[part][(day + 1) * self.share - 1] for part in course.sinks}
            if day < alone or NOTHING in below:
                kind.finished_by.append(NOTHING)
            elif len(below) == 1:
                kind.finished_by.append(below.pop())
            else:
                kind.finished_by.append(self.one(size))
                for column in below:
                    self.rows.add([kind.finished_by[-1], column], [1, -1])

    def _preferences(self, kind: Kind) -> None:
        """Columns for blocks in preferred time: misses are parts times students done, less these."""
        good: list[int] = []
        for part, days in enumerate(kind.liked):
            for day in days:
                column = self.one(len(kind.units))
                before = kind.done_by[part][day - 1] if day else NOTHING
                self.rows.add([column, kind.done_by[part][day], before], [1, -1, 1])
                good.append(column)
        cols = np.array([kind.count, *good])
        self.missed.append((cols, np.array([len(kind.days), *[-1] * len(good)]), kind.weight))

    def _classes(self) -> list[tuple[list[Kind], tuple[int, ...], list[np.ndarray]]]:
        """Kinds by exact start times while they are few; the rest merged by block lengths and zone."""
        exact: dict[tuple, list[Kind]] = {}
        for kind in self.kinds:
            hours = self.course.units[kind.units[0]].hours
            exact.setdefault((hours, *(mask.tobytes() for mask in kind.starts)), []).append(kind)
        ranked = sorted(exact.values(), key=lambda kinds: -sum(len(k.units) for k in kinds))
        merged: dict[tuple, list[Kind]] = {}
        for rank, kinds in enumerate(ranked):
            unit = self.course.units[kinds[0].units[0]]
            key = (rank,) if rank < EXACT_CLASSES else (unit.hours, unit.students[0].tz.key)
            merged.setdefault(key, []).extend(kinds)
        found = []
        for kinds in merged.values():
            parts = range(len(self.course.parts))
            masks = [np.logical_or.reduce([kind.starts[part] for kind in kinds]) for part in parts]
            found.append((kinds, self.course.units[kinds[0].units[0]].hours, masks))
        return found

    def _capacity(self) -> None:
        course = self.course
        wanted: dict[tuple[int, int], np.ndarray] = {}
        flows: dict[tuple[int, int], list[np.ndarray]] = {}
        for kinds, hours, masks in self._classes():
            for part, mask in enumerate(masks):
                key = (part, hours[part])
                wanted[key] = wanted.get(key, np.zeros(course.hours, bool)) | mask
                starts = np.flatnonzero(mask)
                flow = np.full(course.hours, NOTHING)
                flow[starts] = self.several(len(starts), np.inf)
                flows.setdefault(key, []).append(flow)
                for day in np.unique(self.period_of[starts]).tolist():
                    mine = flow[starts[self.period_of[starts] == day]]
                    steps: dict[int, float] = {}
                    for kind in kinds:
                        now, past = kind.done_by[part][day], kind.done_by[part][day - 1] if day else NOTHING
                        if now != past:
                            steps[now] = steps.get(now, 0) - 1
                            steps[past] = steps.get(past, 0) + 1
                    self.equal.add([*mine, *steps], [1.0] * len(mine) + list(steps.values()))
        self.tiles = tiles(course, [(part, length, mask) for (part, length), mask in wanted.items()])
        self.used = self.several(len(self.tiles), np.inf)
        for (part, length), of_classes in flows.items():
            chosen = np.flatnonzero((self.tiles.part == part) & (self.tiles.hours == length))
            by_hour: dict[int, list[int]] = {}
            for tile in chosen:
                by_hour.setdefault(int(self.tiles.start[tile]), []).append(int(self.used[tile]))
            supply_row = self.supply_row[part, length] = np.full(course.hours, NOTHING)
            for at_hour, supply in by_hour.items():
                supply_row[at_hour] = len(self.rows.upper)
                begun = [int(flow[at_hour]) for flow in of_classes]
                self.rows.add([*begun, *supply], [1.0] * len(begun) + [-1.0] * len(supply))
        for limit in capacity_limits(course):
            at, over = covering(course, self.tiles, limit)
            self.limit_row.append(len(self.rows.upper))
            self.rows.add_many(at, self.used[over], limit.at_most)

    # --- Objectives -----------------------------------------------------------------------------------

    def students(self) -> np.ndarray:
        """Cost of the number of complete students (to be maximised)."""
        cost = np.zeros(self.columns)
        for kind in self.kinds:
            cost[kind.count] += kind.weight
        return cost

    def finish(self) -> np.ndarray:
        """Cost of the sum over complete students of the day on which the last block begins, and of what missed
        preferences count."""
        cost = self.course.rules.preference_days * self.misses()
        for kind in self.kinds:
            for column in kind.finished_by[:-1]:
                cost[kind.count] += kind.weight
                if column >= 0:
                    cost[column] -= kind.weight
        return cost

    def misses(self) -> np.ndarray:
        """Cost of the number of blocks outside preferred time."""
        cost = np.zeros(self.columns)
        for cols, vals, weight in self.missed:
            np.add.at(cost, cols, vals * weight)
        return cost

    def late_hours(self) -> np.ndarray:
        """Cost of the node-hours planned in the time kept for retries."""
        cost = np.zeros(self.columns)
        first = buffer_start(self.course)
        ends = self.tiles.start + self.tiles.hours
        cost[self.used] = np.clip(ends - np.maximum(self.tiles.start, first), 0, None)
        return cost

    # --- Solving --------------------------------------------------------------------------------------

    def optimum(
        self, cost: np.ndarray, limits: Limits = NO_LIMITS, *, maximise: bool = False, seconds: float = 60.0
    ) -> Solved | None:
        """The optimum of `cost` under `limits`. None when HiGHS finds it infeasible or runs out of time."""
        extra = Rows()
        for row, limit in limits.fixed:
            columns = np.flatnonzero(row)
            extra.add(columns, row[columns], limit)
        if limits.wait is not None:
            for kind in self.kinds:
                day = self.course.units[kind.units[0]].alone_day + limits.wait
                if day < self.course.days - 1:
                    extra.add([kind.count, kind.finished_by[day]], [1, -1])
        if limits.worst_miss is not None:
            for cols, vals, _ in self.missed:
                extra.add([*cols, cols[0]], [*vals, -limits.worst_miss])
        found = self.solve(-cost if maximise else cost, extra, seconds)
        if found is None:
            return None
        # The first of the fixed rows asks for a number of students.
        unserved = float(found.saves[len(self.rows.upper)]) if limits.fixed else 0.0
        return Solved(float(cost @ found.x), self._days(found.x), self._prices(found.saves, unserved))

    def _prices(self, saves: np.ndarray, unserved: float) -> Prices:
        """What each start, each shared limit and each student is worth at an optimum."""
        hours = self.course.hours
        price = {kind: np.where(rows >= 0, saves[rows], 0.0) for kind, rows in self.supply_row.items()}
        shared = tuple(saves[first : first + hours] for first in self.limit_row[len(self.course.groups) :])
        return Prices(dict(sorted(price.items())), shared, unserved)

    def _days(self, x: np.ndarray) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """Hand the kinds' fractional days to their units, first come first served (which keeps the order)."""
        found: list[tuple[tuple[int, ...], ...]] = [((),) * len(self.course.parts)] * len(self.course.units)
        for kind in self.kinds:
            cumulative = [[x[c] if c >= 0 else 0.0 for c in columns] for columns in kind.done_by]
            served = math.ceil(x[kind.count] - 1e-6)
            share = x[kind.count] / served if served else 0.0
            for rank, unit in enumerate(kind.units[:served]):
                low, high = rank * share + 1e-6, (rank + 1) * share - 1e-6
                found[unit] = tuple(
                    tuple(
                        sorted(
                            {
                                d // self.share
                                for d, now in enumerate(steps)
                                if now > low and (steps[d - 1] if d else 0.0) < high
                            }
                        )
                    )
                    for steps in cumulative
                )
        return tuple(found)
