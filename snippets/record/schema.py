"""The published schemas of a run record, and the check of form that needs no library.

`record.schema.json` describes record.json, `steps.schema.json` a line of steps.jsonl.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snippets.quick_import import without_iri_checks

HEAD_SCHEMA = Path(__file__).with_name("record.schema.json")
STEP_SCHEMA = Path(__file__).with_name("steps.schema.json")

_Kinds = dict[str, type | tuple[type, ...]]
_HEAD: _Kinds = {
    "part": str,
    "run_id": str,
    "created_utc": str,
    "parameters": dict,
    "hosts": list,
    "leases": list,
    "figures": dict,
    "screenshots": dict,
    "answers": list,
}
_ANSWER: _Kinds = {"question": str, "answered_utc": str, "notebook": str, "measured": list, "after": str}
_STEP: _Kinds = {
    "index": int,
    "name": str,
    "key": str,
    "inputs": dict,
    "notebook": str,
    "started_utc": str,
    "ended_utc": str,
    "seconds": (int, float),
    "host": str,
    "previous": str,
    "hash": str,
}


def head_problem(head: dict[str, Any]) -> str | None:
    """First way in which the fields of record.json (but `steps`) miss the required fields and types, or None."""
    if problem := _problem(head, _HEAD):
        return f"its {problem}"
    for number, answer in enumerate(head["answers"]):
        if problem := _problem(answer, _ANSWER, "value"):
            return f"answer {number}: the {problem}"
    return None


def step_problem(step: Any, index: int) -> str | None:
    """First way in which step `index` misses the required fields and types, or None."""
    problem = _problem(step, _STEP, "result")
    return f"step {index}: the {problem}" if problem else None


def _problem(value: Any, kinds: _Kinds, anything: str = "") -> str | None:
    """`anything`: a required field of any type."""
    if not isinstance(value, dict):
        return f"value is {type(value).__name__}, no object"
    for name, kind in kinds.items():
        if not isinstance(value.get(name), kind):
            return f"field {name!r} is missing or of the wrong type"
    if anything and anything not in value:
        return f"field {anything!r} is missing"
    return None


def schema_problems(head: Any, steps: Iterable[Any]) -> list[str]:
    """Every violation of the published schemas, by its place; none where the library `jsonschema` is missing.

    `head`: record.json as parsed; `steps`: the parsed lines of steps.jsonl.
    """
    without_iri_checks()
    try:
        import jsonschema
    except ImportError:
        return []

    def errors(schema: Path, values: Iterable[tuple[str, Any]]) -> list[str]:
        validator = jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
        return [
            f"{'/'.join([where, *map(str, error.absolute_path)]).strip('/')}: {error.message}"
            for where, value in values
            for error in validator.iter_errors(value)
        ]

    return [
        *errors(HEAD_SCHEMA, [("", head)]),
        *errors(STEP_SCHEMA, ((f"steps/{index}", step) for index, step in enumerate(steps))),
    ]
