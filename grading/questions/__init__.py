"""Questions of the lab: what notebooks import (`ask`, `write`) and what grading reads (`question`, `questions`)."""

from __future__ import annotations

from grading.questions.asking import answer_to, answers_to, ask, is_late, standing
from grading.questions.schema import (
    KINDS,
    Question,
    asked_of,
    chosen,
    format_problem,
    is_blank,
    number,
    question,
    questions,
)
from grading.questions.writing import write

__all__ = [
    "KINDS",
    "Question",
    "answer_to",
    "answers_to",
    "ask",
    "asked_of",
    "chosen",
    "format_problem",
    "is_blank",
    "number",
    "question",
    "is_late",
    "questions",
    "standing",
    "write",
]
