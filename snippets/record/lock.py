"""One process at a time measures in a run folder, and on a machine."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from types import TracebackType

from snippets.errors import RunLocked
from snippets.files import storage_error
from snippets.record.context import LOCK_VARIABLE, UNLOCKED, machine_lock

LONGEST_WAIT_S = 3600.0
TELL_EVERY_S = 60.0
_WIDTH = 100
_held: dict[Path, int] = {}
"""Locks of machines that this process holds, and how many of its blocks hold them."""


def holder(path: Path) -> str:
    """What the process that holds a lock wrote about itself."""
    try:
        return path.read_text().rstrip(" \0") or "another process"
    except OSError:
        return "another process"


class RunLock:
    """An advisory lock on a run folder, held while a step runs or the record is written.

    A kernel that stays open between two cells holds nothing, so several notebooks of one run may be open at once;
    only measuring at the same time is refused, because it would spoil both measurements. Re-entrant within a
    process. The system frees the lock when its process ends, however it ends.

    `what`: what measures, for whoever is refused; `owner`: process id of the `servelab run` that started this process.
    """

    def __init__(self, folder: Path, what: str, owner: str = "", patience_s: float = 3.0) -> None:
        self._path, self._what, self._owner, self._patience_s = folder / ".lock", what, owner, patience_s
        self._file: FileIO | None = None
        self._depth = 0
        self._guard = folder / ".run.lock"

    def __enter__(self) -> None:
        if self._depth == 0:
            self._check_run_owner()
            self._file = acquire(self._path, self._what, self._patience_s)
        self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0 and self._file is not None:
            self._file.close()
            self._file = None

    def _check_run_owner(self) -> None:
        """Refuse while `servelab run` executes this folder, unless it is the one that started this process."""
        if not self._guard.exists() or holder(self._guard).startswith(f"pid {self._owner} "):
            return
        acquire(self._guard, self._what, 0.0, announce=False).close()


def acquire(path: Path, what: str, patience_s: float = 0.0, announce: bool = True) -> FileIO:
    """Take the lock file, waiting at most `patience_s` seconds. Close the result to free it.

    Raises RunLocked, naming who holds it; StorageError where the folder cannot be written.
    """
    try:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b", buffering=0)
    except OSError as error:
        raise storage_error(error, path.parent) from error
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= deadline:
                file.close()
                raise RunLocked(
                    f"{holder(path)} is measuring in {path.parent}. Wait until it is done, or give this run another "
                    "folder with --run-id: two measurements at once would spoil each other."
                ) from None
            time.sleep(0.02)
    if announce:
        try:
            # Overwritten in place at a fixed width: truncating a file costs a disk flush on common file systems.
            os.pwrite(file.fileno(), f"pid {os.getpid()} ({what or 'servelab'})"[:_WIDTH].ljust(_WIDTH).encode(), 0)
        except OSError as error:
            file.close()
            raise storage_error(error, path.parent) from error
    return file


@contextmanager
def alone_on_machine(
    what: str, say: Callable[[str], object] = print, patience_s: float = LONGEST_WAIT_S
) -> Iterator[None]:
    """Measure alone: while another process of the kit measures on this machine, wait, and say so.

    Re-entrant within a process. `what`: what measures, for whoever waits. Raises RunLocked after `patience_s` seconds.
    """
    path = machine_lock()
    file = None if path is None or path in _held else _open_shared(path)
    if path is None or (file is None and path not in _held):
        yield
        return
    try:
        if file is not None:
            _wait_for(file, path, say, patience_s)
            with suppress(OSError):  # another user's file: it can be locked, not written
                os.pwrite(file.fileno(), f"pid {os.getpid()} ({what})"[:_WIDTH].ljust(_WIDTH).encode(), 0)
        _held[path] = _held.get(path, 0) + 1
        try:
            yield
        finally:
            _held[path] -= 1
            if not _held[path]:
                del _held[path]
    finally:
        if file is not None:
            file.close()


def _open_shared(path: Path) -> FileIO | None:
    """The file, opened so that any user's process can lock it; None where that is not possible: then nobody waits.

    It is opened before it is made: in a shared folder, systems refuse to "make" what another user made.
    """
    for flags in (os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_CREAT):
        with suppress(OSError):
            return os.fdopen(os.open(path, flags | os.O_CLOEXEC, 0o644), "rb", buffering=0)
    return None


def _wait_for(file: FileIO, path: Path, say: Callable[[str], object], patience_s: float) -> None:
    began, told_at = time.monotonic(), 0.0
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            now = time.monotonic()
        except OSError:  # a file system without locks
            return
        if now - began >= patience_s:
            file.close()
            raise RunLocked(
                f"{holder(path)} is measuring on this machine, still after {patience_s / 60:.0f} minutes. Stop it, or "
                f"run again when it is done; {LOCK_VARIABLE}={UNLOCKED} measures beside it, and both are slower."
            )
        if not told_at or now - told_at >= TELL_EVERY_S:
            again = "Still waiting: " if told_at else ""
            say(
                f"{again}{holder(path)} is measuring on this machine. Two measurements at once would spoil each other, "
                "so this one waits until that is done (Ctrl-C stops it)."
            )
            told_at = now
        time.sleep(0.1)
