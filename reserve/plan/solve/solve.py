"""Make the plan: goals in order of importance, each with the bound that no plan can beat.

1. as many students as possible complete every part;
2. nobody finishes more days later than they could alone than needed (max-min on finishing early);
3. nobody gets more blocks outside their preferred time than needed (max-min on preference);
4. everyone finishes early, a block outside preferred time counting like some days (rules.toml);
5. the nodes kept for retries before the due date stay free.

A linear relaxation (`bounds`) proves what is possible and gives first prices of node time; `prices` climbs from
them to better ones; `greedy` makes plans at these prices and makes them better; `polish` finds the optimum where the
course is small enough for an integer program.
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
from reserve.plan.solve.answers import Asked
from reserve.plan.solve.baselines import shuffled
from reserve.plan.solve.board import Board, first_come, ready_hour, without_overlap
from reserve.plan.solve.bounds import NO_LIMITS, TOLERANCE, Limits, Relaxation, Solved, whole
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.goals import TEXTS, measure, rank
from reserve.plan.solve.greedy import LOST, Greedy
from reserve.plan.solve.polish import SMALL, Polisher, search_seconds, size
from reserve.plan.solve.prices import Dual, Prices, Until
from reserve.plan.solve.timetable import Timetable

# Shares of the whole time: by when the search ends and the proofs begin; for climbing to first prices, and to better
# ones later; for one linear program; for a glance at whether something is possible, and for proving that it is not;
# and for lowering one goal, of which the first moment suffices mostly.
SEARCHED, CLIMBED, CLIMBED_AGAIN, RELAXED, GLANCE, PROVEN = 0.75, 0.08, 0.03, 0.3, 0.01, 0.35
LOWERED, AT_ONCE = {"wait": 0.18, "worst_miss": 0.1}, 0.02
BELOW = 3  # days under the worst wait reached at which its bound begins
PROVEN_FIRST = ("complete", "worst_miss", "finish", "wait", "late")  # the bounds that cost most come last


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
        for column, (unit, _, hour) in model.block.items():
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
    dual: Dual | None = None
    prices: Prices | None = None
    waits: dict[int, int] = field(default_factory=dict)
    proven: dict[tuple[str, tuple[int, ...]], int | None] = field(default_factory=dict)

    def left(self) -> float:
        """Seconds that are left."""
        return self.effort.left()

    def lp(self, cost: np.ndarray, limits: Limits = NO_LIMITS, *, maximise: bool = False) -> Solved | None:
        """The relaxation's optimum in the time that is left, which is measured for those to come."""
        begun = monotonic()
        time_s = self.effort.share(self.effort.seconds * RELAXED)
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
        """The relaxation's smallest worst wait with that many complete students; `known` is reachable. Where the time
        for it ran out, what was proven by then; None if that is nothing."""
        if students in self.waits:
            return self.waits[students]
        low, high, sure = 0, known, True
        while low < high:
            if self.relaxation is None or self.left() < self.lp_seconds:
                return low or None
            middle = (low + 2 * high) // 3  # what was reached is mostly near what is possible
            found = self.lp(self.relaxation.students(), Limits(wait=middle), maximise=True)
            if found is None or whole(found.value, up=False) >= students:
                high, sure = middle, sure and found is not None
            else:
                low = middle + 1
        if sure:
            self.waits[students] = low
        return low

    @property
    def many_alike(self) -> bool:
        """Whether students are of so few kinds that the relaxation, which is over kinds, is nearly whole."""
        return self.relaxation is not None and len(self.relaxation.kinds) <= len(self.course.able) // 4

    def needs_relaxation(self, reached: dict[str, int]) -> bool:
        """Whether the relaxation may prove more of `finish` than prices: where students are alike, and where somebody
        is left out, for it knows best what serving one more student is worth."""
        return self.many_alike or reached["complete"] < self.course.total

    def market_allows(self, asked: Asked, students: int, share: float = GLANCE) -> bool:
        """Whether so many complete students within `asked` are possible as far as prices tell in this share of the
        time."""
        if self.dual is None:
            return True
        return self.dual.most(asked, self.effort.part(self.effort.seconds * share), students) >= students

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
        if key == "wait":
            return self._least_wait_proven(reached)
        if relaxation is None or self.left() < self.lp_seconds / 2:
            return None
        students = relaxation.students()
        fixed = [(-students, -float(reached["complete"]))]
        if key == "worst_miss":

            def possible(miss: int) -> bool:
                if not self.market_allows(Asked(reached["wait"], miss), reached["complete"]):
                    return False
                if self.left() < self.lp_seconds / 2 or self.lp_seconds > self.effort.seconds * RELAXED / 6:
                    return True
                found = self.lp(students, Limits(wait=reached["wait"], worst_miss=miss), maximise=True)
                return found is None or whole(found.value, up=False) >= reached["complete"]

            return 0 if possible(0) else _least(1, reached[key], possible)
        worst = reached["worst_miss"] if relaxation.missed else None
        if key == "late":
            fixed.append((relaxation.finish(), float(reached["finish"])))
            found = self.lp(relaxation.late_hours(), Limits(tuple(fixed), reached["wait"], worst))
            return None if found is None else min(reached[key], whole(found.value, up=True))
        proven = self.priced(reached)
        if proven is not None and (proven >= reached[key] or not self.needs_relaxation(reached)):
            return proven
        found = self.lp(relaxation.finish(), Limits(tuple(fixed), reached["wait"], worst))
        if found is None:
            return proven
        if self.dual is not None:
            self.prices = found.prices
            proven = max(proven or 0, self.priced(reached) or 0)
        return min(reached[key], max(proven or 0, whole(found.value, up=True)))

    def _least_wait_proven(self, reached: dict[str, int]) -> int | None:
        """The bound on `wait`. The nearer to what is possible, the longer it takes prices to tell that it is not: so
        they begin some days below what was reached and go up. If they cannot tell that, the relaxation is asked."""
        students, reach = reached["complete"], reached["wait"]
        least = self.waits.get(students, 0)
        begun = self.left()
        for wait in range(max(least, reach - BELOW), reach):
            share = PROVEN - (begun - self.left()) / self.effort.seconds
            if share < GLANCE or self.market_allows(Asked(wait, len(self.course.parts)), students, share):
                break
            least = wait + 1
            self.proven[_before("wait", reached)] = least  # should the time run out with the next
        if least <= reach - BELOW and students not in self.waits:
            least = max(least, self.least_wait(students, reach) or 0)
        return min(reach, least) or None

    def priced(self, reached: dict[str, int]) -> int | None:
        """The bound on `finish` that prices prove, and that is kept; they are made better on the way."""
        if self.dual is None or self.prices is None:
            return None
        asked = Asked(reached["wait"], reached["worst_miss"])
        effort = self.effort.part(self.effort.seconds * CLIMBED_AGAIN)
        self.prices, bound = self.dual.climb(
            self.prices, asked, reached["complete"], Until(effort, reached["finish"] - 1 + TOLERANCE)
        )
        state = _before("finish", reached)
        best = max(self.proven.get(state) or 0, min(reached["finish"], whole(bound, up=True)))
        self.proven[state] = best
        return best


