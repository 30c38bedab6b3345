"""A class is graded several students at a time, with stock nbgrader's grades; nobody is lost for another's fault."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grading.nbgrader.autograde import autograde_class, students_of
from grading.nbgrader.release import release_part
from snippets.errors import SubmissionError, UsageError
from tests.grading.nbgrader.stock import grades, nbgrader
from tests.grading.students import make_run
from tests.terminals import at_terminal, plain


@pytest.mark.slow
def test_several_students_at_once_get_the_grades_that_stock_nbgrader_gives(course: Path, tmp_path: Path) -> None:
    release_part("edge", course)
    nbgrader(course, "generate_assignment", "edge", "--create")
    for seed in (1, 2, 3):
        run = make_run(tmp_path / f"r{seed}", seed, wrong=seed == 2, keep_steps=0.6 if seed == 3 else 1.0)
        folder = course / "submitted" / f"s{seed}" / "edge"
        shutil.copytree(course / "release" / "edge", folder)
        shutil.copytree(run, folder / "edge")
    shutil.rmtree(course / "submitted" / "s3" / "edge" / "edge")  # and nothing at all from this one
    assert [outcome.student for outcome in autograde_class("edge", course, say=lambda _: None)] == ["s1", "s2", "s3"]
    ours = {student: grades(course, "edge", student) for student in ("s1", "s2", "s3")}
    nbgrader(course, "autograde", "edge", "--force", "--Execute.kernel_name=python3")
    assert ours == {student: grades(course, "edge", student) for student in ours}
    points = {student: sum(score or 0 for score, _ in found.values()) for student, found in ours.items()}
    assert points["s1"] > points["s2"] > points["s3"] == 0


def test_a_student_whose_notebooks_cannot_be_graded_is_named_and_the_others_are_graded(
    course: Path, tmp_path: Path
) -> None:
    release_part("edge", course)
    nbgrader(course, "generate_assignment", "edge", "--create")
    for student in ("good", "bad"):
        shutil.copytree(course / "release" / "edge", course / "submitted" / student / "edge")
    (course / "submitted" / "bad" / "edge" / "1_latency.ipynb").write_text("{")
    with pytest.raises(SubmissionError, match="bad.*--repair"):
        autograde_class("edge", course, say=lambda _: None)
    assert grades(course, "edge", "good")["grade-edge-measured"] == (0, False)


def test_whoever_has_a_folder_of_the_part_handed_in(tmp_path: Path) -> None:
    for name in ("zoe/edge", "ada/edge", "ada/model", "bob/model"):
        (tmp_path / "submitted" / name).mkdir(parents=True)
    (tmp_path / "submitted" / "eve").mkdir()
    (tmp_path / "submitted" / "eve" / "edge").write_text("a file")
    assert students_of("edge", tmp_path) == ["ada", "zoe"]


def test_an_unknown_part_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no part 'edgy'; the parts are"):
        autograde_class("edgy", tmp_path)


def test_a_part_that_nobody_handed_in_is_refused_with_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="submitted/<student>/edge/"):
        autograde_class("edge", tmp_path)


def test_a_folder_that_is_no_course_is_refused_with_the_commands_that_make_one(tmp_path: Path) -> None:
    (tmp_path / "submitted" / "ada" / "edge").mkdir(parents=True)
    with pytest.raises(UsageError, match="servelab release edge --course .*nbgrader generate_assignment edge"):
        autograde_class("edge", tmp_path)


AT_TERMINAL = """
from pathlib import Path
from grading.nbgrader import autograde


def graded(part, course, student, force):
    return autograde.Autograded(student, "", "")


autograde._one = graded
autograde.autograde_class("edge", Path("."), workers=1)
"""


def test_at_a_terminal_a_bar_says_how_many_students_are_graded(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in ("s1", "s2"):
        (tmp_path / "submitted" / student / "edge").mkdir(parents=True)
    (tmp_path / "nbgrader_config.py").touch()
    monkeypatch.chdir(tmp_path)
    environment = {"PYTHONPATH": str(root)}
    words = [sys.executable, "-c", AT_TERMINAL]
    written = plain(at_terminal(words, 80, environment))
    assert "edge 2 of 2 " in written and "s2: graded (" in written, written
    piped = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=100)
    assert "s2: graded (" in piped.stdout and "\x1b" not in piped.stdout and "2 of 2" not in piped.stdout
