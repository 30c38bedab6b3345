"""A dry run of the term: which due dates let how many students finish, and which of them cannot be told apart.

The same class is played under several policies, which all share the first hour and the due date: one date for all, a
date for each part, a window or a date for each group of students, an earlier date with grace days. Each is played
twice: students take the times of a plan, or they book for themselves as their due date comes near. A term is a seed:
who fails, who begins late, who is in which group and who looks when is the same under each policy, so that a
difference is the policy's. Differences are paired by term, with Student's intervals at a level that holds for all of
them together (Bonferroni; Law, "Simulation Modeling and Analysis", 2015, section 10.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from reserve.plan.change.play import Looks, Luck, Term
from reserve.plan.course.course import Course, narrowed
from reserve.plan.course.inputs import Inputs
from reserve.plan.course.rules import Habits
from reserve.plan.course.schedule import Booking, name_nodes
from reserve.plan.solve.greedy import Greedy
from snippets.stats import Estimate, between_replications

PLANNED, THEMSELVES = "times from a plan", "booked by the students"
IN_TIME, BY_DATE = "in time by the policy", "done by the due date"
TURNS = 2  # of the search for each policy's plan, a student: a number and not a time, so that it is the same anywhere
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Policy:
    """When whom may begin and must be done. Arrays int[unit, part], hours of the horizon: blocks begin from `opens` on
    and are planned to end by `due`; they are in time until `last`."""

    name: str
    opens: np.ndarray
    due: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Row:
    """How a policy did in one way of booking: shares of students with intervals over terms, and blocks lost a term."""

    way: str
    policy: str
    in_time: Estimate
    by_date: Estimate
    lost: float


@dataclass(frozen=True)
class Difference:
    """First policy less second, in shares of students. `differs`: zero lies outside the interval."""

    way: str
    measure: str
    first: str
    second: str
    by: Estimate

    @property
    def differs(self) -> bool:
        """Whether the terms tell the two apart."""
        return self.by.excludes(0.0)


@dataclass(frozen=True)
class DryRun:
    """What so many terms came to."""

    terms: int
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]


def _group_of(count: int, groups: int, rng: np.random.Generator) -> np.ndarray:
    """The group of each of `count` units: at random, and as large as one another."""
    return rng.permutation(count) % groups


def policies(course: Course, due: np.ndarray, habits: Habits, group: np.ndarray) -> tuple[Policy, ...]:
    """The policies compared, for `due` int[unit, part] (the hour by which blocks end) and `group` int[unit]. Each
    divides the time from a student's own first hour to their own due date."""
    units, parts = due.shape
    begins = np.array([_first_hour(course, unit) for unit in range(units)])[:, None]
    span, groups = due - begins, habits.groups
    opens, step = np.broadcast_to(begins, due.shape), group[:, None]
    by_part = begins + span * (np.arange(parts) + 1) // parts
    grace = np.minimum(24 * habits.grace_days, span // 2)
    window = begins + span * (step + 1) // groups
    staggered = due - np.minimum(24 * habits.apart_days * (groups - 1 - step), span // 2)
    return (
        Policy("one date", opens, due, due),
        Policy("a date for each part", opens, by_part, by_part),
        Policy(f"a window for each of {groups} groups", begins + span * step // groups, window, window),
        Policy(f"dates {habits.apart_days} days apart for {groups} groups", opens, staggered, staggered),
        Policy(f"{habits.grace_days} days earlier with as many grace days", opens, due - grace, due),
    )


def _first_hour(course: Course, unit: int) -> int:
    begins = [student.begin for student in course.units[unit].students if student.begin]
    return max([0, *(course.hour_of(moment) for moment in begins)])


def plan_for(course: Course, policy: Policy, seed: int = 1) -> tuple[Booking, ...]:
    """A plan within the policy's dates, student by student and made better a fixed number of times."""
    one = narrowed(course, policy.opens, policy.due)
    greedy = Greedy(one, seed=seed)
    greedy.fill()
    for _ in range(TURNS * len(one.units) if greedy.value else 0):
        greedy.turn(0.0)
    return name_nodes(one, greedy.at)


def _tails(course: Course, due: np.ndarray) -> np.ndarray:
    """int[unit, part]: the last hour at which the part can begin so that it and all that wait for it are done in time,
    as far as their lengths and gaps tell."""
    latest = np.zeros_like(due)
    for unit, member in enumerate(course.units):
        for part in reversed(range(len(course.parts))):
            later = [p for p in range(len(course.parts)) if part in course.after[p]]
            ends = [int(due[unit, part]), *(int(latest[unit, p]) - course.gap(p) for p in later)]
            latest[unit, part] = min(ends) - member.hours[part]
    return latest


@dataclass(frozen=True)
class _Draw:
    """One term's draws: `lead` float[unit, part], hours before the last possible moment at which a student looks."""

    luck: Luck
    lead: np.ndarray
    group: np.ndarray


def _draw(term: Term, habits: Habits, seed: int) -> _Draw:
    rng = np.random.default_rng(seed)
    units, parts = len(term.course.units), len(term.course.parts)
    group = _group_of(units, habits.groups, rng)
    lead = rng.exponential(24.0 * habits.rush_days, (units, parts)) if habits.rush_days else np.zeros((units, parts))
    late = np.where(rng.random(units) < habits.late_starters, rng.integers(1, 24 * habits.late_days + 1, units), 0)
    return _Draw(replace(Luck.drawn(term.course, rng), begins=late), lead, group)


def _looks(term: Term, policy: Policy, lead: np.ndarray) -> Looks:
    """When each student begins to look for each part that they have no time for: so long before the last moment, but
    from the policy's first hour on."""
    looks = np.maximum(policy.opens, _tails(term.course, policy.due) - np.floor(lead).astype(int))
    return {
        (unit, part): int(looks[unit, part])
        for unit in range(looks.shape[0])
        for part in range(looks.shape[1])
        if (unit, part) not in term.planned
    }


def dry_run(inputs: Inputs, terms: int, say: Callable[[str], None] | None = None) -> DryRun:
    """Play `terms` terms (at least 2), seeds 1, 2, ..., under each policy and in both ways. The same again for the same
    inputs. `say` is told how far it is."""
    habits, course = inputs.rules.habits, inputs.course()
    # Groups of a plan stand before the term: they are drawn once. Without a plan, nothing is known before it begins.
    empty = Term(inputs, ())
    due = empty.due_hours()
    fixed = _group_of(len(course.units), habits.groups, np.random.default_rng(0))
    planned = [(policy, Term(inputs, plan_for(course, policy))) for policy in policies(course, due, habits, fixed)]
    names = [policy.name for policy, _ in planned]
    done = {
        (way, measure): np.zeros((terms, len(names))) for way in (PLANNED, THEMSELVES) for measure in (IN_TIME, BY_DATE)
    }
    lost = {way: np.zeros(len(names)) for way in (PLANNED, THEMSELVES)}
    for number in range(terms):
        draw = _draw(empty, habits, number + 1)
        drawn = policies(course, due, habits, draw.group)
        for way, chosen in ((PLANNED, planned), (THEMSELVES, [(policy, empty) for policy in drawn])):
            for column, (policy, term) in enumerate(chosen):
                begins = np.where(draw.luck.begins > 0, policy.opens[:, 0] + draw.luck.begins, 0)
                played = term.play(replace(draw.luck, begins=begins), _looks(term, policy, draw.lead))
                done[way, IN_TIME][number, column] = term.share(played, policy.last)
                done[way, BY_DATE][number, column] = term.share(played, due)
                lost[way][column] += played.lost / terms
        if say and (number + 1) % 10 == 0:
            say(f"dry run: {number + 1} of {terms} terms")
    return DryRun(terms, _rows(names, done, lost), differences(names, done))


Done = Mapping[tuple[str, str], np.ndarray]
"""(way, measure) -> share of students float[term, policy]."""


def _share(values: np.ndarray) -> Estimate:
    found = between_replications(values)
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high))


def _rows(names: Sequence[str], done: Done, lost: Mapping[str, np.ndarray]) -> tuple[Row, ...]:
    return tuple(
        Row(way, name, _share(done[way, IN_TIME][:, n]), _share(done[way, BY_DATE][:, n]), float(lost[way][n]))
        for way in lost
        for n, name in enumerate(names)
    )


def differences(names: Sequence[str], done: Done) -> tuple[Difference, ...]:
    """Every two policies in each way and measure."""
    pairs = [(key, a, b) for key in done for a, b in combinations(range(len(names)), 2)]
    level = 1 - (1 - CONFIDENCE) / len(pairs)
    return tuple(
        Difference(*key, names[a], names[b], between_replications(done[key][:, a] - done[key][:, b], confidence=level))
        for key, a, b in pairs
    )


def dry_run_text(found: DryRun) -> list[str]:
    """The result in lines: each policy's shares, then which differ beyond the interval by the due date, and which not
    (the page has the same for what is in time by each policy)."""
    say = [f"dry run of {found.terms} terms, a seed each: students who are done, in %, with 95 % intervals"]
    for row in found.rows:
        say.append(
            f"  {row.way}, {row.policy}: {percent(row.by_date)} {BY_DATE}, {percent(row.in_time)} {IN_TIME}; "
            f"{row.lost:.0f} blocks lost"
        )
    for way in dict.fromkeys(one.way for one in found.differences):
        mine = [one for one in found.differences if (one.way, one.measure) == (way, BY_DATE)]
        say.append(f"  {way}, {BY_DATE}, in points:")
        say += [f"    {difference_text(one)}" for one in mine if one.differs]
        same = [f"{one.first} / {one.second}" for one in mine if not one.differs]
        if same:
            say.append(f"    not told apart by these terms: {'; '.join(same)}")
    return say


def percent(share: Estimate) -> str:
    """`61.2 (60.4 to 62.0)`."""
    return f"{100 * share.value:.1f} ({100 * share.low:.1f} to {100 * share.high:.1f})"


def difference_text(one: Difference) -> str:
    """In points: `A over B by 3.1 (2.0 to 4.2)`, the better one first; `A less B: 0.3 (-0.8 to 1.4)` where the terms do
    not tell which it is."""
    if not one.differs:
        return f"{one.first} less {one.second}: {percent(one.by)}"
    better, worse, sign = (one.first, one.second, 1) if one.by.value >= 0 else (one.second, one.first, -1)
    low, high = sorted((sign * one.by.low, sign * one.by.high))
    return f"{better} over {worse} by {percent(Estimate(sign * one.by.value, low, high))}"
