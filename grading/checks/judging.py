"""Answers judged against the student's own record.

A judge says what is right *on these numbers*: a function of Evidence that returns Number or Choices, listed under its
question in the table JUDGES of its part (grading/checks/<part>.py). What earns points: a prediction, being made in
time (right or wrong); a choice, by the share of right and wrong choices; a number, within its tolerance, half within
three times that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.result import Kind, Result
from grading.questions import Question, chosen, format_problem, is_blank, number, questions, standing
from snippets.errors import RecordError
from snippets.record.run import Record


@dataclass(frozen=True)
class Number:
    """The right number; `tolerance` is relative (or absolute where `absolute`), `how` tells how to get it."""

    value: float
    how: str
    tolerance: float = 0.1
    absolute: bool = False


@dataclass(frozen=True)
class Choices:
    """The right choices. `accepted`: further ones that earn nothing and cost nothing (too close to call).

    Where all that could be right is too close to call, naming any of it is right.
    """

    right: frozenset[str]
    how: str
    accepted: frozenset[str] = frozenset()


Expected = Number | Choices
Judge = Callable[[Evidence], Expected]


@dataclass(frozen=True)
class Judgement:
    """What an answer is worth: `share` of the points (0 to 1), `message` for the student, `detail` for the grader."""

    share: float
    message: str
    detail: str


def one(right: str, how: str, *close: str) -> Choices:
    """One right choice; `close` names those that the record cannot tell from it."""
    return Choices(frozenset({right}), how, frozenset(close) - {right})


def fastest(times: dict[str, float], how: str, margin: float = 0.05) -> Choices:
    """The choice with the smallest value; any within `margin` of it is right too."""
    best = min(times.values())
    near = {name for name, value in times.items() if value <= best * (1 + margin)}
    winner = min(times, key=lambda name: times[name])
    return Choices(frozenset({winner}), how, frozenset(near - {winner}))


def nearest(value: float, names: Mapping[str, float], how: str) -> Choices:
    """The choice whose figure is nearest by factor; one nearly as near is accepted too."""
    if not value > 0:
        raise ValueError("a ratio must be positive")
    far = {name: abs(math.log(value / figure)) for name, figure in names.items()}
    best = min(far, key=lambda name: far[name])
    return one(best, how, *[name for name in far if far[name] <= far[best] + 0.1])


def banded(value: float, limits: Sequence[float], names: Sequence[str], how: str, margin: float = 0.05) -> Choices:
    """The band that `value` lies in: names[k] below limits[k], the last above all; beside a limit both are right."""

    def band(x: float) -> str:
        return names[sum(x >= limit for limit in limits)]

    return one(band(value), how, band(value * (1 - margin)), band(value * (1 + margin)))


def _score_number(expected: Number, given: float) -> tuple[float, str]:
    error = abs(given - expected.value)
    allowed = expected.tolerance if expected.absolute else expected.tolerance * abs(expected.value)
    if error <= allowed + 1e-12:
        return 1.0, "Right on your own numbers."
    direction = "too large" if given > expected.value else "too small"
    if math.isfinite(given) and error <= 3 * allowed:
        return 0.5, f"Close, but {direction}. {expected.how}"
    return 0.0, f"{expected.how} Your number is {direction} for your own record."


def _score_choices(expected: Choices, given: Iterable[str], multiple: bool) -> tuple[float, str]:
    named = set(given)
    if not multiple:
        good = bool(named & (expected.right | expected.accepted))
        return (1.0, "Right on your own numbers.") if good else (0.0, f"{expected.how} Your record says otherwise.")
    right, wrong = len(named & expected.right), len(named - expected.right - expected.accepted)
    total = max(len(expected.right), 1)
    share = max(0.0, (right - wrong) / total) if expected.right else float(not wrong)
    if share >= 1:
        return 1.0, "Right on your own numbers."
    return share, f"{expected.how} {right} right, {wrong} wrong, {total - right} missing."


def _told(expected: Expected) -> str:
    if isinstance(expected, Number):
        return f"expected {expected.value:.4g} within {expected.tolerance:g}"
    also = f" (also accepted: {', '.join(sorted(expected.accepted))})" if expected.accepted else ""
    return f"expected {', '.join(sorted(expected.right)) or 'none'}{also}"


def chain(record: Record) -> list[str]:
    """The chain's links: the run's own hash, then each step's."""
    return list(record.links)


