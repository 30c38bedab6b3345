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

import atexit
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

import numpy as np

from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Plan, Stage, Starts, name_nodes
from reserve.plan.solve.baselines import shuffled
from reserve.plan.solve.board import Board, first_come, ready_hour, without_overlap
from reserve.plan.solve.bounds import Relaxation
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.goals import TEXTS, complete_units, measure, rank
from reserve.plan.solve.optimum import NO_LIMITS, Limits, Solved, whole
from reserve.plan.solve.polish import SMALL, Polisher, size
from reserve.plan.solve.rolling import roll
from reserve.plan.solve.timetable import Timetable

PROVEN_FIRST = ("complete", "wait", "finish", "late", "worst_miss")  # the bound that costs most comes last


def fill(course: Course, starts: Starts, seconds: float, first: int = 0, board: Board | None = None) -> Starts:
    """Give those who are not complete whatever still fits beside the others from hour `first` on, each part when
    those before it stand: whoever needs least first. `board`: what `starts` leave free, where it is known."""
    parts = range(len(course.parts))
    found = dict(starts)
    if board is None:
        board = Board(course)
        board.book(starts)
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
        added = model.solve(cost, seconds, gap=1e-3) or {}
        found.update(added)
        board.book(added)
    return found


def _before(key: str, values: dict[str, int]) -> tuple[str, tuple[int, ...]]:
    """What the bound of a goal depends on: the goals before it, as they were reached."""
    order = list(TEXTS)
    return key, tuple(values[goal] for goal in order[: order.index(key)])


