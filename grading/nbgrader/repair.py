"""Mending notebooks that students broke, without hand work: the assignment's cells with the student's answers in them.

nbgrader finds cells by the metadata in them, which editors lose, copy and reorder. Here a cell of the assignment is
looked for by its cell id, by its nbgrader grade_id, and by the question that it asks, in this order; of copies, the
last one that holds an answer counts. Locked cells come from the assignment. What the student added is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.functions.tasks import WRITE
from grading.nbgrader.markdown import harmless
from grading.questions.schema import ASK
from grading.shown import line
from snippets.files import write_atomic

TAG = "measure"
"""Marks code cells that grading does not execute: those that measure, and those that a student added."""
HIDDEN = re.compile(r"\n?### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS", re.DOTALL)
MAX_SOURCE = 100_000
MAX_OUTPUTS = 200_000
KINDS = ("code", "markdown", "raw")


@dataclass(frozen=True)
class Mended:
    """A whole notebook, and what had to be mended (empty: nothing)."""

    notebook: dict[str, Any]
    remarks: tuple[str, ...]


def text_of(cell: dict[str, Any]) -> str:
    """A cell's source as text, whatever form it was saved in."""
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def grade_id(cell: dict[str, Any]) -> str:
    """The cell's nbgrader id; empty if it has none."""
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return str(marks.get("grade_id", "")) if isinstance(marks, dict) else ""


def _names(cell: dict[str, Any]) -> list[str]:
    """What a cell may be found by, the surest first."""
    found = ASK.search(text_of(cell)) or WRITE.search(text_of(cell))
    names = [f"question {found.group(1)}"] if found else []
    return [
        *([f"id {cell['id']}"] if cell.get("id") else []),
        *([f"grade {grade_id(cell)}"] if grade_id(cell) else []),
        *names,
    ]


def _answered(cell: dict[str, Any]) -> bool:
    text = text_of(cell)
    if WRITE.search(text):
        return "\n    ...\n" not in text
    return bool(ASK.search(text)) and "answer=..." not in text.replace(" ", "")


