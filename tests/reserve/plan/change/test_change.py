"""After the plan: checking it, making its leases, changing it, playing it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reserve.calendar import Calendar, Interval
from reserve.plan.change.apply import apply
from reserve.plan.change.check import FREE, GONE, LATE, MADE, PAST, TAKEN, Held, check, without_own
from reserve.plan.change.explain import changes, who_is_left
from reserve.plan.change.replan import replan
from reserve.plan.change.simulate import simulate
from reserve.plan.course.rules import Faults
from reserve.plan.course.schedule import Booking, Plan, faults
from reserve.plan.show.cost import cost, per_student
from reserve.plan.solve.solve import make_plan
from snippets.errors import SiteError
from tests.reserve.plan.small import NODES, START, inputs, student

MADE_FROM = inputs(6, days=7)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(MADE_FROM.course(), 5)


def _taken(calendars: dict[str, Calendar], *bookings: Booking) -> dict[str, Calendar]:
    """The calendars with somebody's leases at these times on these nodes."""
    found = dict(calendars)
    for b in bookings:
        nodes = dict(found[b.hardware].nodes)
        nodes[b.node] = (*nodes[b.node], Interval(b.start, b.end))
        found[b.hardware] = Calendar(b.hardware, nodes)
    return found


def test_check_tells_made_from_taken_free_and_gone(plan: Plan) -> None:
    first, second, third = plan.bookings[:3]
    last = plan.bookings[-1]
    held = {first.lease: Held(first.lease, first.start, first.end)}
    calendars = _taken(dict(MADE_FROM.calendars), first, second)
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
    calendars = _taken(dict(MADE_FROM.calendars), b)
    assert without_own(calendars[b.hardware], plan.bookings, None).nodes[b.node] == ()
    assert without_own(calendars[b.hardware], plan.bookings, {}).nodes[b.node] != ()


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


def test_nothing_changes_when_nothing_happened(plan: Plan) -> None:
    result = replan(MADE_FROM.course(), plan.bookings, START)
    assert (result.bookings, result.moves, result.moved) == (plan.bookings, (), 0)


def test_when_a_node_dies_only_its_students_move(plan: Plan) -> None:
    dead = next(b for b in plan.bookings if b.part == "system")
    calendars = dict(MADE_FROM.calendars)
    nodes = {n: busy for n, busy in calendars[dead.hardware].nodes.items() if n != dead.node}
    changed = replace(MADE_FROM, calendars={**calendars, dead.hardware: Calendar(dead.hardware, nodes)})
    course = changed.course()
    result = replan(course, plan.bookings, START)
    hit = {b.netids[0] for b in plan.bookings if b.node == dead.node}
    assert faults(course, result.bookings) == []
    assert len(result.bookings) == len(plan.bookings)
    assert {move.netids[0] for move in result.moves} == hit
    assert result.moved <= len(hit) == result.least


def test_somebody_who_took_a_slot_moves_one_student(plan: Plan) -> None:
    b = plan.bookings[0]
    changed = replace(MADE_FROM, calendars=_taken(dict(MADE_FROM.calendars), b))
    result = replan(changed.course(), plan.bookings, START)
    assert {move.netids for move in result.moves} == {b.netids}
    assert faults(changed.course(), result.bookings) == []


def test_a_missed_block_is_given_again_later_and_what_follows_it_with_it(plan: Plan) -> None:
    b = next(b for b in plan.bookings if b.part == "model")
    now = b.end
    result = replan(MADE_FROM.course(), plan.bookings, now, [(b.netids[0], "model")])
    again = next(x for x in result.bookings if x.netids == b.netids and x.part == "model")
    assert again.start >= now
    assert faults(MADE_FROM.course(), result.bookings) == []
    past = [x for x in plan.bookings if x.start < now and x != b]
    assert set(past) <= set(result.bookings)


def test_a_student_who_drops_frees_time_and_moves_nobody(plan: Plan) -> None:
    gone = plan.bookings[0].netids[0]
    rest = tuple(s for s in MADE_FROM.students if s.netid != gone)
    result = replan(replace(MADE_FROM, students=rest).course(), plan.bookings, START)
    assert {move.netids[0] for move in result.moves} == {gone}
    assert result.moved == 0


def test_others_move_when_there_is_no_other_way() -> None:
    # Two students, one system node; each alone could take either evening, but b2 can use only the one a1 holds.
    both = [student("a1"), student("b2")]
    nodes = {"compute_liqid": 2, "gpu_p100": 1, "raspberrypi5": 2}
    busy = {
        "gpu_p100-1": [
            Interval(START, START + timedelta(days=2, hours=10, minutes=50)),
            Interval(START + timedelta(days=2, hours=17), START + timedelta(days=9)),
        ]
    }
    made = inputs(both, days=4, nodes=nodes, busy=busy)
    course = made.course()
    old = make_plan(course, 3)
    assert old.stages[0].value == 2
    early = min((b for b in old.bookings if b.part == "system"), key=lambda b: b.start)
    late = max((b for b in old.bookings if b.part == "system"), key=lambda b: b.start)
    away = f"{late.start.astimezone(made.tz):%Y-%m-%dT%H:%M}/{late.end.astimezone(made.tz):%Y-%m-%dT%H:%M}"
    hit = late.netids[0]
    changed = replace(
        made, students=tuple(student(s.netid, unavailable=away) if s.netid == hit else s for s in made.students)
    )
    result = replan(changed.course(), old.bookings, START)
    assert faults(changed.course(), result.bookings) == []
    assert len([b for b in result.bookings if b.part == "system"]) == 2
    assert {m.netids[0] for m in result.moves} >= {hit, early.netids[0]}
    assert (result.least, result.moved) == (1, 2)


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


def test_without_faults_everyone_finishes_and_with_many_fewer_do(plan: Plan) -> None:
    calm = replace(MADE_FROM, rules=replace(MADE_FROM.rules, faults=Faults(0, 0, 0, 0)))
    assert [day.share for day in simulate(calm, plan.bookings, 5).by_day] == [1.0] * 8
    rough = replace(MADE_FROM, rules=replace(MADE_FROM.rules, faults=Faults(0.3, 0.3, 0.2, 0.1, 24)))
    result = simulate(rough, plan.bookings, 60, seed=3)
    assert result.by_day[0].share < 1
    assert [day.share for day in result.by_day] == sorted(day.share for day in result.by_day)
    assert result == simulate(rough, plan.bookings, 60, seed=3)
    assert all(day.low <= day.share <= day.high for day in result.by_day)


def test_cost_adds_up_and_a_shared_lease_is_split(plan: Plan) -> None:
    course = MADE_FROM.course()
    used = sum(one.node_hours for one in cost(course, plan.bookings))
    assert used == pytest.approx(sum(per_student(plan.bookings).values()))
    assert used == pytest.approx(6 * (17 / 6 + 17 / 6 + 23 / 12))
    assert all(one.idle_hours >= 0 for one in cost(course, plan.bookings))
    assert sum(NODES.values()) == 5
