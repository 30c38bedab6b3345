"""Answers that came when they say, and others, on a chain of three steps."""

from __future__ import annotations

from typing import Any, cast

import pytest

from grading.checks.integrity.answers import misplaced_answers, unplaced_answers
from tests.grading.checks.paper import PaperRecord, PaperStep


def at(minutes: int, seconds: int = 0) -> str:
    return f"2026-03-01T12:{minutes:02}:{seconds:02}Z"


# Three steps of five minutes, at 12:00, 12:10 and 12:20.
STEPS = tuple(PaperStep(name, {}, at(10 * n), at(10 * n + 5)) for n, name in enumerate("abc"))
LINKS = ("run", "a", "b", "c")


def record(*answers: tuple[str, str], measured: Any = ()) -> Any:
    """A run with these answers: after which link, and when."""
    given = tuple(
        {"question": f"q{n}", "after": after, "answered_utc": when, "measured": list(measured)}
        for n, (after, when) in enumerate(answers)
    )
    return cast(Any, PaperRecord(STEPS, answers=given, links=LINKS))


@pytest.mark.parametrize(
    ("after", "when", "told"),
    [
        ("run", at(0), ""),
        ("run", at(0, 5), ""),
        ("run", at(0, 6), "says that it came before step 'a', but has a later time"),
        ("run", at(30), "says that it came before step 'a', but has a later time"),
        ("a", at(7), ""),
        ("a", at(5), ""),
        ("a", at(4, 54), "says that it came after step 'a', but has an earlier time"),
        ("c", at(59), ""),
        ("c", at(20), "says that it came after step 'c', but has an earlier time"),
        ("elsewhere", at(7), ""),
        ("a", "noon", ""),
    ],
)
def test_an_answers_time_lies_between_the_steps_that_it_names(after: str, when: str, told: str) -> None:
    found = misplaced_answers(record((after, when)))
    assert found == ([f"the answer to 'q0' {told}"] if told else [])


def test_an_answer_has_a_place_in_the_chain_and_they_stand_in_their_order() -> None:
    assert unplaced_answers(record(("run", at(0)), ("a", at(6)), ("a", at(7)), ("c", at(30)))) == []
    assert "names no step of this run" in unplaced_answers(record(("elsewhere", at(7))))[0]
    assert unplaced_answers(record(("c", at(30)), ("run", at(0)))) == [
        "the answer to 'q1' stands behind answers that were given after it"
    ]


def test_what_an_answer_names_as_measured_came_before_it() -> None:
    assert unplaced_answers(record(("b", at(17)), measured=["a", "b"])) == []
    assert unplaced_answers(record(("a", at(7)), measured=["a", "b"])) == [
        "the answer to 'q0' names steps as measured that came after it"
    ]
