"""`servelab edition`: what students get works without the staff's part, and gives nothing of it away."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import servelab
from grading.questions import questions
from grading.rerun.codes import code_of, make_secret, read_secret, write_codes
from reserve.verbs.edition import student_files, write_edition
from snippets.errors import UsageError
from snippets.parts import PARTS
from tests.grading.students import make_run

LEAST_WORDS, LEAST_LINE = 5, 60
"""Shorter texts and lines of code are everybody's."""


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The student edition of this checkout."""
    folder = tmp_path_factory.mktemp("students") / "kit"
    write_edition(folder)
    return folder


def plain(text: str) -> str:
    """Without line breaks and marks of comments, as a rubric may be wrapped anywhere."""
    return " ".join(text.replace("#", " ").split())


def texts_in(value: Any) -> Iterator[str]:
    """All strings in a TOML document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts_in(each)


def staff_texts(root: Path) -> set[str]:
    """Every rubric, exemplar and sentence of the staff's part, save the choices that a question offers."""
    choices = {choice for part in PARTS for asked in questions(part) for choice in asked.choices}
    found: set[str] = set()
    for path in (root / "grading" / "staff").rglob("*"):
        if path.suffix == ".toml":
            found |= set(texts_in(tomllib.loads(path.read_text())))
        elif path.suffix == ".py" and "viva" not in path.parts:  # what is asked there is asked of students anyhow
            tree = ast.parse(path.read_text())
            found |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return {text for each in found - choices if len((text := plain(each)).split()) >= LEAST_WORDS}


def solution_lines(root: Path) -> set[str]:
    """The lines of the functions that say what is right: judges, and the solutions of the coding questions."""
    found = set()
    for path in (root / "grading" / "staff" / "judges").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                found |= {ast.unparse(each) for each in node.body if isinstance(each, ast.Return | ast.Assign)}
    return {line for line in found if len(line) >= LEAST_LINE}


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder that is text; a notebook's cells as they read."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and b"\0" not in (data := path.read_bytes()):
            text = data.decode(errors="replace")
            if path.suffix == ".ipynb":
                text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
            found[path.relative_to(folder).as_posix()] = plain(text)
    return found


def test_no_rubric_no_expected_value_and_no_solution_is_in_it(root: Path, edition: Path) -> None:
    secret = staff_texts(root)
    assert len(secret) > 200 and any("Two of: parts that run on one thread (Amdahl)" in text for text in secret)
    given = contents(edition)
    whole = "\n".join(given.values())
    told = {text: [name for name in given if text in given[name]] for text in secret if text in whole}
    assert told == {}


def test_no_line_that_works_out_what_is_right_is_in_it(root: Path, edition: Path) -> None:
    lines = solution_lines(root)
    assert len(lines) > 40
    given = {
        ast.unparse(node)
        for path in edition.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Return | ast.Assign)
    }
    assert lines & given == set()


def test_what_is_for_staff_only_is_not_in_it(edition: Path) -> None:
    names = {path.relative_to(edition).as_posix() for path in edition.rglob("*")}
    assert not {name for name in names if name.startswith(("grading/staff", "grading/batch", "tests", "benchmarks"))}
    assert {"servelab.py", "notebooks/model/1_baseline.ipynb", "grading/questions/model.toml", "README.md"} <= names


def test_what_is_in_it_imports_nothing_that_is_not(edition: Path) -> None:
    """Verbs for staff say that they are; everything else is whole."""
    given = set(student_files())
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in given}
    lacking = set()
    for path in edition.rglob("*.py"):
        name = path.relative_to(edition).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            imported = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if imported.startswith(("grading", "reserve", "snippets")) and imported not in modules:
                lacking.add((name, imported))
    assert {name for name, _ in lacking} == {"servelab.py", "grading/nbgrader/cells.py"}


