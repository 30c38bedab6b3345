"""`make lint` and CI look at everything they should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SHEBANG = re.compile(rb"#!.*\b(ba|da)?sh\b")
SKIPPED = {".git", ".venv", "runs", "build", "__pycache__"}


def scripts(root: Path) -> set[str]:
    """Every shell script of the checkout: by its ending, or by its first line."""
    found = set()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for path in (Path(folder) / name for name in files):
            if path.suffix == ".sh" or SHEBANG.match(path.read_bytes()[:40]):
                found.add(path.relative_to(root).as_posix())
    return found


@pytest.fixture(scope="module")
def words(root: Path) -> set[str]:
    """All words of the commands that `make lint` would run."""
    command = ["make", "--dry-run", "--silent", "lint"]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True)
    return set(ended.stdout.split())


def test_every_shell_script_is_checked(root: Path, words: set[str]) -> None:
    found = scripts(root)
    assert {"setup.sh", ".ci/run", "tests/chameleon/node_bin/.docker"} <= found
    assert sorted(found - words) == []


def test_every_dockerfile_is_checked(root: Path, words: set[str]) -> None:
    found = {path.relative_to(root).as_posix() for path in (root / "reserve").rglob("Dockerfile")}
    assert found and found <= words


def test_format_style_and_types_are_checked(words: set[str]) -> None:
    assert {".venv/bin/ruff", "format", "--check", "check", ".venv/bin/mypy"} <= words


def test_ci_lints_before_it_tests_here_and_on_github(root: Path) -> None:
    workflow = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    here = [line for line in (root / ".ci" / "run").read_text().splitlines() if line.startswith("make")]
    there = [step["run"] for step in job["steps"] if step.get("run", "").startswith("make")]
    assert here == there == ["make lint", "make test"]
    assert 0 < job["timeout-minutes"] <= 120


def test_the_workflow_is_valid(root: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    ended = subprocess.run([*command, root / ".github/workflows/ci.yml"], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout
