"""No plan ever breaks a rule; bounds hold; known optima are found."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reserve.calendar import Interval
from reserve.plan.course.schedule import Booking, Plan, faults, is_complete
from reserve.plan.solve import solve
from reserve.plan.solve.baselines import at_the_deadline, compare, first_come_first_served
from reserve.plan.solve.board import Board, first_come
from reserve.plan.solve.effort import Effort
from reserve.plan.solve.solve import make_plan
from tests.reserve.plan.small import NODES, START, inputs, student

TIMES = ["", "Mon 09:00-18:00", "Tue+Wed", "daily 08:00-12:00", "2027-03-09", "2027-03-09T10:00/2027-03-10T15:30"]
ZONES = ["America/New_York", "America/Los_Angeles", "Asia/Kolkata"]


@st.composite
def courses(draw: st.DrawFn):  # type: ignore[no-untyped-def]
    """A handful of students with all kinds of times on a handful of nodes that others use too."""
    count = draw(st.integers(1, 7))
    students = [
        student(
            f"s{n}",
            draw(st.sampled_from(ZONES)),
            draw(st.sampled_from(TIMES)),
            draw(st.sampled_from(TIMES)),
            draw(st.sampled_from([1.0, 1.0, 1.5])),
        )
        for n in range(count)
    ]
    if count > 2 and draw(st.booleans()):
        students[0] = replace(students[0], pair="s1")
    busy: dict[str, list[Interval]] = {}
    for key, nodes in NODES.items():
        for node in range(1, nodes + 1):
            for _ in range(draw(st.integers(0, 2))):
                begin = START + timedelta(minutes=30 * draw(st.integers(0, 140)))
                length = timedelta(minutes=draw(st.sampled_from([110, 170, 600, 1430])))
                busy.setdefault(f"{key}-{node}", []).append(Interval(begin, begin + length))
    rules = {
        "buffer_hours": draw(st.sampled_from([0, 24])),
        "buffer_nodes": draw(st.sampled_from([0, 1])),
        "max_simultaneous": draw(st.sampled_from([0, 0, 1, 2])),
    }
    return inputs(students, draw(st.sampled_from([1.5, 3, 6.5])), busy=busy, **rules)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(courses())
def test_no_plan_breaks_a_rule_or_beats_its_bound(made) -> None:  # type: ignore[no-untyped-def]
    course = made.course()
    plan = make_plan(course, 3)
    assert faults(course, plan.bookings) == []
    for stage in plan.stages:
        if stage.bound is not None:
            assert stage.value <= stage.bound if stage.maximise else stage.value >= stage.bound, stage
    assert plan.stages[0].value >= compare(course, plan.bookings)[1].complete


def _plan(made) -> tuple:  # type: ignore[no-untyped-def, type-arg]
    course = made.course()
    plan = make_plan(course, 5)
    assert faults(course, plan.bookings) == []
    return course, plan


def _changed(plan: Plan, part: str, **changes: object) -> list[Booking]:
    """The plan with the first booking of a part changed."""
    index = next(i for i, b in enumerate(plan.bookings) if b.part == part)
    bookings = list(plan.bookings)
    bookings[index] = replace(bookings[index], **changes)  # type: ignore[arg-type]
    return bookings


def test_the_checker_sees_every_kind_of_fault() -> None:
    made = inputs(
        [student("s1", unavailable="Tue"), student("s2")],
        days=6,
        busy={"gpu_p100-2": [Interval(START, START + timedelta(days=6))]},
    )
    course, plan = _plan(made)
    model = next(b for b in plan.bookings if b.part == "model")
    edge = next(b for b in plan.bookings if b.part == "edge")
    system = next(b for b in plan.bookings if b.part == "system")
    hour = timedelta(hours=1)

    def moved(booking: Booking, start) -> list[Booking]:  # type: ignore[no-untyped-def]
        rest = [b for b in plan.bookings if b != booking]
        return [*rest, replace(booking, start=start, end=start + (booking.end - booking.start))]

    cases = {
        "booked twice": [*plan.bookings, replace(system, netids=("s2" if system.netids == ("s1",) else "s1",))],
        "a part twice": [*plan.bookings, model],
        "held by somebody else": _changed(plan, "system", node="gpu_p100-2"),
        "within 12 h": moved(edge, model.start),
        "waking hours": moved(model, START + 3 * hour),
        "whole hour": moved(model, model.start + timedelta(minutes=20)),
        "less 10 min": _changed(plan, "model", end=model.end + timedelta(minutes=10)),
        "without model": [b for b in plan.bookings if b.part != "model"],
        "not in the roster": [*plan.bookings, replace(edge, netids=("zz",), node="raspberrypi5-1")],
        "is no gpu_p100": _changed(plan, "system", node="raspberrypi5-1"),
    }
    for words, bookings in cases.items():
        assert any(words in fault for fault in faults(course, bookings)), words
    tuesday = START + timedelta(days=1, hours=12)
    mine = next(b for b in plan.bookings if b.netids == ("s1",) and b.part == "model")
    assert any("s1 model: unavailable" in fault for fault in faults(course, moved(mine, tuesday)))


def test_a_pool_with_one_node_serves_five_blocks_a_day_and_that_is_proven() -> None:
    # 08:00 to 24:00 are five 3-hour blocks. The system node is the bottleneck: the models of day 1 are followed by
    # systems on days 2 and 3, five each.
    made = inputs(14, days=3, nodes={"compute_liqid": 3, "gpu_p100": 1, "raspberrypi5": 2})
    _, plan = _plan(made)
    assert (plan.stages[0].value, plan.stages[0].bound) == (10, 10)


def test_alike_students_get_a_plan_that_is_proven_best_on_every_goal() -> None:
    _, plan = _plan(inputs(12, days=6))
    assert [stage.gap for stage in plan.stages] == [0.0] * len(plan.stages)


def test_a_pair_shares_its_leases_at_times_that_suit_both() -> None:
    pair = [student("a1", pair="b2", unavailable="Mon"), student("b2", unavailable="Tue")]
    made = inputs([*pair, student("c3")], days=7)
    course, plan = _plan(made)
    shared = [b for b in plan.bookings if b.netids == ("a1", "b2")]
    assert is_complete(course, shared)
    assert plan.stages[0].value == 3
    assert all(b.start.astimezone(course.tz).weekday() not in (0, 1) for b in shared)


def test_extra_time_makes_longer_blocks() -> None:
    _, plan = _plan(inputs([student("a1", extra=1.5), student("b2")], days=4))
    hours = {(b.netids[0], b.part): b.hours for b in plan.bookings}
    assert (hours["a1", "model"], hours["a1", "edge"], hours["b2", "model"]) == (5, 3, 3)


def test_preferred_times_are_used_when_they_cost_nobody_anything() -> None:
    made = inputs([student("a1", preferred="daily 18:00-24:00"), student("b2")], days=7)
    course, plan = _plan(made)
    mine = [b for b in plan.bookings if b.netids == ("a1",)]
    assert all(b.start.astimezone(course.tz).hour >= 18 for b in mine)


def test_the_time_before_the_due_date_keeps_nodes_for_retries() -> None:
    made = inputs(
        14, days=3, nodes={"compute_liqid": 2, "gpu_p100": 2, "raspberrypi5": 2}, buffer_hours=24, buffer_nodes=1
    )
    _, plan = _plan(made)
    last = START + timedelta(days=2)
    late = [b for b in plan.bookings if b.end > last and b.part == "system"]
    assert late
    assert all(sum(a.start < b.end and b.start < a.end for b in late) <= 1 for a in late)


def test_nobody_gets_more_leases_at_once_than_the_rules_allow() -> None:
    made = inputs(6, days=5, max_simultaneous=1)
    _, plan = _plan(made)
    spans = sorted((b.start, b.end) for b in plan.bookings)
    assert all(one[1] <= two[0] for one, two in zip(spans, spans[1:], strict=False))


def test_a_student_who_never_has_time_is_left_out_and_the_rest_are_planned() -> None:
    _, plan = _plan(inputs([student("a1", unavailable="daily"), student("b2")], days=4))
    assert (plan.stages[0].value, plan.stages[0].bound) == (1, 1)
    assert {b.netids for b in plan.bookings} == {("b2",)}


@pytest.mark.parametrize("way", [first_come_first_served, at_the_deadline])
def test_the_naive_ways_keep_to_nodes_and_times_as_well(way) -> None:  # type: ignore[no-untyped-def]
    course = inputs(9, days=6).course()
    assert faults(course, way(course)) == []


def test_the_plan_beats_everyone_at_the_deadline() -> None:
    made = inputs(16, days=8, nodes={"compute_liqid": 1, "gpu_p100": 1, "raspberrypi5": 1})
    course, plan = _plan(made)
    ways = compare(course, plan.bookings)
    assert ways[0].complete == 16
    assert ways[2].complete < 16
    assert ways[0].worst_wait <= ways[1].worst_wait


def test_a_bound_proven_for_looser_goals_holds_for_tighter_ones_and_not_the_other_way_round() -> None:
    course = inputs(2, days=6).course()
    search = solve.Search(course, Effort(1), {})
    values = {"complete": 2, "wait": 3, "worst_miss": 1, "finish": 9, "late": 2}
    assert search.known("finish", values) is None
    search.proven["finish", (2, 4, 1)] = 5  # nobody waits over 4 days: every plan with 3 is among these
    search.proven["finish", (2, 2, 1)] = 8  # nobody over 2: says nothing about plans with 3
    assert search.known("finish", values) == 5
    assert search.known("finish", {**values, "finish": 4, "wait": 3}) == 4, "a bound is never beyond what was reached"
    search.waits[1] = 1  # one student alone cannot be served sooner, so two cannot
    search.waits[3] = 2
    assert search.known("wait", values) == 1 and search.known("late", {**values, "late": 0}) == 0


def test_ctrl_c_ends_the_search_and_keeps_the_best_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    course = inputs(12, days=6).course()
    found, released, told = threading.Event(), threading.Event(), []

    def for_ever(search) -> None:  # type: ignore[no-untyped-def]
        search.offer(first_come(course, Board(course), reversed(course.able)))
        found.set()
        released.wait(60)

    def interrupted(worker: threading.Thread, timeout: float | None = None) -> None:
        if not told:
            found.wait(30)
            told.append("Ctrl-C")
            raise KeyboardInterrupt

    monkeypatch.setattr(solve, "run", for_ever)
    monkeypatch.setattr(threading.Thread, "join", interrupted)
    said: list[str] = []
    plan = make_plan(course, 1000, said.append)
    released.set()
    assert faults(course, plan.bookings) == [] and plan.stages[0].value == 12 and plan.stopped
    assert any("stopped: the best plan so far is kept" in line for line in said)
    assert plan.stages[0].bound is None, "nothing was proven yet, and nothing is claimed"


def test_a_search_that_does_not_come_back_in_time_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(solve, "run", lambda search: released.wait(60))
    monkeypatch.setattr(solve, "GRACE_S", 0.0)
    plan = make_plan(inputs(3, days=6).course(), 0.1)
    assert plan.stages[0].value == 3 and not released.is_set()
    released.set()


def test_an_error_in_the_search_is_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(search) -> None:  # type: ignore[no-untyped-def]
        raise AssertionError("more blocks than nodes")

    monkeypatch.setattr(solve, "run", broken)
    with pytest.raises(AssertionError, match="more blocks than nodes"):
        make_plan(inputs(3, days=6).course(), 5)
