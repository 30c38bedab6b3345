"""A lesson's page: the kit's own text and code, and beside it what a run recorded and printed.

Text and code are those of the notebook in this kit, never of a student's copy. Outputs are taken from the run's
executed notebook where the cell's code is the kit's, unchanged; those of questions, of students' functions and of the
look back on predictions are left out, since they hold answers.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from grading.functions.tasks import tasks
from grading.questions.describe import worth
from grading.questions.schema import ASK, Question, question
from grading.site.explore import Axis, Distribution, axes, distributions
from grading.site.text import Cleaner, code, headings, joined, markdown, printed
from snippets.errors import RecordError
from snippets.parts import notebooks
from snippets.record.run import Record
from snippets.record.values import safe_path

FIGURE = re.compile(r"""run\.figure\(\s*["']([\w.\-]+)["']""")
WRITE = re.compile(r"""\bwrite\(\s*run\s*,\s*["']([\w.\-]+)["']""")
LOOK_BACK = re.compile(r"^look_back\(", re.MULTILINE)
TIME = re.compile(r"^\*{1,2}Time:.*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
THINKING = re.compile(r"(\d+) (?:more|minutes),?(?: nearly all of it)? to (?:read|think|write)")
KINDS = {
    "predict": "a prediction, made before the measurement",
    "choose": "a choice",
    "number": "a number, worked out",
    "explain": "an explanation",
    "screenshot": "a screenshot",
    "config": "a config.pbtxt",
}
FORMS = {"cards": "the numbers of services, in TOML"}
PNG = b"\x89PNG\r\n\x1a\n"
Keep = Callable[[str, bytes], str]
"""Keeps a picture under a name and says where the page finds it."""


@dataclass(frozen=True)
class Block:
    """A piece of a page. `kind`: text, code, printed, note, question or figure; `html` is safe as it is; `facts` are
    what the page's template shows of a question or a figure."""

    kind: str
    html: str = ""
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Lesson:
    """A notebook of the kit. `time`: what it says of its length; `thinking`: the reader's minutes among that."""

    part: str
    name: str
    title: str
    time: str
    thinking: int
    sections: tuple[str, ...]
    questions: tuple[Question, ...]
    functions: float
    cells: tuple[Mapping[str, Any], ...]

    @property
    def page(self) -> str:
        """Where its page lies in the site."""
        return f"{self.part}/{self.name}.html"

    @property
    def points(self) -> float:
        """Points of its questions, without those of coding questions, which a course sets or not."""
        return sum(asked.points for asked in self.questions)


@dataclass(frozen=True)
class Recorded:
    """What a run adds to a lesson. `seconds`: of its steps together; `other`: cells whose code was not the kit's."""

    blocks: tuple[Block, ...]
    distributions: tuple[Distribution, ...] = ()
    axes: tuple[Axis, ...] = ()
    seconds: float | None = None
    other: int = 0
    executed: bool = False


@lru_cache(maxsize=8)
def lessons(part: str) -> tuple[Lesson, ...]:
    """The lessons of a part in order. Raises UsageError for a part that does not exist or has no notebooks."""
    return tuple(_lesson(part, path) for path in notebooks(part))


def _lesson(part: str, path: Path) -> Lesson:
    cells = _cells(path)
    text = "\n\n".join(joined(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    source = "\n".join(joined(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    time = TIME.search(text)
    said = " ".join(re.sub(r"[*`]", "", time[0]).removeprefix("Time:").split()) if time else ""
    thinking = THINKING.search(said)
    written = set(WRITE.findall(source))
    return Lesson(
        part,
        path.stem,
        next(iter(headings(text, 1)), path.stem),
        said[:1].upper() + said[1:],
        int(thinking[1]) if thinking else 0,
        tuple(headings(text)),
        tuple(question(asked) for asked in dict.fromkeys(ASK.findall(source))),
        sum(task.points for task in tasks() if task.id in written),
        tuple(cells),
    )


def _cells(path: Path) -> list[dict[str, Any]]:
    """Cells of a notebook's file. Raises RecordError for one that is none."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        if not all(isinstance(cell["source"], str | list) and cell["cell_type"] for cell in cells):
            raise TypeError("a cell has no source")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path} is no readable notebook ({error}). Run its part again, or remove it.") from None
    return list(cells)


def recorded(lesson: Lesson, record: Record | None, keep: Keep) -> Recorded:
    """The lesson's blocks in order, with what `record` (if there is one) adds; its pictures go to `keep`.

    Raises RecordError for samples that are missing or changed, and for a notebook that cannot be read.
    """
    if record is None:
        return Recorded(tuple(_blocks(lesson, _Outputs({}, None, keep))))
    path = record.folder / "notebooks" / f"{lesson.name}.ipynb"
    ran = {cell.get("id", ""): cell for cell in _cells(path)} if path.is_file() else {}
    outputs = _Outputs(ran, record, keep)
    blocks = list(_blocks(lesson, outputs))
    blocks += outputs.left_over(lesson)
    steps = [step for step in record.steps if step.notebook == lesson.name]
    return Recorded(
        tuple(blocks),
        tuple(distributions(record, lesson.name)),
        tuple(axes(record, lesson.name)),
        sum(step.seconds for step in steps) if steps else None,
        outputs.other,
        bool(ran),
    )


def _blocks(lesson: Lesson, outputs: _Outputs) -> Iterator[Block]:
    siblings = [other.name for other in lessons(lesson.part)]
    section = lesson.title
    for cell in lesson.cells:
        source = joined(cell["source"])
        if cell["cell_type"] == "markdown":
            if not cell.get("id", "").startswith("question-"):
                section = next(iter(headings(source)[-1:]), section)
                yield Block("text", markdown(source, siblings))
        elif asked := ASK.search(source):
            yield Block("question", facts=_asked(question(asked[1])))
        elif written := WRITE.search(source):
            yield Block("code", code(source))
            yield from (Block("question", facts=_task(task)) for task in tasks() if task.id == written[1])
        elif LOOK_BACK.search(source):
            yield Block("note", "Here each student sees the own predictions beside what the own run measured.")
        else:
            yield Block("code", code(source))
            yield from outputs.of(cell, section)


def _asked(asked: Question) -> dict[str, Any]:
    return {
        "id": asked.id,
        "what": FORMS.get(asked.form, KINDS[asked.kind]),
        "worth": worth(asked),
        "html": markdown(asked.text),
        "choices": asked.choices,
        "unit": asked.unit,
        "graded": "a person reads it" if asked.by_hand else "graded from the student's own record",
    }


def _task(task: Any) -> dict[str, Any]:
    return {
        "id": task.id,
        "what": f"a function, {task.name}({task.signature})",
        "worth": f"{task.points:g} points",
        "html": markdown(task.text),
        "choices": (),
        "unit": "",
        "graded": "tests run it confined, if the course sets coding questions",
    }


class _Outputs:
    """What the run's cells put out, and its figures; each figure once."""

    def __init__(self, ran: Mapping[str, Mapping[str, Any]], record: Record | None, keep: Keep) -> None:
        self.ran, self.record, self.keep = ran, record, keep
        self.cleaner = Cleaner.of(record) if record else Cleaner()
        self.placed: set[str] = set()
        self.other = 0

    def of(self, cell: Mapping[str, Any], section: str) -> Iterator[Block]:
        """Outputs of a cell whose code is the kit's, in order; without an executed notebook, its figures."""
        source = joined(cell["source"])
        named = [name for name in FIGURE.findall(source) if self.record and name in self.record.figures]
        made = self.ran.get(cell.get("id", ""))
        outputs = list(made.get("outputs", ())) if made else []
        tags = (cell.get("metadata") or {}).get("tags", [])
        if made and joined(made["source"]).strip() != source.strip():
            self.other += "parameters" not in tags
            outputs = []
        for number, output in enumerate(outputs):
            yield from self._one(output, named, f"{cell.get('id', 'cell')}-{number}", section)
        for name in named:
            yield from self._figure(name, section)

    def left_over(self, lesson: Lesson) -> list[Block]:
        """Figures that the record has of this lesson and no cell names."""
        figures = self.record.figures if self.record else {}
        names = [name for name, entry in figures.items() if entry.get("notebook") == lesson.name]
        return [block for name in names for block in self._figure(name, lesson.title)]

    def _one(self, output: Mapping[str, Any], named: list[str], name: str, section: str) -> Iterator[Block]:
        kind, data = output.get("output_type"), output.get("data") or {}
        if kind == "stream":
            if output.get("name") == "stdout" and (text := joined(output.get("text", "")).strip("\n")):
                yield Block("printed", printed(self.cleaner.clean(text)))
        elif kind == "error":
            yield Block("note", "In this run the cell ended in an error, which is left out here.")
        elif "image/png" in data:
            own = next((each for each in named if each not in self.placed), "")
            yield from self._figure(own, section) if own else self._inline(joined(data["image/png"]), name, section)
        elif "text/markdown" in data:
            yield Block("text", markdown(self.cleaner.clean(joined(data["text/markdown"]))))
        elif "text/plain" in data and "application/vnd.jupyter.widget-view+json" not in data:
            yield Block("printed", printed(self.cleaner.clean(joined(data["text/plain"]))))

    def _figure(self, name: str, section: str) -> Iterator[Block]:
        if self.record and name not in self.placed:
            self.placed.add(name)
            path = safe_path(self.record.folder, self.record.figures[name]["$file"])
            if path.is_file():
                yield from self._picture(name, path.read_bytes(), section)

    def _inline(self, encoded: str, name: str, section: str) -> Iterator[Block]:
        try:
            data = base64.b64decode("".join(encoded.split()), validate=True)
        except binascii.Error:
            return
        yield from self._picture(name, data, section)

    def _picture(self, name: str, data: bytes, section: str) -> Iterator[Block]:
        if not data.startswith(PNG) or len(data) < 24:
            return
        words = re.sub(r"[_\-]+", " ", name) if name in self.placed else ""
        facts = {
            "src": self.keep(name, data),
            "alt": f"{words[:1].upper()}{words[1:]}: figure of this run, under {section}"
            if words
            else f"Picture that this run took, under {section}",
            "caption": f"{words}, as this run drew it" if words else "as this run took it",
            "width": int.from_bytes(data[16:20], "big"),
            "height": int.from_bytes(data[20:24], "big"),
        }
        yield Block("figure", facts=facts)
