"""What a notebook source still lacks before it is part of the lab.

    python -m tests.notebooks.missing [notebooks/PART/N_subject.md ...]

Without names: all sources. A line for each thing that is missing, with the file to edit; exit code 1 if there is any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from grading import notebooks
from grading.errors import NotebookSourceError, QuestionError
from grading.questions import Question, question

ROOT = Path(__file__).resolve().parents[2]
ASK = re.compile(r"""^ask\(\s*run\s*,\s*["']([\w.\-]+)["']""", re.MULTILINE)
# A step whose result nobody takes: a statement of its own.
STEP = re.compile(r"""^\s*run\.step\(\s*f?["']([^"']+)["']""", re.MULTILINE)
LESSON = {
    "what the reader can do afterwards": "After this notebook you can",
    "a cell tagged `parameters`": ":tags: [parameters]",
    "a run record": "open_run(",
    "a figure": "run.figure(",
}


def missing(source: Path, root: Path = ROOT) -> list[str]:
    """What is missing for `source` (notebooks/PART/N_subject.md), each with where it belongs; empty: nothing."""
    part, text = source.parent.name, source.read_text(encoding="utf-8")
    found = [f"{what}: `{word}` in {source.name}" for what, word in LESSON.items() if word not in text]
    asked = {name: _known(name) for name in ASK.findall(text)}
    found += [
        f"the question {name}: a [[question]] in grading/questions/{part}.toml"
        for name, known in asked.items()
        if known is None
    ]
    known = [one for one in asked.values() if one is not None]
    if not asked:
        found.append(
            f"a question: `ask(run, ...)` in {source.name} and a [[question]] in grading/questions/{part}.toml"
        )
    found += _not_judged(known, root / "grading" / "staff" / "judges" / f"{part}.py")
    found += _not_used(text, known, root)
    found += _not_built(source)
    for where in ("tests/notebooks", "notebooks/README.md"):
        if source.stem not in _text(root / where):
            found.append(f"its name `{source.stem}` in {where}")
    return found


def _known(name: str) -> Question | None:
    try:
        return question(name)
    except QuestionError:
        return None


def _not_judged(asked: Sequence[Question], judges: Path) -> list[str]:
    """Choices and numbers are judged on the student's own record; the judge is found by the question's id."""
    text = _text(judges.parent)
    return [
        f"a judge of {one.id}: in grading/staff/judges/{judges.name}"
        for one in asked
        if one.kind in ("choose", "number") and f'"{one.id}"' not in text
    ]


def _not_used(text: str, asked: Sequence[Question], root: Path) -> list[str]:
    """A step whose result the notebook drops, and that no question, judge, chart or table looks up by its name."""
    readers = (
        _text(root / "grading") + _text(root / "snippets" / "draw") + " ".join(s for one in asked for s in one.steps)
    )
    stems = {name: "/".join(name.partition("{")[0].split("/")[:2]) for name in STEP.findall(text)}
    return [
        f"a use of the step {name}: in the notebook, a question's `steps`, a judge, a chart or a table"
        for name, stem in stems.items()
        if stem not in readers
    ]


def _not_built(source: Path) -> list[str]:
    built = source.with_suffix(".ipynb")
    try:
        current = built.exists() and built.read_text(encoding="utf-8") == notebooks.convert(source)
    except (NotebookSourceError, QuestionError) as error:
        return [f"a source that can be built: {error}"]
    return [] if current else [f"the notebook of today's source, {built.name}: `make notebooks`"]


def _text(place: Path) -> str:
    """The text of a file, or of all Python and TOML files below a folder, names included."""
    if place.is_file():
        return place.read_text(encoding="utf-8")
    files = sorted(path for path in place.rglob("*") if path.suffix in (".py", ".toml"))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def main(names: Sequence[str], say: Callable[[str], None] = print) -> int:
    """Tell what each source lacks; 1 if anything is missing."""
    lacking = {source: missing(source.resolve()) for source in notebooks.sources([Path(name) for name in names])}
    for source, found in lacking.items():
        for line in found:
            say(f"{source.parent.name}/{source.name} lacks {line}")
    if not any(lacking.values()):
        say(f"{len(lacking)} sources: nothing is missing.")
    return int(any(lacking.values()))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
