"""What a plan costs, and what standing leases would."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reserve.plan.course.schedule import Booking
from reserve.plan.show.cost import cost, lease_hours, per_student
from reserve.plan.solve.solve import make_plan
from tests.reserve.plan.change.made import MADE_FROM
from tests.reserve.plan.small import START


def booking(netids: tuple[str, ...], hour: float, hours: float, node: str) -> Booking:
    start = START + timedelta(hours=hour)
    return Booking(netids, "system", "gpu_p100", "CHI@TACC", node, start, start + timedelta(hours=hours))


def test_cost_adds_up_over_a_plan() -> None:
    bookings = make_plan(MADE_FROM.course(), 5).bookings
    used = sum(one.node_hours for one in cost(MADE_FROM.course(), bookings))
    assert used == pytest.approx(sum(per_student(bookings).values()))
    assert used == pytest.approx(6 * (17 / 6 + 17 / 6 + 23 / 12))


def test_standing_leases_hold_the_most_nodes_from_first_to_last() -> None:
    course = replace(MADE_FROM, rules=replace(MADE_FROM.rules, cost={"gpu_p100": 2.0})).course()
    one, two, three = booking(("a1",), 0, 3, "n1"), booking(("b2",), 1, 3, "n2"), booking(("c3",), 9, 3, "n1")
    found = {c.hardware: c for c in cost(course, [one, two, three])}["gpu_p100"]
    assert (found.leases, found.node_hours, found.standing_hours) == (3, 9.0, 24.0)  # two nodes for 12 hours
    assert (found.units, found.idle_hours, found.saved_units) == (18.0, 15.0, 30.0)


def test_hardware_that_is_not_used_costs_nothing() -> None:
    assert {c.node_hours for c in cost(MADE_FROM.course(), [])} == {0.0}


def test_a_shared_lease_is_split() -> None:
    shared = booking(("a1", "b2"), 0, 3, "n1")
    assert lease_hours(shared) == 3.0 and per_student([shared, booking(("a1",), 9, 1, "n1")]) == {"a1": 2.5, "b2": 1.5}
