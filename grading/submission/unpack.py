"""Into a folder of our own, with nothing in it but plain files: from a zip, a tar archive, or another folder.

What a submission must not hold (links, devices, names that lead out of it) is left behind with a remark; only an
archive that is none, is encrypted, or would fill the disk is refused.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

from grading.errors import UnsafeArchive
from grading.shown import line, some
from grading.submission.people import PLACEHOLDER, UNFINISHED
from snippets.errors import SubmissionError

T = TypeVar("T")
MAX_FILES = 10_000
MAX_UNPACKED_BYTES = 400_000_000
MAX_PART_BYTES = 200
"""Of one folder's or file's name: a longer one is shortened when it is unpacked (file systems take 255)."""
MAX_DEPTH, MAX_NAME_BYTES = 40, 2000
"""Folders above a file, and bytes of its whole name: no run has names like that, and systems stop at 4096."""
NOT_HANDED_IN = {"__MACOSX", ".git", ".venv", "node_modules", "__pycache__", ".ipynb_checkpoints", ".DS_Store"}
_OF_A_RUN = re.compile(
    r"(^|/)(manifest\.json|record\.json|steps\.jsonl|functions\.py|submission\.pdf"
    r"|(samples|figures|screens|models|notebooks|workbooks)/[^/]+)$"
)
LINK = "holds a link or a device, which was not read"
TOO_DEEP = "holds files too deep in folders to be kept, which were not read"
DAMAGED = "is damaged; not whole in it"
OTHER_METHOD = "was packed in a way that is not read here (zip it again); not read"
CLASH = "has a file and a folder of one name; the folder was read"
KNOWN = {
    b"%PDF": "a PDF",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a gzip file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\x89PNG": "a picture",
    b"<!DOCTYPE html": "a web page, such as that of a sign-in",
    b"<html": "a web page, such as that of a sign-in",
    b"version https://git-lfs": "a pointer of Git LFS, without the file",
    b"[InternetShortcut]": "a link to a web page",
}
"""What else is handed in, by its first bytes."""
_DRIVE = re.compile(r"[A-Za-z]:")


def stored_name(name: str) -> str:
    """Where a file of that name is kept below the submission's folder; empty for the folder itself.

    Drive letters, leading slashes and `.` are dropped, and a part too long for a file system is shortened. Raises
    UnsafeArchive for a name that leads out.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if parts and _DRIVE.fullmatch(parts[0]):
        parts = parts[1:]
    if ".." in parts or "\0" in name:
        raise UnsafeArchive(f"The archive names {line(name, 100)!r}, which leads out of its folder.")
    return "/".join(map(_short, parts))


def _short(part: str) -> str:
    data = part.encode("utf-8", "surrogateescape")
    if len(data) <= MAX_PART_BYTES:
        return part
    begin, suffix = (text.encode("utf-8", "surrogateescape") for text in (part[:60], Path(part).suffix[:20]))
    kept = begin[:100].decode("utf-8", "ignore")
    return f"{kept}~{hashlib.sha256(data).hexdigest()[:12]}{suffix[:40].decode('utf-8', 'ignore')}"


