"""Make the plan: goals in order of importance, each with the bound that no plan can beat.

1. as many students as possible complete every part;
2. nobody finishes more days later than they could alone than needed (max-min on finishing early);
3. nobody gets more blocks outside their preferred time than needed (max-min on preference);
4. everyone finishes early, a block outside preferred time counting like some days (rules.toml);
5. the nodes kept for retries before the due date stay free.

Relaxation -> days -> a timetable day by day -> improvement of the whole; all of them linear or integer programs
that HiGHS solves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import process_time

import numpy as np

from reserve.plan.course.capacity import late_part
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import COMPLETE, Plan, Stage, Starts, name_nodes
from reserve.plan.solve.baselines import shuffled
from reserve.plan.solve.board import Board, first_come, ready_hour, without_overlap
from reserve.plan.solve.bounds import Relaxation
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.optimum import NO_LIMITS, Limits, Solved, whole
from reserve.plan.solve.rolling import roll
from reserve.plan.solve.timetable import Timetable

TEXTS = {
    "complete": COMPLETE,
    "wait": "most days that anyone finishes later than they could with the nodes to themselves",
    "worst_miss": "most blocks outside their preferred time that anyone gets",
    "finish": "sum over students of the day of their last block (0: the first day), plus what missed preferences count",
    "late": "node-hours planned in the time kept for retries before the due date",
}

PROVEN_FIRST = ("complete", "wait", "finish", "late", "worst_miss")  # the bound that costs most comes last


def complete_units(course: Course, starts: Starts) -> list[int]:
    """Numbers of the units that have every part."""
    parts = range(len(course.parts))
    return [u for u in range(len(course.units)) if all((u, p) in starts for p in parts)]


def measure(course: Course, starts: Starts) -> dict[str, int]:
    """The value of every goal for a plan given as starts."""
    parts, units = range(len(course.parts)), course.units
    done = complete_units(course, starts)
    days = {u: max(int(course.day_of[starts[u, p][1]]) for p in parts) for u in done}
    missed = {u: sum(not units[u].liked[p][starts[u, p][1]] for p in parts) for u in done}
    hours = [late_part(course, hour, units[u].hours[p]) for (u, p), (_, hour) in starts.items()]
    each = course.rules.preference_days
    return {
        "complete": sum(units[u].weight for u in done),
        "wait": max((days[u] - units[u].alone_day for u in done), default=0),
        "worst_miss": max(missed.values(), default=0),
        "finish": sum((days[u] + each * missed[u]) * units[u].weight for u in done),
        "late": sum(hours),
    }


def _rank(values: dict[str, int]) -> tuple[int, ...]:
    return (-values["complete"], *(values[key] for key in TEXTS if key != "complete"))


def fill(course: Course, starts: Starts, seconds: float, first: int = 0, board: Board | None = None) -> Starts:
    """Give those who are not complete whatever still fits beside the others from hour `first` on, each part when
    those before it stand: whoever needs least first. `board`: what `starts` leave free, where it is known."""
    parts = range(len(course.parts))
    found = dict(starts)
    if board is None:
        board = Board(course)
        for (unit, part), (group, hour) in starts.items():
            board.take(group, hour, course.units[unit].hours[part])
    for part in parts:
        open_: dict[int, np.ndarray] = {}
        candidates = {}
        for unit, member in enumerate(course.units):
            taken = {p: found[unit, p][1] for p in parts if (unit, p) in found}
            ready = ready_hour(course, unit, part, taken)
            if part in taken or ready < 0:
                continue
            length = member.hours[part]
            if length not in open_:
                open_[length] = board.anywhere(part, length)
            free = open_[length] & member.starts[part]
            free[: max(ready, first)] = False
            without_overlap(course, unit, part, free, 0, taken)
            if free.any():
                candidates[unit, part] = np.flatnonzero(free)
        if not candidates:
            continue
        model = Timetable(course, candidates, board, whole=False)
        cost = model.zero()
        for column, (unit, _, hour) in enumerate(model.block):
            have = sum((unit, p) in found for p in parts)
            cost[column] = hour - 10 * course.hours * (1 + have) * course.units[unit].weight
        for key, (group, hour) in (model.solve(cost, seconds, gap=1e-3) or {}).items():
            found[key] = (group, hour)
            board.take(group, hour, course.units[key[0]].hours[key[1]])
    return found


@dataclass
class _Search:
    """The state of one `make_plan`: the best plan so far and what is proven."""

    course: Course
    effort: Effort
    starts: Starts
    relaxation: Relaxation
    lp_seconds: float = 1.0
    waits: dict[int, int] = field(default_factory=dict)
    proven: dict[tuple[str, tuple[int, ...]], int | None] = field(default_factory=dict)

    def left(self) -> float:
        return self.effort.left()

    def lp(self, cost: np.ndarray, limits: Limits = NO_LIMITS, *, maximise: bool = False) -> Solved | None:
        begun = process_time()
        time_s = self.effort.wall(max(4.0, self.left()))
        found = self.relaxation.optimum(cost, limits, maximise=maximise, seconds=time_s)
        self.lp_seconds = max(self.lp_seconds / 2, process_time() - begun)
        return found

    def offer(self, starts: Starts) -> None:
        if _rank(measure(self.course, starts)) < _rank(measure(self.course, self.starts)):
            self.starts = starts

    def least_wait(self, students: int, known: int) -> int | None:
        """The relaxation's smallest worst wait with that many complete students; `known` is reachable.
        None when the time ran out."""
        ran_out = False

        def possible(wait: int) -> bool:
            nonlocal ran_out
            if self.left() < self.lp_seconds:
                ran_out = True
                return True
            found = self.lp(self.relaxation.students(), Limits(wait=wait), maximise=True)
            ran_out |= found is None
            return found is None or whole(found.value, up=False) >= students

        if students not in self.waits:
            best = _least(0, known, possible)
            if ran_out:
                return None
            self.waits[students] = best
        return self.waits[students]

    def bound(self, key: str, reached: dict[str, int]) -> int | None:
        """What no plan can beat for this goal among those as good as `reached` on the goals before it; None when
        there was no time to prove anything."""
        state = key, tuple(reached.values())
        if self.proven.get(state) is None:
            self.proven[state] = self._bound(key, reached)
        return self.proven[state]

    def _bound(self, key: str, reached: dict[str, int]) -> int | None:
        relaxation = self.relaxation
        if key != "finish" and reached[key] == 0:
            return 0
        if key != "finish" and self.left() < self.lp_seconds / 2:
            return None
        if key == "wait":
            return self.least_wait(reached["complete"], reached["wait"])
        students = relaxation.students()
        fixed = [(-students, -float(reached["complete"]))]
        if key == "worst_miss":

            def possible(miss: int) -> bool:
                found = self.lp(students, Limits(wait=reached["wait"], worst_miss=miss), maximise=True)
                return found is None or whole(found.value, up=False) >= reached["complete"]

            return 0 if possible(0) else _least(1, reached[key], possible)
        worst = reached["worst_miss"] if relaxation.missed else None
        goal = relaxation.finish() + self.course.rules.preference_days * relaxation.misses()
        if key == "late":
            fixed.append((goal, float(reached["finish"])))
            goal = relaxation.late_hours()
        found = self.lp(goal, Limits(tuple(fixed), reached["wait"], worst))
        return None if found is None else min(reached[key], whole(found.value, up=True))


def _least(low: int, high: int, possible: Callable[[int], bool]) -> int:
    """Smallest value in low..high that is possible; `high` is known to be."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if possible(middle) else (middle + 1, high)
    return low


