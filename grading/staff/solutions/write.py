"""The solutions as staff use them: a functions.py, and notebooks whose coding cells are filled in."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grading.functions.tasks import skeleton, tasks
from grading.questions.writing import FILE, put
from snippets.files import storage_error, write_atomic
from snippets.parts import check_part, notebooks

STUB = re.compile(r"^(?:async )?def (\w+)\(.*\):\n    \.\.\.\n", re.MULTILINE)
"""A function of a notebook's cell that is not written yet."""


def solutions(part: str) -> dict[str, str]:
    """The text of each solution of a part, by the function's name. Raises UsageError for an unknown part."""
    check_part(part, all_too=False)
    text = Path(__file__).with_name(f"{part}.py").read_text(encoding="utf-8")
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    asked = {task.name for task in tasks() if task.part == part}
    return {one.name: ast.get_source_segment(text, one) or "" for one in functions if one.name in asked}


def functions_file(part: str, sources: Mapping[str, str]) -> str:
    """The part's functions.py with these functions written, by name, and the others as a student begins them."""
    text = skeleton(part)
    for name, source in sources.items():
        text = put(text, name, source)
    return text


def filled(notebook: Mapping[str, Any], sources: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """A notebook (its JSON) with some functions, by name, in the place of `...`; and the names of those that are."""
    names: list[str] = []

    def written(stub: re.Match[str]) -> str:
        if stub[1] not in sources:
            return stub[0]
        names.append(stub[1])
        return sources[stub[1]].rstrip("\n") + "\n"

    cells = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        text = STUB.sub(written, source) if cell["cell_type"] == "code" else source
        cells.append(cell if text == source else {**cell, "source": text})
    return {**notebook, "cells": cells}, names


def write_solutions(part: str, folder: Path) -> list[Path]:
    """Write functions.py and the solved notebooks of a part (those that ask for a function) into `folder`.

    Raises UsageError for an unknown part, StorageError where nothing can be written.
    """
    sources = solutions(part)
    made = {folder / FILE: functions_file(part, sources)}
    for path in notebooks(part):
        solved, names = filled(json.loads(path.read_text(encoding="utf-8")), sources)
        if names:
            made[folder / path.name] = json.dumps(solved, indent=1, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in made.items():
            write_atomic(path, text.encode(), setting="FOLDER")
    except OSError as error:
        raise storage_error(error, folder, "FOLDER") from error
    return list(made)
