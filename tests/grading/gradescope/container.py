"""Gradescope's side: a machine with little memory that unpacks an autograder, runs it, and reads its result."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.functions.sandbox import system_folders

MEMORY = 128 << 20
CPU_S = 60
ALLOWED = {
    "score",
    "output",
    "output_format",
    "test_output_format",
    "test_name_format",
    "visibility",
    "stdout_visibility",
    "tests",
    "leaderboard",
    "execution_time",
    "extra_data",
}
ALLOWED_TEST = {
    "score",
    "max_score",
    "status",
    "name",
    "name_format",
    "number",
    "output",
    "output_format",
    "tags",
    "visibility",
    "extra_data",
}


def scratch_root(base: Path, as_root: bool) -> list[str]:
    """The bwrap command of a machine that has the system, Python, numpy, and /autograder; no network, no checkout."""
    prefix, site = Path(sys.base_prefix).resolve(), Path(np.__file__).resolve().parent.parent
    line = ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-net", "--clearenv"]
    if not as_root:
        line += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    line += [*system_folders(), "--ro-bind", str(prefix), "/python", "--bind", str(base), "/autograder"]
    for package in ("numpy", "numpy.libs"):
        if (site / package).is_dir():
            line += ["--ro-bind", str(site / package), f"/autograder/python/{package}"]
    return [
        *line,
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",
        "--setenv",
        "PATH",
        "/python/bin:/usr/bin:/bin",
        "--setenv",
        "LC_ALL",
        "C.UTF-8",
        "--chdir",
        "/autograder",
    ]


def works(as_root: bool) -> bool:
    if not shutil.which("bwrap") or (as_root and os.geteuid() != 0):
        return False
    line = ["bwrap", *([] if as_root else ["--unshare-user", "--uid", "1000"]), "--ro-bind", "/", "/", "true"]
    return subprocess.run(line, capture_output=True).returncode == 0


USERS = [
    pytest.param(True, id="as root", marks=pytest.mark.skipif(not works(True), reason="needs root and bwrap")),
    pytest.param(False, id="as an ordinary user", marks=pytest.mark.skipif(not works(False), reason="no bwrap")),
]
ONE_USER = USERS[:1] if works(True) else USERS[1:]


def limited() -> None:
    """Gradescope's smallest container, and less: data of the process and its CPU time."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def gradescope(
    tmp_path: Path,
    autograder: Path,
    as_root: bool,
    fill: Callable[[Path], Any],
    source: Callable[[Path], Any] = lambda _: None,
) -> dict[str, Any]:
    """What Gradescope gets: source/ from the zip, setup.sh, submission/, then run_autograder; results.json checked."""
    base = tmp_path / "autograder"
    for name in ("source", "submission", "results", "python"):
        (base / name).mkdir(parents=True)
    with zipfile.ZipFile(autograder) as archive:
        archive.extractall(base / "source")
    shutil.copy(base / "source" / "run_autograder", base / "run_autograder")
    (base / "run_autograder").chmod(0o755)
    (base / "submission_metadata.json").write_text(json.dumps({"users": [{"email": "ab123@nyu.edu"}]}))
    fill(base / "submission")
    source(base / "source")
    root = scratch_root(base, as_root)
    subprocess.run([*root, "bash", "/autograder/source/setup.sh"], check=True, capture_output=True, timeout=120)
    done = subprocess.run(
        [*root, "/autograder/run_autograder"], capture_output=True, text=True, timeout=240, preexec_fn=limited
    )
    value = json.loads((base / "results" / "results.json").read_text())
    assert set(value) <= ALLOWED and isinstance(value["score"], float), done.stderr
    for test in value["tests"]:
        assert set(test) <= ALLOWED_TEST and 0 <= test["score"] <= test["max_score"]
        assert test["visibility"] in ("hidden", "after_due_date", "after_published", "visible")
        assert test["output_format"] in ("text", "html", "simple_format", "md", "ansi")
    assert abs(value["score"] - sum(test["score"] for test in value["tests"])) < 0.01
    return value


def unpack(archive: Path) -> Callable[[Path], None]:
    """Hands in what the zip holds."""

    def fill(folder: Path) -> None:
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)

    return fill
