"""Due dates compared by dry runs: what makes no difference is not told apart, and what does is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from reserve.plan.change.policies import (
    BY_DATE,
    IN_TIME,
    PLANNED,
    THEMSELVES,
    Difference,
    DryRun,
    difference_text,
    differences,
    dry_run,
    dry_run_text,
    plan_for,
    policies,
)
from reserve.plan.course.rules import Faults, Habits, PartRule
from reserve.plan.course.schedule import faults
from snippets.stats import Estimate
from tests.reserve.plan.small import START, inputs, student

CALM, PUNCTUAL = Faults(0, 0, 0, 0), Habits(late_starters=0, rush_days=0, groups=2, apart_days=1, grace_days=1)
NAMES = [
    "one date",
    "a date for each part",
    "a window for each of 2 groups",
    "dates 1 days apart for 2 groups",
    "1 days earlier with as many grace days",
]
# Two students, one node, one part, four days, and everybody looks at the last possible moment.
RUSH = inputs(2, days=4, nodes={"compute_liqid": 1}, parts=(PartRule("model"),), faults=CALM, habits=PUNCTUAL)


def test_the_dates_of_each_policy() -> None:
    course = inputs(2, days=4).course()
    one, by_part, window, apart, grace = policies(course, np.full((2, 3), 96), PUNCTUAL, np.array([0, 1]))
    assert [policy.name for policy in (one, by_part, window, apart, grace)] == NAMES
    assert one.due.tolist() == one.last.tolist() == [[96] * 3] * 2 and not one.opens.any()
    assert by_part.due.tolist() == by_part.last.tolist() == [[32, 64, 96]] * 2
    assert (window.opens[:, 0].tolist(), window.due[:, 0].tolist()) == ([0, 48], [48, 96])
    assert apart.due[:, 0].tolist() == [72, 96] and not apart.opens.any()
    assert (grace.due[:, 0].tolist(), grace.last[:, 0].tolist()) == ([72, 72], [96, 96])


def test_a_late_starters_dates_divide_their_own_time() -> None:
    late = replace(student("b2"), begin=START + timedelta(hours=48))
    course = inputs([student("a1"), late], days=4).course()
    _, by_part, window, apart, _ = policies(course, np.full((2, 3), 96), PUNCTUAL, np.array([0, 0]))
    assert by_part.due.tolist() == [[32, 64, 96], [64, 80, 96]] and by_part.opens[:, 0].tolist() == [0, 48]
    assert window.due[:, 0].tolist() == [48, 72] and apart.due[:, 0].tolist() == [72, 72]


def test_a_policys_plan_keeps_its_dates_and_every_rule() -> None:
    made = inputs(6, days=6)
    course = made.course()
    for policy in policies(course, np.full((6, 3), 144), PUNCTUAL, np.arange(6) % 2):
        bookings = plan_for(course, policy)
        assert bookings and faults(course, bookings) == [] and bookings == plan_for(course, policy)
        for booking in bookings:
            unit, part = course.unit_of[booking.netids[0]], course.parts.index(booking.part)
            first = course.hour_of(booking.start)
            assert policy.opens[unit, part] <= first and first + booking.hours <= policy.due[unit, part]


def test_who_look_at_the_last_moment_finish_where_dates_are_apart_and_not_at_one_date() -> None:
    found = dry_run(RUSH, 3)
    shares = {(row.way, row.policy): (row.in_time.value, row.by_date.value) for row in found.rows}
    # By themselves: at one date two look for one last block, and one of them is left. Groups and grace make room. With
    # one part, "a date for each part" is one date.
    assert [shares[THEMSELVES, name] for name in NAMES] == [(0.5, 0.5), (0.5, 0.5), (1, 1), (1, 1), (1, 1)]
    assert [shares[PLANNED, name] for name in NAMES] == [(1, 1)] * 5
    told = {(d.way, d.measure, d.first, d.second): d for d in found.differences}
    apart = told[THEMSELVES, BY_DATE, NAMES[0], NAMES[3]]
    assert (apart.by.value, apart.differs) == (-0.5, True)
    assert not told[THEMSELVES, BY_DATE, NAMES[0], NAMES[1]].differs
    assert not any(one.differs for key, one in told.items() if key[0] == PLANNED)


def test_a_dry_run_is_the_same_again_and_failures_cost_students() -> None:
    made = inputs(6, days=4, habits=Habits(groups=2))
    found = dry_run(made, 6)
    assert found == dry_run(made, 6) and found.terms == 6
    assert all(0 <= row.by_date.low <= row.by_date.value <= row.by_date.high <= 1 for row in found.rows)
    doomed = dry_run(inputs(3, days=4, faults=Faults(1.0, 0, 0, 0)), 2)
    assert {row.by_date.value for row in doomed.rows} == {0.0} and not any(d.differs for d in doomed.differences)
    assert all(row.lost > 0 for row in doomed.rows)


def test_late_starters_lose_their_planned_blocks_and_still_finish() -> None:
    late = replace(PUNCTUAL, late_starters=1.0, late_days=1)
    rows = [row for row in dry_run(replace(RUSH, rules=replace(RUSH.rules, habits=late)), 4).rows if row.way == PLANNED]
    assert rows[0].lost > 0 and rows[0].by_date.value == 1.0


def test_an_interval_holds_for_all_comparisons_together() -> None:
    two = {("way", "measure"): np.array([[0.5, 0.4], [0.7, 0.4]])}
    # Differences 0.1 and 0.3: mean 0.2, standard error 0.1; t(1 degree, 95 %) = 12.706.
    (one,) = differences(["a", "b"], two)
    assert (one.by.value, one.by.low, one.by.high) == pytest.approx((0.2, 0.2 - 1.2706, 0.2 + 1.2706), abs=1e-4)
    assert not one.differs
    # Three pairs: each at 1 - 0.05 / 3 = 98.33 %; t(1 degree) = tan(pi / 2 * 0.98333) = 38.188.
    first, *others = differences(["a", "b", "c"], {("way", "measure"): np.array([[0.5, 0.4, 0], [0.7, 0.4, 0]])})
    assert len(others) == 2 and first.by.high == pytest.approx(0.2 + 3.8188, abs=1e-3)


def test_the_text_names_the_better_first_and_what_is_not_told_apart() -> None:
    worse = Difference(THEMSELVES, BY_DATE, "a", "b", Estimate(-0.3, -0.4, -0.2))
    assert difference_text(worse) == "b over a by 30.0 (20.0 to 40.0)"
    same = Difference(THEMSELVES, BY_DATE, "a", "c", Estimate(0.0, -0.1, 0.1))
    assert difference_text(same) == "a less c: 0.0 (-10.0 to 10.0)"
    other = Difference(THEMSELVES, IN_TIME, "b", "c", Estimate(0.0, -0.1, 0.1))
    text = dry_run_text(DryRun(2, (), (worse, same, other)))
    assert text[1:] == [
        f"  {THEMSELVES}, {BY_DATE}, in points:",
        "    b over a by 30.0 (20.0 to 40.0)",
        "    not told apart by these terms: a / c",
    ]
