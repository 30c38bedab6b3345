"""submission.zip: packed the same for the same files, and unpacked without trusting it."""

from __future__ import annotations

import json
import stat
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grading.errors import UnsafeArchive
from snippets.errors import SubmissionError
from snippets.files import sha256_bytes, sha256_file

SCHEMA = "servelab-submission"
SCHEMA_VERSION = 1
CAP_BYTES = 20_000_000
MAX_FILES = 4000
MAX_UNPACKED_BYTES = 400_000_000
MAX_RATIO = 400
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

    Files are taken by rank, small ones first, until the zip would pass `cap_bytes`. Raises SubmissionError if
    even the files of rank 0 do not fit.
    """
    taken: dict[str, bytes] = {}
    left: list[LeftOut] = []
    used = 200_000  # the manifest, and the zip's own directory
    for member in sorted(members, key=lambda m: (m.rank, m.path.stat().st_size, m.name)):
        data = member.path.read_bytes()
        packed = len(zlib.compress(data, 6)) + 300
        if used + packed > cap_bytes:
            if member.rank == 0:
                raise SubmissionError(
                    f"{member.name} alone makes the submission larger than "
                    f"{cap_bytes / 1e6:.0f} MB. Run the lab again into a new run folder."
                )
            left.append(LeftOut(member.name, len(data), f"more than fits into {cap_bytes / 1e6:.0f} MB"))
            continue
        used += packed
        taken[member.name] = data
    manifest = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        **facts,
        "files": {name: {"bytes": len(data), "sha256": sha256_bytes(data)} for name, data in sorted(taken.items())},
        "left_out": [asdict(item) for item in left],
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


def _safe_name(name: str) -> str:
    """The member's path inside the folder; UnsafeArchive if it would lead out of it."""
    path = PurePosixPath(name)
    if (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or ":" in name
        or "\0" in name
        or len(name) > 300
        or not path.parts
    ):
        raise UnsafeArchive(
            f"The archive names {name[:100]!r}, which leads out of its folder. Hand in the zip that "
            "`servelab collect` made."
        )
    return str(path)


def unpack(source: Path, folder: Path) -> None:
    """Unpack the zip into `folder`, which is new. No links, no paths out of it, no bombs.

    Raises UnsafeArchive for those, SubmissionError for a file that is no zip or is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(source) as archive:
            infos = archive.infolist()
            if len(infos) > MAX_FILES:
                raise UnsafeArchive(f"{source.name} holds {len(infos)} files; at most {MAX_FILES} are read.")
            total = 0
            for info in infos:
                name = _safe_name(info.filename)
                mode = info.external_attr >> 16
                if stat.S_ISLNK(mode) or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR)):
                    raise UnsafeArchive(f"{source.name} holds a link or a device: {name!r}. Hand in plain files.")
                if info.is_dir():
                    continue
                if info.flag_bits & 1:
                    raise UnsafeArchive(f"{source.name} is encrypted; hand it in without a password.")
                if info.file_size > 1_000_000 and info.file_size > MAX_RATIO * max(info.compress_size, 1):
                    raise UnsafeArchive(
                        f"{name!r} in {source.name} unpacks to {info.file_size / 1e6:.0f} MB out of "
                        f"{info.compress_size} bytes."
                    )
                total += _copy(archive, info, folder / name, MAX_UNPACKED_BYTES - total, source.name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise SubmissionError(f"{source.name} is not a whole zip file ({error}). Hand it in again.") from None


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, room: int, where: str) -> int:
    """Unpack one member, counting the bytes that really come out; returns their number."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(info) as source, target.open("wb") as file:
        while chunk := source.read(1 << 20):
            written += len(chunk)
            if written > room:
                raise UnsafeArchive(f"{where} unpacks to more than {MAX_UNPACKED_BYTES / 1e6:.0f} MB.")
            file.write(chunk)
    return written


def manifest_problems(folder: Path) -> list[str]:
    """What differs between the manifest and the files of an unpacked submission; empty if nothing does."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        listed = {str(name): str(entry["sha256"]) for name, entry in manifest["files"].items()}
    except FileNotFoundError:
        return ["manifest.json is missing"]
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return ["manifest.json cannot be read"]
    problems = []
    for name, digest in listed.items():
        path = folder / name
        if ".." in PurePosixPath(name).parts or path.is_symlink() or not path.is_file():
            problems.append(f"{name} is missing")
        elif sha256_file(path) != digest:
            problems.append(f"{name} was changed after it was collected")
    return problems
