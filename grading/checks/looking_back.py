"""Predictions held against what was measured, shown in the notebook once it has been."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grading.checks import edge, model, system
from grading.checks.evidence import Evidence
from grading.checks.judging import Choices, Judge, Judgement, Met, Number, found, outcome
from grading.questions import answer_to, is_late, question
from grading.questions.asking import Entry, show
from grading.questions.own import own_judges
from grading.questions.schema import Question, format_problem, interval, is_older_form, left_out, sure_of

JUDGES: Mapping[str, Judge] = {**model.JUDGES, **edge.JUDGES, **system.JUDGES, **own_judges("judges")}
"""Of every prediction, by its question's id."""


def look_back(run: Any, *question_ids: str) -> None:
    """Show what became of these predictions of the open run, each with the question that its miss leaves.

    Raises QuestionError for an unknown id.
    """
    record = run.record()
    evidence = Evidence(record)
    rows = []
    for name in question_ids:
        asked = question(name)
        if name in left_out(asked.part):
            continue
        rows.append(f"- `{name}`: {told(asked, answer_to(asked, record), evidence)}")
    show("**Your predictions, and what you measured**\n\n" + "\n".join(rows))


def told(asked: Question, entry: Entry | None, evidence: Evidence) -> str:
    """One prediction and the value measured, in words; what a late or missing one would have been held against, too."""
    right = found(JUDGES[asked.id], asked, evidence)
    if isinstance(right, Judgement | Met):
        return right.how if isinstance(right, Met) else right.message
    value = _measured(right, asked.unit)
    if entry is None:
        return f"no prediction; measured {value}."
    if format_problem(asked, entry["value"]) is not None or is_older_form(entry["value"]):
        return f"you said {entry['value']}; measured {value}."
    late = " (Given after the measurement.)" if is_late(entry) else ""
    how = outcome(right, asked, entry["value"])
    return (
        f"you said {_said(asked, entry['value'])}; measured {value}. {_left(asked, right, entry['value'], how)}{late}"
    )


def _measured(right: Number | Choices, unit: str) -> str:
    if isinstance(right, Number):
        return f"**{right.value:,.3g} {unit}**"
    names = sorted(right.right | right.accepted)
    if len(names) == 1:
        return f"**{names[0]}**"
    return f"one of **{', '.join(names)}** (your samples do not tell which)"


def _said(asked: Question, value: Any) -> str:
    if asked.interval:
        low, high = interval(asked, value)
        return f"{low:g} to {high:g} {asked.unit}"
    choice, confidence = sure_of(asked, value)
    return f"*{choice}*, {100 * confidence:.0f} % sure"


def _left(asked: Question, right: Number | Choices, value: Any, how: Any) -> str:
    """What a hit or a miss leaves to think about."""
    if isinstance(right, Choices):
        sure = sure_of(asked, value)[1]
        if how.held:
            return "It came true."
        return "It did not come true" + (": what made you so sure?" if sure >= 0.7 else ". What did you not know?")
    low, high = interval(asked, value)
    if how.held:
        wide = not asked.signed and high / low >= 10
        return f"Your interval holds it{f', with a factor of {high / low:.2g} between its ends' if wide else ''}."
    if asked.signed:
        return f"You were off by {how.off:,.3g} {asked.unit}: what did you not know?"
    return f"You were off by {how.off:{',.0f' if how.off >= 10 else '.2g'}}x: what did you not know?"
