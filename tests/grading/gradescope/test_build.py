"""autograder.zip holds what grading a record needs and no more, and the same kit gives the same archive."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from grading.gradescope.build import build_autograder
from snippets.errors import UsageError


def test_the_same_kit_gives_the_same_archive(tmp_path: Path, autograder: Path) -> None:
    again = build_autograder("edge", tmp_path / "again.zip", functions=True)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(autograder.read_bytes()).digest()


def test_the_archive_holds_gradescopes_files_at_its_top_and_the_checks_below(autograder: Path) -> None:
    with zipfile.ZipFile(autograder) as archive:
        names = set(archive.namelist())
    top = {name.partition("/")[0] for name in names}
    assert top == {"autograder.json", "setup.sh", "run_autograder", "grading", "snippets"}
    assert {"grading/checks/edge.py", "grading/checks/bounds.toml", "grading/questions/edge.toml"} <= names
    assert "grading/functions/child.py" in names, "nothing imports it: the sandbox starts it"


def test_what_only_an_instructor_runs_stays_at_home(autograder: Path) -> None:
    with zipfile.ZipFile(autograder) as archive:
        folders = {name.rpartition("/")[0] for name in archive.namelist()}
    assert not folders & {
        "grading/nbgrader",
        "grading/batch",
        "grading/rerun",
        "grading/report",
        "snippets/triton",
        "snippets/model",
    }


def test_what_gradescope_starts_may_be_executed(autograder: Path) -> None:
    with zipfile.ZipFile(autograder) as archive:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
    assert [name for name, mode in modes.items() if mode == 0o755] == ["run_autograder", "setup.sh"]
    assert set(modes.values()) == {0o755, 0o644}


@pytest.mark.parametrize(("part", "parts"), [("model", ["model"]), ("all", ["model", "edge", "system"])])
def test_the_archive_says_which_parts_it_grades(tmp_path: Path, part: str, parts: list[str]) -> None:
    with zipfile.ZipFile(build_autograder(part, tmp_path / "new" / "autograder.zip")) as archive:
        assert json.loads(archive.read("autograder.json")) == {"parts": parts, "functions": False}


def test_an_unknown_part_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no part 'edgy'; the parts are model, edge, system, or all"):
        build_autograder("edgy", tmp_path / "autograder.zip")
    assert list(tmp_path.iterdir()) == []
