"""One process at a time measures in a folder: who is refused, who is let in, and what they are told."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from snippets.errors import RunLocked, StorageError
from snippets.record.lock import RunLock, acquire, holder


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
