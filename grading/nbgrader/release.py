"""`servelab release`: a part as an nbgrader assignment, in nbgrader's own folders.

Every question that a machine grades gets a locked cell behind it that looks its points up in the record; a function
that students write, one that runs their functions.py, confined. A question that a
person grades gets a locked cell that shows what was handed in: the recorded answer, the screenshot, the rubric. All
other code is tagged `measure`, and the course's nbgrader_config.py tells nbgrader not to execute cells with that tag.
So autograding replays the record, in seconds, and needs no GPU, no Triton and no data.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grading.checks.part import MEASUREMENT_POINTS
from grading.functions.tasks import task
from grading.nbgrader.repair import TAG, repair_folder
from grading.notebooks import asked, coded, convert, slug
from grading.questions import Question, question
from snippets.files import storage_error, write_atomic
from snippets.parts import check_part, numbered, parts_named

KERNEL = "servelab-grading"
KERNELSPEC = {
    "argv": ["python", "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Python 3 (grading)",
    "language": "python",
    "metadata": {"debugger": False, "kernel_provisioner": {"provisioner_name": "servelab-warm"}},
}
CONFIG = f'''"""nbgrader's configuration for the lab; written once, yours to change."""

import os
from importlib.metadata import entry_points
from pathlib import Path

from grading.nbgrader.guard import guard

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "servelab"
# Points are looked up outside the student's kernel; cells that students added are neither executed nor shown as HTML.
guard(c)
# Answers are kept in the cells that ask: there is nothing to clear, and a stub would overwrite the question.
c.ClearSolutions.enabled = False
# Autograding reads the record that was handed in; what measures is not executed again.
c.Execute.skip_cells_with_tag = "{TAG}"
c.Execute.timeout = 300
c.OverwriteCells.add_missing_cells = True
# Kernels are forked from a process that has imported everything, each clean, and need not say goodbye. The kernelspec
# lies in this folder. Without these lines, grading gives the same and takes longer.
if "servelab-warm" in entry_points(group="jupyter_client.kernel_provisioners").names:
    folders = [str(Path(__file__).resolve().parent / "jupyter"), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(folders)
    c.Execute.kernel_name = "{KERNEL}"
    c.Execute.shutdown_kernel = "immediate"
    c.Execute.extra_arguments = ["--IPKernelApp.log_level=ERROR"]
'''


def _locked(cell_id: str, source: str) -> dict[str, Any]:
    """A code cell that students can read and not change; worth nothing."""
    return {
        "cell_type": "code",
        "id": cell_id,
        "execution_count": None,
        "outputs": [],
        "metadata": {
            "nbgrader": {
                "grade": False,
                "grade_id": cell_id,
                "locked": True,
                "schema_version": 3,
                "solution": False,
                "task": False,
            }
        },
        "source": source,
    }


def grade_cell(result_id: str, points: float) -> dict[str, Any]:
    """A locked, automatically graded cell whose value is the points of `result_id`."""
    cell = _locked(
        f"grade-{slug(result_id, 58)}",
        f'from grading.nbgrader.cells import score\n\nscore("{result_id}", globals().get("run"))',
    )
    cell["metadata"]["nbgrader"] |= {"grade": True, "points": points}
    return cell


def shown_cell(question_id: str) -> dict[str, Any]:
    """A locked cell that shows a person what was handed in for a question."""
    return _locked(
        f"shown-{slug(question_id, 58)}",
        f'from grading.nbgrader.cells import show\n\nshow("{question_id}", globals().get("run"))',
    )


def with_rubric(source: str, found: Question) -> str:
    """The asking cell of the instructor's version: its rubric is a hidden test, which students do not get.

    So every student's cell differs from the instructor's. nbgrader gives 0 points to a cell that does not, without
    asking a person; but the answer to a screenshot question, or one given in another notebook, is not in the cell.
    """
    rubric = "\n".join(f"# {line}".rstrip() for line in found.rubric.splitlines())
    return f"{source}\n### BEGIN HIDDEN TESTS\n{rubric}\n### END HIDDEN TESTS"


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
        text = "".join(cell["source"])
        if task_id := coded(text):
            cells.append(grade_cell(task_id, task(task_id).points))
        if not (question_id := asked(text)):
            continue
        found = question(question_id)
        if found.by_hand:
            cell["source"] = with_rubric(text, found)
            cells.append(shown_cell(question_id))
        else:
            cells.append(grade_cell(question_id, found.points))
    if last:
        cells.append(grade_cell(f"{source.parent.name}.measured", MEASUREMENT_POINTS))
    return {**notebook, "cells": cells}


def release_part(part: str, course: Path) -> list[Path]:
    """Write source/<part>/*.ipynb, and nbgrader_config.py where there is none, into the folder `course`.

    Then nbgrader takes over: `nbgrader generate_assignment <part>` makes the students' version. Raises UsageError for
    an unknown part, StorageError where the folder cannot be written.
    """
    check_part(part, all_too=False)
    found = numbered(part, ".md")
    written = []
    try:
        folder = course / "source" / part
        folder.mkdir(parents=True, exist_ok=True)
        for path in found:
            target = folder / f"{path.stem}.ipynb"
            notebook = assignment(path, last=path == found[-1])
            _write(target, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
            written.append(target)
        kernel = course / "jupyter" / "kernels" / KERNEL / "kernel.json"
        kernel.parent.mkdir(parents=True, exist_ok=True)
        _write(kernel, json.dumps(KERNELSPEC, indent=1) + "\n")
        config = course / "nbgrader_config.py"
        if not config.exists():
            _write(config, CONFIG)
            written.append(config)
    except OSError as error:
        raise storage_error(error, course, "--course") from error
    return written


def _write(path: Path, text: str) -> None:
    write_atomic(path, text.encode(), setting="--course")


def release_or_repair(part: str, course: Path, repair: bool) -> list[str]:
    """Write the assignment of a part (or of `all`), or mend what students handed in; what was done, a line each.

    Raises UsageError for an unknown part, StorageError where the course folder cannot be written.
    """
    if repair:
        return [
            f"{path}: {'; '.join(remarks)}"
            for each in parts_named(part)
            for path, remarks in repair_folder(course, each).items()
        ]
    return [str(path) for each in parts_named(part) for path in release_part(each, course)]