def _least(low: int, high: int, possible: Callable[[int], bool]) -> int:
    """Smallest value in low..high that is possible; `high` is known to be."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if possible(middle) else (middle + 1, high)
    return low


def _whole(search: Search, solved: Solved, wait: int) -> None:
    """One integer program for the whole course on the relaxation's days. Where many students are alike it is nearly
    whole by itself."""
    course = search.course
    found: dict[tuple[int, int], np.ndarray] = {}
    for unit, member in enumerate(course.units):
        for part, mine in enumerate(solved.days[unit]):
            days = [day for day in mine if day <= member.alone_day + wait]
            found[unit, part] = np.flatnonzero(np.isin(course.day_of, days) & member.starts[part])
    model = Timetable(course, found)
    if not model.block:
        return
    cost, real = model.finish()
    for unit, column in model.done.items():
        cost[column] -= LOST * course.worst_finish * course.units[unit].weight
    starts = model.solve(cost, search.effort.share(search.left() / 4), gap=1e-5, real=real)
    if starts:
        search.offer(starts)


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
    everybody = sum(course.units[unit].weight for unit in able)
    if measure(course, search.starts)["complete"] == everybody:
        upper: int | None = everybody
    else:
        top = search.lp(relaxation.students(), maximise=True)
        upper = whole(top.value, up=False) if top else None
    search.upper = upper
    if upper is not None and upper < course.total:
        effort.seconds *= 1 - search.spare
    if not able or upper == 0:
        return
    possible = size(course, able)
    small = possible <= SMALL
    search.dual = Dual(course)
    climbed = effort.seconds * CLIMBED
    if small:  # an integer program will know more than prices tell
        climbed = min(climbed, search_seconds(possible, search.left()))
    search.prices = _first_prices(search, climbed)
    kept_s = effort.seconds * (1 - SEARCHED)
    searched = search_seconds(possible, search.left()) if small else search.left() - kept_s
    descent = _Descent(search, effort.part(searched))
    descent.run()
    search.fill()
    values = measure(course, search.starts)
    if small and any(search.bound(key, values) != values[key] for key in TEXTS):
        Polisher(course, effort, search, min(search.left() / 3, 6 * search.lp_seconds)).everyone()
        search.fill()
    _prove(search)
    descent.go_on()


def _first_prices(search: Search, seconds: float) -> Prices:
    """Prices at which the students that can be complete finish early: the relaxation's, then better ones, climbed to
    for so many seconds."""
    course, relaxation, dual = search.course, search.relaxation, search.dual
    assert relaxation is not None and dual is not None, "made at the start of the search"
    values, unserved = measure(course, search.starts), LOST * course.worst_finish
    wait = values["wait"] if values["complete"] == search.upper else course.days
    if search.many_alike and values["complete"] == search.upper:
        wait = search.least_wait(values["complete"], wait) or 0
    solved = search.lp(relaxation.finish() - unserved * relaxation.students(), Limits(wait=wait))
    if solved and search.many_alike:
        _whole(search, solved, wait)
    prices = replace(solved.prices, unserved=unserved) if solved else dual.nothing(unserved)
    effort = search.effort.part(seconds)
    parts = len(course.parts)
    better, bound = dual.climb(prices, Asked(wait, parts), course.total, Until(effort))
    if search.upper == course.total:
        state = {"complete": course.total, "wait": wait, "worst_miss": parts}
        search.proven[_before("finish", state)] = whole(bound, up=True)
    return better


@dataclass
class _Descent:
    """Goal by goal: what is reached stays, and the next goal is lowered as far as it goes."""

    search: Search
    effort: Effort

    def run(self) -> None:
        """Until the effort is over, or nothing can be better."""
        search, course = self.search, self.search.course
        self.greedy = greedy = Greedy(course, search.prices)
        greedy.fill()
        search.offer(dict(greedy.at))
        known = measure(course, search.starts)
        if rank(known) < rank(measure(course, greedy.at)):
            greedy.load(search.starts)
        able = sum(course.units[unit].weight for unit in course.able)
        least = 0 if search.upper is None else able - search.upper
        if greedy.lost() > least:
            greedy.search(self.effort.part(self.effort.left() / 2), least, self.offer)
            self.offer()
        self.lower("wait")
        if any(unit.prefers for unit in course.units):
            self.lower("worst_miss")
        values = measure(course, greedy.at)
        if self.effort.left() <= 0 or search.priced(values) == values["finish"]:
            return
        greedy.prices = search.prices
        greedy.search(self.effort, better=self.offer)
        self.offer()

    def go_on(self) -> None:
        """Use what time the proofs left for the days, without giving up anything."""
        search = self.search
        values = measure(search.course, search.starts)
        if search.left() > 0 and search.known("finish", values) != values["finish"]:
            self.greedy.load(search.starts)
            self.greedy.limit(values["wait"], values["worst_miss"])
            self.greedy.search(search.effort.part(search.left()), better=self.offer, warmth=0.0)
            self.offer()

    def offer(self) -> None:
        """The present plan, if it is the best so far."""
        self.search.offer(dict(self.greedy.at))

    def lower(self, key: str) -> None:
        """The smallest value of `wait` or `worst_miss` for which all who have a place keep one, a step at a time: a
        step that works takes a moment, and the first that does not is the last."""
        greedy, lost = self.greedy, self.greedy.lost()
        values = measure(self.search.course, greedy.at)
        effort = self.effort.part(self.search.effort.seconds * LOWERED[key])
        greedy.limit(**{key: values[key]})
        while values[key] > (self.search.known(key, values) or 0):
            kept, target = greedy.standing(), values[key] - 1
            greedy.limit(**{key: target})
            found = greedy.search(effort.part(self.search.effort.seconds * AT_ONCE), lost)
            asked = Asked(**{**self._limits(values), key: target})
            if not found and not self.search.market_allows(asked, values["complete"]):
                self.search.prove(key, values)
                greedy.limit(**{key: values[key]})
                greedy.back_to(kept)
                return
            if not found and not greedy.search(effort, lost):
                greedy.limit(**{key: values[key]})
                greedy.back_to(kept)
                return
            self.offer()
            values = measure(self.search.course, greedy.at)
            greedy.limit(**{key: values[key]})

    def _limits(self, values: dict[str, int]) -> dict[str, int]:
        return {"wait": values["wait"], "worst_miss": len(self.search.course.parts)}


def _prove(search: Search) -> None:
    """The bound of each goal for what was reached, the one that costs most last."""
    values = measure(search.course, search.starts)
    for key in PROVEN_FIRST:
        state, kept = _before(key, values), search.known(key, values)
        if key == "finish" and kept != values[key] and search.needs_relaxation(values):
            search.proven.pop(state, None)  # so far only prices were asked
        found = search.bound(key, values)
        if kept is not None and key != "complete":
            search.proven[state] = max(kept, found or 0)
