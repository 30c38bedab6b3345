"""Putting a question to the student, and keeping the answer in the run record.

No widgets: the student replaces `...` in `ask(run, "model.graph.layout", answer=...)` and runs the cell, which
works the same in JupyterLab, in a batch run and in a test.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from grading.questions.schema import Question, chosen, format_problem, is_blank, number, question


def locked(run: Any, asked: Question) -> bool:
    """True once a step that would reveal a prediction's answer exists in the run."""
    return asked.kind == "predict" and any(run.has(step) for step in asked.steps)


def canonical(asked: Question, answer: Any) -> Any:
    """`answer` as JSON: the choice as the question spells it, a number as float, text stripped."""
    if format_problem(asked, answer) is None:
        if asked.choices:
            found = chosen(asked, answer)
            return list(found) if asked.multiple else found[0]
        if asked.kind == "number" or (asked.kind == "predict" and asked.unit):
            return number(answer)
    if hasattr(answer, "item") and not isinstance(answer, str):
        answer = answer.item()
    if isinstance(answer, str):
        return answer.strip()
    if isinstance(answer, list | tuple | set):
        return [canonical(asked, item) if isinstance(item, str) else str(item) for item in answer]
    return answer if isinstance(answer, int | float | bool) else str(answer)


def prediction(entries: Sequence[Any]) -> Any | None:
    """The entry that stands as the prediction: the last one made in time, else the first late one, else None."""
    in_time = [entry for entry in entries if not entry.late]
    return in_time[-1] if in_time else (entries[0] if entries else None)


def standing(asked: Question, entries: Sequence[Any]) -> Any | None:
    """The entry of `entries` (oldest first) that counts: the prediction in time, or else the last answer."""
    if not entries:
        return None
    return prediction(entries) if asked.kind == "predict" else entries[-1]


def _form(asked: Question) -> str:
    """How to write the answer down, in one line."""
    if asked.choices and asked.multiple:
        return "Answer with a list of: " + ", ".join(f"`{choice!r}`" for choice in asked.choices)
    if asked.choices:
        return "Answer with one of: " + ", ".join(f"`{choice!r}`" for choice in asked.choices)
    if asked.kind == "number" or asked.unit:
        return f"Answer with a number{' in ' + asked.unit if asked.unit else ''}."
    if asked.kind == "screenshot":
        return (f"Paste your screenshot into a Markdown cell below, or save it as `screens/{asked.id}.png` in the "
                "run's folder. `answer=` may hold a remark.")
    return "Answer in your own words, as text between triple quotes."


def _state(asked: Question, entries: Sequence[Any], now: Any, closed: bool) -> str:
    """What the record holds for this question, and what that means."""
    if problem := format_problem(asked, now):
        return f"This answer cannot be read: {problem}."
    counted = standing(asked, entries)
    if counted is None:
        if asked.kind == "screenshot":
            return "Waiting for the screenshot."
        late = " The measurement is there already: an answer now counts as late." if closed else ""
        return f"Not answered yet: replace `...` and run this cell again.{late}"
    text = f"Recorded: {counted.value!r} ({counted.at_utc})."
    if asked.kind == "predict":
        if counted.late:
            return text + " Late: given after the measurement, so it earns nothing as a prediction."
        if closed:
            changed = entries[-1].late
            return text + (" Your later change is kept beside it, marked late; this one stays your prediction."
                           if changed else " Locked: the measurement has begun.")
        return text + " You may change it until the measurement begins."
    return text


def _show(markdown: str) -> None:
    """Markdown in a notebook, plain text elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None:
        from IPython.display import Markdown, display

        display(Markdown(markdown))
    else:
        print(markdown.replace("**", "").replace("> ", ""))


def ask(run: Any, question_id: str, answer: Any = ...) -> None:
    """Show the question and its state; record `answer` if there is one. Never raises for what a student writes.

    `run`: an open run. `answer`: `...` (not answered yet), a choice, a number, or text. A prediction given
    before the first of the question's steps exists is locked by that step, with its time; one given or changed
    later is kept and marked late. A replayed run shows its answers and takes no new ones. Raises QuestionError
    only for an id that does not exist, which is the author's mistake.
    """
    asked = question(question_id)
    closed = locked(run, asked)
    entries = list(run.answers.get(question_id, ()))
    if not is_blank(answer) and format_problem(asked, answer) is None and run.mode != "replay":
        value = canonical(asked, answer)
        if not entries or entries[-1].value != value:
            run.answer(question_id, value, late=closed)
            entries = list(run.answers.get(question_id, ()))
    points = f"{asked.points:g} point{'s' if asked.points != 1 else ''}"
    title = f"**Question `{asked.id}`** ({asked.kind}, {points})"
    body = "\n".join(f"> {line}".rstrip() for line in asked.text.splitlines())
    _show(f"{title}\n\n{body}\n\n{_form(asked)}\n\n**{_state(asked, entries, answer, closed)}**")
