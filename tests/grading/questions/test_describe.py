"""A part's questions as a student reads them before a lease begins."""

from __future__ import annotations

from pathlib import Path

from grading.questions.describe import describe
from grading.questions.schema import questions


def test_questions_are_described_in_order_with_what_an_answer_may_be(small_questions: Path) -> None:
    text = describe("model").splitlines()
    assert text[:4] == [
        "  1. model.graph.layout  [predict, 2 points]",
        "     Which pass brings **most** of the gain?",
        "     Choices: basic | extended | all",
        "     Answer before you measure: the prediction is locked when the measurement begins.",
    ]
    assert "  2. model.graph.gain  [number, 1 point]" in text and "     Unit: times" in text
    assert text[-1] == "5 questions, 9 points.", "2 + 1 + 3 + 1 + 2"


def test_questions_of_an_optional_notebook_come_last_and_do_not_count_in_the_total() -> None:
    text = describe("system")
    assert "system.tokens.prompt  [predict, 1 point on top, in an optional notebook]" in text
    assert text.index("system.tokens.prompt") > text.index("system.review.surprise")
    count, points = len(questions("system")), sum(each.points for each in questions("system"))
    assert text.endswith(f"{count} questions, {points:g} points.")
