"""Questions and judges of a course's own, from `own/`: laid over the kit's, never in its files.

own/questions/model.toml          [[question]] as the kit's: a new id is asked after the kit's, a known one changes
                                  the fields that it gives; left_out = ["model.graph.layout"] is not asked
own/staff/rubrics/model.toml      rubrics, by id; for staff only, as all of own/staff/
own/judges/model.py               JUDGES of predictions, which students hold against their measurements, too
own/staff/judges/model.py         JUDGES of choices and numbers
"""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from grading.errors import QuestionError
from snippets.course import own_name, own_table
from snippets.parts import PARTS, own_folder

LEFT_OUT = "left_out"
Table = Mapping[str, Any]


@dataclass(frozen=True)
class OwnQuestions:
    """What a course says of a part's questions. `tables`: its [[question]]s by id; `left_out`: ids that it does not
    ask; `rubrics`: what staff may see of its questions, by id; `where`: the file's name."""

    tables: Mapping[str, Table]
    left_out: frozenset[str]
    rubrics: Mapping[str, Table]
    where: str


@lru_cache(maxsize=8)
def own_questions(part: str) -> OwnQuestions:
    """The course's own questions of a part. Raises QuestionError naming the file and what is wrong in it."""
    name = f"questions/{part}.toml"
    where, table = own_name(name), own_table(name, QuestionError)
    if unknown := sorted(set(table) - {"question", LEFT_OUT}):
        raise QuestionError(f"{where} holds [[question]] tables and {LEFT_OUT}, not {unknown[0]!r}.")
    given = table.get("question", [])
    if not isinstance(given, list) or not all(isinstance(one, Mapping) and one.get("id") for one in given):
        raise QuestionError(f"{where}: each [[question]] has an id, such as {part}.own.first.")
    ids = [str(one["id"]) for one in given]
    if repeated := sorted({one for one in ids if ids.count(one) > 1}):
        raise QuestionError(f"{where} gives {', '.join(repeated)} more than once.")
    left_out = table.get(LEFT_OUT, [])
    if not isinstance(left_out, list) or not all(isinstance(one, str) for one in left_out):
        raise QuestionError(f'{where}: {LEFT_OUT} is a list of ids, as ["{part}.topic.name"], not {left_out!r}.')
    rubrics = own_table(f"staff/rubrics/{part}.toml", QuestionError)
    return OwnQuestions(dict(zip(ids, given, strict=True)), frozenset(left_out), rubrics, where)


def merged(part: str, kit: list[Table]) -> list[tuple[Table, str]]:
    """The kit's question tables with the course's laid over them, its new ones at the end; each with the name of the
    course's file where that has a say in it. Raises QuestionError for a left out question that the kit has not."""
    own = own_questions(part)
    ids = [str(table.get("id")) for table in kit]
    if strangers := sorted(own.left_out - set(ids)):
        raise QuestionError(
            f"{own.where}: {LEFT_OUT} names {strangers[0]!r}, which the kit does not ask; `servelab questions {part}` "
            "lists what it asks."
        )
    changed = [
        ({**table, **own.tables[name]}, own.where) if name in own.tables else (table, "")
        for name, table in zip(ids, kit, strict=True)
        if name not in own.left_out
    ]
    return changed + [(table, own.where) for name, table in own.tables.items() if name not in ids]


def own_judges(place: str) -> dict[str, Any]:
    """JUDGES of all parts that lie in `own/<place>` (`judges`, `staff/judges`), by question id.

    Raises QuestionError, naming the file, the line and what is wrong, for one that cannot be loaded.
    """
    found: dict[str, Any] = {}
    for part in PARTS:
        name = f"{place}/{part}.py"
        path = own_folder() / name
        if not path.is_file():
            continue
        module_name = "own_" + name.removesuffix(".py").replace("/", "_")
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
            line = getattr(error, "lineno", None) or (lines[-1] if lines else "?")
            told = f"{type(error).__name__}: {error}"
            raise QuestionError(f"{own_name(name)}, line {line}: {told}. Correct it.") from None
        judges = getattr(module, "JUDGES", None)
        if not isinstance(judges, dict) or not all(callable(judge) for judge in judges.values()):
            raise QuestionError(f'{own_name(name)} needs a table JUDGES = {{"{part}.topic.name": function}}.')
        if strangers := [one for one in judges if not str(one).startswith(f"{part}.")]:
            raise QuestionError(f"{own_name(name)}: JUDGES names {strangers[0]!r}, which is no question of {part}.")
        found |= judges
    return found
