"""Who cannot finish, why, and what would help."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reserve.calendar import Calendar, Interval
from reserve.plan.change import explain
from reserve.plan.change.explain import board_of, changes, full_from, scarcest, scarcest_text, who_is_left
from reserve.plan.course.schedule import Booking, Plan
from reserve.plan.solve.solve import make_plan
from tests.reserve.plan.small import START, inputs, student


def booking(netid: str, part: str, hour: int, node: str = "gpu_p100-1") -> Booking:
    start = START + timedelta(hours=hour)
    return Booking((netid,), part, node.rsplit("-", 1)[0], "CHI@TACC", node, start, start + timedelta(minutes=170))


def test_those_who_cannot_finish_are_told_why_and_what_would_help() -> None:
    made = inputs(14, days=3, nodes={"compute_liqid": 3, "gpu_p100": 1, "raspberrypi5": 2})
    course = made.course()
    plan = make_plan(course, 4)
    left = who_is_left(course, plan)
    assert len(left) == 4
    assert all("gpu_p100 is full" in one.text for one in left)
    found = changes(made, course, plan, 3)
    texts = {change.text: change.admits for change in found}
    assert texts["move the due date by 1 day"] == 4
    assert texts["1 more node of gpu_p100"] == 4
    # Each claim holds when planned independently.
    assert make_plan(made.with_more_nodes("gpu_p100", 1).course(), 4).stages[0].value == 14


def test_changes_are_tried_within_the_time_given_for_all_of_them(monkeypatch) -> None:
    made = inputs(14, days=3, nodes={"compute_liqid": 3, "gpu_p100": 1, "raspberrypi5": 2}, wake_minute=480)
    course = made.course()
    plan = make_plan(course, 4)
    given: list[float] = []

    def watched(course, seconds):
        given.append(seconds)
        return plan

    monkeypatch.setattr(explain, "make_plan", watched)
    assert changes(made, course, plan, 8) == [] and given
    assert max(given) <= 8 and given[0] <= 8 / 3, "the first family gets its share, whatever it is"
    given.clear()
    assert changes(made, course, plan, 0) == [] and given == []


def test_what_a_plan_leaves_free_is_counted_from_its_bookings() -> None:
    course = inputs(2, days=2, nodes={"compute_liqid": 1, "gpu_p100": 1, "raspberrypi5": 1}).course()
    taken_at = board_of(course, (booking("s01", "system", 35), booking("s02", "system", 42)))
    system = course.parts.index("system")
    free = [hour for hour in range(32, 46) if taken_at.anywhere(system, 3)[hour]]
    assert free == [32, 38, 39, 45]


def test_a_part_is_full_from_the_hour_after_its_last_free_start() -> None:
    course = inputs(2, days=2, nodes={"compute_liqid": 1, "gpu_p100": 1, "raspberrypi5": 1}).course()
    system = course.parts.index("system")
    assert full_from(course, board_of(course, ()), system) is None
    full = board_of(course, (booking("s01", "system", 42), booking("s02", "system", 45)))
    assert full_from(course, full, system) == course.at(40)


def test_who_finds_every_node_held_by_others_is_not_told_that_it_is_their_own_times() -> None:
    week = [Interval(START, START + timedelta(days=4))]
    made = inputs([student("a1")], days=4, busy={"gpu_p100-1": week, "gpu_p100-2": week})
    (left,) = who_is_left(made.course(), Plan(()))
    assert left.text == "others hold gpu_p100 at every time that suits them"
    gone = replace(made, calendars={**made.calendars, "gpu_p100": Calendar("gpu_p100", {})})
    (left,) = who_is_left(gone.course(empty=True), Plan(()))
    assert left.text == "no node of gpu_p100 can be reserved any more"


def test_one_without_any_time_is_told_so() -> None:
    course = inputs([student("a1", unavailable="daily")], days=4).course()
    (left,) = who_is_left(course, Plan(()))
    assert left.netids == ("a1",) and "no block of model or edge or system fits into their own times" in left.text


@pytest.mark.parametrize(("part", "key"), [("model", "compute_liqid"), ("system", "gpu_p100")])
def test_what_the_class_lacks_is_named_whichever_part_somebody_misses(part: str, key: str) -> None:
    # Ten blocks of 3 hours fit on one node in two days (08:00 to 23:00 or so); of the other kinds there is plenty.
    nodes = {"compute_liqid": 8, "gpu_p100": 8, "raspberrypi5": 8} | {key: 1}
    course = inputs(30, days=3, nodes=nodes).course()
    shares = scarcest(course)
    assert shares[part] > 0.9 and sum(shares.values()) == pytest.approx(1)
    assert f"scarcest is node time for {part} ({key}), which has" in scarcest_text(course)


def test_where_everybody_can_finish_nothing_is_scarce() -> None:
    assert scarcest(inputs(4, days=4).course()) == {} and scarcest_text(inputs(4, days=4).course()) == ""