@dataclass
class Search:
    """The state of one `make_plan`: the best plan so far and what is proven."""

    course: Course
    effort: Effort
    starts: Starts
    relaxation: Relaxation | None = None
    spare: float = 0.0
    upper: int | None = None  # no plan has more complete students
    lp_seconds: float = 1.0
    waits: dict[int, int] = field(default_factory=dict)
    proven: dict[tuple[str, tuple[int, ...]], int | None] = field(default_factory=dict)

    def left(self) -> float:
        """Seconds that are left."""
        return self.effort.left()

    def lp(self, cost: np.ndarray, limits: Limits = NO_LIMITS, *, maximise: bool = False) -> Solved | None:
        """The relaxation's optimum in the time that is left, which is measured for those to come."""
        begun = monotonic()
        time_s = self.effort.share(self.left())
        assert self.relaxation is not None, "made at the start of the search"
        found = self.relaxation.optimum(cost, limits, maximise=maximise, seconds=time_s)
        self.lp_seconds = max(self.lp_seconds / 2, monotonic() - begun)
        return found

    def offer(self, starts: Starts) -> None:
        """Take the plan if it is better than the best so far."""
        values = measure(self.course, starts)
        if rank(values) < rank(measure(self.course, self.starts)):
            self.starts = starts
            self.effort.progress(
                f"{values['complete']} of {self.course.total} complete, worst wait {values['wait']} days, "
                f"{values['worst_miss']} blocks not as preferred at worst, finish days {values['finish']}"
            )

    def least_wait(self, students: int, known: int) -> int | None:
        """The relaxation's smallest worst wait with that many complete students; `known` is reachable.
        None when the time ran out."""
        ran_out = False

        def possible(wait: int) -> bool:
            nonlocal ran_out
            if self.left() < self.lp_seconds or self.relaxation is None:
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

    def fill(self) -> None:
        """Give those who are not complete what is still free."""
        if measure(self.course, self.starts)["complete"] < self.course.total:
            self.offer(fill(self.course, self.starts, self.effort.share(max(2.0, self.effort.seconds / 10))))

    def stages(self, starts: Starts) -> tuple[Stage, ...]:
        """Every goal with its value for these starts and what was proven of it."""
        values, found = measure(self.course, starts), []
        for key in TEXTS:
            if key == "worst_miss" and not any(unit.prefers for unit in self.course.units):
                continue
            proven = self.upper if key == "complete" else self.known(key, values)
            found.append(Stage(key, TEXTS[key], values[key], proven, key == "complete"))
        return tuple(found)

    def known(self, key: str, values: dict[str, int]) -> int | None:
        """The best bound proven so far: also what was proven where the goals before this one were less well reached,
        for that allowed every plan that is allowed now. None if there is none."""
        _, now = _before(key, values)
        bounds = [
            bound
            for (goal, then), bound in self.proven.items()
            if goal == key and bound is not None and then[0] <= now[0] and all(map(int.__ge__, then[1:], now[1:]))
        ]
        if key == "wait":
            bounds += [wait for students, wait in self.waits.items() if students <= values["complete"]]
        if key != "finish" and not values[key]:
            bounds.append(0)
        return min(values[key], max(bounds)) if bounds else None

    def bound(self, key: str, reached: dict[str, int]) -> int | None:
        """What no plan can beat for this goal among those as good as `reached` on the goals before it; None when
        there was no time to prove anything."""
        if key == "complete":
            return self.upper
        if key == "worst_miss" and not any(unit.prefers for unit in self.course.units):
            return 0
        state = _before(key, reached)
        if self.proven.get(state) is None:
            self.proven[state] = self._bound(key, reached)
        return self.proven[state]

    def prove(self, key: str, values: dict[str, int]) -> None:
        """Keep that no plan is better in this goal than `values`, given the goals before it."""
        self.proven[_before(key, values)] = values[key]
        if key == "complete":
            self.upper = values[key]

    def _bound(self, key: str, reached: dict[str, int]) -> int | None:
        relaxation = self.relaxation
        if key != "finish" and reached[key] == 0:
            return 0
        if key == "wait" and reached["complete"] in self.waits:
            return min(reached["wait"], self.waits[reached["complete"]])
        if relaxation is None or self.left() < self.lp_seconds / 2:
            return None
        if key == "wait":
            return self.least_wait(reached["complete"], reached["wait"])
        students = relaxation.students()
        fixed = [(-students, -float(reached["complete"]))]
        if key == "worst_miss":

            def possible(miss: int) -> bool:
                if self.left() < self.lp_seconds / 2:
                    return True
                found = self.lp(students, Limits(wait=reached["wait"], worst_miss=miss), maximise=True)
                return found is None or whole(found.value, up=False) >= reached["complete"]

            return 0 if possible(0) else _least(1, reached[key], possible)
        worst = reached["worst_miss"] if relaxation.missed else None
        goal = relaxation.finish()
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


def _improve(search: Search, solved: Solved, wait: int, worst: int | None, spread: int, seconds: float) -> None:
    """One integer program for the whole course around the relaxation's days."""
    course = search.course
    done = set(complete_units(course, search.starts))
    starts = {key: at for key, at in search.starts.items() if key[0] in done}
    model = Timetable(course, _near(course, solved, starts, wait, spread))
    if not model.block:
        return
    cost, added = model.finish()
    for unit, column in model.done.items():
        cost[column] -= 4 * course.worst_finish * course.units[unit].weight
    if worst is not None and worst < len(course.parts):
        model.limit_missed(worst)
    found = model.solve(cost, search.effort.share(seconds), gap=1e-5, real=added)
    if found:
        search.offer(found)


LINGER_S = 60.0  # longest that the program's end waits for a solver that was left behind
GRACE_S = 1.0  # how long after its time a solver may take to return before it is left behind