def _near(course: Course, solved: Solved, starts: Starts, wait: int, spread: int) -> dict[tuple[int, int], np.ndarray]:
    """Candidate starts for the improvement: the relaxation's days (and `spread` more), and the present start."""
    found = {}
    for unit, member in enumerate(course.units):
        for part in range(len(course.parts)):
            mine = solved.days[unit][part]
            days = {day + more for day in mine for more in range(spread + 1)}
            days = {day for day in days if day <= member.alone_day + wait}
            mask = np.isin(course.day_of, list(days)) & member.starts[part]
            now = starts.get((unit, part))
            if now and course.day_of[now[1]] <= member.alone_day + wait:
                mask[now[1]] = True
            if mask.any():
                found[unit, part] = np.flatnonzero(mask)
    return found


def _improve(search: _Search, solved: Solved, wait: int, worst: int | None, spread: int, seconds: float) -> None:
    """One integer program for the whole course around the relaxation's days."""
    course = search.course
    done = set(complete_units(course, search.starts))
    starts = {key: at for key, at in search.starts.items() if key[0] in done}
    model = Timetable(course, _near(course, solved, starts, wait, spread))
    if not model.block:
        return
    days, added = model.finish()
    cost = days
    cost[: model.program.columns - len(added)] += (
        course.rules.preference_days * model.missed()[: model.program.columns - len(added)]
    )
    each = (course.days + len(course.parts) * course.rules.preference_days) * 4
    for unit, column in model.done.items():
        cost[column] -= each * course.units[unit].weight
    if worst is not None and worst < len(course.parts):
        model.limit_missed(worst)
    found = model.solve(cost, search.effort.wall(seconds), gap=1e-5, real=added)
    if found:
        search.offer(found)


