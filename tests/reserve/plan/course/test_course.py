"""The grid of a course: who may begin which block when, alone and in pairs."""

from __future__ import annotations

import numpy as np
import pytest

from reserve.plan.course.course import block_hours, pair_up
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
