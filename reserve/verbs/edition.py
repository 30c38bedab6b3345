"""`servelab edition`: the kit as students get it, without what is right and what earns the points."""

from __future__ import annotations

import shutil
from pathlib import Path

from reserve.node.checkout import listed
from reserve.node.secrets import is_secret
from snippets.errors import UsageError
from snippets.files import storage_error
from snippets.parts import KIT

NOT_FOR_STUDENTS = ("tests/", "benchmarks/", ".ci/", ".github/", ".gitattributes")
"""What holds the kit together: its tests know the right answers, too."""


def student_files(root: Path = KIT) -> list[str]:
    """Names of the files of the student edition, from the top of the kit at `root`."""
    names = [name for name in listed(root) if not name.startswith(NOT_FOR_STUDENTS)]
    return [name for name in names if not is_secret(name, (root / name).read_bytes())]


def write_edition(out: Path, root: Path = KIT) -> str:
    """Write the student edition of the kit at `root` into the new or empty folder `out`; what was written.

    It is the checkout as it is, changes included. Raises UsageError for a folder that holds something, or lies in the
    kit; StorageError where it cannot be written.
    """
    if out.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{out} lies in the kit itself; name a folder outside {root}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} holds something already; name a new folder, or empty it first.")
    names = student_files(root)
    try:
        for name in names:
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target)
    except OSError as error:
        raise storage_error(error, out, "DIR") from error
    return f"wrote the student edition to {out}: {len(names)} files, no rubric, no right answer and no solution"
