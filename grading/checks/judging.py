"""Answers judged against the student's own record.

A judge says what is right *on these numbers*: a function of Evidence that returns Number or Choices, listed under its
question in a table JUDGES: of predictions in grading/checks/<part>.py, of what is worked out in
grading/staff/judges/<part>.py. What earns points: a prediction that was made in time, by how well it was calibrated,
together with the part's other ones (grading/questions/calibration.py); a choice, by the share of right and wrong
choices; a number, within its tolerance, half within three times that.

Predictions that were asked for without an interval, or without a confidence, earn their points right or wrong, as their
question said then. Plain ones since INTERVALS_SINCE are no answer to what was asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.result import Kind, Result
from grading.questions import Question, answers_to, asked_of, chosen, format_problem, is_blank, number, standing
from grading.questions.calibration import Outcome, choice_outcome, interval_outcome, part_share
from grading.questions.schema import interval, is_older_form, sure_of
from snippets.errors import RecordError
from snippets.record.run import Record
from snippets.stats import Estimate

INTERVALS_SINCE = "2026-12-01T00:00"
"""Time (UTC) from which on a prediction without its uncertainty comes from no kit that asked for it so."""


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


@dataclass(frozen=True)
class Met:
    """How much of a target the record meets with the answer `text` in force: `share`, and in words each piece."""

    text: str
    share: float
    how: str


Expected = Number | Choices | Met
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


def longest(lengths: Mapping[str, float], how: str) -> Choices:
    """The name with the greatest length; those of at least 95 % of it are right too."""
    most = max(lengths, key=lambda name: lengths[name])
    return one(most, how, *[name for name, length in lengths.items() if length >= 0.95 * lengths[most]])


def fitting(right: Iterable[str], close: Iterable[str], none: str, how: str) -> Choices:
    """All that fits, where `close` may fit, too. Where nothing fits `none` is right, or, if something may, accepted."""
    fit, may = frozenset(right), frozenset(close)
    if fit:
        return Choices(fit, how, may)
    return Choices(frozenset(), how, may | {none}) if may else Choices(frozenset({none}), how)


def nearest(value: float | Estimate, names: Mapping[str, float], how: str) -> Choices:
    """The choice whose figure is nearest by factor; one nearly as near, or nearest to an end of the interval, is right
    too."""
    middle, *ends = _ends(value)
    if not middle > 0:
        raise ValueError("a ratio must be positive")

    def best(x: float) -> str:
        return min(names, key=lambda name: abs(math.log(x / names[name])))

    far = {name: abs(math.log(middle / figure)) for name, figure in names.items()}
    right = best(middle)
    return one(right, how, *map(best, ends), *[name for name in far if far[name] <= far[right] + 0.1])


def banded(
    value: float | Estimate, limits: Sequence[float], names: Sequence[str], how: str, margin: float = 0.05
) -> Choices:
    """The band that `value` lies in: names[k] below limits[k], the last above all; beside a limit both are right, and
    of an estimate all bands that its interval touches."""
    middle, *ends = _ends(value)

    def band(x: float) -> int:
        return sum(x >= limit for limit in limits)

    reached = [band(x) for x in (*ends, middle * (1 - margin), middle * (1 + margin))]
    return one(names[band(middle)], how, *names[min(reached) : max(reached) + 1])


def _ends(value: float | Estimate) -> tuple[float, ...]:
    """A value, and the ends of its interval if it has one."""
    if not isinstance(value, Estimate):
        return (value,)
    return (value.value, value.low, value.high) if value.bounded else (value.value,)


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
    if isinstance(expected, Met):
        return expected.how
    if isinstance(expected, Number):
        return f"expected {expected.value:.4g} within {expected.tolerance:g}"
    also = f" (also accepted: {', '.join(sorted(expected.accepted))})" if expected.accepted else ""
    return f"expected {', '.join(sorted(expected.right)) or 'none'}{also}"


def judgement(judge: Judge, question: Question, evidence: Evidence, value: Any) -> Judgement:
    """What a readable answer to a question by choice or number is worth on this record."""
    expected = found(judge, question, evidence)
    if isinstance(expected, Judgement):
        return expected
    if isinstance(expected, Met):
        if str(value).strip() != expected.text.strip():
            return Judgement(0.0, "Run the cells below this answer again: they measured another.", "another in force")
        share, message = expected.share, expected.how
    elif isinstance(expected, Number):
        share, message = _score_number(expected, number(value))
    else:
        share, message = _score_choices(expected, chosen(question, value), question.multiple)
    return Judgement(share, message, f"answered {value!r}"[:300] + f"; {_told(expected)}")


def outcome(expected: Expected, question: Question, value: Any) -> Outcome:
    """How a prediction with its interval or confidence fared against what is right."""
    if isinstance(expected, Met):
        raise TypeError("nobody predicts a description")
    if isinstance(expected, Number):
        return interval_outcome(interval(question, value), expected.value, question.signed)
    choice, confidence = sure_of(question, value)
    return choice_outcome(choice, confidence, expected.right | expected.accepted, len(question.choices))


def found(judge: Judge, question: Question, evidence: Evidence) -> Expected | Judgement:
    """What is right on this record; a judgement of 0 that says why where the record cannot tell."""
    try:
        return judge(evidence)
    except NotMeasured as missing:
        how = f"again, it has no usable {missing.field}" if missing.field else "first"
        return Judgement(
            0.0, f"Measure {missing.step} {how} (servelab run {question.part}), then answer again.", "not measured"
        )
    except RecordError as error:
        return Judgement(0.0, f"The samples behind this answer cannot be read: {error}", "unreadable samples")
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        return Judgement(0.0, "Measure again: what this answer rests on is no measurement.", f"malformed ({error})")


@dataclass(frozen=True)
class _Scored:
    """A result, and of a prediction that counts the share of its points that it would earn by itself."""

    result: Result
    share: float | None = None


def judge_answers(evidence: Evidence, judges: Mapping[str, Judge], screenshots: frozenset[str]) -> list[Result]:
    """One result per question of the record's part. `judges`: by question id, for all that a machine grades.

    `screenshots`: ids for which a usable picture came.
    """
    record = evidence.record
    links = {link: index for index, link in enumerate(record.links)}
    firsts: dict[str, int] = {}
    for index, step in enumerate(record.steps):
        firsts.setdefault(step.name, index)
    scored: list[_Scored] = []
    on_top: list[_Scored] = []
    for question in asked_of(record.part, {answer["question"] for answer in record.answers}):
        if question.kind == "screenshot":
            scored.append(_Scored(_pictured(question, question.id in screenshots)))
        else:
            placed = [_with_place(entry, question, record, links, firsts) for entry in answers_to(question, record)]
            result = _scored(question, judges.get(question.id), evidence, standing(question, placed))
            (on_top if question.extra else scored).append(result)
    extra = [replace(each, possible=0, message=f"{each.message} (On top.)") for each in _together(on_top)]
    return [*_together(scored), *extra]


def _together(scored: Sequence[_Scored]) -> list[Result]:
    """The results, the predictions' points shared out: each earns the share that all of them earn together."""
    counted = [each for each in scored if each.share is not None]
    share = part_share([each.share or 0.0 for each in counted], [each.result.possible for each in counted])
    told = f"All your predictions together earn {100 * share:.0f} % of their points."
    return [
        replace(
            each.result,
            points=round(share * each.result.possible, 3),
            message=f"{each.result.message} {told}",
            detail=f"{each.result.detail}; {each.share:.2f} by itself",
        )
        if each.share is not None
        else each.result
        for each in scored
    ]


