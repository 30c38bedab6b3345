"""What counts as no answer, and how answers by choice and by number are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grading.errors import QuestionError
from grading.questions import schema
from grading.questions.schema import Question, chosen, format_problem, is_blank, number

ONE = Question("edge.a.one", "choose", "Which?", 1, choices=("fp32", "first inference"))
SEVERAL = Question("edge.a.several", "choose", "Which?", 1, choices=("fp32", "a, b", "none"), multiple=True)
NUMBER = Question("edge.a.number", "number", "How many?", 1)
GUESS = Question("edge.a.guess", "predict", "How many?", 1, steps=("a",), unit="ms")
SIGNED = Question("edge.a.signed", "predict", "How many?", 1, steps=("a",), unit="ms", signed=True)
PICK = Question("edge.a.pick", "predict", "Which?", 1, steps=("a",), choices=("a", "b"))
WORDS = Question("edge.a.words", "explain", "Why?", 1, rubric="r")
PICTURE = Question("edge.a.picture", "screenshot", "Show it.", 1, rubric="r")
CONFIG = Question("edge.a.picture", "config", "Show it.", 1, rubric="r")
CARDS = Question("edge.a.cards", "config", "Write them.", 1, form="cards")


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
        (GUESS, [1, 2], None),
        (GUESS, "1 to 2 ms", None),
        (GUESS, "[0.5, 2]", None),
        (GUESS, 2, "give an interval, as [5, 20] for 5 to 20 ms"),
        (GUESS, [2, 1], "the smaller number first"),
        (GUESS, [0, 1], "both above 0"),
        (GUESS, [1, 2, 3], "give an interval"),
        (GUESS, ["one", 2], "begin with a number"),
        (SIGNED, [-2, 1], None),
        (PICK, ["a", 0.7], None),
        (PICK, ("A", 1), None),
        (PICK, "a", "how sure you are of it, as ['a', 0.7] for 70 %"),
        (PICK, ["c", 0.7], "is not one of"),
        (PICK, ["a", 70], "is 1 at most"),
        (PICK, ["a", 0], "above 0"),
        (WORDS, "It has four words.", "at least one sentence"),
        (WORDS, "Five words are a sentence.", None),
        (WORDS, 5, "as text"),
        (PICTURE, 5, None),
        (CONFIG, 'name: "a"\nmax_batch_size: 8\n', None),
        (CONFIG, 'name: "a"\nmax_batch_sise: 8\n', "2:1"),
        (CONFIG, 5, "as text"),
        (CARDS, "[photos]\nthreads = 2", None),
        (CARDS, "[photos\nthreads = 2", "not valid TOML: "),
        (CARDS, 5, "as text"),
    ],
)
def test_the_form_of_an_answer_is_told_in_words(asked: Question, value: Any, problem: str | None) -> None:
    found = format_problem(asked, value)
    assert found is None if problem is None else problem in str(found)


@pytest.mark.parametrize(
    ("asked", "value", "readable"), [(GUESS, 2, True), (GUESS, "two", False), (PICK, "a", True), (PICK, "c", False)]
)
def test_predictions_of_older_records_may_be_plain(asked: Question, value: Any, readable: bool) -> None:
    assert (format_problem(asked, value, older=True) is None) == readable
    assert format_problem(asked, value) is not None


QUESTIONS = """
[[question]]
id = "model.a.new"
kind = "number"
text = "How many?"
points = 2
replaces = "model.a.old"
{more}

[[retired]]
id = "model.a.old"
kind = "choose"
text = "Which?"
choices = ["x", "y"]
points = 1
"""


def test_a_question_that_is_no_longer_asked_is_that_of_records_that_answer_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.toml").write_text(QUESTIONS.format(more=""))
    monkeypatch.setattr(schema, "FOLDER", tmp_path)
    for cached in (schema.questions, schema.retired):
        cached.cache_clear()
    try:
        old, new = "model.a.old", "model.a.new"
        of = {
            answered: [each.id for each in schema.asked_of("model", answered)] for answered in ((), (old,), (old, new))
        }
        assert of == {(): [new], (old,): [old], (old, new): [new]}
        assert [each.id for each in schema.questions("model")] == [new] and schema.question(old).points == 1
    finally:
        for cached in (schema.questions, schema.retired):
            cached.cache_clear()


@pytest.mark.parametrize(
    ("more", "message"), [('work = "easy"', "has work 'easy'"), ('works = "guess"', "has unknown fields works")]
)
def test_what_an_answer_takes_is_one_of_the_known_kinds(tmp_path: Path, more: str, message: str) -> None:
    (tmp_path / "model.toml").write_text(QUESTIONS.format(more=more))
    with pytest.raises(QuestionError, match=message):
        schema.load(tmp_path / "model.toml", "model")


EXTRA = """
[[question]]
id = "model.a.extra"
kind = "{kind}"
text = "How many?"
points = 2
extra = true
"""


def test_an_extra_question_is_asked_of_who_answered_it_and_of_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.toml").write_text(QUESTIONS.format(more="") + EXTRA.format(kind="number"))
    monkeypatch.setattr(schema, "FOLDER", tmp_path)
    cached = (schema.questions, schema.retired)
    for each in cached:
        each.cache_clear()
    try:
        assert [each.id for each in schema.questions("model")] == ["model.a.new"]
        assert [each.id for each in schema.extras("model")] == ["model.a.extra"]
        assert [each.id for each in schema.asked_of("model", ())] == ["model.a.new"]
        assert [each.id for each in schema.asked_of("model", ("model.a.extra",))] == ["model.a.new", "model.a.extra"]
        assert schema.question("model.a.extra").extra
    finally:
        for each in cached:
            each.cache_clear()


def test_an_extra_question_must_be_one_that_a_machine_grades(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(EXTRA.format(kind="explain"))
    with pytest.raises(QuestionError, match="'model.a.extra' is extra and of kind explain"):
        schema.load(tmp_path / "model.toml", "model")
