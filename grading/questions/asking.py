"""Putting a question to the student, and keeping the answer in the run record.

No widgets: the student replaces `...` in `ask(run, "model.graph.layout", answer=...)` and runs the cell,
which works the same in JupyterLab, in a batch run and in a test. Only an open prediction differs: in JupyterLab it
stops "Run All" before the measurement, with one sentence; a batch run goes on.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from grading.questions.calibration import EXPLAINED, EXPLAINED_CHOICE
from grading.questions.describe import worth
from grading.questions.schema import (
    Question,
    chosen,
    format_problem,
    interval,
    is_blank,
    left_out,
    number,
    question,
    sure_of,
)
from snippets.record.context import BATCH_VARIABLE
from snippets.record.run import Record

Entry = Mapping[str, Any]
"""One recorded answer: `question`, `value`, `answered_utc`, `measured` (its steps that existed by then)."""


SKIP = "skip"
"""The answer that leaves a prediction out, so that the measurement may begin."""


class PredictionOpen(Exception):
    """A prediction is still open: in a notebook it ends "Run All" here, before the measurement, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [str(self)]


def is_late(entry: Entry) -> bool:
    """True for an answer given when a step that it should have preceded was already measured."""
    return bool(entry["measured"])


def canonical(asked: Question, answer: Any) -> Any:
    """`answer` as JSON: the choice as the question spells it, a number as float, text stripped; a prediction as the
    two ends of its interval, or its choice and confidence. What cannot be read stays as it is, as text."""
    if asked.kind != "screenshot" and format_problem(asked, answer) is None:
        if asked.kind == "predict":
            return list(sure_of(asked, answer) if asked.choices else interval(asked, answer))
        if asked.choices:
            found = chosen(asked, answer)
            return list(found) if asked.multiple else found[0]
        if asked.kind == "number":
            return number(answer)
    return answer.strip() if isinstance(answer, str) else str(answer)


def standing(asked: Question, entries: Sequence[Entry]) -> Entry | None:
    """The entry of `entries` (oldest first) that counts, or None.

    The last answer; of predictions the last one made in time, or, where none was, the first late one.
    """
    if asked.kind != "predict" or not entries:
        return entries[-1] if entries else None
    in_time = [entry for entry in entries if not is_late(entry)]
    return in_time[-1] if in_time else entries[0]


def answers_to(asked: Question, record: Record) -> list[Entry]:
    """All that a record holds for this question, oldest first."""
    return [entry for entry in record.answers if entry["question"] == asked.id]


def answer_to(asked: Question, record: Record) -> Entry | None:
    """The entry of a record that counts for this question, as `standing`."""
    return standing(asked, answers_to(asked, record))


def _form(asked: Question) -> str:
    """How to write the answer down, in one line."""
    if asked.interval:
        return f"Answer with an interval in {asked.unit}, as `[5, 20]`. {EXPLAINED}"
    if asked.choices:
        named = ", ".join(f"`{choice!r}`" for choice in asked.choices)
        if asked.kind == "predict":
            form = f"Answer with one of: {named}, and how sure you are, as `[{asked.choices[0]!r}, 0.7]`."
            return f"{form} {EXPLAINED_CHOICE}"
        return f"Answer with {'a list of any of' if asked.multiple else 'one of'}: {named}."
    if asked.kind == "number" or asked.unit:
        return f"Answer with a number{' in ' + asked.unit if asked.unit else ''}."
    if asked.kind == "screenshot":
        return (
            f"Paste the picture into a Markdown cell under this one, or save it as "
            f"`screens/{asked.id}.png` in the run's folder. `answer=` may hold a remark."
        )
    if asked.kind == "config":
        return "Answer with the whole file, as text between triple quotes."
    return "Answer in your own words, as text between triple quotes."


def posed(asked: Question) -> str:
    """The question as Markdown: its title, its text, and how to write the answer down. Notebooks are built with it, so
    that all of it can be read before anything is run."""
    title = f"**Question `{asked.id}`** ({asked.kind}, {worth(asked)})"
    body = "\n".join(f"> {line}".rstrip() for line in asked.text.splitlines())
    return f"{title}\n\n{body}\n\n{_form(asked)}"


