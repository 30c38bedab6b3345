"""What Python and its packages raise, as an error of the kit: one line for a reader, with its kind's exit code."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path

from snippets.errors import KitError, StorageError, ToolMissing, first_line
from snippets.files import FULL_ERRNOS

FULL_TEXTS = ("no space left on device", "os error 28", "disk quota exceeded", "read-only file system", "os error 30")
"""How packages that are no Python say that a disk is full, or may not be written."""
LEAST_BYTES = 1_000_000
"""A disk with less than this left counts as full: some packages only say that a write failed."""
EXTRAS = {
    "jinja2": "notebook",
    "typst": "grade",
    "nbgrader": "grade",
    "scipy": "plan",
    "chi": "chameleon",
    "yaml": "grade",
    "paramiko": "chameleon",
}


def as_kit_error(error: BaseException) -> KitError:
    """The error of the kit that tells of `error`. One that is of no known kind is kept in a file, to be reported."""
    if isinstance(error, OSError) and _of_output(error):
        if isinstance(error, BrokenPipeError):
            return StorageError("Nobody reads the output any more; what was finished is kept.")
        return StorageError(
            f"Not all output could be written ({error.strerror}): free some space, or write elsewhere. What was "
            "finished is kept."
        )
    if isinstance(error, OSError) and error.filename is not None:
        return _of_file(error)
    if says_full(error):
        return StorageError(
            f"The disk is full: {first_line(error)}. Free some space and run again; finished steps are kept."
        )
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        extra = EXTRAS.get(package, "lab")
        return ToolMissing(
            f"This needs the Python package {package}, which is not installed here: make setup, or "
            f".venv/bin/pip install -c constraints.txt -e '.[{extra}]'."
        )
    return KitError(
        f"an error of the kit, {type(error).__name__}: {first_line(error)}. Please report it, with what stands in "
        f"{_kept(error)}."
    )


def _of_output(error: OSError) -> bool:
    """Whether it is what the command writes, to its reader or into an open file, and not a file it looked for."""
    return error.filename is None and error.errno in (errno.EPIPE, *FULL_ERRNOS, errno.EIO, errno.EBADF)


def _of_file(error: OSError) -> KitError:
    path, why = Path(os.fsdecode(error.filename)), error.strerror or type(error).__name__
    if error.errno in FULL_ERRNOS:
        return StorageError(f"The disk is full: {path} could not be written. Free some space, or name another place.")
    if error.errno == errno.ENOENT and not path.parent.is_dir():
        return StorageError(f"There is no folder {path.parent} for {path.name}: make it first, or name another place.")
    if error.errno in (errno.ENOENT, errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.ELOOP):
        return StorageError(f"{path} cannot be used ({why}): name another file or folder.")
    return StorageError(f"{path} cannot be read or written ({why}): change its permissions, or name another place.")


def says_full(error: BaseException | str) -> bool:
    """Whether the text of an error says that a disk is full or may not be written."""
    if isinstance(error, OSError) and error.errno in (*FULL_ERRNOS, errno.EROFS):
        return True
    return any(text in str(error).lower() for text in FULL_TEXTS)


def is_full(folders: Iterable[Path]) -> Path | None:
    """The first of the folders whose disk has next to nothing left; None if all have."""
    for folder in folders:
        try:
            if shutil.disk_usage(folder).free < LEAST_BYTES:
                return folder
        except OSError:
            continue
    return None


def _kept(error: BaseException) -> str:
    """The file with the traceback; where none can be written, the word for that."""
    try:
        handle, name = tempfile.mkstemp(prefix="servelab-error-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)))
        return name
    except OSError:
        return "the command that you typed"


def silence(error: BaseException) -> None:
    """After an output that cannot be written: let Python's own last attempt, as it ends, go nowhere."""
    if isinstance(error, OSError) and _of_output(error) and sys.stdout:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
