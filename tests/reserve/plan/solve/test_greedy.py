"""Students put in one after the other, taken out and put in again: every rule is kept all the while."""

from __future__ import annotations

import pytest

from reserve.plan.course.schedule import faults, name_nodes
from reserve.plan.solve.board import Board, first_come
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.goals import measure
from reserve.plan.solve.greedy import Greedy
from tests.reserve.plan.small import inputs, student
from tests.reserve.plan.solve.test_exact import hard_class


@pytest.mark.parametrize("seed", range(6))
def test_every_state_of_a_search_is_a_plan_that_breaks_no_rule(seed: int) -> None:
    course = hard_class(seed).course()
    greedy = Greedy(course, seed=seed)
    greedy.fill()
    for _ in range(30):
        greedy.turn(2.0)
        assert faults(course, name_nodes(course, greedy.at)) == []
    fresh = Board(course)
    fresh.book(greedy.at)
    assert (fresh.left == greedy.board.left).all(), "what is given back is given back whole"
    for part, hours in {(p, h) for u in course.units for p, h in enumerate(u.hours)}:
        assert (fresh.anywhere(part, hours) == greedy.board.anywhere(part, hours)).all()
    assert {unit for unit, _ in greedy.at} | set(greedy.out) == set(course.able)
    assert sum(greedy.value.values()) == pytest.approx(measure(course, greedy.at)["finish"], abs=0.5)


def test_a_limit_takes_out_who_breaks_it_and_the_search_finds_them_a_place() -> None:
    course = inputs(
        [student("a1"), student("b2", unavailable="Mon+Tue"), student("c3"), student("d4")], days=6
    ).course()
    greedy = Greedy(course)
    greedy.load(first_come(course, Board(course), course.able, latest=True))
    assert measure(course, greedy.at)["wait"] > 0
    greedy.limit(wait=0)
    assert greedy.lost() > 0
    assert greedy.search(Effort(30), 0)
    assert measure(course, greedy.at)["wait"] == 0 and measure(course, greedy.at)["complete"] == 4


def test_a_state_can_be_come_back_to() -> None:
    course = inputs(8, days=6).course()
    greedy = Greedy(course)
    greedy.fill()
    kept, before = greedy.standing(), dict(greedy.at)
    for unit in list(greedy.value)[:3]:
        greedy.take_out(unit)
    greedy.back_to(kept)
    assert greedy.at == before and greedy.lost() == 0


def test_one_lease_at_a_time_is_kept_by_a_student_s_own_blocks_too() -> None:
    course = inputs(4, days=5, max_simultaneous=1).course()
    greedy = Greedy(course)
    greedy.fill()
    assert faults(course, name_nodes(course, greedy.at)) == [] and greedy.lost() == 0


def test_a_cold_turn_never_costs_days_and_one_that_looks_for_places_never_costs_a_place() -> None:
    course = inputs(8, days=6).course()
    greedy = Greedy(course)
    greedy.fill()
    for _ in range(40):
        greedy.turn(0.0, days=False)
        assert greedy.lost() == 0
    for _ in range(40):
        before = sum(greedy.value.values())
        greedy.turn(0.0)
        assert sum(greedy.value.values()) <= before + 1e-9
