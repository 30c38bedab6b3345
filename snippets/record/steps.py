"""steps.jsonl: the steps of a run, a canonical JSON line each, only ever appended to.

A kill can leave a last line without its end. Nobody was told of that step: it does not count, and it is named.
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snippets.errors import RecordError
from snippets.files import canonical, plain_text, storage_error
from snippets.record.head import START_AGAIN

STEPS = "steps.jsonl"
BEING_WRITTEN_S = 0.25
_NAME = re.compile(r'"key":"[0-9a-f]{64}","name":("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True)
class Interrupted:
    """The step whose line was cut off; `name` is empty where the line ends before it."""

    index: int
    name: str

    def __str__(self) -> str:
        named = f"{self.name!r} (step {self.index})" if self.name else f"number {self.index}"
        return f"The step {named} was interrupted while it was written; it does not count, and is measured again."


def line(step: dict[str, Any]) -> bytes:
    """The step as it stands in the file."""
    return canonical(step).encode() + b"\n"


def parse(data: bytes, path: Path, first: int = 0) -> tuple[list[Any], Interrupted | None]:
    """The steps of lines in `path`, of which the first is step `first`, and what a kill left of a last one.

    Raises RecordError for a line that is no step as it was written.
    """
    *whole, rest = plain_text(data).split(b"\n")
    steps = []
    for number, text in enumerate(whole, 1):
        try:
            step = json.loads(text.decode())
            unchanged = canonical(step).encode() == text
        except (ValueError, RecursionError):
            unchanged = False
        if not unchanged:
            raise RecordError(f"The record {path} is damaged: line {number} of its steps is no step. {START_AGAIN}.")
        steps.append(step)
    return steps, _interrupted(rest, path, first + len(steps)) if rest else None


def _interrupted(rest: bytes, path: Path, index: int) -> Interrupted:
    text = rest.decode(errors="ignore")
    with suppress(ValueError, RecursionError):
        if json.JSONDecoder().raw_decode(text)[1] < len(text):  # its end was changed, not cut off
            raise RecordError(f"The record {path} is damaged: its last line goes on behind its step. {START_AGAIN}.")
    name = _NAME.search(text)
    return Interrupted(index, json.loads(name[1]) if name else "")


def read_steps(path: Path) -> tuple[list[Any], Interrupted | None]:
    """The steps in the file, none where there is no file. Raises RecordError as `parse`, StorageError.

    A line without its end may just be on its way from another process: in a file that was written this very second
    it is waited for, a quarter of a second at most.
    """
    deadline = time.monotonic() + BEING_WRITTEN_S
    try:
        data = path.read_bytes()
        while data and not data.endswith(b"\n") and time.monotonic() < deadline:
            if time.time() - path.stat().st_mtime > 1:
                break
            time.sleep(0.001)
            data = path.read_bytes()
    except FileNotFoundError:
        return [], None
    except OSError as error:
        raise storage_error(error, path) from error
    return parse(data, path)


def append(path: Path, step: dict[str, Any], durable: bool = False) -> None:
    """Append the step to the file, in one write; `durable` waits until the disk has it (a power cut).

    A kill leaves the line whole, or cut off, which reading tells. Raises StorageError where it cannot be written;
    the file is then as it was.
    """
    data = line(step)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            end = os.fstat(descriptor).st_size
            if os.write(descriptor, data) < len(data):
                os.ftruncate(descriptor, end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise storage_error(error, path) from error


def flush(path: Path) -> None:
    """Wait until the disk has all lines: what record.json says of them must be true after a power cut too."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise storage_error(error, path) from error
