"""The booking board: what is left after each block, and who books first come, first served."""

from __future__ import annotations

import numpy as np
import pytest

from reserve.plan.solve.board import Board, first_come, ready_hour, without_overlap
from tests.reserve.plan.small import inputs

# Two days from a Monday midnight; waking hours from 8 to 24; blocks of 3, 2 and 3 hours; 12 hours after part model.
NODES = {"compute_liqid": 1, "gpu_p100": 2, "raspberrypi5": 1}
COURSE = inputs(3, days=2, nodes=NODES).course()
MODEL, EDGE, SYSTEM = range(3)


def hours(free: np.ndarray) -> list[int]:
    return np.flatnonzero(free).tolist()


@pytest.fixture
def board() -> Board:
    return Board(COURSE)


def test_without_the_buffer_every_other_limit_still_holds() -> None:
    strict = inputs(3, days=2, nodes=NODES, buffer_hours=48, buffer_nodes=1, max_simultaneous=1).course()
    free = Board(strict, keep_buffer=False)
    assert free.anywhere(SYSTEM, 3)[10]
    free.take(free.group_at(SYSTEM, 3, 10), 10, 3)
    assert not free.anywhere(SYSTEM, 3)[10] and not free.anywhere(MODEL, 3)[10], "one lease at a time"


def test_what_the_calendar_shows_already_counts_towards_the_limits_alone() -> None:
    strict = inputs(3, days=2, nodes=NODES, max_simultaneous=2).course()
    board = Board(strict)
    board.hold([pool.key for pool in strict.pools].index("gpu_p100"), 10, 3)
    assert board.anywhere(SYSTEM, 3)[10]
    board.take(board.group_at(SYSTEM, 3, 10), 10, 3)
    assert not board.anywhere(MODEL, 3)[10] and board.anywhere(MODEL, 3)[13]


def test_a_block_takes_its_hours_from_every_start_that_would_overlap_it(board: Board) -> None:
    board.take(0, 10, 3)
    assert not set(range(8, 13)) & set(hours(board.open(0, MODEL, 3)))
    assert {7, 13} <= set(hours(board.open(0, MODEL, 3)))
    board.give(0, 10, 3)
    assert 10 in hours(board.open(0, MODEL, 3))


def test_a_group_has_room_for_as_many_as_it_has_nodes(board: Board) -> None:
    group = board.group_at(SYSTEM, 3, 20)
    board.take(group, 20, 3)
    assert board.group_at(SYSTEM, 3, 21) == group
    board.take(group, 21, 3)
    assert board.group_at(SYSTEM, 3, 22) == -1
    assert not board.anywhere(SYSTEM, 3)[19:23].any() and board.anywhere(SYSTEM, 3)[23]


def test_a_search_from_later_counts_from_there(board: Board) -> None:
    assert len(board.anywhere(MODEL, 3, 40)) == COURSE.hours - 40
    assert (board.anywhere(MODEL, 3, 40) == board.anywhere(MODEL, 3)[40:]).all()


def test_the_nodes_kept_for_retries_are_left_unless_they_may_be_used() -> None:
    course = inputs(3, days=2, nodes=NODES, buffer_hours=24, buffer_nodes=1).course()
    kept, used = Board(course), Board(course, keep_buffer=False)
    for one in (kept, used):
        one.take(one.group_at(SYSTEM, 3, 32), 32, 3)
    assert kept.group_at(SYSTEM, 3, 32) == -1 and used.group_at(SYSTEM, 3, 32) >= 0


def test_a_part_is_ready_when_those_before_it_are_over_and_the_gap_has_passed() -> None:
    assert ready_hour(COURSE, 0, MODEL, {}) == 0
    assert ready_hour(COURSE, 0, EDGE, {}) == -1
    assert ready_hour(COURSE, 0, EDGE, {MODEL: 8}) == 8 + 3 + 12


def test_nobody_is_in_two_blocks_at_once() -> None:
    free = np.ones(10, bool)
    without_overlap(COURSE, 0, EDGE, free, 20, {SYSTEM: 24})  # system is from 24 to 27; edge lasts 2 hours
    assert hours(free) == [0, 1, 2, 7, 8, 9]


def test_who_comes_first_gets_the_earliest_block() -> None:
    found = first_come(COURSE, Board(COURSE), [1, 0, 2])
    starts = [found[unit, MODEL][1] for unit in (1, 0, 2)]
    assert starts == [8, 11, 14]
    assert found[1, EDGE][1] == 32 and found[1, SYSTEM][1] == 34, "after 23 at the earliest, and awake; one at a time"


def test_whoever_looks_from_later_or_from_the_end_gets_such_a_block() -> None:
    late = first_come(COURSE, Board(COURSE), [0], not_before={0: 15})
    assert late[0, MODEL][1] == 15
    last = first_come(COURSE, Board(COURSE), [0], latest=True)
    assert last[0, SYSTEM][1] == 45 and last[0, EDGE][1] == 43 and last[0, MODEL][1] == 21
