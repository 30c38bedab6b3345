"""`servelab grade --exemplars DIR`: a page for each explanation, all students on it, each beside an exemplar.

One question at a time is the quickest way to grade a class, and the fairest: the rubric stands at the top, and each
answer beside what a good one would say with that student's own numbers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass
from html import escape
from pathlib import Path

from grading.batch.exports import Entry, discover
from grading.batch.limited import run_limited
from grading.checks.evidence import Evidence
from grading.grade import MAX_NETID, who_handed_in
from grading.questions import Question, questions
from grading.questions.describe import worth
from grading.staff.exemplars import answers, exemplar
from grading.submission.archive import manifest_of
from grading.submission.opened import opened, records_of
from snippets.errors import SubmissionError
from snippets.files import storage_error, write_atomic
from snippets.pages import STYLE
from snippets.parts import PARTS

OWN_STYLE = """
body { max-width: 1200px; font-size: 15px }
section { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5em; padding: .6em 0 }
section { border-top: 1px solid var(--line) }
h2 { grid-column: 1 / -1; font-size: 1em; margin: 0 } .text { white-space: pre-wrap; overflow-wrap: anywhere }
.rubric { background: var(--tint); padding: .6em 1em; border-radius: 4px }
.label { color: var(--quiet); font-size: .85em }
.none { color: var(--red) }
@media (max-width: 40rem) { section { grid-template-columns: minmax(0, 1fr) } }
"""


@dataclass(frozen=True)
class Sheet:
    """One student's answer to one explanation, and the exemplar filled in from the same record."""

    netid: str
    answer: str
    exemplar: str


def sheets_of(entry: Entry) -> dict[str, Sheet]:
    """The sheets of one submission by question; none of a part that was not handed in or cannot be read."""
    if entry.problem:
        return {}
    found = {}
    with suppress(SubmissionError), opened(entry.path) as submission:
        people = ", ".join(filter(None, (person.called for person in entry.people)))
        netid = people or who_handed_in(manifest_of(submission.root), entry.path, entry.people)[0]
        for record in records_of(submission):
            evidence = Evidence(record)
            for name, text in answers(record).items():
                found[name] = Sheet(netid[:MAX_NETID], text, exemplar(name, evidence))
    return found


def _as_text(entry: Entry) -> dict[str, list[str]]:
    """The sheets as JSON values, for the way between processes."""
    return {name: list(astuple(one)) for name, one in sheets_of(entry).items()}


def page(asked: Question, sheets: Iterable[Sheet]) -> str:
    """The page of one explanation."""
    head = (
        f"<h1>{escape(asked.id)} ({worth(asked)})</h1><p>{escape(asked.text)}</p>"
        f"<p class=rubric>{escape(asked.rubric)}</p>"
    )
    return _html(asked.id, head + "".join(_section(sheet) for sheet in sorted(sheets, key=lambda one: one.netid)))


def _section(sheet: Sheet) -> str:
    answer = escape(sheet.answer) or "<span class=none>no answer</span>"
    return (
        f"<section id='{escape(sheet.netid, quote=True)}'><h2>{escape(sheet.netid)}</h2>"
        f"<div><div class=label>answer</div><div class=text>{answer}</div></div>"
        "<div><div class=label>exemplar, with this student's numbers</div>"
        f"<div class=text>{escape(sheet.exemplar)}</div></div></section>"
    )


def _html(title: str, body: str) -> str:
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE.read_text(encoding='utf-8')}{OWN_STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def write_exemplars(submissions: Iterable[Path], out: Path) -> str:
    """Write a page for each explanation, and index.html, into the folder `out`; what was written, as a sentence.

    Raises UsageError where there are no submissions, StorageError where the folder cannot be written.
    """
    by_question: dict[str, list[Sheet]] = {}
    # Each in a process of its own, within the limits of grading: one broken submission must not stop the others.
    for ended in run_limited(discover(submissions), _as_text, os.cpu_count() or 1):
        for name, texts in (ended.value or {}).items():
            by_question.setdefault(name, []).append(Sheet(*texts))
    asked = [each for part in PARTS for each in questions(part) if each.id in by_question]
    try:
        out.mkdir(parents=True, exist_ok=True)
        for each in asked:
            write_atomic(out / f"{each.id}.html", page(each, by_question[each.id]).encode(), setting="--exemplars")
        links = "".join(
            f"<li><a href='{each.id}.html'>{each.id}</a>: {sum(bool(s.answer) for s in by_question[each.id])} answers, "
            f"{worth(each)}</li>"
            for each in asked
        )
        index = _html("Explanations to grade", f"<h1>Explanations to grade</h1><ul>{links}</ul>")
        write_atomic(out / "index.html", index.encode(), setting="--exemplars")
    except OSError as error:
        raise storage_error(error, out, "--exemplars") from error
    return f"wrote {len(asked)} pages of explanations beside exemplars: {out / 'index.html'}"
