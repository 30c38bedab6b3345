"""`servelab questions`: all questions of a part as text."""

from __future__ import annotations

from grading.questions.schema import Question, extras, questions


def worth(question: Question) -> str:
    """Its points in words: "1 point", "0.5 points"."""
    return f"{question.points:g} point{'s' * (question.points != 1)}"


def describe(part: str) -> str:
    """All questions of a part as text, in the order of the submission's pages."""
    lines = []
    asked = questions(part)
    for number, question in enumerate((*asked, *extras(part)), start=1):
        on_top = " on top, in an optional notebook" if question.extra else ""
        lines.append(f"{number:>3}. {question.id}  [{question.kind}, {worth(question)}{on_top}]")
        lines += [f"     {line}".rstrip() for line in question.text.splitlines()]
        if question.choices:
            lines.append(f"     Choices: {' | '.join(question.choices)}")
        if question.unit:
            lines.append(f"     Unit: {question.unit}")
        if question.kind == "predict":
            lines.append("     Answer before you measure: the prediction is locked when the measurement begins.")
        lines.append("")
    total = sum(question.points for question in asked)
    return "\n".join([*lines, f"{len(asked)} questions, {total:g} points."])
