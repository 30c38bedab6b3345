"""Leases just in time: what is due, each once, whatever is refused; what earlier plans left is given back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reserve.calendar import Calendar, Interval
from reserve.plan.change.apply import Applied, apply, due_now, hold, placeholder_name
from reserve.plan.change.testbed import View
from reserve.plan.course.schedule import Booking, Plan
from reserve.site import Lease
from snippets.errors import SiteError
from tests.reserve.plan.change.made import MADE_FROM
from tests.reserve.plan.small import START

HOUR = timedelta(hours=1)
FREE = View({"gpu_p100": Calendar("gpu_p100", {"gpu_p100-1": (), "gpu_p100-2": ()})})


def booking(netid: str, part: str, hour: int, node: str = "gpu_p100-1") -> Booking:
    start = START + timedelta(hours=hour)
    return Booking((netid,), part, node.rsplit("-", 1)[0], "CHI@TACC", node, start, start + timedelta(minutes=170))


def lease(of: Booking, status: str = "PENDING") -> Lease:
    return Lease(f"id of {of.lease} {of.start:%d %H}", of.lease, of.site, status, of.start, of.end)


class Asked:
    """Hands that write down what is asked of them."""

    def __init__(self, refuses: Booking | None = None) -> None:
        self.made: list[str] = []
        self.back: list[str] = []
        self.held: list[str] = []
        self.refuses, self.refuses_holding = refuses, False

    def make(self, booking: Booking) -> str:
        self.made.append(booking.lease)
        if booking == self.refuses:
            raise SiteError("taken")
        return "made"

    def give_back(self, lease: Lease) -> None:
        self.back.append(lease.id)

    def hold(self, booking: Booking, name: str) -> str:
        if self.refuses_holding:
            raise SiteError("no")
        self.held.append(name)
        return "held"


def test_apply_makes_only_what_is_due_and_goes_on_after_a_refusal(plan: Plan) -> None:
    days, view, hands = 1.5, View(MADE_FROM.calendars), Asked(refuses=plan.bookings[1])
    done = apply(plan.bookings, view, START, days, hands)
    due = [b.lease for b in plan.bookings if b.start <= START + timedelta(days=days)]
    assert hands.made == due
    assert [one.state for one in done].count("refused") == 1
    assert {one.state for one in done if one.name not in due} == {"later"}
    assert apply(plan.bookings, view, plan.bookings[-1].end + timedelta(days=1), days, hands) == []


def test_due_is_what_is_not_over_and_begins_soon() -> None:
    over, running, soon, later = (booking("a1", "system", hour) for hour in (0, 10, 30, 40))
    now = START + timedelta(hours=11)
    assert due_now([over, running, soon, later], now, 1.0) == [running, soon]


def test_what_is_not_due_says_from_when_on() -> None:
    (one,) = apply([booking("a1", "system", 48)], FREE, START, 1.0, Asked())
    assert (one.state, one.text) == ("later", "to be made from 2027-03-09 05:00 UTC on")


def test_a_lease_that_anybody_made_at_the_planned_time_is_not_made_again() -> None:
    one, hands = booking("a1", "system", 24), Asked()
    assert [x.state for x in apply([one], replace(FREE, leases=[lease(one)]), START, 7, hands)] == ["made"]
    assert hands.made == []


def test_a_lease_of_the_name_at_a_time_no_plan_had_is_neither_there_nor_given_back() -> None:
    one = booking("a1", "system", 24)
    other, hands = lease(booking("a1", "system", 25)), Asked()
    (done,) = apply([one], replace(FREE, leases=[other]), START, 7, hands)
    assert done.state == "refused" and "which no plan had" in done.text
    assert (hands.made, hands.back) == ([], [])


def test_what_moved_is_given_back_before_the_new_one_is_made_even_where_two_swap() -> None:
    a_old, b_old = booking("a1", "system", 24), booking("b2", "system", 27)
    a_new, b_new = booking("a1", "system", 27), booking("b2", "system", 24)
    held = {"gpu_p100-1": tuple((Interval(b.start, b.end), lease(b).id) for b in (a_old, b_old))}
    calendar = Calendar("gpu_p100", {"gpu_p100-1": tuple(span for span, _ in held["gpu_p100-1"])}, holds=held)
    view = View({"gpu_p100": calendar}, [lease(a_old), lease(b_old)], earlier=(a_old, b_old))
    hands = Asked()
    done = apply([b_new, a_new], view, START, 7, hands)
    assert hands.back == [lease(a_old).id, lease(b_old).id]
    assert hands.made == ["serve_system_b2", "serve_system_a1"]
    assert [one.state for one in done] == ["given back", "given back", "made", "made"]


def test_an_old_lease_that_runs_is_left_alone_and_one_of_somebody_who_dropped_is_given_back() -> None:
    runs, dropped = booking("a1", "system", 0), booking("b2", "system", 24)
    view = replace(FREE, leases=[lease(runs, "ACTIVE"), lease(dropped)], earlier=(runs, dropped))
    hands = Asked()
    done = apply([], view, START + HOUR, 7, hands)
    assert hands.back == [lease(dropped).id]
    assert Applied("serve_system_b2", "given back", "was for 2027-03-09 05:00 to 07:50 UTC") in done
    assert [(one.name, one.state) for one in done if "running" in one.text] == [("serve_system_a1", "refused")]


def test_what_a_placeholder_of_the_course_holds_is_not_somebody_elses() -> None:
    one = booking("a1", "system", 24)
    held = {"gpu_p100-1": ((Interval(START, START + timedelta(days=3)), "hold"),)}
    calendar = Calendar("gpu_p100", {"gpu_p100-1": (held["gpu_p100-1"][0][0],)}, holds=held)
    view = View({"gpu_p100": calendar}, placeholders=frozenset({"hold"}))
    (done,) = apply([one], view, START, 7, hands := Asked())
    assert done.state == "refused" and "placeholder of the course" in done.text and hands.made == []
    (done,) = apply([one], replace(view, placeholders=frozenset()), START, 7, Asked())
    assert "held by somebody else" in done.text


def holder(of: Booking, hours: int = 0) -> tuple[View, Lease]:
    """A view in which a placeholder holds the booking's time, and that many hours more."""
    lease = Lease("p1", "placeholder_x", of.site, "PENDING", of.start, of.end + timedelta(hours=hours))
    span = Interval(lease.start, lease.end)
    calendar = Calendar(of.hardware, {of.node: (span,)}, holds={of.node: ((span, "p1"),)})
    return View({of.hardware: calendar}, [lease], frozenset({"p1"})), lease


