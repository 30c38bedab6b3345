"""The Gradescope autograder, run as Gradescope runs it: in a root of its own, under /autograder, with little memory."""

from __future__ import annotations

import hashlib
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
from grading.gradescope.build import build_autograder
from grading.gradescope.results import leaderboard
from snippets.record.run import load_record
from tests.grading.students import hand_in, make_run

MEMORY = 128 << 20
CPU_S = 60
RIGHT = "def crossover_ms(edge_ms, server_ms):\n    return max(0.0, edge_ms - server_ms)\n"
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


@pytest.fixture(scope="module")
def autograder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_autograder("edge", tmp_path_factory.mktemp("built") / "autograder.zip", functions=True)


@pytest.fixture(scope="module")
def submission(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("student")
    run = make_run(folder / "runs", 71)
    (run / "functions.py").write_text(RIGHT)
    return hand_in(run, "ab123", folder / "out", pdf=False).zip


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
    def fill(folder: Path) -> None:
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)

    return fill


@pytest.mark.parametrize("as_root", USERS)
def test_an_honest_submission_earns_its_points_in_a_root_that_has_only_python_and_numpy(
    tmp_path: Path, autograder: Path, submission: Path, as_root: bool
) -> None:
    value = gradescope(tmp_path, autograder, as_root, unpack(submission))
    tests = {test["name"]: test for test in value["tests"]}
    assert tests["edge.measured"]["score"] == 10 and tests["edge.cold.wait"]["score"] > 0
    assert "plausible" in tests["edge: trust"]["output"]
    assert value["leaderboard"][0]["name"] == "p50 (ms)" and value["leaderboard"][0]["value"] > 0
    assert value["extra_data"]["netid"] == "ab123" and value["extra_data"]["problems"] == []
    function = tests["edge.functions.crossover_ms"]
    confined = "confined by" in function["extra_data"]["detail"]
    assert function["score"] == (2 if confined else 0) and (confined or "cannot confine" in function["output"])


@pytest.mark.parametrize("as_root", USERS)
@pytest.mark.parametrize("what", ["nothing", "half a zip", "a text file", "a record of rubbish", "deep JSON"])
def test_whatever_is_handed_in_a_valid_result_says_what_is_wrong(
    tmp_path: Path, autograder: Path, submission: Path, as_root: bool, what: str
) -> None:
    def fill(folder: Path) -> None:
        if what == "half a zip":
            (folder / "submission.zip").write_bytes(submission.read_bytes()[:5000])
        elif what == "a text file":
            (folder / "answers.txt").write_text("42")
        elif what == "a record of rubbish":
            (folder / "edge").mkdir()
            (folder / "edge" / "record.json").write_bytes(bytes(range(256)) * 40)
        elif what == "deep JSON":
            (folder / "edge").mkdir()
            (folder / "edge" / "record.json").write_text("[" * 200_000)
            (folder / "manifest.json").write_text("{" * 200_000)

    value = gradescope(tmp_path, autograder, as_root, fill)
    assert value["score"] == 0 and len(value["output"] + "".join(t["output"] for t in value["tests"])) > 40


@pytest.mark.parametrize("as_root", ONE_USER)
def test_a_submission_that_needs_more_memory_than_there_is_still_gets_a_result(
    tmp_path: Path, autograder: Path, submission: Path, as_root: bool
) -> None:
    def fill(folder: Path) -> None:
        unpack(submission)(folder)
        for path in (folder / "edge" / "samples").glob("*soak*"):
            np.save(path, np.ones(30_000_000))

    value = gradescope(tmp_path, autograder, as_root, fill)
    assert value["output"] and value["score"] < 12


@pytest.mark.parametrize("as_root", ONE_USER)
def test_a_broken_autograder_says_so_and_leaves_a_valid_result(
    tmp_path: Path, autograder: Path, submission: Path, as_root: bool
) -> None:
    value = gradescope(
        tmp_path,
        autograder,
        as_root,
        unpack(submission),
        lambda source: (source / "grading" / "grade.py").write_text("raise OSError('gone')"),
    )
    assert value["score"] == 0 and "Tell your instructor" in value["output"]


@pytest.mark.parametrize("as_root", ONE_USER)
def test_a_submission_of_somebody_else_is_named(tmp_path: Path, autograder: Path, as_root: bool) -> None:
    run = make_run(tmp_path / "runs", 72, answered=False)
    other = hand_in(run, "zz9", tmp_path / "out", pdf=False).zip
    value = gradescope(tmp_path, autograder, as_root, unpack(other))
    assert "collected for NetID zz9, but ab123 handed it in" in value["output"]


def test_the_same_kit_gives_the_same_archive(tmp_path: Path, autograder: Path) -> None:
    again = build_autograder("edge", tmp_path / "again.zip", functions=True)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(autograder.read_bytes()).digest()


def test_the_leaderboard_names_the_fastest_configuration(tmp_path: Path) -> None:
    run = make_run(tmp_path, 73)
    board = leaderboard([load_record(run)])
    assert board[1] == {"name": "fastest", "value": "edge/aggressive-threads-4/latency"}
