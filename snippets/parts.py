"""The parts of the lab and their notebooks, in the order in which they run."""

from __future__ import annotations

from pathlib import Path

from snippets.errors import UsageError

PARTS = ("model", "edge", "system")
# The checkout (or the installed packages) that this module lies in.
KIT = Path(__file__).resolve().parent.parent
NOTEBOOKS = KIT / "notebooks"


def notebooks(part: str) -> list[Path]:
    """Notebooks of a part, `1_*.ipynb` first. Raises UsageError for a part that does not exist or has none."""
    if part not in PARTS:
        raise UsageError(f"There is no part {part!r}; the parts are {', '.join(PARTS)}, or all of them: all.")
    found = sorted((NOTEBOOKS / part).glob("[0-9]*_*.ipynb"), key=lambda path: int(path.name.split("_")[0]))
    if not found:
        raise UsageError(f"Part {part!r} has no notebooks in {NOTEBOOKS / part}. Build them: make notebooks.")
    return found


def expand(part: str) -> tuple[str, ...]:
    """The parts that a command's PART argument names: one, or every part that has notebooks for `all`."""
    if part != "all":
        notebooks(part)
        return (part,)
    return tuple(p for p in PARTS if any((NOTEBOOKS / p).glob("[0-9]*_*.ipynb")))