def _is_too_deep(place: str) -> bool:
    return place.count("/") > MAX_DEPTH or len(place.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES


@dataclass
class _Kept:
    """What has been unpacked so far, and what was left behind and why."""

    folder: Path
    where: str
    total: int = 0
    left: dict[str, list[str]] = field(default_factory=dict)

    def leave(self, reason: str, name: str) -> None:
        self.left.setdefault(reason, []).append(name)

    def remarks(self) -> list[str]:
        return [f"{line(self.where, 100)} {reason}: {some(names)}" for reason, names in self.left.items()]

    def expect(self, sizes: Iterable[int]) -> None:
        """Raises UnsafeArchive where members of these sizes are more than may be unpacked."""
        if (told := sum(sizes)) > MAX_UNPACKED_BYTES:
            raise UnsafeArchive(
                f"{line(self.where, 100)} unpacks to {told / 1e6:.0f} MB; at most {MAX_UNPACKED_BYTES / 1e6:.0f} MB "
                "are read."
            )

    def keep(self, name: str, opened: Callable[[], AbstractContextManager[IO[bytes] | None]]) -> None:
        """Write one file below the folder. A place that is taken by a folder or a file is left to it."""
        target = self.folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            blocking = next(place for place in target.parents if not place.is_dir() and place.exists())
            blocking.unlink()
            self.leave(CLASH, name)
            target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            self.leave(CLASH, name)
            return
        with opened() as source, target.open("wb") as file:
            while source is not None and (chunk := source.read(1 << 20)):
                self.total += len(chunk)
                if self.total > MAX_UNPACKED_BYTES:
                    raise UnsafeArchive(
                        f"{line(self.where, 100)} unpacks to more than {MAX_UNPACKED_BYTES / 1e6:.0f} MB."
                    )
                file.write(chunk)


def unpack(source: Path, folder: Path) -> list[str]:
    """Unpack a zip or a tar archive into `folder`, which is new; returns what was left behind, in words.

    Raises UnsafeArchive for more than may be unpacked, SubmissionError for a file that is no archive or is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = _Kept(folder, source.name)
    try:
        if zipfile.is_zipfile(source):
            _unzip(source, kept)
        elif source.stat().st_size and tarfile.is_tarfile(source):
            _untar(source, kept)
        else:
            what = f"{what_is(source) or 'is damaged, or another file'}, and not a whole zip file"
            raise SubmissionError(f"{line(source.name, 100)} {what}. Hand in the zip that `servelab collect` made.")
    except (zipfile.BadZipFile, zlib.error, EOFError, tarfile.TarError, OSError, ValueError) as error:
        raise SubmissionError(
            f"{line(source.name, 100)} is not a whole zip file ({_why(error, folder)}). Hand it in again."
        ) from None
    except NotImplementedError:
        raise SubmissionError(
            f"{line(source.name, 100)} is packed in a way that is not read here. Zip it again, or hand in the zip that "
            "`servelab collect` made."
        ) from None
    return kept.remarks()


def _why(error: BaseException, folder: Path) -> str:
    return line(str(error).replace(str(folder), "")) or type(error).__name__


def what_is(path: Path) -> str:
    """What a file that is no archive is, as far as its name and first bytes tell; empty where they do not."""
    with path.open("rb") as file:
        head = file.read(512)
    name = path.name.lower()
    if not head:
        return "is empty"
    if name.endswith(PLACEHOLDER):
        return "is a cloud drive's placeholder"
    if name.endswith(UNFINISHED):
        return "is a download that did not end"
    return next((f"is {told}" for magic, told in KNOWN.items() if head.lstrip().lower().startswith(magic.lower())), "")


def _wanted(names: list[str], kept: _Kept) -> list[tuple[int, str]]:
    """Index and place of the members to unpack: of too many files only those that a run consists of."""
    turned = _are_turned(names)
    places: list[tuple[int, str]] = []
    for index, name in enumerate(names):
        try:
            place = stored_name(name.replace("\\", "/") if turned else name)
        except UnsafeArchive:
            kept.leave("names what leads out of its folder, which was not read", name)
            continue
        if _is_too_deep(place):
            kept.leave(TOO_DEEP, name)
            continue
        *folders, last = place.split("/")
        if place and not _is_not_handed_in(last) and not NOT_HANDED_IN.intersection(folders):
            places.append((index, place))
    return _at_most(places, lambda item: item[1], kept)


def _is_not_handed_in(name: str) -> bool:
    return name in NOT_HANDED_IN or name.startswith("._")


def _at_most(found: list[T], name: Callable[[T], str], kept: _Kept) -> list[T]:
    """As many as may be unpacked; of too many those that a run consists of first."""
    if len(found) <= MAX_FILES:
        return found
    kept.leave(f"holds {len(found)} files; at most {MAX_FILES} are read, those of the runs first", "")
    return sorted(found, key=lambda item: not _OF_A_RUN.search(name(item)))[:MAX_FILES]


def _are_turned(names: list[str]) -> bool:
    """Whether these names have backslashes between folders, as some of Windows' tools write them."""
    return any("\\" in name for name in names) and not any("/" in name for name in names)


def _unzip(source: Path, kept: _Kept) -> None:
    with zipfile.ZipFile(source) as archive:
        infos = archive.infolist()
        chosen = [(infos[index], place) for index, place in _wanted([info.filename for info in infos], kept)]
        kept.expect(info.file_size for info, _ in chosen)
        for info, place in chosen:
            mode = info.external_attr >> 16
            if info.is_dir() or info.filename.endswith("\\"):
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                kept.leave(LINK, info.filename)
                continue
            if info.flag_bits & 1:
                raise UnsafeArchive(f"{line(source.name, 100)} is encrypted; hand it in without a password.")
            try:
                kept.keep(place, lambda info=info: archive.open(info))  # type: ignore[misc]
            except NotImplementedError:
                kept.leave(OTHER_METHOD, info.filename)
                (kept.folder / place).unlink(missing_ok=True)
            except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, OSError) as error:
                if isinstance(error, OSError) and error.errno is not None:  # ours, such as a full disk
                    raise
                kept.leave(DAMAGED, info.filename)
                (kept.folder / place).unlink(missing_ok=True)


def _untar(source: Path, kept: _Kept) -> None:
    with tarfile.open(source) as archive:
        members = []
        for member in archive:  # one at a time: a bomb ends here, before it is listed
            members.append(member)
            kept.expect([member.size])
            if len(members) > 20 * MAX_FILES:
                raise UnsafeArchive(f"{line(source.name, 100)} holds more than {20 * MAX_FILES} files.")
        chosen = [(members[index], place) for index, place in _wanted([member.name for member in members], kept)]
        kept.expect(member.size for member, _ in chosen)
        for member, place in chosen:
            if member.isfile():
                kept.keep(place, lambda member=member: archive.extractfile(member))  # type: ignore[misc,arg-type]
            elif not member.isdir():
                kept.leave(LINK, member.name)


def copy_folder(source: Path, folder: Path) -> list[str]:
    """Copy the plain files of a folder into `folder`, which is new; returns what was left behind, in words.

    Raises UnsafeArchive for more than may be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = _Kept(folder, source.name)
    found = list(_plain_files(source, source, kept))
    if _are_turned([name for name, _, _ in found]):  # unpacked by a system that took them for part of the names
        found = [(name.replace("\\", "/"), path, size) for name, path, size in found if ".." not in name]
    for name in (name for name, _, _ in found if _is_too_deep(name)):
        kept.leave(TOO_DEEP, name)
    found = _at_most([each for each in found if not _is_too_deep(each[0])], lambda item: item[0], kept)
    kept.expect(size for _, _, size in found)
    for name, path, _ in found:
        try:
            kept.keep(name, lambda path=path: path.open("rb"))  # type: ignore[misc]
        except OSError as error:
            kept.leave(f"holds what cannot be read ({error.strerror})", name)
    return kept.remarks()


def _plain_files(folder: Path, top: Path, kept: _Kept) -> Iterator[tuple[str, Path, int]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = Path(entry.path)
            if _is_not_handed_in(entry.name):
                continue
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                with suppress(PermissionError):
                    yield from _plain_files(path, top, kept)
            elif stat.S_ISREG(status.st_mode):
                yield path.relative_to(top).as_posix(), path, status.st_size
            else:
                kept.leave(LINK, path.relative_to(top).as_posix())
