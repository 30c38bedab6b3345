"""Files and folders that appear whole or not at all, what identifies their content, and the cache they live in."""

from __future__ import annotations

import codecs
import errno
import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from snippets.errors import StorageError

FULL_ERRNOS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
FORBIDDEN_ERRNOS = frozenset((errno.EROFS, errno.EACCES, errno.EPERM))
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any) -> str:
    """JSON text of `value` that is the same for equal values: sorted keys, no spaces. ValueError for NaN.

    Half a character (a lone surrogate, as half an emoji leaves it) becomes U+FFFD: no file could hold it.
    """
    text = _ENCODER.encode(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def plain_text(data: bytes) -> bytes:
    """A text file's bytes as we write them: without the mark that editors put first, and without Windows' line ends.

    Only for texts that hold neither themselves, as JSON does. Line ends are changed where all of them are Windows'.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    return data.replace(b"\r\n", b"\n") if data.count(b"\r\n") == data.count(b"\n") else data


def sha256_bytes(data: bytes) -> str:
    """Hex SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_text(text: str) -> str:
    """Hex SHA-256 of `text` in UTF-8."""
    return sha256_bytes(text.encode())


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes. OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_storage_error(error: OSError) -> bool:
    """Whether the disk is full or the place may not be written, which the user can mend."""
    return error.errno in FULL_ERRNOS | FORBIDDEN_ERRNOS


def storage_error(error: OSError, path: Path, setting: str = "--runs") -> StorageError:
    """The error for an OSError met while writing `path`; `setting` is what chooses another place."""
    if error.errno in FULL_ERRNOS:
        remedy = f"free some space, or choose another disk with {setting}, and run again: finished steps are kept"
        return StorageError(f"The disk is full: {path} could not be written ({error.strerror}); {remedy}.")
    remedy = f"choose a folder you may write with {setting}, or change its permissions"
    return StorageError(f"{path} cannot be written ({error.strerror}); {remedy}.")


@contextmanager
def replacing(path: Path, setting: str = "--runs") -> Iterator[Path]:
    """A hidden file beside `path` to be written in the block: it takes that name when the block ends well.

    A reader, or a kill at any moment, sees the old file or the new, whole. After an error nothing of the new one is
    left. Raises StorageError, with `setting` as the remedy, for a full disk or a folder that may not be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        if is_storage_error(error):
            raise storage_error(error, path, setting) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes | list[bytes], *, durable: bool = False, setting: str = "--runs") -> None:
    """Write `data` (or its pieces) to `path`, whole or not at all (see `replacing`).

    `durable` waits until the disk has it (a power cut), which a short step would feel.
    Raises StorageError, with `setting` as the remedy, on a full disk or a folder that may not be written.
    """
    with replacing(path, setting) as partial, partial.open("wb") as file:
        file.write(data if isinstance(data, bytes) else b"".join(data))
        if durable:
            file.flush()
            os.fsync(file.fileno())


def unpack_tar(archive: tarfile.TarFile, folder: Path, members: Sequence[tarfile.TarInfo] | None = None) -> None:
    """Unpack all of `archive`, or these members, into `folder`, which nothing in it may leave.

    Raises tarfile.TarError for a member that would; nothing else is then relied on. Before 3.11.4, Python has no
    extraction filters: there only regular files and folders are taken.
    """
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, members=members, filter="data")
        return
    chosen = list(archive if members is None else members)
    for member in chosen:
        place = PurePosixPath(member.name)
        if not (member.isfile() or member.isdir()) or place.is_absolute() or ".." in place.parts:
            raise tarfile.TarError(f"{member.name!r} is no file or folder within the archive")
    archive.extractall(folder, members=chosen)


def cache_folder(cache: str | os.PathLike[str] | None = None) -> Path:
    """`cache`, else $SERVELAB_CACHE, else ~/.cache/servelab."""
    return Path(cache or os.environ.get("SERVELAB_CACHE") or Path.home() / ".cache" / "servelab").expanduser()


@contextmanager
def building(folder: Path) -> Iterator[Path | None]:
    """A hidden folder to fill, renamed to `folder` when the block ends well and removed when it does not.

    Yields None when `folder` exists already. What a killed process left behind is cleared by the next one;
    when two processes build at once, the first to finish wins and the other's copy is dropped.
    Raises StorageError for a full disk or a folder that cannot be written.
    """
    if folder.is_dir():
        yield None
        return
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for stale in folder.parent.glob(f".{folder.name}.*.partial"):
            if not _alive(stale.name.split(".")[-2]):
                shutil.rmtree(stale, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        yield partial
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    except OSError as error:
        if is_storage_error(error) or error.errno == errno.ENOTDIR:
            raise storage_error(error, folder, "SERVELAB_CACHE") from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _alive(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True
