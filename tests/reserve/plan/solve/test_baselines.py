"""What happens without a plan, measured on bookings made by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reserve.plan.course.schedule import Booking
from reserve.plan.solve.baselines import at_the_deadline, first_come_first_served, outcome, shuffled
from tests.reserve.plan.small import START, inputs, student

HARDWARE = {"model": ("compute_liqid", 170), "edge": ("raspberrypi5", 115), "system": ("gpu_p100", 170)}


def booking(netid: str, part: str, hour: int) -> Booking:
    key, minutes = HARDWARE[part]
    start = START + timedelta(hours=hour)
    return Booking((netid,), part, key, "CHI@TACC", f"{key}-1", start, start + timedelta(minutes=minutes))


def test_waits_finishes_misses_and_late_hours_are_counted_by_hand() -> None:
    course = inputs([student("a1", preferred="Tue"), student("b2")], days=4, buffer_hours=24, buffer_nodes=1).course()
    mine = [booking("a1", "model", 8), booking("a1", "edge", 32), booking("a1", "system", 35)]  # over on day 1
    theirs = [booking("b2", "model", 12), booking("b2", "edge", 56), booking("b2", "system", 80)]  # on day 3
    found = outcome("by hand", course, [*mine, *theirs])
    assert (found.complete, found.worst_wait, found.mean_wait, found.mean_finish) == (2, 2, 1.0, 2.0)
    assert found.missed == 1 and found.late_hours == 3
    half = outcome("half", course, [*mine, *theirs[:2]])
    assert (half.complete, half.worst_wait, half.missed) == (1, 0, 1)
    nothing = outcome("nothing", course, [])
    assert (nothing.complete, nothing.mean_wait, nothing.mean_finish) == (0, 0.0, 0.0)


def test_the_order_of_arrival_is_random_and_the_same_again() -> None:
    course = inputs(8, days=4).course()
    assert sorted(shuffled(course)) == list(range(8)) and shuffled(course) != list(range(8))
    assert shuffled(course, 3) == shuffled(course, 3) != shuffled(course, 4)
    assert first_come_first_served(course, 3) == first_come_first_served(course, 3)


def test_at_the_deadline_nobody_begins_before_the_last_days() -> None:
    course = inputs(3, days=7).course()
    found = at_the_deadline(course)
    assert len(found) == 9 and min(b.start for b in found) >= START + timedelta(days=3)
    assert min(b.start for b in first_come_first_served(course)) == START + timedelta(hours=8)


def test_a_way_that_gives_nobody_anything_is_measured_too() -> None:
    course = inputs([student("a1", unavailable="daily")], days=2).course()
    assert outcome("x", course, first_come_first_served(course)).complete == 0
    assert pytest.approx(0) == outcome("x", course, []).mean_wait
