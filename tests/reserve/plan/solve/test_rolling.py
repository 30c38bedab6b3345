"""From days to hours: each day made a timetable in turn."""

from __future__ import annotations

from reserve.plan.course.schedule import faults, name_nodes
from reserve.plan.solve.rolling import roll
from tests.reserve.plan.small import inputs

COURSE = inputs(3, days=4, nodes={"compute_liqid": 1, "gpu_p100": 1, "raspberrypi5": 1}).course()


def test_every_part_is_on_its_day_where_there_is_room() -> None:
    starts = roll(COURSE, [[0, 1, 2]] * 3, wait=2, seconds=8, ahead=0)
    assert {key: int(COURSE.day_of[hour]) for key, (_, hour) in starts.items()} == {
        (unit, part): part for unit in range(3) for part in range(3)
    }
    assert faults(COURSE, name_nodes(COURSE, starts)) == []


def test_who_is_not_served_is_left_out() -> None:
    starts = roll(COURSE, [[0, 1, 2], [-1, -1, -1], [0, 1, 2]], wait=2, seconds=8)
    assert {unit for unit, _ in starts} == {0, 2}


def test_what_does_not_fit_on_its_day_comes_on_the_next() -> None:
    course = inputs(7, days=4, nodes={"compute_liqid": 1, "gpu_p100": 2, "raspberrypi5": 2}).course()
    starts = roll(course, [[0, 2, 3]] * 7, wait=3, seconds=8, ahead=0)
    days = sorted(int(course.day_of[starts[unit, 0][1]]) for unit in range(7))
    assert days == [0] * 5 + [1] * 2, "one node, five blocks of three hours a day"
