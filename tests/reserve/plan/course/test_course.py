"""The grid of a course: who may begin which block when, alone and in pairs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from reserve.calendar import Interval
from reserve.plan.course.capacity import buffer_start
from reserve.plan.course.course import block_hours, pair_up
from reserve.plan.course.schedule import faults
from reserve.plan.course.windows import parse_windows
from reserve.plan.solve.solve import make_plan
from tests.reserve.plan.small import START, inputs, student

ONE_EACH = {"compute_liqid": 1, "gpu_p100": 1, "raspberrypi5": 1}
MODEL, EDGE, SYSTEM = range(3)


def hours(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask).tolist()


@pytest.mark.parametrize(
    ("base", "extra", "hours"), [(3, 1.0, 3), (3, 1.5, 5), (2, 1.5, 3), (3, 4 / 3, 4), (3, 1.01, 4)]
)
def test_extra_time_is_whole_hours(base: int, extra: float, hours: int) -> None:
    assert block_hours(base, extra) == hours


def test_partners_are_one_unit_in_the_order_of_the_file() -> None:
    one, two, three = student("a1"), student("b2", pair="c3"), student("c3")
    assert pair_up([one, two, three]) == [(one,), (two, three)]
    assert pair_up([three, two, one]) == [(three, two), (one,)]


def test_a_block_lies_within_waking_hours_and_the_time_of_every_partner() -> None:
    course = inputs(
        [student("a1", unavailable="Mon 08:00-20:00", pair="b2"), student("b2", unavailable="Tue")],
        days=2,
        nodes=ONE_EACH,
    ).course()
    (unit,) = course.units
    assert hours(unit.starts[MODEL]) == [20, 21] and hours(unit.starts[EDGE]) == [20, 21, 22]
    assert unit.alone_day == -1, "edge cannot begin 12 hours after model"
    assert (unit.netid, unit.weight, unit.prefers) == ("a1", 2, False)


def test_another_zone_shifts_the_waking_hours() -> None:
    (unit,) = inputs([student("a1", tz="Asia/Kolkata")], days=1, nodes=ONE_EACH).course().units
    # 08:00 to 24:00 in Kolkata are 02:30 to 18:30 UTC; hour 0 is 05:00 UTC, and 10:30 there.
    assert (
        hours(unit.starts[MODEL])[:1] == [0] and 10 in hours(unit.starts[MODEL]) and 11 not in hours(unit.starts[MODEL])
    )


def test_preferred_starts_lie_wholly_within_preferred_time() -> None:
    (unit,) = inputs([student("a1", preferred="daily 18:00-22:00")], days=1, nodes=ONE_EACH).course().units
    assert unit.prefers and hours(unit.liked[MODEL]) == [18, 19] and hours(unit.liked[EDGE]) == [18, 19, 20]
    (other,) = inputs([student("b2")], days=1, nodes=ONE_EACH).course().units
    assert not other.prefers and other.liked[MODEL].all()


def test_alone_one_finishes_when_the_gaps_and_ones_own_times_allow() -> None:
    def day(**times: str) -> int:
        return inputs([student("a1", **times)], days=5, nodes=ONE_EACH).course().units[0].alone_day

    assert day() == 1
    assert day(unavailable="Mon") == 2
    assert day(unavailable="Mon; Tue; Wed; Thu; Fri") == -1


def test_a_course_counts_its_people_days_and_last_parts() -> None:
    course = inputs([student("a1", pair="b2"), student("b2"), student("c3")], days=2, nodes=ONE_EACH).course()
    assert (course.total, len(course.units), course.days, course.hours) == (3, 2, 2, 48)
    assert course.parts == ("model", "edge", "system") and course.sinks == (EDGE, SYSTEM)
    assert (course.gap(EDGE), course.margin(MODEL), course.margin(EDGE)) == (12, 10, 5)
    assert course.at(3) - START == course.at(3) - course.at(0) and course.block(EDGE, 2).duration.seconds == 6900


def test_own_due_dates_make_the_plan_longer_for_those_who_have_them_only() -> None:
    day = timedelta(days=1)
    late = replace(student("b2"), due=START + 6 * day)
    soon = replace(student("c3"), begin=START + day, due=START + 3 * day)
    course = inputs([student("a1"), late, soon], days=4).course()
    assert course.due == START + 4 * day and course.hours == 6 * 24
    last = {unit.netid: max(int(np.flatnonzero(mask).max()) for mask in unit.starts) for unit in course.units}
    first = {unit.netid: min(int(np.flatnonzero(mask).min()) for mask in unit.starts) for unit in course.units}
    assert last["c3"] < 72 <= last["a1"] < 96 <= last["b2"] < 144
    assert first == {"a1": 8, "b2": 8, "c3": 32}
    plan = make_plan(course, 5)
    assert faults(course, plan.bookings) == [] and plan.stages[0].value == 3
    mine = next(b for b in plan.bookings if b.netids == ("a1",) and b.part == "system")
    moved = replace(mine, start=mine.start + 5 * day, end=mine.end + 5 * day)
    assert any("between start and due date" in one for one in faults(course, [moved]))
    early = next(b for b in plan.bookings if b.netids == ("c3",) and b.part == "model")
    before = replace(early, start=early.start - day, end=early.end - day)
    assert any("before 2027-03-09" in one for one in faults(course, [before]))


def test_the_nodes_kept_for_retries_are_kept_before_the_common_due_date() -> None:
    late = replace(student("b2"), due=START + timedelta(days=9))
    course = inputs([student("a1"), late], days=4, buffer_hours=24, buffer_nodes=1).course()
    assert buffer_start(course) == 72


def test_nobody_has_a_block_on_a_holiday_wherever_they_are() -> None:
    holiday = parse_windows("2027-03-09", "test")
    course = inputs([student("a1"), student("b2", tz="Asia/Kolkata")], days=4, holidays=holiday).course()
    plan = make_plan(course, 5)
    tuesday = Interval(START + timedelta(days=1), START + timedelta(days=2))
    assert plan.stages[0].value == 2 and faults(course, plan.bookings) == []
    assert all(b.end <= tuesday.start or b.start >= tuesday.end for b in plan.bookings)
    mine = next(b for b in plan.bookings if b.netids == ("a1",) and b.part == "edge")
    noon = tuesday.start + timedelta(hours=12)
    moved = replace(mine, start=noon, end=noon + (mine.end - mine.start))
    assert any("a1 edge: on a holiday" in one for one in faults(course, [moved]))


def test_office_hours_are_preferred_by_who_names_no_time_of_their_own() -> None:
    office = parse_windows("Mon-Fri 10:00-16:00", "test")
    students = [student("a1"), student("b2", preferred="daily 18:00-24:00")]
    course = inputs(students, days=5, office_hours=office).course()
    plan = make_plan(course, 10)
    local = {b.lease: b.start.astimezone(course.tz).hour for b in plan.bookings}
    assert all(10 <= hour < 16 for lease, hour in local.items() if "a1" in lease)
    assert all(hour >= 18 for lease, hour in local.items() if "b2" in lease)
    assert not inputs(2).course().units[0].prefers and course.units[0].prefers
