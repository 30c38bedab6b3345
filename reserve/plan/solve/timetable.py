"""Whole students on whole blocks: an integer program over candidate starts, solved by HiGHS.

Time-indexed: a 0/1 column for each unit, part and candidate start; an integer column for each tile (a block on a
node group); the blocks that begin at an hour need as many tiles; tiles over an hour never exceed what is free.
The capacity rows are interval matrices, so the linear relaxation is nearly whole already.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from reserve.plan.course.capacity import covering, late_part, limits, tiles
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Starts
from reserve.plan.solve.board import Board
from reserve.plan.solve.linear import Program

Candidates = Mapping[tuple[int, int], np.ndarray]
"""(unit, part) -> hours at which it may begin."""


class Timetable:
    """One integer program. With `whole`, a unit gets all its parts or none; else any part that fits, and a part
    whose predecessor is neither a candidate nor in `placed` is the caller's mistake."""

    def __init__(
        self,
        course: Course,
        candidates: Candidates,
        board: Board | None = None,
        whole: bool = True,
        settled: Starts | None = None,
    ) -> None:
        """`settled` parts stand already and count as done; the candidates of other parts respect them."""
        self.course, self.whole = course, whole
        settled = settled or {}
        self.board = board or Board(course)
        self.program = Program()
        # Variables, by their columns: whether a block begins there, whether a unit is complete, blocks on a tile.
        self.begins: dict[tuple[int, int], np.ndarray] = {}  # of (unit, part), as its candidates
        self.block: dict[int, tuple[int, int, int]] = {}  # the same by column: (unit, part, hour)
        self.done: dict[int, int] = {}
        self.used = np.zeros(0, np.int64)
        self.candidates = {key: np.asarray(hours, np.int64) for key, hours in candidates.items() if len(hours)}
        parts = range(len(course.parts))
        units = sorted({unit for unit, _ in self.candidates})
        if whole:
            units = [
                unit
                for unit in units
                if all((unit, part) in self.candidates or (unit, part) in settled for part in parts)
            ]
        for unit in units:
            self._unit(unit)
        if self.block:
            self._capacity()

    def _unit(self, unit: int) -> None:
        course, program = self.course, self.program
        hours = course.units[unit].hours
        parts = [part for part in range(len(course.parts)) if (unit, part) in self.candidates]
        if self.whole:
            self.done[unit] = program.one(1)
        for part in parts:
            starts = self.candidates[unit, part]
            mine = self.begins[unit, part] = program.several(len(starts), 1)
            self.block |= {
                column: (unit, part, hour) for column, hour in zip(mine.tolist(), starts.tolist(), strict=True)
            }
            if self.whole:
                program.equal.add([*mine, self.done[unit]], [1.0] * len(mine) + [-1.0])
            else:
                program.rows.add(mine, [1.0] * len(mine), 1)
        for part in parts:
            for before in course.after[part]:
                if (unit, before) in self.begins:
                    self._order(unit, before, part, hours[before] + course.gap(part))
            for other in parts:
                if other < part and other not in course.after[part]:
                    self._apart(unit, other, part)

    def _order(self, unit: int, before: int, part: int, need: int) -> None:
        """Whatever begins by an hour has had its predecessor begun `need` hours before."""
        one, two = self.candidates[unit, before], self.candidates[unit, part]
        first, second = self.begins[unit, before], self.begins[unit, part]
        for index, hour in enumerate(two.tolist()):
            ready = int(np.searchsorted(one, hour - need, "right"))
            if self.whole and ready == len(one):
                return
            follows = index + 1 == len(two) or np.searchsorted(one, two[index + 1] - need, "right") != ready
            if follows:
                cols = [*second[: index + 1], *first[:ready]]
                self.program.rows.add(cols, [1.0] * (index + 1) + [-1.0] * ready)

    def _apart(self, unit: int, a: int, b: int) -> None:
        """One student is in one block at a time: at each hour at most one covers it."""
        hours = self.course.units[unit].hours
        one, two = self.candidates[unit, a], self.candidates[unit, b]
        for hour in np.intersect1d(one, two).tolist() or two[np.isin(two, one - hours[b] + 1)].tolist():
            self._cover(unit, a, b, hour)
        covered_a = np.unique((one[:, None] + np.arange(hours[a])).ravel())
        covered_b = np.unique((two[:, None] + np.arange(hours[b])).ravel())
        for hour in np.intersect1d(covered_a, covered_b).tolist():
            self._cover(unit, a, b, hour)

    def _cover(self, unit: int, a: int, b: int, hour: int) -> None:
        cols: list[int] = []
        for part in (a, b):
            starts, length = self.candidates[unit, part], self.course.units[unit].hours[part]
            cols += self.begins[unit, part][(starts <= hour) & (hour < starts + length)].tolist()
        self.program.rows.add(cols, [1.0] * len(cols), 1)

    def _capacity(self) -> None:
        course, program = self.course, self.program
        wanted: dict[tuple[int, int], dict[int, list[int]]] = {}
        for column, (unit, part, hour) in self.block.items():
            key = (part, course.units[unit].hours[part])
            wanted.setdefault(key, {}).setdefault(hour, []).append(column)
        masks = []
        for (part, hours), by_hour in wanted.items():
            mask = np.zeros(course.hours, bool)
            mask[list(by_hour)] = True
            masks.append((part, hours, mask))
        self.tiles = tiles(course, masks)
        self.used = program.several(len(self.tiles), max(len(group.nodes) for group in course.groups))
        supply: dict[tuple[int, int, int], list[int]] = {}
        for index in range(len(self.tiles)):
            key3 = (int(self.tiles.part[index]), int(self.tiles.hours[index]), int(self.tiles.start[index]))
            supply.setdefault(key3, []).append(int(self.used[index]))
        for (part, hours), by_hour in wanted.items():
            for hour, blocks in by_hour.items():
                mine = supply.get((part, hours, hour), [])
                program.rows.add([*blocks, *mine], [1.0] * len(blocks) + [-1.0] * len(mine))
        for limit, left in zip(limits(course), self.board.left, strict=True):
            at, over = covering(course, self.tiles, limit)
            held = np.unique(at)
            program.rows.add_many(np.searchsorted(held, at), self.used[over], left[held])

    # --- Goals: costs to be minimised ------------------------------------------------------------------

    def zero(self) -> np.ndarray:
        """A cost of nothing for each column that there is now."""
        return np.zeros(self.program.columns)

    def finish(self) -> tuple[np.ndarray, list[int]]:
        """The goal `finish` of the units (with `whole`): weighted days of their last blocks, and what missed
        preferences count; and the real columns that this adds."""
        course, added = self.course, []
        for unit in self.done:
            last = self.program.one(course.days)
            added.append(last)
            for part in course.sinks:
                if (unit, part) not in self.begins:
                    continue
                starts = self.candidates[unit, part]
                self.program.rows.add([*self.begins[unit, part], last], [*course.day_of[starts].astype(float), -1.0])
        cost = course.rules.preference_days * self.missed()
        for unit, last in zip(self.done, added, strict=True):
            cost[last] = course.units[unit].weight
        return cost, added

    def missed(self) -> np.ndarray:
        """One for each block outside its student's preferred time, weighted by students."""
        cost = self.zero()
        for column, (unit, part, hour) in self.block.items():
            if self.course.units[unit].prefers and not self.course.units[unit].liked[part][hour]:
                cost[column] = self.course.units[unit].weight
        return cost

    def late(self) -> np.ndarray:
        """Hours of each block in the time that is kept for retries."""
        cost = self.zero()
        for column, (unit, part, hour) in self.block.items():
            cost[column] = late_part(self.course, hour, self.course.units[unit].hours[part])
        return cost

    def at_most(self, cost: np.ndarray, limit: float) -> None:
        """Only timetables of which `cost` is no more than `limit`."""
        columns = np.flatnonzero(cost)
        self.program.rows.add(columns, cost[columns], limit)

    def limit_missed(self, most: int) -> None:
        """Nobody gets more than `most` blocks outside their preferred time."""
        cost = self.missed()
        mine: dict[int, list[int]] = {}
        for column in np.flatnonzero(cost).tolist():
            mine.setdefault(self.block[column][0], []).append(column)
        for cols in mine.values():
            self.program.rows.add(cols, [1.0] * len(cols), most)

    def solve(self, cost: np.ndarray, seconds: float, gap: float = 0.0, real: list[int] | None = None) -> Starts | None:
        """The cheapest timetable found, each block on a group with room for it. None: none found in time."""
        if not self.block:
            return {}
        found = self.program.solve_whole(cost, seconds, gap, real or [])
        if found is None:
            return None
        room: dict[tuple[int, int, int], list[int]] = {}
        for index in range(len(self.tiles)):
            key = (int(self.tiles.part[index]), int(self.tiles.hours[index]), int(self.tiles.start[index]))
            count = int(found.x[self.used[index]])
            room.setdefault(key, []).extend([int(self.tiles.group[index])] * count)
        starts = {}
        for column, (unit, part, hour) in self.block.items():
            if found.x[column] > 0.5:
                hours = self.course.units[unit].hours[part]
                starts[unit, part] = (room[part, hours, hour].pop(), hour)
        return starts
