"""One process at a time measures in a folder: who is refused, who is let in, and what they are told."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from snippets.errors import RunLocked, StorageError
from snippets.record.context import LOCK_VARIABLE, OWNER_VARIABLE, machine_lock
from snippets.record.lock import RunLock, acquire, alone_on_machine, holder
from snippets.record.run import open_run

ROOT = Path(__file__).parents[3]


def test_the_holder_is_named_to_whoever_is_refused(tmp_path: Path) -> None:
    with acquire(tmp_path / ".lock", "1_baseline"):
        assert holder(tmp_path / ".lock") == f"pid {os.getpid()} (1_baseline)"
        with pytest.raises(RunLocked, match=rf"pid {os.getpid()} \(1_baseline\) is measuring in .*--run-id"):
            acquire(tmp_path / ".lock", "other")
    acquire(tmp_path / ".lock", "other").close()
    assert holder(tmp_path / ".lock") == f"pid {os.getpid()} (other)"


def test_a_shorter_name_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    for what in ("n" * 300, "a", ""):
        acquire(tmp_path / ".lock", what).close()
        assert (tmp_path / ".lock").stat().st_size == 100
    assert holder(tmp_path / ".lock") == f"pid {os.getpid()} (servelab)"


def test_without_an_announcement_the_file_keeps_the_holder_before(tmp_path: Path) -> None:
    acquire(tmp_path / ".lock", "first").close()
    acquire(tmp_path / ".lock", "second", announce=False).close()
    assert holder(tmp_path / ".lock").endswith("(first)")


def test_an_unknown_holder_is_another_process(tmp_path: Path) -> None:
    assert holder(tmp_path / "none") == "another process"
    (tmp_path / "empty").write_text(" \0 ")
    assert holder(tmp_path / "empty") == "another process"


def test_the_lock_is_taken_as_soon_as_it_is_free_while_patience_lasts(tmp_path: Path) -> None:
    held = acquire(tmp_path / ".lock", "a")
    threading.Timer(0.1, held.close).start()
    with RunLock(tmp_path, "b", patience_s=60):
        assert holder(tmp_path / ".lock").endswith("(b)")


def test_patience_ends(tmp_path: Path) -> None:
    with acquire(tmp_path / ".lock", "a"):
        started = time.monotonic()
        with pytest.raises(RunLocked):
            acquire(tmp_path / ".lock", "b", patience_s=0.2)
        assert 0.2 <= time.monotonic() - started < 3


def test_it_is_re_entrant_and_free_after_the_outermost(tmp_path: Path) -> None:
    lock = RunLock(tmp_path, "a", patience_s=0)
    for _ in range(2):
        with lock:
            with lock:
                pass
            with pytest.raises(RunLocked):
                acquire(tmp_path / ".lock", "b")
        acquire(tmp_path / ".lock", "b").close()


def test_it_is_free_after_an_error_inside(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RunLock(tmp_path, "a"):
        _ = 1 / 0
    acquire(tmp_path / ".lock", "b").close()


@pytest.mark.parametrize(
    ("owner", "let_in"),
    [(str(os.getpid()), True), ("", False), ("1", False), (str(os.getpid())[:-1], False), (f"{os.getpid()}0", False)],
    ids=["this process", "nobody", "the first process", "a number cut short", "a longer number"],
)
def test_a_folder_that_servelab_run_holds_is_open_to_what_it_started_only(
    tmp_path: Path, owner: str, let_in: bool
) -> None:
    lock = RunLock(tmp_path, "a", owner, patience_s=0)
    with acquire(tmp_path / ".run.lock", "servelab run"):
        if let_in:
            with lock:
                assert holder(tmp_path / ".lock").endswith("(a)")
        else:
            with pytest.raises(RunLocked, match=r"\(servelab run\) is measuring"), lock:
                raise AssertionError("let in")
    with lock:
        assert holder(tmp_path / ".run.lock").endswith("(servelab run)")


def test_a_lock_that_cannot_name_its_holder_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", refuse)
        with pytest.raises(StorageError, match="The disk is full") as kept:  # and with it what its frames hold
            acquire(tmp_path / ".lock", "a")
    acquire(tmp_path / ".lock", "b").close()
    assert kept.value.exit_code == 8


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="none.*--runs"):
        acquire(tmp_path / "none" / ".lock", "a")


HOLD = """
import sys
from snippets.record.lock import alone_on_machine
with alone_on_machine("model/quick"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """Another process that measures on this machine until it is told to end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_measures_second_waits_and_says_for_whom(other: subprocess.Popen[str]) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        other.communicate("end\n")

    with alone_on_machine("edge/quick", say):
        path = machine_lock()
        assert path is not None and holder(path) == f"pid {os.getpid()} (edge/quick)"
    (line,) = said
    assert line.startswith(f"pid {other.pid} (model/quick) is measuring on this machine.") and "waits" in line


def test_the_wait_for_the_machine_ends_with_what_to_do(other: subprocess.Popen[str]) -> None:
    with pytest.raises(RunLocked, match=rf"pid {other.pid} .*Stop it, or run again"), alone_on_machine("b", str, 0.1):
        pass


def test_a_process_waits_neither_for_itself_nor_for_one_that_was_killed(other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    said: list[str] = []
    with alone_on_machine("a", said.append), alone_on_machine("b", said.append):
        pass
    with alone_on_machine("c", said.append):
        assert said == []


def test_nobody_waits_where_that_is_switched_off_or_cannot_be(
    other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for value in ("off", str(tmp_path / "no folder" / "lock")):
        monkeypatch.setenv(LOCK_VARIABLE, value)
        with alone_on_machine("b", pytest.fail):
            pass


def test_a_lock_that_another_user_made_can_be_held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch(0o444)
    monkeypatch.setenv(LOCK_VARIABLE, str(path))
    with alone_on_machine("a", pytest.fail):
        assert not _free(path)
    assert _free(path)


def _free(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_a_step_measures_alone_unless_its_command_holds_the_machine(
    other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv(OWNER_VARIABLE, str(other.pid))
    assert open_run("model").step("a/x/latency", lambda: 1, inputs={}) == 1
    monkeypatch.delenv(OWNER_VARIABLE)
    assert open_run("model").step("a/x/latency", lambda: 2, inputs={}) == 1, "a replay waits for nobody"
    threading.Timer(0.3, other.kill).start()
    assert open_run("model").step("b/x/latency", lambda: 3, inputs={}) == 3
    assert f"pid {other.pid} (model/quick) is measuring on this machine" in capsys.readouterr().out
