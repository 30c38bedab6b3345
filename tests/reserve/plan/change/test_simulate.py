"""Terms played with failures: seeded, never better with more of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reserve.plan.change.simulate import simulate
from reserve.plan.course.rules import Faults
from reserve.plan.course.schedule import Plan
from tests.reserve.plan.change.made import MADE_FROM


def test_without_faults_everyone_finishes_and_with_many_fewer_do(plan: Plan) -> None:
    calm = replace(MADE_FROM, rules=replace(MADE_FROM.rules, faults=Faults(0, 0, 0, 0)))
    assert [day.share for day in simulate(calm, plan.bookings, 5).by_day] == [1.0] * 8
    rough = replace(MADE_FROM, rules=replace(MADE_FROM.rules, faults=Faults(0.3, 0.3, 0.2, 0.1, 24)))
    result = simulate(rough, plan.bookings, 60, seed=3)
    assert result.by_day[0].share < 1
    assert [day.share for day in result.by_day] == sorted(day.share for day in result.by_day)
    assert result == simulate(rough, plan.bookings, 60, seed=3)
    assert all(day.low <= day.share <= day.high for day in result.by_day)


def test_everyone_in_every_term_has_wilsons_interval(plan: Plan) -> None:
    calm = replace(MADE_FROM, rules=replace(MADE_FROM.rules, faults=Faults(0, 0, 0, 0)))
    result = simulate(calm, plan.bookings, 10)
    assert (result.terms, result.students, result.lost_blocks) == (10, 6, 0.0)
    day = result.by_day[0]
    # Wilson 1927 for 10 of 10: low = 1 / (1 + z^2 / 10) with z = 1.96.
    assert (day.all_share, day.all_high) == (1.0, 1.0) and day.all_low == pytest.approx(0.7225, abs=1e-4)


def test_when_every_block_fails_nobody_finishes(plan: Plan) -> None:
    doomed = replace(MADE_FROM, rules=replace(MADE_FROM.rules, faults=Faults(1.0, 0, 0, 0)))
    result = simulate(doomed, plan.bookings, 3)
    assert [day.share for day in result.by_day] == [0.0] * 8 and result.lost_blocks >= 18
