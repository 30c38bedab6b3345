"""Leases just in time: what is due, each once, whatever is refused."""

from __future__ import annotations

from datetime import timedelta

from reserve.plan.change.apply import apply, due_now
from reserve.plan.course.schedule import Booking, Plan
from snippets.errors import SiteError
from tests.reserve.plan.small import START


def booking(netid: str, part: str, hour: int, node: str = "gpu_p100-1") -> Booking:
    start = START + timedelta(hours=hour)
    return Booking((netid,), part, node.rsplit("-", 1)[0], "CHI@TACC", node, start, start + timedelta(minutes=170))


def test_apply_makes_only_what_is_due_and_goes_on_after_a_refusal(plan: Plan) -> None:
    asked: list[str] = []

    def make(booking: Booking) -> str:
        asked.append(booking.lease)
        if booking == plan.bookings[1]:
            raise SiteError("taken")
        return "made"

    days = 1.5
    done = apply(plan.bookings, START, days, make)
    due = [b.lease for b in plan.bookings if b.start <= START + timedelta(days=days)]
    assert asked == due
    assert [one.state for one in done].count("refused") == 1
    assert {one.state for one in done if one.booking.lease not in due} == {"later"}
    over = apply(plan.bookings, plan.bookings[-1].end + timedelta(days=1), days, make)
    assert over == []


def test_due_is_what_is_not_over_and_begins_soon() -> None:
    over, running, soon, later = (booking("a1", "system", hour) for hour in (0, 10, 30, 40))
    now = START + timedelta(hours=11)
    assert due_now([over, running, soon, later], now, 1.0) == [running, soon]


def test_what_is_not_due_says_from_when_on() -> None:
    (one,) = apply([booking("a1", "system", 48)], START, 1.0, make=lambda booking: "made")
    assert (one.state, one.text) == ("later", "to be made from 2027-03-09 05:00 UTC on")
