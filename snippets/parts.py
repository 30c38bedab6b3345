"""The parts of the lab and their notebooks, in the order in which they run."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from snippets.errors import UsageError

PARTS = ("model", "edge", "system")
ALL = "all"
# The checkout (or the installed packages) that this module lies in.
KIT = Path(__file__).resolve().parent.parent
NOTEBOOKS = KIT / "notebooks"
OWN = "own"
"""The folder at the top of the kit that holds what a course has of its own (snippets/course.py)."""
FOR_STAFF = (
    "grading/staff/",
    f"{OWN}/staff/",
    "tests/grading/",
    *("grading/batch/", "grading/rerun/", "grading/gradescope/", "grading/grade.py"),
    *(f"grading/nbgrader/{name}.py" for name in ("autograde", "guard", "release", "repair")),
    *(f"grading/checks/{name}" for name in ("part.py", "trust.py", "invariants.py", "prints.py", "bounds.toml")),
    *("grading/checks/integrity/", "grading/checks/README.md", "grading/submission/handed_in.py"),
    *(f"grading/functions/{name}.py" for name in ("child", "sandbox", "tests")),
)
"""Files and folders (`/` at their end) of the kit that neither students nor their nodes get: what is right, what earns
the points, and how records are checked. The rest works without them."""


def for_staff(name: str) -> bool:
    """Whether a file of the kit, named from its top (`grading/grade.py`), is only for whoever grades."""
    return any(name.startswith(each) if each.endswith("/") else name == each for each in FOR_STAFF)


def own_folder() -> Path:
    """The folder of what a course has of its own: $SERVELAB_OWN, else `own/` of the kit; it need not exist."""
    return Path(os.environ.get("SERVELAB_OWN") or KIT / OWN)


def check_part(part: str, *, all_too: bool = True) -> None:
    """Raise UsageError, suggesting the nearest name, unless `part` is a part (or, with `all_too`, `all`)."""
    if part in PARTS or (all_too and part == ALL):
        return
    near = get_close_matches(part.lower(), (*PARTS, ALL) if all_too else PARTS, n=1)
    raise UsageError(
        f"There is no part {part!r}; the parts are {', '.join(PARTS)}{f', or all of them: {ALL}' if all_too else ''}."
        f"{f' Did you mean {near[0]}?' if near else ''}"
    )


def parts_named(part: str) -> tuple[str, ...]:
    """The parts that a command's PART argument names: one, or every part for `all`. Raises UsageError for another."""
    check_part(part)
    return PARTS if part == ALL else (part,)


def notebooks(part: str) -> list[Path]:
    """Notebooks of a part, `1_*.ipynb` first. Raises UsageError for a part that does not exist or has none."""
    check_part(part, all_too=False)
    found = numbered(part)
    if not found and not NOTEBOOKS.is_dir():
        raise UsageError(
            f"The notebooks lie in a checkout of the kit, and this is the installed package alone ({KIT}). Clone the "
            "repository and run `make lab` there; questions, grading, plans and leases need no more than the package."
        )
    if not found:
        raise UsageError(f"Part {part!r} has no notebooks in {NOTEBOOKS / part}. Build them: make notebooks.")
    return found


def expand(part: str) -> tuple[str, ...]:
    """`parts_named` that have notebooks. Raises UsageError for one that does not exist, or that alone has none."""
    named = parts_named(part)
    if part != ALL:
        notebooks(part)
    return tuple(each for each in named if numbered(each))


def numbered(part: str, ending: str = ".ipynb", folder: Path | None = None) -> list[Path]:
    """The files `N_subject<ending>` of a part, in the order of their numbers: the kit's and the course's own.

    One of the course's that is called as one of the kit's takes its place. `folder`: other notebooks than the kit's.
    Raises UsageError where two have the same number.
    """
    places = [(folder or NOTEBOOKS) / part]
    if folder in (None, NOTEBOOKS):
        places.append(own_folder() / "notebooks" / part)
    named = {path.name: path for place in places for path in sorted(place.glob(f"[0-9]*_*{ending}"))}
    found = sorted(named.values(), key=_number)
    for one, other in zip(found, found[1:], strict=False):
        if _number(one) == _number(other):
            raise UsageError(
                f"{one} and {other} have the same number; notebooks of a part run in the order of their numbers. "
                "Give one of them another."
            )
    return found


def _number(path: Path) -> int:
    return int(path.name.split("_")[0])
