"""The cache folder: what is costly to make is made once, and appears whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snippets.errors import StorageError


def cache_folder(cache: str | os.PathLike[str] | None = None) -> Path:
    """`cache`, else $SERVELAB_CACHE, else ~/.cache/servelab."""
    return Path(cache or os.environ.get("SERVELAB_CACHE") or Path.home() / ".cache" / "servelab").expanduser()


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"The disk is full: {folder} could not be written. Free some space, or set SERVELAB_CACHE to a "
                "folder on a larger disk."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            raise StorageError(
                f"{folder.parent} cannot be written ({error.strerror}). Set SERVELAB_CACHE to a folder of yours."
            ) from error
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


def progress_bar(label: str, total: int, unit: str = " pictures", initial: int = 0) -> Any:
    """A progress line on stderr that shows itself only if the work takes longer than a second."""
    from tqdm import tqdm

    return tqdm(
        total=total,
        desc=label,
        unit=unit,
        initial=initial,
        unit_scale=total > 10**6,
        delay=1,
        mininterval=0.5,
        file=sys.stderr,
    )
