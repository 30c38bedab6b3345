"""No cell of a student's can decide a grade, or run in an instructor's browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from grading.nbgrader.autograde import autograde_class
from grading.nbgrader.guard import guard
from grading.nbgrader.release import release_or_repair, release_part
from tests.grading.nbgrader.stock import grades, nbgrader
from tests.grading.students import make_run

TAKES_OVER = """
import grading.nbgrader.cells, grading.questions
def score(*_): return 99.0
grading.nbgrader.cells.score = grading.questions.score = score
"""


def released(course: Path) -> None:
    release_part("edge", course)
    nbgrader(course, "generate_assignment", "edge", "--create")


def submit(course: Path, student: str, *added: Any) -> Path:
    """The released notebooks without a record; in the first, these cells before all others."""
    folder = course / "submitted" / student / "edge"
    shutil.copytree(course / "release" / "edge", folder)
    path = folder / "1_latency.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[:0] = added
    nbformat.write(notebook, path)
    return path


def points(course: Path, student: str) -> float:
    return sum(score or 0 for score, _ in grades(course, "edge", student).values())


def test_a_cell_that_redefines_the_kits_names_earns_nothing_and_html_is_escaped(course: Path, tmp_path: Path) -> None:
    released(course)
    script = "<script>alert(1)</script> ![x](http://evil.example/a.png) [y](javascript:alert(2)) a < b"
    submit(course, "mallory", new_code_cell(TAKES_OVER), new_markdown_cell(script))
    tagged = new_code_cell(TAKES_OVER, metadata={"tags": ["measure"]})
    honest = submit(course, "honest", tagged)
    shutil.copytree(make_run(tmp_path / "r", 5), honest.parent / "edge")
    autograde_class("edge", course, say=lambda _: None)
    assert points(course, "mallory") == 0 < points(course, "honest")
    text = (course / "autograded" / "mallory" / "edge" / "1_latency.ipynb").read_text()
    cell = next(each for each in json.loads(text)["cells"] if "alert(1)" in "".join(each["source"]))
    shown = "".join(cell["source"])
    assert "<script" not in shown and "![" not in shown and "javascript:" not in shown and "a < b" in shown


def test_repair_names_added_cells_that_would_be_executed(course: Path) -> None:
    released(course)
    path = submit(course, "mallory", new_code_cell(TAKES_OVER), new_markdown_cell("<img src=x onerror=alert(1)>"))
    (told,) = (line for line in release_or_repair("edge", course, True) if "1_latency" in line)
    assert "1 code cells were added that would be executed" in told
    cells = json.loads(path.read_text())["cells"]
    added = [cell for cell in cells if "99.0" in "".join(cell["source"])]
    assert [cell["metadata"]["tags"] for cell in added] == [["measure"]] and "<img" not in path.read_text()


def test_nbgraders_own_steps_stay_in_their_order() -> None:
    from nbgrader.converters import Autograde
    from traitlets.config import Config

    config = Config()
    guard(config)
    names = [step.__name__ for step in config.Autograde.autograde_preprocessors]
    assert names[:2] == ["Execute", "Judged"] and names.index("Judged") < names.index("SaveAutoGrades")
    own = [step.__name__ for step in Autograde.class_traits()["autograde_preprocessors"].default()]
    assert [name for name in names if name != "Judged"] == own
