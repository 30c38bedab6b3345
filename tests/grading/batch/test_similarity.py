"""Who handed in the same: worked out on texts and prints small enough to count."""

from __future__ import annotations

import pytest

from grading.batch.similarity import (
    Likeness,
    doubted,
    labels,
    likenesses,
    shared_numbers,
    shared_samples,
    shared_times,
    shared_words,
)
from grading.checks.part import PartGrade
from grading.checks.result import Result
from grading.grade import Grade

WORDS = [f"word{n}" for n in range(15)]


def grade(
    netid: str, *prints: str, text: str = "", question: str = "edge.a.b", kind: str = "by hand", source: str = ""
) -> Grade:
    result = Result(question, kind, True, 0, 2, "m", text)  # type: ignore[arg-type]
    part = PartGrade("edge", "r", "d", "n", (result,), "none", ())
    return Grade(source or f"{netid}.zip", "d", netid, "", (part,), (), prints)


def alike(first: list[str], second: list[str]) -> float:
    """How alike two explanations of one question are found to be; 0 for not at all."""
    found = shared_words([grade("a", text=" ".join(first)), grade("b", text=" ".join(second))])
    return found[0].strength if found else 0


def test_explanations_are_alike_by_the_phrases_of_four_words_that_they_share() -> None:
    # Fifteen words have twelve phrases. Another last word changes one: 11 of 13 are shared. Two change two: 10 of 14.
    assert alike(WORDS, WORDS) == 1
    assert alike(WORDS, [*WORDS[:14], "x"]) == pytest.approx(11 / 13, abs=1e-3)
    assert alike(WORDS, [*WORDS[:13], "x", "y"]) == 0, "10 / 14 is below three quarters"
    assert alike(WORDS, WORDS[::-1]) == 0


def test_three_quarters_are_enough() -> None:
    # Seventeen words have 14 phrases, of which the first 12 are those of fifteen words: 12 of 14. With 16 phrases for
    # 19 words it is 12 of 16, three quarters; with 17 phrases for 20 words it is less.
    assert alike(WORDS, [*WORDS, *"abcd"]) == 0.75
    assert alike(WORDS, [*WORDS, *"abcde"]) == 0


def test_case_and_punctuation_do_not_hide_a_copy() -> None:
    assert alike(WORDS, [f"{word.upper()}," for word in WORDS]) == 1


def test_short_explanations_and_other_questions_are_not_compared() -> None:
    assert alike(WORDS[:12], WORDS[:12]) == 1 and alike(WORDS[:11], WORDS[:11]) == 0
    text = " ".join(WORDS)
    assert shared_words([grade("a", text=text), grade("b", text=text, question="edge.c.d")]) == []
    assert shared_words([grade("a", text=text, kind="answer"), grade("b", text=text, kind="answer")]) == []


def test_shared_samples_are_counted_against_the_smaller_run() -> None:
    found = shared_samples([grade("b", "1", "2", "3", "4"), grade("a", "3", "4", "5"), grade("c", "6")])
    assert found == [Likeness("a", "b", "2 measurements with the same samples", 0.667)], "2 of 3"


def test_of_three_that_share_each_pair_is_named() -> None:
    found = shared_samples([grade(name, "1") for name in "cab"])
    assert [(pair.first, pair.second, pair.strength) for pair in found] == [("a", "b", 1), ("a", "c", 1), ("b", "c", 1)]


def test_the_strongest_comes_first() -> None:
    text = " ".join(WORDS)
    found = likenesses([grade("a", "1", "2", text=text), grade("b", "2", "3", text=text)])
    assert [(pair.what, pair.strength) for pair in found] == [
        ("nearly the same words in edge.a.b", 1.0),
        ("1 measurements with the same samples", 0.5),
    ]


def test_two_submissions_of_one_netid_are_told_apart_by_their_files() -> None:
    grades = [grade("a", source="x/first.zip"), grade("b"), grade("a", source="x/second.zip")]
    assert labels(grades) == ["a (first)", "b", "a (second)"]


def test_who_shares_samples_is_told_with_whom_and_nobody_else_is() -> None:
    text = " ".join(WORDS)
    assert doubted([grade("a", "1", text=text), grade("b", "1"), grade("c", "2", text=text)]) == {
        "a": "1 measurements with the same samples as b",
        "b": "1 measurements with the same samples as a",
    }


def test_runs_that_began_in_one_microsecond_or_whose_steps_took_the_same_are_copies() -> None:
    assert [pair.what for pair in shared_times([grade("a", "c:1"), grade("b", "c:1")])] == [
        "runs begun in the same microsecond"
    ]
    two = [grade("a", "d:1", "d:2", "d:4"), grade("b", "d:1", "d:2", "d:5")]
    assert shared_times(two) == [], "two steps of the same length may be chance"
    (found,) = shared_times([grade("a", "d:1", "d:2", "d:3", "d:4"), grade("b", "d:1", "d:2", "d:3")])
    assert (found.what, found.strength) == ("3 steps that took the same microseconds", 1)


def test_a_few_pictures_are_the_same_in_all_runs_and_most_are_not() -> None:
    mine = [f"f:{n}" for n in range(10)]
    assert shared_times([grade("a", *mine), grade("b", *mine[:5], *[f"f:x{n}" for n in range(5)])]) == []
    (found,) = shared_times([grade("a", *mine), grade("b", *mine[:6], *[f"f:x{n}" for n in range(4)])])
    assert (found.what, found.strength) == ("6 figures that are the same picture", 0.6)


def test_three_numbers_that_only_two_students_give_are_copied_and_what_everybody_gives_is_not() -> None:
    two = [grade("a", "a:1", "a:2", "a:3"), grade("b", "a:1", "a:2", "a:3", "a:4")]
    (found,) = shared_numbers(two)
    assert (found.what, found.strength) == ("3 answers with the same numbers", 1)
    assert shared_numbers([grade(name, "a:1", "a:2", "a:3", f"a:{name}") for name in "abcde"]) == []
    assert shared_numbers([grade("a", "a:1", "a:2"), grade("b", "a:1", "a:2")]) == [], "two may be chance"


def test_prints_of_one_kind_are_not_counted_with_those_of_another() -> None:
    both = [grade("a", "c:1", "d:1", "f:1", "a:1"), grade("b", "c:2", "d:1", "f:1", "a:1")]
    assert shared_samples(both) == shared_times(both) == shared_numbers(both) == []
