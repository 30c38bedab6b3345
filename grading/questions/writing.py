"""Putting a coding question to the student, whose function goes on working in the notebook.

The student writes the function in a cell. `write` keeps it in functions.py of the run's folder, which is what grading
runs (confined, on cases of its own), tries the example that stands beside the question, and hands the function back,
so that later cells measure and chart it. Where there is none, or it fails, it says so and the kit's own goes on.
"""

from __future__ import annotations

import ast
import copy
import inspect
import json
import math
import signal
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.errors import QuestionError
from grading.functions import worlds
from grading.functions.tasks import Task, skeleton, tasks
from grading.questions.asking import show
from snippets.errors import first_line
from snippets.files import write_atomic

FILE = "functions.py"
EXAMPLE_S = 5.0
Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Written:
    """A function that the student wrote, as it stands in functions.py, and its text."""

    function: Callable[..., Any]
    source: str


def write(run: Any, task_id: str, function: Callable[..., Any]) -> Written | None:
    """Show a coding question and what became of it; the student's function, or None where the kit's has to go on.

    `function`: what the cell above defines. A body of `...` is none: then the one in functions.py counts, if there is
    one. In a replay nothing is written or run. Raises QuestionError for an unknown id.
    """
    task = _task(task_id)
    source = textwrap.dedent(inspect.getsource(function))
    file = run.folder / FILE
    state, found = "A replay takes what is recorded.", None
    if run.mode != "replay":
        state, found = _state(task, file, source)
    body = "\n".join(f"> {line}".rstrip() for line in task.text.strip().splitlines())
    show(
        f"**Question `{task.id}`** (function, {task.points:g} points)\n\n{body}\n\n"
        f"Example: {_call(task)} `{json.dumps(task.expected)}`.\n\n**{state}**"
    )
    return found


def is_stub(source: str) -> bool:
    """Whether the text of a function has no body yet: only words, `...`, `pass` or `raise`. SyntaxError for no code."""
    (definition,) = ast.parse(source).body
    assert isinstance(definition, Definition)
    return all(
        isinstance(line, ast.Pass | ast.Raise) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        for line in definition.body
    )


def put(text: str, name: str, source: str) -> str:
    """The text of a functions.py with this definition of `name` in the place of the old one, or at the end."""
    lines, old = text.splitlines(), _definition(text, name)
    new = source.strip("\n").splitlines()
    if old is None:
        return "\n".join([*lines, "", "", *new]).lstrip("\n") + "\n"
    return "\n".join([*lines[: old.lineno - 1], *new, *lines[old.end_lineno :]]) + "\n"


def _definition(text: str, name: str) -> Definition | None:
    found = [node for node in ast.parse(text).body if isinstance(node, Definition) and node.name == name]
    return found[-1] if found else None


def _state(task: Task, file: Path, source: str) -> tuple[str, Written | None]:
    """What is to be said, and the function to go on with. functions.py is written where the cell holds a new one."""
    kit = "The kit's version is used meanwhile."
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else skeleton(task.part)
        if not is_stub(source) and (changed := put(text, task.name, source)) != text:
            write_atomic(file, changed.encode(), setting="--runs")
            text = changed
        old = _definition(text, task.name)
        source = "" if old is None else ast.get_source_segment(text, old) or ""
        if not source or is_stub(source):
            return f"Not written yet: replace `...` by your code and run this cell again. {kit}", None
    except (SyntaxError, ValueError) as error:
        return f"{file} is no Python ({first_line(error)}): put it right, or move it away. {kit}", None
    space: dict[str, Any] = {"__name__": "functions"}
    try:
        with _limited(EXAMPLE_S):
            exec(compile(source, FILE, "exec"), space)
            given = worlds.call(task.world, space[task.name], copy.deepcopy(task.arguments))
    except (Exception, SystemExit) as error:  # whatever the student's code does
        return f"Your function fails on the example: {type(error).__name__}: {first_line(error)}. {kit}", None
    if not _alike(task.expected, given):
        return f"On the example your function gives {_short(given)}. {kit}", None
    return (
        f"The example agrees. Your function is kept in {FILE} of the run's folder (grading tries other cases), and is "
        "used below.",
        Written(space[task.name], source),
    )


def _task(task_id: str) -> Task:
    found = next((task for task in tasks() if task.id == task_id), None)
    if found is None or found.example is None:
        asked = ", ".join(task.id for task in tasks() if task.example is not None)
        raise QuestionError(f"There is no coding question {task_id!r} for a notebook; there are: {asked}.")
    return found


def _call(task: Task) -> str:
    if task.world:
        return f"{task.example['told']}:" if task.example else ""
    return f"`{task.name}({', '.join(json.dumps(value) for value in task.arguments)})` is"


def _alike(expected: Any, given: Any) -> bool:
    if isinstance(expected, list):
        return isinstance(given, list) and len(given) == len(expected) and all(map(_alike, expected, given))
    return isinstance(given, int | float) and math.isclose(expected, given, rel_tol=1e-6, abs_tol=1e-9)


def _short(value: Any) -> str:
    text = repr(value)
    return f"`{text[:80]}{'...' * (len(text) > 80)}`"


class TooLong(Exception):
    """The student's function did not end in time."""


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Ends what runs inside after some seconds, where the system can (a main thread of Linux or macOS)."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: Any) -> None:
        raise TooLong(f"it did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
