"""Putting a coding question to the student, whose function goes on working in the notebook.

The student writes the function in a cell. `write` keeps it in functions.py of the run's folder, which is what grading
runs (confined, on cases of its own), tries the example that stands beside the question, and hands the function back,
so that later cells use it. Where there is none, or it fails, it says so and the kit's own goes on.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, overload

from grading.functions import tasks
from grading.functions.tasks import Task, agrees, posed, skeleton
from grading.questions import own_process
from grading.questions.asking import in_kernel, show
from grading.questions.in_use import LIMIT_S, InUse, Written, short
from snippets.errors import first_line
from snippets.files import write_atomic

FILE = "functions.py"
Definition = ast.FunctionDef | ast.AsyncFunctionDef


@overload
def write(run: Any, task_id: str, function: Callable[..., Any]) -> Written | None:
    """The student's function, or None where the kit's has to go on."""


@overload
def write(run: Any, task_id: str, function: Callable[..., Any], kit: Callable[..., Any]) -> InUse:
    """A function that gives the student's answers, or the kit's."""


def write(
    run: Any, task_id: str, function: Callable[..., Any], kit: Callable[..., Any] | None = None
) -> Written | InUse | None:
    """Show a coding question and what became of it, and give what later cells use.

    With `kit`, the kit's own version: a function to call, which gives the student's answers as long as they are the
    kit's, too (InUse). Without: the student's function, or None where the kit's has to go on.
    `function`: what the cell above defines. A body of `...` is none: then the one in functions.py counts, if there is
    one. In a replay nothing is written or run. Raises UsageError for an unknown id.
    """
    asked = tasks.task(task_id)
    source = textwrap.dedent(inspect.getsource(function))
    file = run.folder / FILE
    state, found = "A replay takes what is recorded.", None
    if run.mode != "replay":
        state, found = _state(asked, file, source)
    # In a notebook, the question stands above this cell already.
    show(f"`{asked.id}`: **{state}**" if in_kernel() else f"{posed(asked)}\n\n**{state}**")
    return found if kit is None else InUse(asked.name, kit, found)


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


def _around(text: str, function: Definition | None) -> ast.Module:
    """What a function of a functions.py may call: what the file imports, and its other functions."""
    found = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom | Definition)]
    return ast.Module([node for node in found if function is None or node.lineno != function.lineno], [])


def _state(asked: Task, file: Path, source: str) -> tuple[str, Written | None]:
    """What is to be said, and the function to go on with. functions.py is written where the cell holds a new one."""
    kit = "The kit's version is used meanwhile."
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else skeleton(asked.part)
        if not is_stub(source) and (changed := put(text, asked.name, source)) != text:
            write_atomic(file, changed.encode(), setting="--runs")
            text = changed
        old = _definition(text, asked.name)
        source = "" if old is None else ast.get_source_segment(text, old) or ""
        if not source or is_stub(source):
            return f"Not written yet: replace `...` by your code and run this cell again. {kit}", None
    except (SyntaxError, ValueError) as error:
        return f"{file} is no Python ({first_line(error)}): put it right, or move it away. {kit}", None
    whole = f"{ast.unparse(_around(text, old))}\n\n\n{source}\n"
    try:
        given = own_process.call(whole, asked.name, asked.arguments, limit_s=LIMIT_S, world=asked.world)
    except own_process.Failed as error:
        return f"Your function fails on the example: {error}. {kit}", None
    if not agrees(asked.expected, given):
        return f"On the example your function gives {short(given)}. {kit}", None
    space: dict[str, Any] = {"__name__": "functions"}
    exec(compile(whole, FILE, "exec"), space)
    return (
        f"The example agrees. Your function is kept in {FILE} of the run's folder (grading tries other cases), and is "
        "used below.",
        Written(space[asked.name], source, whole),
    )
