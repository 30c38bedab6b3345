"""`servelab release`: a part as an nbgrader assignment, in nbgrader's own folders.

Every question that a machine grades gets a locked cell behind it that looks its points up in the record. All other
code is tagged `measure`, and the course's nbgrader_config.py tells nbgrader not to execute cells with that tag: so
autograding replays the record, in seconds, and needs no GPU, no Triton and no data.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grading.checks.part import MEASUREMENT_POINTS
from grading.notebooks import NOTEBOOKS, PARTS, asked, convert, slug, sources
from grading.questions import question
from snippets.errors import UsageError
from snippets.record_store import storage_error

TAG = "measure"
CONFIG = f'''"""nbgrader's configuration for the lab; written once, yours to change."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "servelab"
# Answers are kept in the cells that ask: there is nothing to clear, and a stub would overwrite the question.
c.ClearSolutions.enabled = False
# Autograding reads the record that was handed in; what measures is not executed again.
c.Execute.skip_cells_with_tag = "{TAG}"
c.Execute.timeout = 300
c.OverwriteCells.add_missing_cells = True
'''


def grade_cell(result_id: str, points: float) -> dict[str, Any]:
    """A locked, automatically graded cell whose value is the points of `result_id`."""
    cell_id = f"grade-{slug(result_id, 58)}"
    return {
        "cell_type": "code", "id": cell_id, "execution_count": None, "outputs": [],
        "metadata": {"nbgrader": {"grade": True, "grade_id": cell_id, "locked": True, "points": points,
                                  "schema_version": 3, "solution": False, "task": False}},
        "source": "from grading.questions import score\n\n"
                  f'score("{result_id}", globals().get("run"))',
    }


def assignment(source: Path, last: bool) -> dict[str, Any]:
    """The notebook of a MyST source with its graded cells; `last`: also with the points for measuring."""
    notebook = json.loads(convert(source))
    cells: list[dict[str, Any]] = []
    for cell in notebook["cells"]:
        cells.append(cell)
        if cell["cell_type"] != "code":
            continue
        metadata = cell["metadata"]
        metadata["tags"] = sorted({*metadata.get("tags", []), TAG})
        question_id = asked("".join(cell["source"]))
        if question_id and not (found := question(question_id)).by_hand:
            cells.append(grade_cell(question_id, found.points))
    if last:
        cells.append(grade_cell(f"{source.parent.name}.measured", MEASUREMENT_POINTS))
    return {**notebook, "cells": cells}


def release(part: str, course: Path) -> list[Path]:
    """Write source/<part>/*.ipynb, and nbgrader_config.py where there is none, into the folder `course`.

    Then nbgrader takes over: `nbgrader generate_assignment <part>` makes the students' version. Raises UsageError for
    an unknown part, StorageError where the folder cannot be written.
    """
    if part not in PARTS:
        raise UsageError(f"There is no part {part!r}; parts are {', '.join(PARTS)}.")
    found = sources([NOTEBOOKS / part])
    written = []
    try:
        folder = course / "source" / part
        folder.mkdir(parents=True, exist_ok=True)
        for path in found:
            target = folder / f"{path.stem}.ipynb"
            notebook = assignment(path, last=path == found[-1])
            target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            written.append(target)
        config = course / "nbgrader_config.py"
        if not config.exists():
            config.write_text(CONFIG, encoding="utf-8")
            written.append(config)
    except OSError as error:
        raise storage_error(error, course) from error
    return written
