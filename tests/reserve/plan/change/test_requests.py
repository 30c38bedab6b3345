"""What students ask for is done where it fits beside everybody else, and nobody else moves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reserve.plan.change.requests import answers_text, read_requests, take
from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Booking, faults, name_nodes
from reserve.plan.solve.board import Board, first_come
from snippets.errors import PlanError
from tests.reserve.plan.small import START, inputs, student

ONE_EACH = {"compute_liqid": 1, "gpu_p100": 1, "raspberrypi5": 1}
STUDENTS = [student("a1"), student("b2", unavailable="Tue"), student("c3", tz="Asia/Kolkata"), student("d4")]
COURSE = inputs(STUDENTS, 6, ONE_EACH).course()
PLAN = name_nodes(COURSE, first_come(COURSE, Board(COURSE), COURSE.able))


def asked(folder: Path, rows: str, course: Course = COURSE) -> tuple[list[Booking], list[str], list[bool]]:
    """The plan after these rows, what each is told, and whether it was done."""
    file = folder / "requests.csv"
    file.write_text("Timestamp,netid,part,request,time,with\n" + "".join(f"x,{row}\n" for row in rows.split()))
    file.write_text(file.read_text().replace("give_back", "Give back"))
    bookings, answers = take(course, PLAN, read_requests(file, course), START)
    assert faults(course, bookings) == []
    return bookings, [one.text for one in answers], [one.yes for one in answers]


def of(bookings: list[Booking] | tuple[Booking, ...], netid: str, part: str) -> Booking | None:
    return next((b for b in bookings if b.netids == (netid,) and b.part == part), None)


def others(bookings: list[Booking] | tuple[Booking, ...], *netids: str) -> list[Booking]:
    return [b for b in bookings if b.netids[0] not in netids]


def test_a_free_slot_is_given_by_the_student_s_own_clock_and_nobody_else_moves(tmp_path: Path) -> None:
    bookings, (text,), (yes,) = asked(tmp_path, "c3,edge,slot,2027-03-12T10:30,")
    assert yes and text.startswith("Fri Mar 12 10:30 IST")
    mine = of(bookings, "c3", "edge")
    assert mine is not None and mine.start == START.replace(day=12, hour=5)
    assert others(bookings, "c3") == others(PLAN, "c3")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("b2,edge,slot,2027-03-09T16:00,", "b2 edge: unavailable"),
        ("a1,edge,slot,2027-03-08T09:00,", "a1: edge begins within 12 h of model"),
        ("a1,edge,slot,2027-03-12T10:30,", "whole hours UTC: 10:00 or 11:00 by their clock"),
        ("a1,edge,slot,2027-03-07T10:00,", "passed"),
        ("a1,edge,slot,2027-04-07T10:00,", "not between start and due date"),
        ("a1,model,give_back,,", "a1 has edge without model"),
        ("a1,edge,swap,,b2", "b2 has not asked for the same"),
        ("a1,edge,wait,,", "have a time already"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_rule(tmp_path: Path, row: str, words: str) -> None:
    bookings, (text,), (yes,) = asked(tmp_path, row)
    assert not yes and words in text
    assert list(bookings) == sorted(PLAN, key=lambda b: (b.start, b.hardware, b.node))


def test_two_who_both_ask_swap(tmp_path: Path) -> None:
    bookings, _, yes = asked(tmp_path, "a1,model,swap,,d4 d4,model,swap,,a1")
    assert yes == [True, True]
    for one, two in (("a1", "d4"), ("d4", "a1")):
        before, after = of(PLAN, one, "model"), of(bookings, two, "model")
        assert before is not None and after is not None and (before.start, before.node) == (after.start, after.node)
    assert others(bookings, "a1", "d4") == others(PLAN, "a1", "d4")


def test_a_swap_that_does_not_suit_one_of_the_two_is_refused_to_both(tmp_path: Path) -> None:
    bookings, texts, yes = asked(tmp_path, "a1,system,swap,,b2 b2,system,swap,,a1")
    assert yes == [False, False] and all("b2 system: unavailable" in text for text in texts)


def test_what_is_given_back_goes_to_whoever_waits_for_it(tmp_path: Path) -> None:
    slot = of(PLAN, "b2", "system")
    assert slot is not None
    local = slot.start.astimezone(STUDENTS[0].tz)
    # The wish for the slot comes first, and waits until it is free.
    rows = f"a1,system,slot,{local:%Y-%m-%dT%H:%M}, b2,system,give_back,,"
    bookings, texts, yes = asked(tmp_path, rows)
    mine = of(bookings, "a1", "system")
    assert yes == [True, True] and texts[1] == "given back"
    assert mine is not None and (mine.start, mine.node) == (slot.start, slot.node)
    assert of(bookings, "b2", "system") is None
    _, _, again = asked(tmp_path, "b2,system,give_back,, b2,system,wait,,")
    assert again == [True, True], "who waits gets the first time that is free"


def test_a_block_that_has_begun_is_nobody_s_to_give(tmp_path: Path) -> None:
    file = tmp_path / "requests.csv"
    file.write_text("netid;part;request\na1;system;give-back\n")
    (request,) = read_requests(file, COURSE)
    _, (answer,) = take(COURSE, PLAN, [request], START + timedelta(days=5))
    assert (answer.yes, answer.text) == (False, "the block has begun")
    assert answers_text([answer]).splitlines() == [
        "0 of 1 requests done, nobody else moved",
        "  a1 system give back: refused: the block has begun",
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("zz,edge,wait,,", "row 2: 'zz' is not in the roster"),
        ("a1,edge,swap,,zz", "row 2: 'zz' is not in the roster"),
        ("a1,lunch,wait,,", "row 2: 'lunch' is no part; there are model, edge, system"),
        ("a1,edge,please,,", "row 2: 'please' is no request; write one of slot, swap, give back, wait"),
        ("a1,edge,slot,,", "row 2: a slot needs its time"),
        ("a1,edge,slot,noon,", "row 2, time: 'noon' is not a time"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        asked(tmp_path, row)
