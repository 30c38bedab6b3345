"""What the locked cells of an nbgrader assignment call; both read what was handed in, and nothing is measured again.

`score("model.graph.gain")` is graded by nbgrader; `show("model.graph.layout")` shows a person what to grade.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from grading.functions.tasks import tasks
from grading.questions.writing import FILE

MAX_SHOWN_BYTES = 3_000_000
"""Larger pictures are named and not shown: each would be in the graded notebook and in the student's feedback."""


def _folder(part: str, run: Any) -> Path | None:
    """The run that was handed in beside the notebook; else `run`'s, else the newest of the checkout.

    While nbgrader grades, only what was handed in counts: the grader's own runs must earn nobody points.
    """
    from grading.submission.opened import runs_in
    from snippets.record.run import latest_run

    handed_in = runs_in(Path.cwd()).get(part)
    if handed_in or os.environ.get("NBGRADER_EXECUTION") == "autograde":
        return handed_in
    return Path(run.folder) if run is not None else latest_run(part)


@lru_cache(maxsize=4)
def _graded(folder: Path, stamp: int) -> dict[str, Any]:
    """Results by id of a run, graded once for each state of its record."""
    from grading.checks.part import check_part

    return {result.id: result for result in check_part(folder).results}


@lru_cache(maxsize=4)
def _functions(folder: Path, stamp: int) -> dict[str, Any]:
    """Results by id of the coding questions of the part that a run is of; confined, once for each state of the file."""
    from grading.functions.tests import test_file
    from snippets.record.run import load_record

    return {result.id: result for result in test_file(folder / FILE, load_record(folder).part)}


def _result(question_id: str, folder: Path) -> Any:
    from snippets.record.document import written_ns

    if any(task.id == question_id for task in tasks()):
        file = folder / FILE
        return _functions(folder, file.stat().st_mtime_ns if file.is_file() else 0)[question_id]
    return _graded(folder, written_ns(folder))[question_id]


def score(question_id: str, run: Any = None) -> float:
    """Points earned by the recorded answer, printed with what to do about it. 0 where there is no usable record.

    `run`: the notebook's open run; without it (nothing was executed) the run that was handed in.
    """
    points, told = points_of(question_id, _folder(question_id.partition(".")[0], run))
    print(told)
    return points


def points_of(question_id: str, folder: Path | None) -> tuple[float, str]:
    """Points that the run in `folder` earns for a question, and what to say of them. Never raises for what is in it."""
    from grading.shown import lines

    if folder is None:
        return 0.0, "No run record was handed in: put what `servelab collect` made beside the notebook."
    try:
        result = _result(question_id, folder)
    except ImportError:
        return 0.0, "Graded once it is handed in: this copy of the kit holds no right answers."
    except Exception as error:  # a record can hold anything
        return 0.0, f"The record cannot be graded: {lines(error)}"
    return float(result.points), f"{result.points:g} of {result.possible:g} points. {lines(result.message)}"


def show(question_id: str, run: Any = None) -> None:
    """Show the recorded answer and the screenshot of a question, and while nbgrader grades, its rubric.

    `run` as for `score`. Raises QuestionError for an unknown id, and nothing for what a student handed in.
    """
    from grading.questions.asking import answer_to
    from grading.questions.schema import question
    from grading.shown import lines
    from snippets.errors import KitError
    from snippets.record.run import load_record

    asked = question(question_id)
    folder = _folder(asked.part, run)
    entry = None
    try:
        if folder is not None:
            entry = answer_to(asked, load_record(folder))
        print("The record holds no answer." if entry is None else f"Recorded answer: {lines(entry['value'])}")
    except (KitError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        print(f"The record cannot be read: {lines(error)}")
    if asked.kind == "screenshot":
        _show_screenshot(asked, folder)
    if os.environ.get("NBGRADER_EXECUTION") == "autograde":
        print(f"Rubric: {asked.rubric}")


def _show_screenshot(asked: Any, folder: Path | None) -> None:
    """The picture handed in as a file; one that was pasted into the notebook is to be seen there."""
    from grading.submission.screenshots import choose, from_folders

    folders = [] if folder is None else [folder / "screens", folder.parent / "screens"]
    found = choose(from_folders(folders, [asked])[0], [asked]).pictures.get(asked.id)
    if found is None:
        print("No screenshot was handed in as a file.")
        return
    print(f"Screenshot: {found.source}{': it ' + found.problem if found.problem else ''}")
    if len(found.data) <= MAX_SHOWN_BYTES and found.suffix in (".png", ".jpg", ".gif"):
        from IPython.display import Image, display

        display(Image(data=found.data, width=800, alt=f"Screenshot for {asked.id}"))