def make_plan(course: Course, seconds: float = 30.0) -> Plan:
    """The best plan found within about `seconds` of processor time, with a proven bound for each goal."""
    effort = Effort(seconds)
    able = [unit for unit in range(len(course.units)) if course.units[unit].alone_day >= 0]
    search = _Search(course, effort, first_come(course, Board(course), able), Relaxation(course))
    relaxation = search.relaxation
    # So that a plan is never worse than first come, first served, which the page compares it with.
    search.offer(first_come(course, Board(course), [unit for unit in shuffled(course) if unit in set(able)]))
    top = search.lp(relaxation.students(), maximise=True) if able else None
    upper = whole(top.value, up=False) if top else (None if able else 0)
    solved = None
    if top and upper:
        known = measure(course, search.starts)
        high = known["wait"] if known["complete"] >= upper else course.days
        wait = search.least_wait(upper, high)
        wait = high if wait is None else wait
        each = course.days + len(course.parts) * course.rules.preference_days
        guide = relaxation.finish() + course.rules.preference_days * relaxation.misses()
        solved = search.lp(guide - 4 * each * relaxation.students(), Limits(wait=wait)) or top
        target = [[max(days) if days else -1 for days in unit] for unit in solved.days]
        small = len(relaxation.kinds) <= len(able) // 4
        if small:  # many alike: the whole program is nearly whole by itself
            _improve(search, solved, wait, None, 0, search.left() / 2)
        perfect = measure(course, search.starts)["complete"] == upper and measure(course, search.starts)["wait"] <= wait
        if not (small and perfect):
            search.offer(roll(course, target, wait, effort.wall(search.left() / 3)))
    if measure(course, search.starts)["complete"] < course.total:
        search.offer(fill(course, search.starts, max(2.0, seconds / 10)))
    stages = _stages(search, solved, upper, seconds)
    starts = search.starts
    if measure(course, starts)["complete"] < course.total:
        starts = fill(course, starts, max(2.0, seconds / 10))
        late = measure(course, starts)["late"]  # parts of those who do not complete are there as well
        stages = tuple(replace(stage, value=late) if stage.key == "late" else stage for stage in stages)
    return Plan(name_nodes(course, starts), stages, effort.elapsed())


def _stages(search: _Search, solved: Solved | None, upper: int | None, seconds: float) -> tuple[Stage, ...]:
    """Improve the whole while there is time, then prove the bound of each goal for what was reached."""
    course = search.course
    values = measure(course, search.starts)
    reserve_s = 5 * search.lp_seconds
    if solved and upper and search.left() - reserve_s > 2:
        bound = search.least_wait(values["complete"], values["wait"])
        finish = search.bound("finish", values)
        if values["complete"] < upper or (bound is not None and bound < values["wait"]) or finish != values["finish"]:
            worst = max(0, values["worst_miss"] - 1) if values["worst_miss"] == len(course.parts) else None
            _improve(search, solved, values["wait"], worst, 1, search.left() - reserve_s)
    values = measure(course, search.starts)
    stages = {}
    for key in PROVEN_FIRST:
        if key == "worst_miss" and not any(unit.prefers for unit in course.units):
            continue
        begun = process_time()
        proven = upper if key == "complete" else search.bound(key, values)
        stages[key] = Stage(key, TEXTS[key], values[key], proven, key == "complete", process_time() - begun)
    return tuple(stages[key] for key in TEXTS if key in stages)