def _cells(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        return [], ["the file is no notebook (not JSON); the assignment's cells stand in its place"]
    if not isinstance(notebook, dict):
        return [], ["the file is no notebook; the assignment's cells stand in its place"]
    cells = notebook.get("cells")
    if not isinstance(cells, list):  # nbformat 3 kept them in worksheets
        sheets = notebook.get("worksheets")
        cells = (
            [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
            if isinstance(sheets, list)
            else []
        )
        cells = [
            {**cell, "source": cell.get("source", cell.get("input", ""))} for cell in cells if isinstance(cell, dict)
        ]
    return [cell for cell in cells if isinstance(cell, dict)], []


def _is_students(cell: dict[str, Any]) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("solution"))


def _fill(cell: dict[str, Any], theirs: dict[str, Any]) -> None:
    cell["source"] = text_of(theirs)[:MAX_SOURCE]
    if isinstance(theirs.get("attachments"), dict) and cell["cell_type"] == "markdown":
        cell["attachments"] = theirs["attachments"]


def _would_run(cell: dict[str, Any]) -> bool:
    """Whether grading would execute a cell that the student added: one that is not tagged as measuring."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    skipped = isinstance(tags, list) and TAG in tags
    return cell.get("cell_type") == "code" and bool(text_of(cell).strip()) and not skipped


def _own(cell: dict[str, Any], number: int) -> dict[str, Any] | None:
    """A cell that the student added, without marks that could be taken for the assignment's; None if empty."""
    kind = cell.get("cell_type")
    text = text_of(cell)[:MAX_SOURCE]
    if kind not in KINDS or not (text.strip() or cell.get("attachments")):
        return None
    if kind == "markdown":
        text = harmless(text)
    kept: dict[str, Any] = {"cell_type": kind, "id": f"own-{number}", "metadata": {"tags": [TAG]}, "source": text}
    if kind == "code":
        kept |= {"execution_count": None, "outputs": []}
    elif isinstance(cell.get("attachments"), dict):
        kept["attachments"] = cell["attachments"]
    return kept


def repair(assignment: dict[str, Any], submitted: str) -> Mended:
    """The assignment's notebook with the answers of the `submitted` text (JSON) in it. Never raises for that text."""
    theirs, remarks = _cells(submitted)
    by_name: dict[str, list[int]] = {}
    for index, cell in enumerate(theirs):
        for name in _names(cell):
            by_name.setdefault(name, []).append(index)
    made = deepcopy(assignment)
    for cell in made["cells"]:
        cell["source"] = HIDDEN.sub("", text_of(cell))  # as students got it: rubrics stay with the instructor
    used: dict[int, int] = {}
    for place, cell in enumerate(made["cells"]):
        found = sorted({index for name in _names(cell) for index in by_name.get(name, [])} - set(used))
        used |= dict.fromkeys(found, place)
        if not _is_students(cell):
            continue
        if not found:
            remarks.append(f"{cell['id']} was missing and is there again, unanswered")
            continue
        best = max(found, key=lambda index: (_answered(theirs[index]), index))
        if len(found) > 1:
            remarks.append(f"{cell['id']} was there {len(found)} times; the last answer counts")
        if theirs[best].get("cell_type") != cell["cell_type"]:
            remarks.append(f"{cell['id']} had become {theirs[best].get('cell_type')}; it is {cell['cell_type']} again")
        if grade_id(theirs[best]) != grade_id(cell):
            remarks.append(f"{cell['id']} had lost its nbgrader metadata")
        _fill(cell, theirs[best])
    order = [used[index] for index in sorted(used)]
    if order != sorted(order):
        remarks.append("cells were out of order")
    made["cells"] = list(_with_own(made["cells"], theirs, used))
    if added := [text_of(cell) for index, cell in enumerate(theirs) if index not in used and _would_run(cell)]:
        shown = ", ".join(repr(line(text, 50)) for text in added[:3])
        remarks.append(f"{len(added)} code cells were added that would be executed, and now are not: {shown}")
    if len(submitted) > MAX_OUTPUTS:
        remarks.append(f"outputs were dropped ({len(submitted) / 1e6:.1f} MB)")
    return Mended(made, tuple(remarks))


def _with_own(
    cells: list[dict[str, Any]], theirs: list[dict[str, Any]], used: dict[int, int]
) -> Iterable[dict[str, Any]]:
    """The assignment's cells, each followed by what the student had added behind it."""
    behind: dict[int, list[dict[str, Any]]] = {}
    place = -1
    for index, cell in enumerate(theirs):
        place = used.get(index, place)
        if index not in used and (kept := _own(cell, index)):
            behind.setdefault(place, []).append(kept)
    yield from behind.get(-1, [])
    for index, cell in enumerate(cells):
        yield cell
        yield from behind.get(index, [])


def repair_folder(course: Path, part: str) -> dict[Path, tuple[str, ...]]:
    """Mend submitted/*/<part>/*.ipynb in place (the original is kept as .ipynb.orig); returns what was mended.

    A notebook of the assignment that a student did not hand in is taken from the run's folder, which holds the ones
    that were executed (<part>/notebooks/), or else added without answers, so that its record can be graded.
    """
    mended: dict[Path, tuple[str, ...]] = {}
    for folder in sorted((course / "submitted").glob(f"*/{part}")):
        for source in sorted((course / "source" / part).glob("*.ipynb")):
            target = folder / source.name
            executed = folder / part / "notebooks" / source.name
            found = next((path for path in (target, executed) if path.is_file()), None)
            text = found.read_text(encoding="utf-8", errors="replace") if found else "{}"
            result = repair(json.loads(source.read_text(encoding="utf-8")), text)
            remarks = result.remarks
            if found != target:
                remarks = ("taken from the run's folder",) if found else ("was not handed in",)
            if not remarks:
                continue
            original = target.with_suffix(".ipynb.orig")
            if target.is_file() and not original.exists():
                write_atomic(original, text.encode(), setting="--course")
            whole = json.dumps(result.notebook, indent=1, ensure_ascii=False) + "\n"
            write_atomic(target, whole.encode(), setting="--course")
            mended[target] = remarks
    return mended
