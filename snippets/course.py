"""What a course has of its own: the folder `own/` at the top of the kit, laid over the kit's tables.

A course edits nothing of the kit, so that a newer kit can be merged without a conflict. A table of its own
(`own/prices.toml`) holds only what differs: its values take the place of the kit's, its tables are laid over the kit's
tables of the same name. `own/course.toml` says what the kit cannot know: the course's name, its dates, and the values
that its notebooks begin with. grading/COURSE.md shows all of it in an example.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from snippets.errors import KitError, UsageError
from snippets.parts import OWN, PARTS, own_folder

SETTINGS = "course.toml"
TABLES = (SETTINGS, "hardware.toml", "prices.toml", "rules.toml", "targets.toml")
"""What may lie at the top of `own/` as TOML; folders beside them are `questions`, `judges`, `notebooks`, `staff`, and
whatever holds data and weights."""
KNOWN = ("name", "tz", "from", "due", "roster", "parameters")


@dataclass(frozen=True)
class Course:
    """A course as `own/course.toml` describes it; empty without one.

    `tz`: its time zone; `start`, `due`: first hour and end, ISO 8601 by its clock; `roster`: a CSV file, relative to
    the kit; `parameters`: values that the notebooks of a part begin with, by part and name.
    """

    name: str = ""
    tz: str = ""
    start: str = ""
    due: str = ""
    roster: str = ""
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def own_name(name: str) -> str:
    """How messages call a file of `own/`: as it lies in the kit, or the whole path of one that lies elsewhere."""
    folder = own_folder()
    return f"{OWN}/{name}" if folder.name == OWN else str(folder / name)


def own_table(name: str, error: type[KitError] = UsageError) -> dict[str, Any]:
    """The course's own table `name` (such as `prices.toml`), empty where it has none.

    Raises `error`, naming the file and the line, where it cannot be read or is no TOML.
    """
    path = own_folder() / name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise error(f"{own_name(name)} is not valid TOML: {problem}. Correct that line.") from None
    except OSError as problem:
        raise error(f"{own_name(name)} cannot be read ({problem.strerror}). Check who may read it.") from None


def laid_over(table: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`table` with the values of `own` in place of its own; tables of the same name are laid over each other."""
    merged = dict(table)
    for name, value in own.items():
        under = merged.get(name)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        merged[name] = laid_over(under, value) if both else value  # type: ignore[arg-type]
    return merged


def course() -> Course:
    """What `own/course.toml` says. Raises UsageError naming the file, the setting and what it may be."""
    table, source = own_table(SETTINGS), own_name(SETTINGS)
    for name in table:
        if name not in KNOWN:
            near = get_close_matches(name, KNOWN, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"{source}: there is no setting {name!r}; they are {', '.join(KNOWN)}.{hint}")
    texts = {name: table.get(name, "") for name in KNOWN[:-1]}
    for name, value in texts.items():
        if isinstance(value, datetime):
            texts[name] = value.isoformat()  # TOML has times of its own
        elif not isinstance(value, str):
            raise UsageError(f"{source}: {name} is a text between quotes, not {value!r}.")
    _check_times(texts, source)
    return Course(
        texts["name"],
        texts["tz"],
        texts["from"],
        texts["due"],
        texts["roster"],
        _parameters(table.get("parameters", {}), source),
    )


def _check_times(texts: Mapping[str, str], source: str) -> None:
    if texts["tz"]:
        try:
            ZoneInfo(texts["tz"])
        except (KeyError, ValueError, OSError):
            raise UsageError(f"{source}: tz is a time zone such as America/New_York, not {texts['tz']!r}.") from None
    for name in ("from", "due"):
        try:
            moment = datetime.fromisoformat(texts[name].strip()) if texts[name] else None
        except ValueError:
            raise UsageError(f"{source}: {name} is a time such as 2027-03-20T23:59, not {texts[name]!r}.") from None
        if moment and not moment.tzinfo and not texts["tz"]:
            raise UsageError(f'{source}: {name} is by whose clock? Add tz = "America/New_York".')


def _parameters(table: Any, source: str) -> dict[str, dict[str, Any]]:
    example = f'write [parameters.{PARTS[0]}], and below it data = "own/data/pets"'
    if not isinstance(table, Mapping) or not all(isinstance(values, Mapping) for values in table.values()):
        raise UsageError(f"{source}: [parameters] holds a table for each part: {example}.")
    for part, values in table.items():
        if part not in PARTS:
            raise UsageError(f"{source}: [parameters.{part}] is for no part; the parts are {', '.join(PARTS)}.")
        for name, value in values.items():
            if not isinstance(value, str | bool | int | float | list):
                raise UsageError(f"{source}: [parameters.{part}] {name} is a text, a number or a list, not {value!r}.")
    return {part: dict(values) for part, values in table.items()}


def located(path: str | os.PathLike[str]) -> Path:
    """`path` with `~` resolved; one that begins with `own/` is the course's, whatever folder a notebook runs in."""
    given = Path(path).expanduser()
    return own_folder().joinpath(*given.parts[1:]) if given.parts[:1] == (OWN,) else given


def check_names() -> None:
    """Raise UsageError for a table at the top of `own/` that nothing reads, with the name that it may mean."""
    folder = own_folder()
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        if path.name not in TABLES:
            near = get_close_matches(path.name, TABLES, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(
                f"{own_name(path.name)} is read by nothing; tables are {', '.join(TABLES)}, and one a part in "
                f"{OWN}/questions/.{hint}"
            )
