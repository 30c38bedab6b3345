"""Bookings: their names and hours, nodes given out, and goals with their bounds (faults: see test_solve)."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from reserve.plan.course.schedule import Booking, Stage, by_unit, finish_day, is_complete, name_nodes
from tests.reserve.plan.small import START, inputs

COURSE = inputs(2, days=3, nodes={"compute_liqid": 1, "gpu_p100": 2, "raspberrypi5": 1}).course()
GROUP = {COURSE.pools[group.pool].key: index for index, group in enumerate(COURSE.groups)}


def booking(netid: str, part: str, hour: int, minutes: int = 170) -> Booking:
    start = START + timedelta(hours=hour)
    return Booking((netid,), part, "x", "CHI@TACC", "n", start, start + timedelta(minutes=minutes))


def test_a_booking_has_the_leases_name_and_whole_hours() -> None:
    assert booking("ab1", "model", 8).lease == "serve_model_ab1"
    assert [booking("a", "model", 8, minutes).hours for minutes in (170, 115, 290)] == [3, 2, 5]


def test_blocks_get_nodes_that_are_free_the_longest_idle_first() -> None:
    system = GROUP["gpu_p100"]
    found = name_nodes(COURSE, {(0, 2): (system, 8), (1, 2): (system, 9), (0, 1): (GROUP["raspberrypi5"], 30)})
    assert [(b.netids, b.part, b.node, b.start - START, b.end - b.start) for b in found] == [
        (("s01",), "system", "gpu_p100-1", timedelta(hours=8), timedelta(minutes=170)),
        (("s02",), "system", "gpu_p100-2", timedelta(hours=9), timedelta(minutes=170)),
        (("s01",), "edge", "raspberrypi5-1", timedelta(hours=30), timedelta(minutes=115)),
    ]
    with pytest.raises(AssertionError, match="more blocks than nodes at hour 9"):
        name_nodes(COURSE, {(0, 0): (GROUP["compute_liqid"], 8), (1, 0): (GROUP["compute_liqid"], 9)})


def test_who_has_what_and_who_is_done() -> None:
    mine = [booking("s01", "model", 8), booking("s01", "edge", 30), booking("s01", "system", 50)]
    found = by_unit(COURSE, [*mine, booking("zz", "model", 8)])
    assert found["s01"] == mine and found["s02"] == [] and len(found["zz"]) == 1
    assert is_complete(COURSE, mine) and not is_complete(COURSE, mine[:2])
    assert finish_day(COURSE, mine) == 2 and finish_day(COURSE, mine[:2]) == 1


@pytest.mark.parametrize(
    ("value", "bound", "maximise", "gap"),
    [
        (9, 10, True, 0.1),
        (11, 10, False, 0.1),
        (10, 10, True, 0.0),
        (1, 0, False, math.inf),
        (0, 0, False, 0.0),
        (5, None, False, None),
    ],
)
def test_a_gap_is_the_distance_to_the_bound_as_a_share_of_it(value, bound, maximise, gap) -> None:
    assert Stage("k", "t", value, bound, maximise).gap == (None if gap is None else pytest.approx(gap))