def _pictured(run: Any, asked: Question) -> bool:
    """Whether the run's folder holds a picture for this screenshot question."""
    return any((run.folder / "screens" / f"{asked.id}{ending}").is_file() for ending in (".png", ".jpg", ".jpeg"))


def _state(asked: Question, entries: Sequence[Entry], now: Any, closed: bool, replay: bool) -> str:
    """What the record holds for this question, and what that means."""
    if asked.kind == "predict" and now == SKIP:
        return "Left out."
    if problem := format_problem(asked, now):
        return f"This answer was not recorded: {problem}."
    counted = standing(asked, entries)
    if counted is None:
        if replay:
            return "The record holds no answer."
        if asked.kind == "screenshot":
            return "Waiting for the screenshot."
        late = " The measurement is done: a prediction given now is marked late." if closed else ""
        return f"Not answered yet: replace `...` and run this cell again.{late}"
    text = f"Recorded: {counted['value']!r} ({counted['answered_utc'][:19]}Z)."
    if replay and not is_blank(now) and canonical(asked, now) != counted["value"]:
        return text + " This cell says something else; the record counts."
    if asked.kind != "predict":
        return text
    if is_late(counted):
        return text + " Late: it was given after the measurement, so it is no prediction."
    if not closed:
        return text + " You may change it until the measurement begins."
    if is_late(entries[-1]):
        return text + " Your later change is kept beside it, marked late; this one stays your prediction."
    return text + " Locked: the measurement has been made."


def show(markdown: str) -> None:
    """Markdown in a notebook, plain text elsewhere."""
    if in_kernel():
        from IPython.display import Markdown, display

        display(Markdown(markdown))
    else:
        print(re.sub(r"(?m)^> ?", "", markdown.replace("**", "")))


def ask(run: Any, question_id: str, answer: Any = ...) -> None:
    """Show the question and its state; record `answer` if there is one. Unanswered never stops a batch run.

    `run`: an open run. `answer`: `...` (not answered yet), a choice, a number, text; of a prediction an interval,
    or a choice and the confidence in it. A prediction is
    locked, with its time, by the first of the question's steps; one given or changed later is kept and marked
    late. A replayed run shows its answers and takes no new ones. Raises QuestionError for an unknown id, and in a
    notebook that somebody works in PredictionOpen for a prediction that is neither made nor left out (`"skip"`).
    """
    asked = question(question_id)
    if question_id in left_out(asked.part):
        show(f"`{question_id}`: **this course does not ask it.**")
        return
    replay = run.mode == "replay"
    steps = asked.steps if asked.kind == "predict" else ()
    closed = any(run.has(step) for step in steps)
    skipped = asked.kind == "predict" and isinstance(answer, str) and answer.strip() == SKIP
    answer = SKIP if skipped else answer
    if not replay and not skipped and not is_blank(answer) and format_problem(asked, answer) is None:
        run.answer(question_id, canonical(asked, answer), steps=steps)
    entries = answers_to(asked, run.record())
    state = _state(asked, entries, answer, closed, replay)
    if asked.kind == "screenshot" and not entries and _pictured(run, asked):
        state = (
            f"The picture is there: screens/{asked.id}.png in the run's folder. Another of that name takes its place."
        )
    # In a notebook, the question stands above this cell already.
    show(f"`{asked.id}`: **{state}**" if in_kernel() else f"{posed(asked)}\n\n**{state}**")
    if asked.kind == "predict" and not (entries or skipped or closed or replay) and _somebody_works_here():
        raise PredictionOpen(
            f"Predict first: put your answer to {asked.id} in place of `...`, run this cell, then go on below. "
            f'(answer="{SKIP}" goes on without one.)'
        )


def _somebody_works_here() -> bool:
    """Whether this is a notebook's kernel, and no batch run's."""
    return in_kernel() and not os.environ.get(BATCH_VARIABLE)


def in_kernel() -> bool:
    """Whether this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None
