"""One integer program over candidate starts: order, one block at a time, and the nodes there are."""

from __future__ import annotations

import numpy as np

from reserve.plan.solve.board import Board
from reserve.plan.solve.timetable import Timetable
from tests.reserve.plan.small import inputs, student

ONE_EACH = {"compute_liqid": 1, "gpu_p100": 1, "raspberrypi5": 1}
COURSE = inputs(2, days=3, nodes=ONE_EACH).course()
MODEL, EDGE, SYSTEM = range(3)


def every_start(course=COURSE) -> dict[tuple[int, int], np.ndarray]:
    return {
        (unit, part): np.flatnonzero(mask)
        for unit, member in enumerate(course.units)
        for part, mask in enumerate(member.starts)
    }


def hours(starts) -> dict[tuple[int, int], int]:
    return {key: hour for key, (_, hour) in starts.items()}


def test_everyone_finishes_early_in_order_and_one_block_at_a_time() -> None:
    model = Timetable(COURSE, every_start())
    cost, added = model.finish()
    for unit, column in model.done.items():
        cost[column] -= 100 * COURSE.units[unit].weight
    found = hours(model.solve(cost, 10, real=added) or {})
    assert len(found) == 6
    for unit in (0, 1):
        assert found[unit, EDGE] >= found[unit, MODEL] + 15 and found[unit, SYSTEM] >= found[unit, MODEL] + 15
        edge, system = found[unit, EDGE], found[unit, SYSTEM]
        assert edge + 2 <= system or system + 3 <= edge
        assert max(COURSE.day_of[[edge, system]]) == 1
    assert abs(found[0, MODEL] - found[1, MODEL]) >= 3 and abs(found[0, SYSTEM] - found[1, SYSTEM]) >= 3


def test_with_a_part_missing_a_unit_gets_none_of_them() -> None:
    candidates = every_start()
    del candidates[1, EDGE]
    model = Timetable(COURSE, candidates)
    assert set(model.done) == {0}
    settled = Timetable(COURSE, candidates, settled={(1, EDGE): (2, 40)})
    assert set(settled.done) == {0, 1}


def test_a_full_board_leaves_nothing() -> None:
    board = Board(COURSE)
    board.take(0, 0, COURSE.hours)
    model = Timetable(COURSE, {(0, MODEL): np.array([8, 9])}, board, whole=False)
    cost = model.zero()
    cost[model.begins[0, MODEL]] = -1
    assert model.solve(cost, 5) == {}


def test_without_the_whole_each_part_counts_and_the_cheapest_start_wins() -> None:
    model = Timetable(COURSE, {(0, MODEL): np.array([8, 9, 10]), (1, MODEL): np.array([9])}, whole=False)
    cost = model.zero()
    for column, (unit, _, hour) in model.block.items():
        cost[column] = hour - 100 - 50 * unit
    found = model.solve(cost, 5)
    assert found is not None and hours(found) == {(1, MODEL): 9}, "the three starts of unit 0 all overlap unit 1's"


def test_nothing_to_place_is_an_empty_timetable() -> None:
    assert Timetable(COURSE, {}).solve(np.zeros(0), 1) == {}


def test_missed_preferences_are_counted_by_student_and_can_be_limited() -> None:
    course = inputs([student("a1", preferred="Tue")], days=3, nodes=ONE_EACH).course()
    model = Timetable(course, every_start(course))
    missed = model.missed()
    monday = [hour for unit, _, hour in model.block.values() if unit == 0 and course.day_of[hour] == 0]
    tuesday = [c for c, (unit, _, hour) in model.block.items() if unit == 0 and course.day_of[hour] == 1]
    assert (
        monday
        and missed[tuesday].sum() == 0
        and missed.sum() == sum(1 for unit, _, hour in model.block.values() if unit == 0 and course.day_of[hour] != 1)
    )
    model.limit_missed(0)
    cost = model.zero()
    for column in model.done.values():
        cost[column] = -1
    assert model.solve(cost, 5) == {}, "model on Tuesday leaves no later Tuesday hour for the rest"
