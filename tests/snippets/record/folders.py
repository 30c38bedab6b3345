"""Run folders for the tests of the record: measured, copied out of the archive, forged, and listed byte by byte."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from snippets.record.chain import last_hash, linked
from snippets.record.document import read_content, write_whole
from snippets.record.run import Run, open_run

VERSION_1 = Path(__file__).resolve().parents[2] / "data" / "records_v1"
"""Submissions that the kit collected while records were of schema version 1: one of each part, measured for real,
without their models. That of part model has a line behind the object of its record.json."""


def value(n: int) -> dict[str, Any]:
    """A step's result with samples and text that is more than ASCII."""
    return {"values": np.arange(n), "text": "line\u2028separator, ü"}


def measured(steps: int = 3, known: int | None = None, **where: Any) -> Run:
    """A run of short steps step/0, step/1, ...; its head knows of the first `known` of them (all by default)."""
    run = open_run("model", **where)
    for index in range(steps):
        if index == known:
            run = open_run("model", **where)
        run.step(f"step/{index}", value, index + 1)
    return run if known is not None else open_run("model", **where)


def forge(folder: Path, change: Callable[[dict[str, Any], list[dict[str, Any]]], object], chain: bool = False) -> None:
    """Change head and steps in place and make the digest fit, as somebody who knows the format could; `chain`: also
    the hashes of the steps."""
    content = read_content(folder)
    head, steps = content.head, content.steps
    change(head, steps)
    if chain:
        fitting: list[dict[str, Any]] = []
        for step in steps:
            fitting.append(linked(step, last_hash(head, fitting)))
        steps = fitting
    write_whole(folder, head, steps)


def version_1(part: str, base: Path) -> Path:
    """The run folder of an archived submission, unpacked as runs/<part>/quick under `base`."""
    with zipfile.ZipFile(VERSION_1 / f"{part}.zip") as archive:
        archive.extractall(base / "unpacked")
    folder = base / "runs" / part / "quick"
    folder.parent.mkdir(parents=True)
    return (base / "unpacked" / part).rename(folder)


def listing(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, modification time (ns) and SHA-256 of everything below a folder, and of itself."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.stat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[path.relative_to(folder).as_posix()] = (status.st_mode, status.st_mtime_ns, content)
    return found


def seal(folder: Path) -> None:
    """Take the right to write away from everything below a folder, and from itself."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
