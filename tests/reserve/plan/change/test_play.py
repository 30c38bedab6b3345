"""A term is played block by block: what fails is booked again, and luck alone decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from reserve.plan.change.play import EXTRA_DAYS, NEVER, TRIES, Luck, Term
from reserve.plan.course.inputs import Inputs
from reserve.plan.course.rules import Faults, PartRule
from reserve.plan.course.schedule import Booking
from tests.reserve.plan.small import START, inputs, student

ONE_PART = (PartRule("model"),)
TWO_PARTS = (PartRule("model"), PartRule("edge", ("model",), 12))
NODE = {"compute_liqid": 1}
EDGE = {"compute_liqid": 1, "raspberrypi5": 1}
ONLY_BOOTS = Faults(0.5, 0, 0, 0, notice_hours=3)
GOOD, BAD = 0.9, 0.1


def booked(netid: str, part: str, hour: int) -> Booking:
    """A block from this hour of Monday 2027-03-08 in New York on."""
    kind, hours, margin = ("compute_liqid", 3, 10) if part == "model" else ("raspberrypi5", 2, 5)
    start = START + timedelta(hours=hour)
    end = start + timedelta(hours=hours, minutes=-margin)
    return Booking((netid,), part, kind, "CHI@TACC", f"{kind}-1", start, end)


def luck(*tries: float, begins: int = 0, units: int = 1, parts: int = 1) -> Luck:
    """Everybody's first tries at every part go so; all others well."""
    row = [*tries, *[GOOD] * (TRIES - len(tries))]
    return Luck(np.broadcast_to(np.array(row), (units, parts, TRIES)), np.full(units, begins))


def one_student(faults: Faults = ONLY_BOOTS, days: float = 4) -> Inputs:
    return inputs(1, days=days, nodes=NODE, parts=ONE_PART, faults=faults)


def test_a_block_that_goes_well_ends_the_part() -> None:
    term = Term(one_student(), [booked("s01", "model", 9)])
    played = term.play(luck(), {})
    assert (played.ends.tolist(), played.lost) == ([[12]], 0)


def test_after_a_failure_the_next_free_block_is_taken_when_notice_is_over() -> None:
    # Lost at 09:00; the retry may begin at 12:00 and ends at 15:00.
    term = Term(one_student(), [booked("s01", "model", 9)])
    assert (term.play(luck(BAD), {}).ends.tolist(), term.play(luck(BAD), {}).lost) == ([[15]], 1)
    # Lost at 19:00: 22:00 to 01:00 is not waking time, so 08:00 the next day.
    late = Term(one_student(), [booked("s01", "model", 19)])
    assert late.play(luck(BAD), {}).ends.tolist() == [[24 + 11]]


def test_who_needs_a_second_block_has_used_the_first_to_its_end() -> None:
    # 09:00 to 12:00 is used up, notice is 3 hours: 15:00 to 18:00.
    slow = one_student(Faults(0, 0.5, 0, 0, notice_hours=3))
    assert Term(slow, [booked("s01", "model", 9)]).play(luck(BAD), {}).ends.tolist() == [[18]]


def test_who_begins_late_loses_what_was_planned_before() -> None:
    # From Tuesday 06:00 on: 08:00 to 11:00.
    term = Term(one_student(), [booked("s01", "model", 9)])
    played = term.play(luck(begins=30), {})
    assert (played.ends.tolist(), played.lost) == ([[24 + 11]], 1)


def test_a_part_whose_predecessor_moved_is_booked_again_after_it() -> None:
    # The model part ends at 15:00 instead of 12:00; with 12 hours to read, edge at 25:00 (01:00) moves to 08:00.
    made = inputs(1, days=4, nodes=EDGE, parts=TWO_PARTS, faults=ONLY_BOOTS)
    term = Term(made, [booked("s01", "model", 9), booked("s01", "edge", 24)])
    tries = np.full((1, 2, TRIES), GOOD)
    tries[0, 0, 0] = BAD
    assert term.play(Luck(tries, np.zeros(1, int)), {}).ends.tolist() == [[15, 24 + 10]]


def test_who_has_no_time_looks_for_one_and_waits_for_the_part_before() -> None:
    made = inputs(1, days=4, nodes=EDGE, parts=TWO_PARTS, faults=ONLY_BOOTS)
    # Looks for edge at once, for model on Tuesday at 10:00: model till 13:00, edge 12 hours later is 01:00, so 08:00.
    played = Term(made, []).play(luck(parts=2), {(0, 0): 34, (0, 1): 0})
    assert played.ends.tolist() == [[37, 48 + 10]]
    assert Term(made, []).play(luck(parts=2), {(0, 1): 0}).ends.tolist() == [[NEVER, NEVER]]


def test_two_who_look_for_one_node_take_it_one_after_the_other() -> None:
    made = inputs(2, days=4, nodes=NODE, parts=ONE_PART, faults=ONLY_BOOTS)
    played = Term(made, []).play(luck(units=2), {(0, 0): 9, (1, 0): 9})
    assert sorted(played.ends[:, 0].tolist()) == [12, 15]


def test_who_always_fails_gives_up() -> None:
    term = Term(one_student(), [booked("s01", "model", 9)])
    played = term.play(luck(*[BAD] * TRIES), {})
    assert (played.ends.tolist(), played.lost) == ([[NEVER]], TRIES)


@pytest.mark.parametrize(("minute", "share"), [(59, 1.0), (49, 0.0)])
def test_a_block_that_ends_before_the_due_minute_is_in_time(minute: int, share: float) -> None:
    made = one_student()
    made = replace(made, due=START + timedelta(hours=23, minutes=minute))
    term = Term(made, [])
    played = term.play(luck(), {(0, 0): 21})  # 21:00 to 23:50
    assert term.share(played, term.due_hours()) == share
    assert term.share(played, term.due_hours(1)) == 1.0


def test_every_student_has_their_own_due_date() -> None:
    early = replace(student("a1"), due=START + timedelta(hours=12))
    made = inputs([early, student("b2")], days=2, nodes=NODE, parts=ONE_PART, faults=ONLY_BOOTS)
    term = Term(made, [])
    assert term.due_hours().tolist() == [[12], [48]] and term.course.hours == 24 * (2 + EXTRA_DAYS)
    played = term.play(luck(units=2), {(0, 0): 12, (1, 0): 12})
    assert term.share(played, term.due_hours()) == 0.5


def test_luck_is_all_that_differs_between_two_plays() -> None:
    made = inputs(3, days=4)
    term, draw = Term(made, []), Luck.drawn(made.course(), np.random.default_rng(4))
    looks = {(unit, part): 24 for unit in range(3) for part in range(3)}
    one, two = term.play(draw, looks), term.play(draw, looks)
    assert one.ends.tolist() == two.ends.tolist() and one.lost == two.lost
