"""A part's questions as a student reads them before a lease begins."""

from __future__ import annotations

from pathlib import Path

from grading.questions.describe import describe


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
