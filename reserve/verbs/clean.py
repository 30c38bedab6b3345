"""`servelab clean`: what the kit keeps on this machine, and how to be rid of it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from reserve.errors import UsageError
from reserve.journal import Journal, state_folder
from snippets.files import cache_folder, storage_error
from snippets.parts import KIT
from snippets.record.run import default_runs

ALL = "all"
LEFT_BEHIND_S = 24 * 3600.0
"""Temporary files of the kit that nobody touched for so long belong to nothing that still runs."""


@dataclass(frozen=True)
class Place:
    """Folders (or files) that the kit keeps. `name`: what `servelab clean NAME` removes; empty: that never does."""

    name: str
    folders: tuple[Path, ...]
    holds: str


def places() -> tuple[Place, ...]:
    """All that is kept outside the checkout's own files, and the records."""
    now = time.time()
    temporary = Path(tempfile.gettempdir())
    old = [path for path in temporary.glob("servelab-*") if path.is_dir() or path.suffix == ".txt"]
    old = sorted(path for path in old if now - path.lstat().st_mtime > LEFT_BEHIND_S)
    return (
        Place("cache", (cache_folder(),), "data sets, decoded images, programs: made or fetched again when needed"),
        Place("state", (state_folder(),), "the journal of leases, keys made for nodes, host keys"),
        Place("temporary", tuple(old), f"left in {temporary} by runs that ended more than a day ago"),
        Place("", (default_runs(),), "your measurements, answers and submissions: remove them by hand"),
        Place("", (KIT / ".venv",), "Python and its packages: make clean removes them"),
    )


def clean(names: Collection[str], say: Callable[[str], object] = print) -> None:
    """Remove the named places (`all`: each that has a name); with none named, list all with their sizes.

    Raises UsageError for another name, and for the state while it knows of leases that are not given back.
    """
    known = {place.name: place for place in places() if place.name}
    for name in names:
        if name not in (*known, ALL):
            raise UsageError(f"there is nothing named {name!r} to be removed; it is {', '.join(known)}, or {ALL}")
    wanted = list(known) if ALL in names else [name for name in known if name in names]
    if "state" in wanted:
        _refuse_held()
    for name in wanted:
        _remove(known[name], say)
    if not names:
        for line in listed():
            say(line)


def listed() -> list[str]:
    """A line for each place: what removes it, its size, where it is, what it holds."""
    lines = ["What the kit keeps here; `servelab clean NAME...` removes what has a name:"]
    for place in places():
        where = ", ".join(map(str, place.folders[:3])) + (", ..." if len(place.folders) > 3 else "")
        size = sum(map(size_of, place.folders)) / 1e6
        lines.append(f"  {place.name or '-':<10} {size:9.1f} MB  {where or '(nothing)'}")
        lines.append(f"             {place.holds}")
    return lines


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; 0 where it is not there. Links are not followed."""
    if path.is_symlink() or not path.exists():
        return 0
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file() and not each.is_symlink()]
    return sum(each.lstat().st_size for each in files)


def _refuse_held() -> None:
    held = Journal().open_entries()
    if held:
        parts = ", ".join(dict.fromkeys(entry.part for entry in held if entry.part))
        raise UsageError(
            f"the journal knows of {len(held)} things that are not given back ({parts}): without it they would "
            "be lost, and go on costing. `servelab down all` first."
        )


def _remove(place: Place, say: Callable[[str], object]) -> None:
    for path in place.folders:
        if not path.exists():
            continue
        size = size_of(path) / 1e6
        try:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError as error:
            raise storage_error(error, path, "its own environment variable") from error
        say(f"removed {path} ({size:.1f} MB)")
