"""Opening what a student handed in: a zip or a folder, who it is from, and the runs in it. Nothing is judged here."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from grading.submission import archive
from snippets.errors import KitError, SubmissionError
from snippets.files import sha256_file, sha256_text
from snippets.parts import PARTS
from snippets.record import Record, load_record
from snippets.record.head import part_of


def digest_of(path: Path) -> str:
    """Hash of a submission's content: the zip's bytes, or the names and bytes of a folder's files."""
    if path.is_file():
        return sha256_file(path)
    files = sorted(item for item in path.rglob("*") if item.is_file() and not item.is_symlink())
    return sha256_text("".join(f"{item.relative_to(path).as_posix()}\0{sha256_file(item)}" for item in files))


def student_of(path: Path) -> str:
    """Who handed in, by the path: nbgrader's submitted/<student>/<assignment>, else the name up to a `_`."""
    folders = path.parts
    if len(folders) >= 3 and folders[-3] == "submitted":
        return folders[-2]
    return path.stem if path.stem.startswith("submission_") else path.stem.split("_")[0]


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of a submission; a zip (also one inside a folder) is unpacked into scratch space, safely."""
    if path.is_dir():
        inner = sorted(path.glob("*.zip"))
        if not inner or next(path.rglob("record.json"), None):
            yield path
            return
        path = inner[0]
    with tempfile.TemporaryDirectory(prefix="servelab-grade-") as scratch:
        archive.unpack(path, Path(scratch) / "submission")
        yield Path(scratch) / "submission"


def root_of(folder: Path) -> Path:
    """Where the submission begins: a zip may hold it in a folder of its own."""
    for marker in ("manifest.json", "*/record.json"):
        found = sorted(folder.rglob(marker), key=lambda path: (len(path.parts), path))
        if found:
            return found[0].parent if marker == "manifest.json" else found[0].parent.parent
    return folder


def manifest_of(root: Path) -> dict[str, Any]:
    """What a submission says of itself; empty where it says nothing that can be read."""
    try:
        manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def runs_in(root: Path) -> dict[str, Path]:
    """Run folders by part: `<part>/record.json`, or whatever record names the part."""
    runs: dict[str, Path] = {}
    for path in sorted(root.rglob("record.json"), key=lambda item: (len(item.parts), item)):
        part = part_of(path) or path.parent.name
        if part in PARTS:
            runs.setdefault(part, path.parent)
    return {part: runs[part] for part in PARTS if part in runs}


@contextmanager
def open_records(path: Path) -> Iterator[list[Record]]:
    """The records of a submission that can be read, while its folder exists."""
    try:
        with opened(path) as folder:
            records = []
            for run in runs_in(root_of(folder)).values():
                with suppress(KitError, ValueError, TypeError, KeyError):
                    records.append(load_record(run))
            yield records
    except SubmissionError:
        yield []
