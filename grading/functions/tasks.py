"""The coding questions as the student gets them: what to write, and the start of the file. No solution is here."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from snippets.errors import UsageError

TASKS_FILE = Path(__file__).with_name("tasks.toml")
WRITE = re.compile(r"""^(?:\w+\s*=\s*)?write\(\s*run\s*,\s*["']([\w.\-]+)["']""", re.MULTILINE)
"""A call of `write` in a notebook's cell, and the id of the task that it asks for."""
IMPORTS = ("import asyncio", "import math", "import random")
"""With these functions.py begins, so that a cell of a notebook need not import them inside its function."""


@dataclass(frozen=True)
class Task:
    """A function to write; its part is the first word of the id.

    `example`: `arguments` and what the function is `expected` to give, of a function that is written in a notebook.
    `world`: where it is called, of functions/worlds.py; then `told` says the example in words.
    """

    id: str
    name: str
    signature: str
    points: float
    text: str
    example: Mapping[str, Any] | None = None
    world: str = ""

    @property
    def arguments(self) -> list[Any]:
        """The example's arguments; none without an example."""
        return list(self.example["arguments"]) if self.example else []

    @property
    def expected(self) -> Any:
        """What the function gives for the example."""
        return self.example["expected"] if self.example else None

    @property
    def begins(self) -> str:
        """The words that its definition begins with."""
        return "async def" if self.world == "queue" else "def"

    @property
    def part(self) -> str:
        """The part of the lab that the task belongs to: `model`, `edge` or `system`."""
        return self.id.split(".", 1)[0]


@lru_cache(maxsize=1)
def tasks() -> tuple[Task, ...]:
    """All function tasks."""
    return tuple(Task(**table) for table in tomllib.loads(TASKS_FILE.read_text(encoding="utf-8"))["task"])


def task(task_id: str) -> Task:
    """The task of that id, which a notebook asks for. Raises UsageError, naming those that there are, for another."""
    found = next((one for one in tasks() if one.id == task_id), None)
    if found is None or found.example is None:
        asked = ", ".join(one.id for one in tasks() if one.example is not None)
        raise UsageError(f"There is no coding question {task_id!r} for a notebook; there are: {asked}.")
    return found


def posed(asked: Task) -> str:
    """The task as Markdown, with its example. Notebooks are built with it, above the cell in which it is written."""
    body = "\n".join(f"> {line}".rstrip() for line in asked.text.strip().splitlines())
    call = f"`{asked.name}({', '.join(json.dumps(value) for value in asked.arguments)})` is"
    if asked.world and asked.example:
        call = f"{asked.example['told']}:"
    return (
        f"**Question `{asked.id}`** (function, {asked.points:g} points)\n\n{body}\n\n"
        f"Example: {call} `{json.dumps(asked.expected)}`."
    )


def skeleton(part: str) -> str:
    """functions.py as the student begins it."""
    lines = [
        f'"""Functions of part {part}. Standard library only; run your own tests as you like."""',
        "",
        *IMPORTS,
        "",
    ]
    for task in (one for one in tasks() if one.part == part):
        body = task.text.strip().replace("\n", "\n    ")
        lines += [
            "",
            f"{task.begins} {task.name}({task.signature}):",
            f'    """{body}"""',
            "    raise NotImplementedError",
            "",
        ]
    return "\n".join(lines)


def write_skeleton(part: str, path: Path) -> Path:
    """Write the part's `skeleton` to a new file. Raises UsageError rather than replace one."""
    if path.exists():
        raise UsageError(f"{path} exists already; name another file, or move it away.")
    path.write_text(skeleton(part), encoding="utf-8")
    return path


def agrees(expected: Any, given: Any) -> bool:
    """Whether a JSON value equals the expected one: same type (a whole float may stand for an int), close numbers."""
    if expected is None or isinstance(expected, bool | str):
        return type(given) is type(expected) and given == expected
    if isinstance(expected, list):
        return isinstance(given, list) and len(given) == len(expected) and all(map(agrees, expected, given))
    if isinstance(given, bool) or not isinstance(given, int | float):
        return False
    try:
        return math.isfinite(given) and math.isclose(expected, given, rel_tol=1e-6, abs_tol=1e-9)
    except OverflowError:  # an integer beyond all floats
        return False
