"""A plan beside the calendar: what is made, free, taken and gone."""

from __future__ import annotations

from datetime import timedelta

from reserve.calendar import Calendar, Interval
from reserve.plan.change.check import FREE, GONE, LATE, MADE, OTHER, PAST, TAKEN, Held, check, summary, without_own
from reserve.plan.course.schedule import Booking, Plan
from tests.reserve.plan.change.made import MADE_FROM, taken
from tests.reserve.plan.small import START


def booking(netid: str, part: str, hour: int, node: str = "gpu_p100-1") -> Booking:
    start = START + timedelta(hours=hour)
    return Booking((netid,), part, node.rsplit("-", 1)[0], "CHI@TACC", node, start, start + timedelta(minutes=170))


def test_check_tells_made_from_taken_free_and_gone(plan: Plan) -> None:
    first, second, third = plan.bookings[:3]
    last = plan.bookings[-1]
    held = {first.lease: Held(first.lease, first.start, first.end)}
    calendars = taken(dict(MADE_FROM.calendars), first, second)
    nodes = {name: busy for name, busy in calendars[third.hardware].nodes.items() if name != third.node}
    calendars[third.hardware] = Calendar(third.hardware, nodes)
    found = {f.booking: f.state for f in check(plan.bookings, calendars, START, 3, held)}
    assert found[first] == (MADE if first.node in nodes or first.hardware != third.hardware else GONE)
    assert found[third] == GONE
    if second.node != third.node:
        assert found[second] == TAKEN
    assert found[last] in (FREE, LATE, GONE)
    later = {f.booking: f.state for f in check(plan.bookings, MADE_FROM.calendars, first.end, 30, {})}
    assert later[first] == PAST
    assert later[last] == LATE


def test_a_lease_at_exactly_the_planned_time_counts_as_the_courses_only_when_names_are_unknown(plan: Plan) -> None:
    b = plan.bookings[0]
    calendars = taken(dict(MADE_FROM.calendars), b)
    assert without_own(calendars[b.hardware], plan.bookings, None).nodes[b.node] == ()
    assert without_own(calendars[b.hardware], plan.bookings, {}).nodes[b.node] != ()


def test_each_state_is_told_by_hand() -> None:
    one = booking("a1", "system", 24)
    free = {"gpu_p100": Calendar("gpu_p100", {"gpu_p100-1": ()})}
    held = {"gpu_p100": Calendar("gpu_p100", {"gpu_p100-1": (Interval(one.start, one.end),)})}
    hour = timedelta(hours=1)

    def state(calendars, now=START, ahead_days=7.0, leases=None) -> str:
        return check([one], calendars, now, ahead_days, leases)[0].state

    assert state(free, ahead_days=0.5) == FREE and state(free) == LATE
    assert state(free, now=one.end) == PAST and state({}) == GONE
    assert state(held) == MADE, "names unknown: a lease of just these times is the course's"
    assert state(held, leases={}) == TAKEN
    assert state(held, leases={one.lease: Held(one.lease, one.start, one.end)}) == MADE
    assert state(held, leases={one.lease: Held(one.lease, one.start + hour, one.end + hour)}) == OTHER
    assert state(held, leases={one.lease: Held(one.lease, one.start, one.end + hour)}) == MADE, "a longer one will do"


def test_the_summary_counts_and_names_what_somebody_must_mend() -> None:
    one, two = booking("a1", "system", 24), booking("b2", "system", 27)
    found = check(
        [one, two], {"gpu_p100": Calendar("gpu_p100", {"gpu_p100-1": (Interval(one.start, one.end),)})}, START, 0.5, {}
    )
    assert summary(found).splitlines() == [
        "1 taken, 1 free",
        "serve_system_a1 2027-03-09 05:00 UTC: gpu_p100-1 is held by somebody else then",
        "`servelab plan --replan` finds new times for these and moves as few others as possible",
    ]
    assert summary([]) == "the plan is empty"