def _pictured(question: Question, there: bool) -> Result:
    message = (
        "A person looks at this picture."
        if there
        else f"Hand in screens/{question.id}.png, or paste it under the question."
    )
    return Result(question.id, "by hand", there, 0, question.points, message)


def _scored(question: Question, judge: Judge | None, evidence: Evidence, entry: Any) -> _Scored:
    """The result for the entry that counts of a question, None if there is none."""
    possible = question.points
    kind: Kind = "by hand" if question.by_hand else "answer"
    if entry is None or is_blank(entry["value"]):
        message = "Answer this question; nothing was recorded."
        return _Scored(Result(question.id, kind, False, 0, possible, message))
    value, older = entry["value"], str(entry.get("answered_utc", "")) < INTERVALS_SINCE
    if problem := format_problem(question, value, older):
        message = f"Write the answer so that it can be read: {problem}."
        return _Scored(Result(question.id, kind, False, 0, possible, message, f"answered {value!r}"[:300]))
    if question.kind == "explain":
        return _Scored(
            Result(question.id, "by hand", True, 0, possible, "A person reads this answer.", str(value)[:2000])
        )
    if question.kind == "predict" and not is_older_form(value):
        return _predicted(question, judge, evidence, entry)
    told = (
        judgement(judge, question, evidence, value)
        if judge
        else Judgement(0.0, "A person grades this one.", f"answered {value!r}"[:300])
    )
    if question.kind == "predict":
        late = bool(entry["measured"])
        message = LATE if late else "Predicted in time; such a prediction earns its points right or wrong."
        detail = told.detail
        if judge:
            detail += "; came true" if told.share == 1 else "; did not come true"
        return _Scored(Result(question.id, kind, not late, 0 if late else possible, possible, message, detail))
    points = round(told.share * possible, 3)
    return _Scored(Result(question.id, kind, told.share == 1, points, possible, told.message, told.detail))


LATE = "Predict before you measure: this one came after the measurement."


def _predicted(question: Question, judge: Judge | None, evidence: Evidence, entry: Any) -> _Scored:
    """A prediction with its uncertainty: late or not to be judged it earns 0, else by its outcome."""
    answered = f"answered {entry['value']!r}"[:300]

    def nothing(message: str, why: str) -> _Scored:
        return _Scored(Result(question.id, "answer", False, 0, question.points, message, f"{answered}; {why}"))

    if entry["measured"]:
        return nothing(LATE, "late")
    if judge is None:
        return nothing("A person grades this one.", "no judge")
    expected = found(judge, question, evidence)
    if isinstance(expected, Judgement):
        return nothing(expected.message, expected.detail)
    how = outcome(expected, question, entry["value"])
    message = f"{how.told[0].upper()}{how.told[1:]}."
    detail = f"{answered}; {_told(expected)}"
    return _Scored(Result(question.id, "answer", how.held, 0, question.points, message, detail), how.share)


def _with_place(
    entry: Any, question: Question, record: Record, links: dict[str, int], firsts: Mapping[str, int]
) -> dict[str, Any]:
    """The entry with `measured` found from its place in the chain rather than believed."""
    place = links.get(entry.get("after", ""), len(record.steps))
    steps = question.steps if question.kind == "predict" else ()
    return {**entry, "measured": sorted(name for name in set(steps) if firsts.get(name, place) < place)}
