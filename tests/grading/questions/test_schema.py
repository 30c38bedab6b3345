"""What counts as no answer, and how answers by choice and by number are read."""

from __future__ import annotations

from typing import Any

import pytest

from grading.questions.schema import Question, chosen, format_problem, is_blank, number

ONE = Question("edge.a.one", "choose", "Which?", 1, choices=("fp32", "first inference"))
SEVERAL = Question("edge.a.several", "choose", "Which?", 1, choices=("fp32", "a, b", "none"), multiple=True)
NUMBER = Question("edge.a.number", "number", "How many?", 1)
GUESS = Question("edge.a.guess", "predict", "How many?", 1, steps=("a",), unit="ms")
WORDS = Question("edge.a.words", "explain", "Why?", 1, rubric="r")
PICTURE = Question("edge.a.picture", "screenshot", "Show it.", 1, rubric="r")


@pytest.mark.parametrize("value", [None, ..., "", "   ", "...", " . . . ", "\n\t", "\u2026", [], (), {}, set()])
def test_nothing_but_dots_and_spaces_is_no_answer(value: Any) -> None:
    assert is_blank(value) and format_problem(NUMBER, value) is None


@pytest.mark.parametrize("value", ["0", ".5", "... because", 0, 0.0, False, ["..."], [None]])
def test_a_zero_or_a_word_is_an_answer(value: Any) -> None:
    assert not is_blank(value)


def test_a_choice_is_read_whatever_its_case_quotes_and_spaces() -> None:
    assert chosen(ONE, "  'First   Inference' ") == ("first inference",)
    assert chosen(ONE, ["FP32"]) == ("fp32",)


def test_several_choices_may_stand_in_one_text_and_count_once() -> None:
    assert chosen(SEVERAL, "none; fp32\nFP32") == ("none", "fp32")
    assert chosen(SEVERAL, "a, b") == ("a, b",), "a choice with a comma in it is one choice"


@pytest.mark.parametrize(
    ("asked", "value", "message"),
    [
        (ONE, "int8", "'int8' is not one of: fp32, first inference"),
        (ONE, ["fp32", "first inference"], "name one choice"),
        (SEVERAL, ["fp32", "x"], "'x' is not one of"),
        (ONE, 3, "3 is not one of"),
    ],
)
def test_a_stranger_among_the_choices_is_named(asked: Question, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chosen(asked, value)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (3, 3.0),
        ("3", 3.0),
        (" -12.5 ms", -12.5),
        ("1,024 requests", 1024.0),
        ("1_000", 1000.0),
        ("2e3", 2000.0),
        ("+.5", None),
        ("about 3", None),
        (True, None),
        (float("inf"), None),
        ("1e999", None),
        ([3], None),
    ],
)
def test_a_number_is_what_the_answer_begins_with(value: Any, read: float | None) -> None:
    if read is None:
        with pytest.raises(ValueError):
            number(value)
    else:
        assert number(value) == read


@pytest.mark.parametrize(
    ("asked", "value", "problem"),
    [
        (ONE, "fp32", None),
        (ONE, "int8", "is not one of"),
        (NUMBER, "12 ms", None),
        (NUMBER, "many", "begin with a number"),
        (GUESS, 2, None),
        (GUESS, "two", "begin with a number"),
        (WORDS, "It has four words.", "at least one sentence"),
        (WORDS, "Five words are a sentence.", None),
        (WORDS, 5, "as text"),
        (PICTURE, 5, None),
    ],
)
def test_the_form_of_an_answer_is_told_in_words(asked: Question, value: Any, problem: str | None) -> None:
    found = format_problem(asked, value)
    assert found is None if problem is None else problem in str(found)
