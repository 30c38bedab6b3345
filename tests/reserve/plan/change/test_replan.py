"""After a change: whoever must moves, as few others as possible."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reserve.calendar import Calendar, Interval
from reserve.plan.change.replan import moves_text, replan
from reserve.plan.course.schedule import Booking, Plan, faults
from reserve.plan.solve.solve import make_plan
from snippets.errors import PlanError
from tests.reserve.plan.change.made import MADE_FROM, taken
from tests.reserve.plan.small import START, inputs, student


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
    changed = replace(MADE_FROM, calendars=taken(dict(MADE_FROM.calendars), b))
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
    lines = moves_text(result, [s.netid for s in rest]).splitlines()[1:]
    assert len(lines) == 3 and all(line.endswith("-> not in the roster any more") for line in lines)


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


def test_who_moves_is_told_with_both_times(plan: Plan) -> None:
    b = plan.bookings[0]
    changed = replace(MADE_FROM, calendars=taken(dict(MADE_FROM.calendars), b))
    roster = [student.netid for student in MADE_FROM.students]
    first, second = moves_text(replan(changed.course(), plan.bookings, START), roster).splitlines()
    assert first == "1 students or pairs move; at least 1 had to"
    assert second.startswith(f"  {b.netids[0]} {b.part}: {b.start:%m-%d %H:%M} on {b.node} -> ")


def with_nodes(made, key: str, *nodes: str):
    """The inputs with only these nodes of a kind."""
    old = made.calendars[key].nodes
    return replace(made, calendars={**made.calendars, key: Calendar(key, {n: old[n] for n in nodes})})


def test_the_nodes_kept_for_retries_are_used_for_them() -> None:
    # The one P100 slot that is left in the last two days is on the node that the plan kept free.
    rules = replace(MADE_FROM.rules, buffer_hours=48, buffer_nodes=1)
    made = inputs(2, days=4, nodes={"compute_liqid": 1, "gpu_p100": 2, "raspberrypi5": 1}, rules=rules)
    bookings = make_plan(made.course(), 3).bookings
    hit = next(b for b in bookings if b.part == "system")
    late = START + timedelta(days=4, hours=-24)
    busy = {"gpu_p100-1": [Interval(START, START + timedelta(days=4))]}
    again = inputs(2, days=4, nodes={"compute_liqid": 1, "gpu_p100": 2, "raspberrypi5": 1}, rules=rules, busy=busy)
    again = replace(again, rules=replace(rules, buffer_nodes=0))
    result = replan(again.course(), bookings, late, [(hit.netids[0], "system")])
    new = next(b for b in result.bookings if b.lease == hit.lease)
    assert new.start >= late and new.node == "gpu_p100-2"


def test_who_has_a_lease_keeps_its_node_whatever_the_others_must_do() -> None:
    # P100s are free from hour 80 to 86 only. a1 has the first from 80 on, b2 the second from 83 on. c3, whose block
    # lasts six hours, would fit if b2 went to the first node: so it does as long as b2 has no lease there.
    free = START + timedelta(hours=80), START + timedelta(hours=86)
    rest = [Interval(START, free[0] - timedelta(minutes=1)), Interval(free[1], START + timedelta(days=9))]
    nodes = {"compute_liqid": 3, "gpu_p100": 2, "raspberrypi5": 3}
    made = inputs(
        [student("a1"), student("b2"), student("c3", extra=2)],
        days=5,
        nodes=nodes,
        busy={"gpu_p100-1": rest, "gpu_p100-2": rest},
        wake_minute=0,
    )
    course = made.course()
    others = [b for b in make_plan(course, 3).bookings if b.part != "system"]
    first = Booking(("a1",), "system", "gpu_p100", "CHI@TACC", "gpu_p100-1", free[0], free[0] + timedelta(minutes=170))
    second = replace(first, netids=("b2",), node="gpu_p100-2", start=free[0] + timedelta(hours=3))
    second = replace(second, end=second.start + timedelta(minutes=170))
    result = replan(course, [*others, first, second], START)
    assert {b.node for b in result.bookings if b.part == "system" and b.netids != ("c3",)} == {"gpu_p100-1"}
    assert len([b for b in result.bookings if b.part == "system"]) == 3 and faults(course, result.bookings) == []
    leased = replan(course, [*others, first, second], START, made=[first, second])
    assert {first, second} <= set(leased.bookings)
    assert len([b for b in leased.bookings if b.part == "system"]) == 2 and faults(course, leased.bookings) == []


def test_when_the_only_node_of_a_kind_dies_what_is_past_stays_and_the_rest_goes_on(plan: Plan) -> None:
    edge = next(b for b in plan.bookings if b.part == "edge")
    dead = with_nodes(MADE_FROM, "raspberrypi5")
    course = dead.course(empty=True)
    result = replan(course, plan.bookings, edge.end)
    assert edge in result.bookings, "a block that is over stays where it was"
    ahead = {b.lease for b in plan.bookings if b.part == "edge" and b.start >= edge.end}
    assert {b.lease for b in result.bookings if b.part == "edge"} == {
        b.lease for b in plan.bookings if b.part == "edge"
    } - ahead
    assert {b for b in plan.bookings if b.part != "edge"} <= set(result.bookings)


def test_rules_that_the_plan_breaks_by_now_are_told(plan: Plan) -> None:
    nobody = replace(MADE_FROM, rules=replace(MADE_FROM.rules, max_simultaneous=1))
    with pytest.raises(PlanError, match="does not fit today's rules: .*more than 1 leases.*make a new plan"):
        replan(nobody.course(), plan.bookings, START)
