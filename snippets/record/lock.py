"""One process at a time measures in a run folder."""

from __future__ import annotations

import fcntl
import os
import time
from io import FileIO
from pathlib import Path
from types import TracebackType

from snippets.errors import RunLocked
from snippets.files import storage_error

_WIDTH = 100


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