def run_in(edition: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A process in the edition, which sees no other copy of the kit."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and "SERVELAB" not in name}
    return subprocess.run(
        [sys.executable, *words], cwd=edition, env=env | more, capture_output=True, text=True, timeout=120
    )


def test_a_student_checks_a_run_in_it_and_is_told_what_is_missing_not_what_is_right(
    edition: Path, tmp_path: Path
) -> None:
    run = make_run(tmp_path, 51, wrong=True)
    done = run_in(edition, "servelab.py", "check", "edge", "--run", str(run))
    assert done.returncode == 1 and not done.stderr, done.stderr
    assert "steps measured" in done.stdout and "not measured: edge/turns-1" in done.stdout
    assert "expected" not in done.stdout and "too small" not in done.stdout


def test_a_notebook_looks_back_on_its_predictions_in_it(edition: Path, tmp_path: Path) -> None:
    make_run(tmp_path, 52)
    cells = json.loads((edition / "notebooks" / "edge" / "1_latency.ipynb").read_text())["cells"]
    looks = ["".join(cell["source"]) for cell in cells if "look_back(run" in "".join(cell["source"])]
    script = "\n".join(
        (
            "import grading",
            f"assert grading.__file__.startswith({str(edition)!r})",
            "from grading.checks.looking_back import look_back",
            "from snippets.record import open_run",
            f"run = open_run('edge', runs={str(tmp_path)!r}, mode='replay')",
            *looks,
        )
    )
    done = run_in(edition, "-c", script)
    assert done.returncode == 0, done.stderr
    assert looks and "edge.threads.gain" in done.stdout and "measured 2.65 times" in done.stdout


def test_a_graded_cell_says_in_it_that_grading_is_done_elsewhere(edition: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path, 53)
    script = (
        "from pathlib import Path; from grading.nbgrader.cells import points_of; "
        f"print(points_of('edge.soak.change', Path({str(run)!r})))"
    )
    done = run_in(edition, "-c", script)
    assert done.stdout == "(0.0, 'Graded once it is handed in: this copy of the kit holds no right answers.')\n"


def test_a_courses_secret_and_its_list_of_codes_get_into_no_edition(tmp_path: Path, root: Path) -> None:
    kit = tmp_path / "kit"
    shutil.copytree(root / "grading" / "questions", kit / "grading" / "questions")
    for name in ("servelab.py", "environment.yml"):
        shutil.copy(root / name, kit / name)
    make_secret(kit / "course")
    secret = read_secret(kit / "course")
    write_codes(secret, ["ab1", "cd2"], kit / "mail.csv")
    write_edition(tmp_path / "out", kit)
    given = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert (tmp_path / "out" / "servelab.py").is_file()
    assert secret not in given and code_of(secret, "ab1").encode() not in given


@pytest.mark.parametrize(
    "verb",
    (
        ["grade", "x.zip"],
        ["challenge", "--secret-file=x", "--roster=README.md"],
        ["viva", "x.zip"],
        ["release", "edge"],
        ["edition", "x"],
    ),
)
def test_a_verb_for_staff_says_that_it_is(edition: Path, verb: list[str]) -> None:
    done = run_in(edition, "servelab.py", *verb)
    assert done.returncode == 2 and "students' copies of the kit lack" in done.stderr


def test_a_student_still_gets_the_questions_and_the_start_of_functions(edition: Path, tmp_path: Path) -> None:
    done = run_in(edition, "servelab.py", "questions", "edge", "--functions", str(tmp_path / "functions.py"))
    assert done.returncode == 0 and "edge.crossover.value" in done.stdout, done.stderr
    assert "def crossover_ms(" in (tmp_path / "functions.py").read_text()


def test_the_verb_writes_into_a_new_folder_only(tmp_path: Path, root: Path) -> None:
    done = CliRunner().invoke(servelab.cli, ["edition", str(tmp_path / "new")])
    assert done.exit_code == 0 and "wrote the student edition to" in done.output
    with pytest.raises(UsageError, match="holds something already"):
        write_edition(tmp_path / "new")
    with pytest.raises(UsageError, match="lies in the kit itself"):
        write_edition(root / "build" / "edition")