def make_plan(
    course: Course, seconds: float = 30.0, say: Callable[[str], None] | None = None, spare: float = 0.0
) -> Plan:
    """The best plan found within `seconds` of the clock, with a bound for each goal that was proven in them. `say` is
    told when it gets better. `spare`: the share of the time that is not used where not all can complete. Ctrl-C ends
    the search, not the plan: what was found by then is returned."""
    effort = Effort(seconds, say)
    search = Search(course, effort, first_come(course, Board(course), course.able), spare=spare)
    trouble: list[BaseException] = []

    def work() -> None:
        try:
            run(search)
        except BaseException as error:
            trouble.append(error)

    # The solvers do not listen while they work: the search runs beside, and is left behind when its time is up.
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    stopped = False
    try:
        while worker.is_alive() and effort.left() > -GRACE_S:
            worker.join(0.05)
    except KeyboardInterrupt:
        stopped = True
        effort.stop()
        effort.progress("stopped: the best plan so far is kept")
        worker.join(GRACE_S)
    effort.stop()
    if worker.is_alive():  # a solver must not be cut off in the middle when the program ends: it ends at its own limit
        atexit.register(worker.join, LINGER_S)
    if trouble:
        raise trouble[0]
    starts, stages = search.starts, search.stages(search.starts)
    if measure(course, starts)["complete"] < course.total:  # whoever does not complete gets the parts that still fit
        starts = fill(course, starts, max(0.5, seconds / 30))
        late = measure(course, starts)["late"]
        stages = tuple(replace(stage, value=late) if stage.key == "late" else stage for stage in stages)
    return Plan(name_nodes(course, starts), stages, effort.elapsed(), stopped)


def run(search: Search) -> None:
    """The whole search: relaxation, first plans, and what makes them better until the time is up."""
    course, effort, able = search.course, search.effort, search.course.able
    # So that a plan is never worse than first come, first served, which the page compares it with.
    search.offer(
        first_come(course, Board(course), [unit for unit in shuffled(course) if course.units[unit].alone_day >= 0])
    )
    search.relaxation = relaxation = Relaxation(course)
    top = search.lp(relaxation.students(), maximise=True) if able else None
    upper = whole(top.value, up=False) if top else (None if able else 0)
    search.upper = upper
    if upper is not None and upper < course.total:
        effort.seconds *= 1 - search.spare
    solved = None
    if top and upper:
        known = measure(course, search.starts)
        high = known["wait"] if known["complete"] >= upper else course.days
        wait = search.least_wait(upper, high)
        wait = high if wait is None else wait
        guide = relaxation.finish() - 4 * course.worst_finish * relaxation.students()
        solved = search.lp(guide, Limits(wait=wait)) or top
        target = [[max(days) if days else -1 for days in unit] for unit in solved.days]
        small = len(relaxation.kinds) <= len(able) // 4
        if small:  # many alike: the whole program is nearly whole by itself
            _improve(search, solved, wait, None, 0, search.left() / 4)
        known = measure(course, search.starts)
        if not (small and known["complete"] == upper and known["wait"] <= wait):
            search.offer(roll(course, target, wait, effort.share(search.left() / 4), going=lambda: effort.left() > 0))
    search.fill()
    _better(search, solved)
    search.fill()
    _prove(search)


def _better(search: Search, solved: Solved | None) -> None:
    """Improve the whole while there is time and something that may be better."""
    course, able = search.course, search.course.able
    values = measure(course, search.starts)
    reserve_s = min(search.left() / 3, 6 * search.lp_seconds)
    if search.left() - reserve_s < 1 or not able:
        return
    if solved and search.upper:
        bound = search.least_wait(values["complete"], values["wait"])
        finish = search.bound("finish", values)
        if values["complete"] < search.upper or bound != values["wait"] or finish != values["finish"]:
            worst = max(0, values["worst_miss"] - 1) if values["worst_miss"] == len(course.parts) else None
            _improve(search, solved, values["wait"], worst, 1, (search.left() - reserve_s) / 2)
    values = measure(course, search.starts)
    if all(search.bound(key, values) == values[key] for key in TEXTS):
        return
    polisher = Polisher(course, search.effort, search, reserve_s)
    if size(course, able) <= SMALL and polisher.everyone():
        return
    polisher.neighbourhoods()


def _prove(search: Search) -> None:
    """The bound of each goal for what was reached, the one that costs most last."""
    values = measure(search.course, search.starts)
    for key in PROVEN_FIRST:
        search.bound(key, values)