def test_a_placeholder_is_handed_over_to_its_student_when_the_lease_is_due() -> None:
    one = booking("ab1", "system", 30)
    (view, _), hands = holder(one), Asked()
    assert [each.state for each in apply([one], view, START, 1, hands)] == ["later"] and hands.back == []
    assert [each.state for each in apply([one], view, START, 2, hands)] == ["made"]
    assert (hands.back, hands.made) == (["p1"], [one.lease])


def test_a_placeholder_that_holds_other_times_too_is_left_alone() -> None:
    one = booking("ab1", "system", 30)
    (view, _), hands = holder(one, hours=3), Asked()
    (said,) = apply([one], view, START, 2, hands)
    assert said.state == "refused" and "given back first" in said.text and not (hands.back or hands.made)


def test_a_time_is_held_again_where_the_students_lease_is_refused() -> None:
    one = booking("ab1", "system", 30)
    (view, _), hands = holder(one), Asked(refuses=one)
    (said,) = apply([one], view, START, 2, hands)
    assert (said.state, said.text, hands.held) == ("refused", "taken", ["placeholder_x"])
    hands.refuses_holding = True
    (said,) = apply([one], view, START, 2, hands)
    assert "its placeholder placeholder_x could not be made again: no" in said.text


def test_every_time_is_held_once_under_a_name_that_the_rules_know() -> None:
    one, two = booking("ab1", "system", 30), booking("cd2", "system", 30, "gpu_p100-2")
    hands = Asked()
    done = hold([one, two], FREE, START, "placeholder*", hands)
    assert [each.state for each in done] == ["held", "held"]
    assert hands.held == [placeholder_name("placeholder*", each) for each in (one, two)]
    assert hands.held[0] == f"placeholder_system_gpu_p100-1_{one.start:%m%dT%H}"
    view, _ = holder(one)
    assert [each.state for each in hold([one], view, START, "placeholder*", hands)] == ["held"] and len(hands.held) == 2
    hands.refuses_holding = True
    assert [each.state for each in hold([two], FREE, START, "class", hands)] == ["refused"]
    assert placeholder_name("class", one) == "class"
    assert hold([one], FREE, one.end + HOUR, "placeholder*", hands) == [], "what is over is not held"
