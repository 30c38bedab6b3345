"""One look at the testbed: which leases are the course's, on which nodes, and what an earlier plan left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reserve.calendar import Calendar, Interval
from reserve.desk import Desk
from reserve.errors import LeaseRefused, SiteUnreachable
from reserve.journal import Journal
from reserve.plan.change.testbed import Hands, View, look, same_times, without_planned
from reserve.plan.course.rules import load_rules
from reserve.plan.course.schedule import Booking
from reserve.site import Lease
from tests.chameleon.emulator import Emulator
from tests.chameleon.fixtures import *  # noqa: F403
from tests.chameleon.student import Student
from tests.reserve.plan.small import START

HOUR = timedelta(hours=1)
ONE = Booking(("a1",), "system", "gpu_p100", "CHI@TACC", "p100-01", START, START + timedelta(minutes=170))


def lease(of: Booking, id: str = "l1", site: str = "CHI@TACC") -> Lease:
    return Lease(id, of.lease, site, "PENDING", of.start, of.end)


def calendar(**leases: tuple[Interval, str]) -> dict[str, Calendar]:
    """P100s by name, each with one lease."""
    holds = {name.replace("_", "-"): (held,) for name, held in leases.items()}
    return {"gpu_p100": Calendar("gpu_p100", {n: tuple(i for i, _ in h) for n, h in holds.items()}, holds=holds)}


def test_a_lease_serves_a_booking_from_its_start_to_its_end_or_longer() -> None:
    assert same_times(ONE, ONE.start, ONE.end) and same_times(ONE, ONE.start, ONE.end + HOUR)
    assert not same_times(ONE, ONE.start, ONE.end - HOUR) and not same_times(ONE, ONE.start + HOUR, ONE.end + HOUR)


def test_a_lease_is_a_bookings_by_name_site_and_times() -> None:
    assert View({}, [lease(ONE)]).lease_of(ONE) == lease(ONE)
    assert View({}, [lease(ONE, site="CHI@UC")]).lease_of(ONE) is None
    assert View({}, [lease(replace(ONE, netids=("b2",)))]).lease_of(ONE) is None


def test_the_node_is_the_one_that_the_lease_holds() -> None:
    span = Interval(ONE.start, ONE.end)
    view = View(calendar(p100_01=(span, "other"), p100_02=(span, "l1")), [lease(ONE)])
    assert [b.node for b in view.as_made([ONE])] == ["p100-02"]
    assert View({}, [lease(ONE)]).as_made([ONE]) == [ONE], "where no calendar tells, the planned one"


def test_what_is_the_courses_own_leaves_the_calendar_and_what_is_not_stays() -> None:
    span, later = Interval(ONE.start, ONE.end), Interval(ONE.start + 5 * HOUR, ONE.end + 5 * HOUR)
    calendars = calendar(a=(span, "l1"), b=(span, "hold"), c=(span, "stranger"), d=(later, "l2"))
    moved = replace(ONE, start=later.start, end=later.end)
    leases = [lease(ONE), lease(moved, "l2")]
    view = View(calendars, leases, frozenset({"hold"}))
    assert {n for n, busy in view.free_of_own([ONE])["gpu_p100"].nodes.items() if busy} == {"c", "d"}
    view = replace(view, earlier=(moved,))
    assert {n for n, busy in view.free_of_own([ONE])["gpu_p100"].nodes.items() if busy} == {"c"}
    assert view.left_over([ONE]) == [lease(moved, "l2")] and view.left_over([moved]) == []


def test_without_names_only_exactly_the_planned_times_are_the_courses() -> None:
    span = Interval(ONE.start, ONE.end)
    same = Calendar("gpu_p100", {"p100-01": (span,)})
    longer = Calendar("gpu_p100", {"p100-01": (Interval(span.start, span.end + HOUR),)})
    assert without_planned(same, [ONE]).nodes["p100-01"] == ()
    assert without_planned(longer, [ONE]).nodes == longer.nodes
    assert View({"gpu_p100": same}, known=False).free_of_own([ONE])["gpu_p100"].nodes["p100-01"] == ()


def test_a_look_finds_every_members_leases_placeholders_and_kinds_without_a_node(chameleon: Emulator) -> None:
    Student(chameleon).lease("serve_system_a1")
    Student(chameleon).lease("placeholder monday")
    for resource in chameleon.state.resources.values():
        if resource.properties.get("node_type") == "compute_gigaio":
            resource.reservable = False
    view = look(Desk(), load_rules())
    assert {one.name for one in view.leases} == {"serve_system_a1", "placeholder monday"}
    assert [one.id for one in view.leases if one.name.startswith("placeholder")] == list(view.placeholders)
    assert view.calendars["compute_gigaio"].nodes == {} and len(view.calendars["gpu_p100"].nodes) == 2


def test_hands_make_and_give_back_without_a_trace_in_the_journal(chameleon: Emulator, tmp_path) -> None:
    desk = Desk(Journal(tmp_path))
    start = desk.clock.now().replace(minute=0, second=0, microsecond=0) + 5 * HOUR
    one = replace(ONE, start=start, end=start + timedelta(minutes=170))
    hands = Hands(desk)
    assert hands.make(one).startswith("serve_system_a1 at CHI@TACC: ")
    with pytest.raises(LeaseRefused, match="p100-01 .*is taken.*Next free"):
        hands.make(replace(one, netids=("b2",)))
    assert desk.journal.entries() == []
    (made,) = look(desk, load_rules()).leases
    hands.give_back(made)
    assert look(desk, load_rules()).leases == []


def test_a_lease_whose_answer_was_lost_is_found(chameleon: Emulator, tmp_path, monkeypatch) -> None:
    desk = Desk(Journal(tmp_path))
    start = desk.clock.now().replace(minute=0, second=0, microsecond=0) + 5 * HOUR
    one = replace(ONE, start=start, end=start + timedelta(minutes=170))
    site = desk.site("CHI@TACC")
    real = site.create_lease

    def lost(spec):
        real(spec)
        raise SiteUnreachable("the answer was cut off")

    monkeypatch.setattr(site, "create_lease", lost)
    assert Hands(desk).make(one).startswith("serve_system_a1")

    def down(spec):
        raise SiteUnreachable("no answer")

    monkeypatch.setattr(site, "create_lease", down)
    with pytest.raises(SiteUnreachable):
        Hands(desk).make(replace(one, netids=("b2",)))