def judgement(judge: Judge, question: Question, evidence: Evidence, value: Any) -> Judgement:
    """What a readable answer to a question by choice or number is worth on this record."""
    try:
        expected = judge(evidence)
    except NotMeasured as missing:
        how = f"again, it has no usable {missing.field}" if missing.field else "first"
        return Judgement(
            0.0, f"Measure {missing.step} {how} (servelab run {question.part}), then answer again.", "not measured"
        )
    except RecordError as error:
        return Judgement(0.0, f"The samples behind this answer cannot be read: {error}", "unreadable samples")
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        return Judgement(0.0, "Measure again: what this answer rests on is no measurement.", f"malformed ({error})")
    if isinstance(expected, Number):
        share, message = _score_number(expected, number(value))
    else:
        share, message = _score_choices(expected, chosen(question, value), question.multiple)
    return Judgement(share, message, f"answered {value!r}"[:300] + f"; {_told(expected)}")


def judge_answers(evidence: Evidence, judges: Mapping[str, Judge], screenshots: frozenset[str]) -> list[Result]:
    """One result per question of the record's part. `judges`: by question id, for all that a machine grades.

    `screenshots`: ids for which a usable picture came.
    """
    record = evidence.record
    links = {link: index for index, link in enumerate(chain(record))}
    results = []
    for question in questions(record.part):
        entries = [answer for answer in record.answers if answer["question"] == question.id]
        results.append(_result(question, judges.get(question.id), evidence, entries, links, question.id in screenshots))
    return results


def _result(
    question: Question,
    judge: Judge | None,
    evidence: Evidence,
    entries: list[Any],
    links: dict[str, int],
    pictured: bool,
) -> Result:
    possible = question.points
    kind: Kind = "by hand" if question.by_hand else "answer"
    if question.kind == "screenshot":
        return Result(
            question.id,
            "by hand",
            pictured,
            0,
            possible,
            "A person looks at this picture."
            if pictured
            else f"Hand in screens/{question.id}.png, or paste it under the question.",
        )
    firsts: dict[str, int] = {}
    for index, step in enumerate(evidence.record.steps if question.kind == "predict" else ()):
        firsts.setdefault(step.name, index)
    entry = standing(question, [_with_place(entry, question, evidence.record, links, firsts) for entry in entries])
    if entry is None or is_blank(entry["value"]):
        return Result(question.id, kind, False, 0, possible, "Answer this question; nothing was recorded.")
    value = entry["value"]
    if problem := format_problem(question, value):
        return Result(
            question.id,
            kind,
            False,
            0,
            possible,
            f"Write the answer so that it can be read: {problem}.",
            f"answered {value!r}"[:300],
        )
    if question.kind == "explain":
        return Result(question.id, "by hand", True, 0, possible, "A person reads this answer.", str(value)[:2000])
    told = (
        judgement(judge, question, evidence, value)
        if judge
        else Judgement(0.0, "A person grades this one.", f"answered {value!r}"[:300])
    )
    if question.kind == "predict":
        late = bool(entry["measured"])
        detail = told.detail
        if judge:
            detail += "; came true" if told.share == 1 else "; did not come true"
        return Result(
            question.id,
            "answer",
            not late,
            0 if late else possible,
            possible,
            "Predict before you measure: this one came after the measurement."
            if late
            else "Predicted in time; a prediction earns its points right or wrong.",
            detail,
        )
    return Result(
        question.id, "answer", told.share == 1, round(told.share * possible, 3), possible, told.message, told.detail
    )


def _with_place(
    entry: Any, question: Question, record: Record, links: dict[str, int], firsts: Mapping[str, int]
) -> dict[str, Any]:
    """The entry with `measured` found from its place in the chain rather than believed."""
    place = links.get(entry.get("after", ""), len(record.steps))
    steps = question.steps if question.kind == "predict" else ()
    return {**entry, "measured": sorted(name for name in set(steps) if firsts.get(name, place) < place)}
