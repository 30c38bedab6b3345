"""Hostile code earns nothing, learns nothing and harms nothing; and whatever code does, its run ends."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.errors import ConfinementMissing
from grading.functions import sandbox
from grading.functions.tasks import tasks
from grading.functions.tests import test_file
from grading.staff.judges.functions import cases
from tests.grading.exploits import EXPLOITS, SOLUTION
from tests.grading.functions.confined import confined, graded

LIMIT_S = 3 * sandbox.WALL_S + 20


def called(tmp_path: Path, source: str, *arguments: float) -> sandbox.Outcome:
    """What comes out of one confined call of `f` in a file that holds `source`."""
    file = tmp_path / "functions.py"
    file.write_text(source)
    request = {"calls": [{"function": "f", "arguments": arguments}], "first": 7}
    return sandbox.run(file, request, sandbox.level())


@confined
def test_an_answer_comes_back_under_the_number_of_its_call(tmp_path: Path) -> None:
    outcome = called(tmp_path, "def f(a, b):\n    print('not an answer')\n    return a + b, 'sum'\n", 2, 3)
    assert outcome.ended == "" and [json.loads(line) for line in outcome.lines if line] == [
        {"call": 7, "value": [5, "sum"]}
    ]


@confined
def test_code_that_never_ends_is_stopped_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "WALL_S", 0.7)
    outcome = called(tmp_path, "import signal\ndef f():\n    signal.pause()\n")
    assert outcome.ended == "stopped after 0.7 s" and not any(outcome.lines)


@confined
def test_code_that_floods_the_answers_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "OUTPUT_BYTES", 1000)
    assert called(tmp_path, "def f():\n    return 'x' * 5000\n").ended == "stopped: it wrote too much"


def test_bubblewrap_shuts_off_network_and_processes_and_shows_only_what_it_is_given() -> None:
    line = sandbox.bubblewrap(["child.py"], [("/from/here", "/box")])
    assert {"--unshare-net", "--unshare-pid", "--clearenv", "--die-with-parent"} <= set(line)
    shown = {line[at + 2] for at, word in enumerate(line) if word == "--ro-bind"}
    assert shown <= {"/usr", "/lib", "/lib64", "/bin", "/sbin", "/python", "/box"} and "/box" in shown
    assert "--bind" not in line and line[-1] == "child.py"


@confined
@pytest.mark.parametrize("part", ["model", "system"])
@pytest.mark.parametrize("name", EXPLOITS)
def test_an_exploit_earns_nothing_learns_nothing_and_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, part: str
) -> None:
    monkeypatch.setattr(sandbox, "WALL_S", 3.0)
    file = tmp_path / "functions.py"
    file.write_text(EXPLOITS[name])
    started = time.monotonic()
    results = test_file(file, part)
    assert time.monotonic() - started < LIMIT_S
    assert results and not any(result.points for result in results), [result.detail for result in results]
    seed = hashlib.sha256(file.read_bytes()).hexdigest()
    for task, result in zip((t for t in tasks() if t.part == part), results, strict=True):
        for case in cases(task, seed):
            if isinstance(case.expected, float):
                assert repr(case.expected) not in f"{result.message}\n{result.detail}"
    assert not (tmp_path / "results.json").exists()


@confined
def test_nothing_is_left_running_after_detached_children(tmp_path: Path) -> None:
    graded(tmp_path, EXPLOITS["detached children"])
    if os.geteuid() == 0:
        command = ["ps", "-u", str(sandbox.STRANGER), "-o", "pid="]
        seen = set(subprocess.run(command, capture_output=True, text=True).stdout.split())
        # Another test that runs at the same time may have processes of that user too; those end by themselves.
        deadline = time.monotonic() + 20
        while (left := {pid for pid in seen if Path(f"/proc/{pid}").exists()}) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == set()


@pytest.fixture
def landlock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without bubblewrap, whose kernel has Landlock."""
    monkeypatch.setattr(sandbox.shutil, "which", lambda _: None)
    sandbox.level.cache_clear()
    if sandbox.level() != "landlock":
        sandbox.level.cache_clear()
        pytest.skip("this kernel has no Landlock")
    yield
    sandbox.level.cache_clear()


@pytest.mark.parametrize(
    "name",
    [
        "os._exit",
        "fork bomb",
        "signals to the parent",
        "memory bomb",
        "regains root",
        "reads the tests from disk",
        "network",
        "datagrams and sockets of the machine",
        "writes where others look",
        "system calls by number",
        "ptrace and memory",
        "another program",
    ],
)
def test_landlock_confines_where_bubblewrap_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, landlock: None, name: str
) -> None:
    monkeypatch.setattr(sandbox, "WALL_S", 3.0)
    results = graded(tmp_path, EXPLOITS[name])
    assert results and not any(result.points for result in results)


def test_landlock_lets_honest_code_answer(tmp_path: Path, landlock: None) -> None:
    assert all(result.passed and "landlock" in result.detail for result in graded(tmp_path, SOLUTION))


def test_under_landlock_no_file_process_or_network_is_reached(tmp_path: Path, landlock: None) -> None:
    (tmp_path / "results.json").write_text("{}")
    tries = {
        "result": f"open({str(tmp_path / 'results.json')!r}).read()",
        "password": "open('/etc/passwd').read()",
        "parent": "open('/proc/%d/environ' % os.getppid()).read()",
        "listing": "os.listdir('/')",
        "written": "open('/tmp/servelab-left-behind', 'w')",
        "datagram": "__import__('socket').socket(2, 2)",
        "signal": "os.kill(os.getppid(), 0)",
    }
    body = "".join(
        f"    try:\n        {code}\n        found.append({name!r})\n    except OSError:\n        pass\n"
        for name, code in tries.items()
    )
    source = f"import os\ndef f():\n    found = []\n{body}    return found\n"
    file = tmp_path / "functions.py"
    file.write_text(source)
    outcome = sandbox.run(file, {"calls": [{"function": "f", "arguments": []}], "first": 0}, "landlock")
    assert outcome.lines[0] == b'{"call": 0, "value": []}'


def test_where_nothing_can_be_confined_the_points_wait_for_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "level", lambda: "none")
    results = graded(tmp_path, SOLUTION)
    assert all(
        result.kind == "by hand" and result.possible > 0 and "Install bubblewrap" in result.message
        for result in results
    )


def test_the_corpus_has_at_least_45_exploits() -> None:
    assert len(EXPLOITS) >= 45


def test_without_confinement_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfinementMissing, match="Install bubblewrap"):
        sandbox.run(tmp_path / "functions.py", {}, "none")
