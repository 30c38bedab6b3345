"""A plan beside the calendar: what is made, free, taken and gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reserve.calendar import Calendar, Interval
from reserve.plan.change.check import FREE, GONE, HELD, LATE, MADE, OTHER, PAST, TAKEN, check, crowding, summary
from reserve.plan.change.testbed import View
from reserve.plan.course.schedule import Booking, Plan
from reserve.site import Lease
from tests.reserve.plan.change.made import MADE_FROM, taken
from tests.reserve.plan.small import START


def booking(netid: str, part: str, hour: int, node: str = "gpu_p100-1") -> Booking:
    start = START + timedelta(hours=hour)
    return Booking((netid,), part, node.rsplit("-", 1)[0], "CHI@TACC", node, start, start + timedelta(minutes=170))


def lease(of: Booking, hours: int = 0, longer: int = 0, id: str = "l1") -> Lease:
    start, end = of.start + timedelta(hours=hours), of.end + timedelta(hours=hours + longer)
    return Lease(id, of.lease, of.site, "PENDING", start, end)


def held(node: str, span: Interval, id: str) -> dict[str, Calendar]:
    """The calendar of one node, with one lease on it."""
    key = node.rsplit("-", 1)[0]
    return {key: Calendar(key, {node: (span,)}, holds={node: ((span, id),)})}


def test_check_tells_made_from_taken_free_and_gone(plan: Plan) -> None:
    first, second, third = plan.bookings[:3]
    last = plan.bookings[-1]
    calendars = taken(dict(MADE_FROM.calendars), second)
    nodes = {name: busy for name, busy in calendars[third.hardware].nodes.items() if name != third.node}
    calendars[third.hardware] = Calendar(third.hardware, nodes)
    found = {f.booking: f.state for f in check(plan.bookings, View(calendars, [lease(first)]), START, 3)}
    assert found[first] == (MADE if first.node in nodes or first.hardware != third.hardware else GONE)
    assert found[third] == GONE
    if second.node != third.node:
        assert found[second] == TAKEN
    assert found[last] in (FREE, LATE, GONE)
    later = {f.booking: f.state for f in check(plan.bookings, View(MADE_FROM.calendars), first.end, 30)}
    assert later[first] == PAST
    assert later[last] == LATE


def test_each_state_is_told_by_hand() -> None:
    one = booking("a1", "system", 24)
    span = Interval(one.start, one.end)
    free = {"gpu_p100": Calendar("gpu_p100", {"gpu_p100-1": ()})}
    busy = held("gpu_p100-1", span, "l1")

    def state(calendars, now=START, ahead_days=7.0, leases=(), **view) -> str:
        return check([one], View(calendars, leases, **view), now, ahead_days)[0].state

    assert state(free, ahead_days=0.5) == FREE and state(free) == LATE
    assert state(free, now=one.end) == PAST and state({}) == GONE
    assert state(busy, known=False) == MADE, "names unknown: a lease of just these times is the course's"
    assert state(busy) == TAKEN
    assert state(busy, leases=[lease(one)]) == MADE
    assert state(busy, leases=[lease(one, hours=1)]) == OTHER
    assert state(busy, leases=[lease(one, longer=1)]) == MADE, "a longer one will do"
    assert state(busy, leases=[lease(one, longer=-1)]) == OTHER, "a shorter one will not"
    left_over = {"leases": [lease(one, hours=1)], "earlier": (booking("a1", "system", 25),)}
    assert state(busy, **left_over) == LATE, "an earlier plan made it: --apply gives it back"
    assert state(busy, placeholders=frozenset({"l1"})) == HELD


def test_a_lease_that_got_another_node_is_there_and_the_node_is_told() -> None:
    one = booking("a1", "system", 24)
    calendars = held("gpu_p100-2", Interval(one.start, one.end), "l1")
    calendars["gpu_p100"].nodes["gpu_p100-1"] = ()  # type: ignore[index]
    (found,) = check([one], View(calendars, [lease(one)]), START, 7)
    assert (found.state, found.text) == (MADE, "the lease is there, on gpu_p100-2 instead of gpu_p100-1")


def test_the_summary_counts_and_names_what_somebody_must_mend() -> None:
    one, two = booking("a1", "system", 24), booking("b2", "system", 27)
    view = View({"gpu_p100": Calendar("gpu_p100", {"gpu_p100-1": (Interval(one.start, one.end),)})})
    assert summary(check([one, two], view, START, 0.5)).splitlines() == [
        "1 taken, 1 free",
        "serve_system_a1 2027-03-09 05:00 UTC: gpu_p100-1 is held by somebody else then",
        "`servelab plan --replan` finds new times for these and moves as few others as possible",
    ]
    assert summary([]) == "the plan is empty"


def test_more_than_half_of_a_types_nodes_at_one_time_is_told_and_half_is_not() -> None:
    start = datetime(2027, 3, 4, 12, tzinfo=UTC)
    calendars = {"gpu_p100": Calendar("gpu_p100", {f"n{number}": () for number in range(4)})}

    def plan(count: int, hours: int = 3) -> list[Booking]:
        return [
            Booking(("ab1",), "system", "gpu_p100", "CHI@TACC", f"n{n}", start, start + timedelta(hours=hours))
            for n in range(count)
        ]

    now = start - timedelta(days=1)
    assert crowding(plan(2), calendars, now) == []
    (line,) = crowding(plan(3), calendars, now)
    assert "gpu_p100: the plan holds 3 of its 4 nodes at one time (2027-03-04 12:00 UTC)" in line
    assert "help desk" in line and "[limits]" in line
    assert crowding(plan(3), calendars, start + timedelta(days=9)) == [], "what is over is no matter"
    assert crowding(plan(1, 252), calendars, now) == []
    assert "for 253 hours, more than half of 21 days" in crowding(plan(1, 253), calendars, now)[0]
