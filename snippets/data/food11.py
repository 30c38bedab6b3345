"""The real Food-11: 16,643 photographs in eleven classes (Singla, Yuan, Ebrahimi, MADiMa 2016).

Downloaded once, then sorted into class folders. The original archive names its files `3_120.jpg`: class 3,
picture 120. Where it comes from is data: `food11.toml`, or a file like it named by $SERVELAB_FOOD11.
"""

from __future__ import annotations

import os
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from snippets.data.download import download
from snippets.data.folder import ALIASES, SUFFIXES
from snippets.data.food11_classes import class_of
from snippets.data.progress import progress_bar
from snippets.errors import DataError
from snippets.files import building

# No photograph of the set is anywhere near this size: a bigger entry is not one.
MAX_PICTURE_BYTES = 50_000_000


@dataclass(frozen=True)
class ArchiveSource:
    """A place to download from. An empty `sha256` means that the checksum is not known."""

    name: str
    url: str
    sha256: str = ""


def fetch(
    folder: Path, sources: Sequence[ArchiveSource] | None = None, pictures: int | None = None, pause_s: float = 2.0
) -> Path:
    """Make `folder` hold training/, validation/ and evaluation/ with class folders, unless it does already.

    `sources` are tried in turn; `pictures` is how many the archive must hold (0: any number). Both default to
    the TOML file. Raises DataError when no source works, saying why for each.
    """
    if folder.is_dir():
        return folder
    listed, count = read_sources()
    sources, count = listed if sources is None else sources, count if pictures is None else pictures
    problems = []
    for source in sources:
        archive = folder.with_name(f"{folder.name}-{PurePosixPath(source.url).name or 'archive'}")
        try:
            download(source.url, archive, source.sha256, pause_s)
            unpack(archive, folder, count)
        except DataError as error:
            problems.append(f"  {source.name}: {error}")
            archive.unlink(missing_ok=True)
            continue
        archive.unlink()
        return folder
    raise DataError(
        "Food-11 could not be downloaded:\n" + "\n".join(problems) + "\n"
        "Use data=rehearsal, or unpack the archive yourself and give its folder as data=PATH."
    )


def read_sources(path: str | os.PathLike[str] | None = None) -> tuple[tuple[ArchiveSource, ...], int]:
    """The sources and the number of pictures that `path` (default: see the module) lists."""
    place = Path(path or os.environ.get("SERVELAB_FOOD11") or Path(__file__).with_name("food11.toml"))
    try:
        content = tomllib.loads(place.read_text(encoding="utf-8"))
        return tuple(ArchiveSource(**entry) for entry in content["source"]), int(content.get("pictures", 0))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{place} is not a list of Food-11 sources ({error}). See snippets/data/food11.toml."
        ) from error


def unpack(archive: Path, folder: Path, pictures: int = 0) -> Path:
    """Sort the pictures of a zip or tar archive into `folder`/split/class/name, whole or not at all.

    Only pictures under a folder named like a split are taken, and each is written to a place made from
    split, class and file name: no entry can reach outside `folder`. Raises DataError for a damaged archive, an
    entry with a suspicious name, or another number of pictures than `pictures` (0: any).
    """
    with building(folder) as partial:
        if partial is None:
            return folder
        found = 0
        try:
            with progress_bar("Sorting pictures", pictures) as bar:
                for name, size, stream in _entries(archive):
                    place = _place(name)
                    if place is None:
                        continue
                    if size > MAX_PICTURE_BYTES:
                        raise DataError(f"{archive}: entry {name} has {size:,} bytes: no picture of Food-11 does.")
                    target = partial.joinpath(*place)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(stream.read())
                    found += 1
                    bar.update()
        except (
            zipfile.BadZipFile,
            tarfile.TarError,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            archive.unlink(missing_ok=True)
            raise DataError(f"{archive} is damaged ({error}) and was removed. Download it again.") from error
        if found == 0 or (pictures and found != pictures):
            raise DataError(
                f"{archive} holds {found:,} pictures in training/, validation/ and evaluation/ instead of "
                f"{f'{pictures:,}' if pictures else 'some'}: it is not Food-11 or not all of it. "
                "Remove it and use another source."
            )
    return folder


def _entries(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size and open content of each regular file of an archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as content:
            for entry in content.infolist():
                if not entry.is_dir():
                    with content.open(entry) as stream:
                        yield entry.filename, entry.file_size, stream
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as content:
            for member in content:
                file = content.extractfile(member) if member.isfile() else None
                if file is not None:
                    yield member.name, member.size, file
    else:
        raise zipfile.BadZipFile("neither a zip nor a tar archive")


def _place(name: str) -> tuple[str, str, str] | None:
    """Split, class and file name for an archive entry; None for what is not a picture of a split."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise DataError(f"The archive's entry '{name}' points outside it: not unpacked. Use another source.")
    if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or "__MACOSX" in path.parts:
        return None
    for depth, part in enumerate(path.parts[:-1]):
        split = next((split for split, names in ALIASES.items() if part.lower() in names), None)
        if split is None:
            continue
        below = path.parts[depth + 1 : -1]
        label = below[0] if below else class_of(path.name)
        return (split, label, path.name) if label else None
    return None
