"""After a change: whoever must moves, as few others as possible."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reserve.calendar import Calendar, Interval
from reserve.plan.change.replan import moves_text, replan
from reserve.plan.course.schedule import Plan, faults
from reserve.plan.solve.solve import make_plan
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
    first, second = moves_text(replan(changed.course(), plan.bookings, START)).splitlines()
    assert first == "1 students or pairs move; at least 1 had to"
    assert second.startswith(f"  {b.netids[0]} {b.part}: {b.start:%m-%d %H:%M} on {b.node} -> ")
