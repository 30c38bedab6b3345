"""An assignment's whole way through stock nbgrader: generate, validate, hand in, autograde, feedback, gradebook."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from grading.checks.part import check_part
from grading.functions.sandbox import level
from grading.functions.tasks import tasks
from grading.nbgrader.release import release_part
from grading.nbgrader.repair import text_of
from grading.notebooks import asked, slug
from grading.questions import ask, question, questions
from grading.staff.solutions.write import functions_file, solutions
from snippets.record.run import open_run
from tests.grading.nbgrader.stock import grades, nbgrader
from tests.grading.pictures import picture
from tests.grading.students import make_run

CONFINED = level() != "none"
PARTS = [pytest.param("edge"), *(pytest.param(part, marks=pytest.mark.slow) for part in ("model", "system"))]


def measured(part: str, runs: Path, root: Path) -> Path:
    """A run of the part. Edge's is made up; the others take what `make lab` left here, or else measure."""
    if part == "edge":
        return make_run(runs, 3)
    left = root / "runs" / part / "quick"
    if left.is_dir():
        return Path(shutil.copytree(left, runs / part / "quick"))
    from reserve.run.here import run_parts
    from reserve.run.options import RunOptions

    return run_parts(part, RunOptions(runs=runs), lambda _: None)[0].folder


def answer_all(part: str, folder: Path) -> None:
    """Record an answer to all that has none (some will be right), a word for each explanation, and screenshots."""
    run = open_run(part, notebook="answers", runs=folder.parent.parent, run_id=folder.name)
    answered = {answer["question"] for answer in run.record().answers}
    for number, each in enumerate(questions(part)):
        if each.kind in ("choose", "number") and each.id not in answered:
            ask(run, each.id, answer=each.choices[0] if each.choices else 0.0)
        elif each.kind == "explain":
            ask(run, each.id, answer=f"The word for {each.id} is caffeine.")
        elif each.kind == "screenshot":
            (folder / "screens").mkdir(exist_ok=True)
            (folder / "screens" / f"{each.id}.png").write_bytes(picture(number))


def outputs(path: Path, cell_id: str) -> str:
    """A graded cell's outputs, as JSON text."""
    cells: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return json.dumps(
        next(cell["outputs"] for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == cell_id)
    )


def failed(validated: str) -> int:
    """How many cells `nbgrader validate` found wanting."""
    found = re.search(r"VALIDATION FAILED ON (\d+) CELL", validated)
    assert found or "Success" in validated, validated
    return int(found.group(1)) if found else 0


@pytest.mark.parametrize("part", PARTS)
def test_a_part_goes_the_whole_way_through_stock_nbgrader(part: str, course: Path, tmp_path: Path, root: Path) -> None:
    run = measured(part, tmp_path / "runs", root)
    with contextlib.redirect_stdout(io.StringIO()):
        answer_all(part, run)
    release_part(part, course)
    nbgrader(course, "generate_assignment", part, "--create")
    released = sorted((course / "release" / part).glob("*.ipynb"))
    assert len(released) == len(list((root / "notebooks" / part).glob("*.md")))
    for path in released:  # no rubric and no answer for students
        text = path.read_text()
        assert "HIDDEN TESTS" not in text
        ids = [found for cell in json.loads(text)["cells"] if (found := asked(text_of(cell)))]
        rubrics = [line for each in map(question, ids) for line in each.rubric.splitlines()]
        assert not [line for line in rubrics if len(line) > 20 and json.dumps(line)[1:-1] in text]
    empty = failed(nbgrader(course, "validate", f"release/{part}/{released[-1].name}"))

    # s1 fills in the released notebooks; s2 hands in nothing but the folder that `servelab collect` made.
    for student in ("s1", "s2"):
        folder = course / "submitted" / student / part
        shutil.copytree(run, folder / part, ignore=shutil.ignore_patterns("*.onnx", "triton", "logs", "functions.py"))
    # s1 wrote the functions, too; s2 none.
    (course / "submitted" / "s1" / part / part / "functions.py").write_text(functions_file(part, solutions(part)))
    for path in released:
        filled = re.sub(r"answer=\.\.\.", 'answer=\\"mine\\"', path.read_text())
        (course / "submitted" / "s1" / part / path.name).write_text(filled)
    assert failed(nbgrader(course, "validate", f"submitted/s1/{part}/{released[-1].name}")) < empty
    ended = subprocess.run(
        [sys.executable, "-m", "servelab", "release", part, "--course", ".", "--repair"],
        cwd=course,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert ended.returncode == 0 and "s2" in ended.stdout and "s1" not in ended.stdout, ended.stderr + ended.stdout

    started = time.monotonic()
    said = nbgrader(course, "autograde", part)
    assert time.monotonic() - started < 30 * len(released), said  # no cell waited for its limit
    assert "Timeout" not in said and "ERROR" not in said
    nbgrader(course, "generate_feedback", part)

    results = {result.id: result for result in check_part(run).results}
    assert results[f"{part}.measured"].points > 5
    for student in ("s1", "s2"):
        found = grades(course, part, student)
        expected = {
            f"grade-{slug(name, 58)}": (result.points, False)
            for name, result in results.items()
            if result.kind != "by hand"
        }
        coding = [task for task in tasks() if task.part == part and task.example is not None]
        expected |= {
            f"grade-{slug(task.id, 58)}": (task.points if student == "s1" and CONFINED else 0.0, False)
            for task in coding
        }
        by_hand = {f"ask-{slug(each.id, 60)}": (None, True) for each in questions(part) if each.by_hand}
        assert found == {**expected, **by_hand}
        pages = sorted((course / "feedback" / student / part).glob("*.html"))
        assert [page.stem for page in pages] == [path.stem for path in released]
        graded = course / "autograded" / student / part
        for each in (each for each in questions(part) if each.by_hand):
            name = f"shown-{slug(each.id, 58)}"
            shown = outputs(next(path for path in graded.glob("*.ipynb") if name in path.read_text()), name)
            assert "Rubric" in shown
            assert ("image/png" if each.kind == "screenshot" else "is caffeine") in shown
