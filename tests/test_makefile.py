"""The Makefile's commands: what they would do, without doing it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def would_do(root: Path, target: str) -> str:
    """The shell lines of a target, of a checkout that is set up."""
    words = ["make", "--dry-run", "--always-make", "--old-file", ".venv/ready", "-C", str(root), target]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def test_clean_keeps_the_records(root: Path, tmp_path: Path) -> None:
    for name in ("runs/model/quick", ".venv", "build"):
        (tmp_path / name).mkdir(parents=True)
    ended = subprocess.run(
        ["make", "-f", str(root / "Makefile"), "clean"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["runs"] and "runs/ is kept" in ended.stdout


def test_jupyter_starts_for_root_and_finds_the_command_in_its_terminals(root: Path) -> None:
    lines = would_do(root, "jupyter")
    assert ("--allow-root" in lines) == (os.geteuid() == 0)
    assert f'PATH="{root}/.venv/bin:$PATH"' in lines and f'JUPYTER_CONFIG_PATH="{root}/notebooks/.jupyter:' in lines
    assert f'--ServerApp.root_dir="{root}"' in lines and "/lab/tree/notebooks" in lines


def test_what_instructors_make_is_ignored_by_git(root: Path) -> None:
    made = (
        *("grades.csv", "grades.json", "grades.html", "grades.similarity.csv", "runs/submissions/a/grades.csv"),
        *("course/gradebook.db", "course/submitted/ab123/model/1.ipynb", "plan/plan.csv", "plan/messages/ab123.txt"),
        *("autograder.zip", "template.pdf", "viva.html", "roster.csv", "submissions/a.zip"),
    )
    asked = subprocess.run(
        ["git", "-C", str(root), "check-ignore", "--no-index", *made], capture_output=True, text=True, timeout=60
    )
    assert asked.stdout.splitlines() == list(made)
    tracked = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-ci", "--exclude-standard"], capture_output=True, text=True, timeout=60
    )
    assert tracked.stdout == "", "nothing of the kit is"
