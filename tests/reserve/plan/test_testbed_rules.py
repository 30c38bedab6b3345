"""What a testbed forbids or frowns on is in no plan, whatever the course: plan, then check."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest

from reserve.plan.change.check import FREE, check, crowding
from reserve.plan.change.testbed import View
from reserve.plan.course.inputs import Inputs
from reserve.plan.course.schedule import faults
from reserve.plan.solve.solve import make_plan
from tests.reserve.plan.small import START, inputs
from tests.reserve.plan.solve.test_exact import hard_class


def random_course(seed: int) -> Inputs:
    """A hard class with 2 to 4 nodes of a kind, of which the course may hold half."""
    rng = random.Random(seed)
    made = hard_class(seed)
    calendars = dict(made.calendars)
    for key, calendar in made.calendars.items():
        more = {f"{key}-free-{n}": () for n in range(rng.randint(1, 2))}
        calendars[key] = replace(calendar, nodes={**calendar.nodes, **more})
    return replace(made, calendars=calendars, rules=replace(made.rules, node_share=0.5, buffer_nodes=0))


@pytest.mark.parametrize("seed", range(12))
def test_a_plan_breaks_no_rule_of_the_testbed(seed: int) -> None:
    made = random_course(seed)
    course = made.course()
    bookings = make_plan(course, 2).bookings
    assert bookings and faults(course, bookings) == []
    view = View(made.calendars)
    assert {one.state for one in check(bookings, view, START - timedelta(days=30), 7)} == {FREE}
    assert crowding(bookings, made.calendars, START) == []
    by_student = defaultdict(list)
    for booking in bookings:
        kind = made.table[booking.hardware]
        assert booking.end - booking.start <= timedelta(days=kind.max_lease_days)
        for netid in booking.netids:
            by_student[netid].append(booking)
    for mine in by_student.values():  # leases on one node type one after the other are what is called stacking
        assert len({b.hardware for b in mine}) == len(mine) == len({b.part for b in mine})


def test_half_of_one_node_is_that_node_and_more_than_half_is_said() -> None:
    one = inputs(2, days=4, nodes={"compute_liqid": 1, "gpu_p100": 3, "raspberrypi5": 5}, node_share=0.5)
    assert {pool.key: pool.limit for pool in one.course().pools} == {
        "compute_liqid": 1,
        "gpu_p100": 1,
        "raspberrypi5": 2,
    }
