"""submission.zip: packed the same for the same files, within what `unpack` reads; and what its manifest says."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grading.errors import UnsafeArchive
from grading.shown import line, some
from grading.submission.unpack import MAX_FILES, MAX_UNPACKED_BYTES, stored_name
from snippets.errors import SubmissionError
from snippets.files import plain_text, sha256_bytes, sha256_file

SCHEMA = "servelab-submission"
SCHEMA_VERSION = 1
CAP_BYTES = 20_000_000
MAX_LEFT_OUT = 2000
"""So many files are named in the manifest as left out; the record's own come first."""
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Member:
    """A file of the submission: its path there, where it is now, and its rank (0 is packed first)."""

    name: str
    path: Path
    rank: int


@dataclass(frozen=True)
class LeftOut:
    """A file that is not in the submission, and why."""

    name: str
    bytes: int
    reason: str


def pack(
    target: Path, folder: Path, members: Iterable[Member], facts: dict[str, Any], cap_bytes: int = CAP_BYTES
) -> tuple[dict[str, Any], list[LeftOut]]:
    """Write the zip at `target` and the same files into `folder`; returns the manifest and what was left out.

    Files are taken by rank, small ones first, until the zip would pass `cap_bytes` or what grading unpacks. Raises
    SubmissionError if even the files of rank 0 do not fit.
    """
    taken: dict[str, bytes] = {}
    left: list[LeftOut] = []
    used, unpacked = 200_000, 4_000_000  # the manifest, and the zip's own directory
    for member in sorted(members, key=lambda m: (m.rank, m.path.stat().st_size, m.name)):
        size = member.path.stat().st_size
        if problem := _name_problem(member.name):
            left.append(LeftOut(line(member.name), size, problem))
            continue
        if len(taken) >= MAX_FILES - 1:
            left.append(LeftOut(member.name, size, f"more than {MAX_FILES} files"))
            continue
        if unpacked + size > MAX_UNPACKED_BYTES:
            left.append(LeftOut(member.name, size, f"more than {MAX_UNPACKED_BYTES / 1e6:.0f} MB together"))
            continue
        data = member.path.read_bytes()
        packed = len(zlib.compress(data, 6)) + 2 * len(member.name.encode()) + 250
        if used + packed > cap_bytes:
            if member.rank == 0:
                raise SubmissionError(
                    f"{member.name} alone makes the submission larger than "
                    f"{cap_bytes / 1e6:.0f} MB. Run the lab again into a new run folder."
                )
            left.append(LeftOut(member.name, len(data), f"more than fits into {cap_bytes / 1e6:.0f} MB"))
            continue
        used, unpacked = used + packed, unpacked + len(data)
        taken[member.name] = data
    manifest = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        **facts,
        "files": {name: {"bytes": len(data), "sha256": sha256_bytes(data)} for name, data in sorted(taken.items())},
        "left_out": [asdict(item) for item in left[:MAX_LEFT_OUT]],
    }
    taken["manifest.json"] = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in sorted(taken.items()):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, data)
    return manifest, left


def _name_problem(name: str) -> str:
    """Why a file of that name cannot be handed in; empty if it can."""
    try:
        name.encode()
        stored_name(name)
    except UnicodeEncodeError:
        return "its name is no UTF-8; rename it"
    except UnsafeArchive:
        return "its name leads out of the folder; rename it"
    return ""


def manifest_of(root: Path) -> dict[str, Any]:
    """What a submission says of itself; empty where that cannot be read. It is all the student's word."""
    try:
        manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def left_out(manifest: dict[str, Any]) -> list[str]:
    """Names of the files that a manifest says were left out."""
    entries = manifest.get("left_out")
    return [str(item.get("name")) for item in entries if isinstance(item, dict)] if isinstance(entries, list) else []


def manifest_problems(folder: Path) -> list[str]:
    """What differs between the manifest and the files of an unpacked submission; empty if nothing does.

    Only plain files in the folder are looked at, whatever the manifest names.
    """
    if not (folder / "manifest.json").is_file():
        return ["manifest.json is missing"]
    files = manifest_of(folder).get("files")
    if not isinstance(files, dict) or not all(
        isinstance(entry, dict) and "sha256" in entry for entry in files.values()
    ):
        return ["manifest.json cannot be read"]
    found: dict[str, list[str]] = {}
    for name, entry in files.items():
        if told := _difference(folder, name, str(entry["sha256"])):
            found.setdefault(told, []).append(name)
    return [f"{some(names)} {told}" for told, names in found.items()]


def _difference(folder: Path, name: str, digest: str) -> str:
    """How a file differs from what the manifest says of it; empty if it does not, or only by its line ends."""
    try:
        path = folder / stored_name(name)
        if not path.is_file():  # Windows' own tools write folders with backslashes
            path = folder / stored_name(name.replace("\\", "/"))
        plain = path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except (UnsafeArchive, OSError, ValueError):
        plain = False
    if not plain or path == folder:
        return "is missing"
    if sha256_file(path) == digest:
        return ""
    if not path.stat().st_size:
        return "is empty"
    is_text = path.suffix in (".json", ".jsonl", ".py", ".ipynb")
    if is_text and sha256_bytes(plain_text(path.read_bytes())) == digest:
        return ""
    return "was changed after it was collected"
