"""The shape of each judged step: which fields, of which type, how many samples at least. The table is shapes.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from grading.checks.evidence import Evidence

SHAPES_FILE = Path(__file__).with_name("shapes.toml")
_ARRAY = re.compile(r"(\w+)\[(\d+)\]")
_SINGLE: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "number": (int, float),
    "str": (str,),
    "list": (list,),
    "dict": (dict,),
}


@dataclass(frozen=True)
class Mismatch:
    """Where a result is not of its shape. `absent`: the samples that the step is for are not there."""

    told: str
    absent: bool


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads(SHAPES_FILE.read_text(encoding="utf-8"))


def since() -> str:
    """From when on (UTC) runs hold what every kit now records."""
    return str(_table()["since"])


def is_now(created_utc: str) -> bool:
    """Whether a run that was begun then holds all that kits record now."""
    return created_utc >= since()


@cache
def is_carried_over(name: str) -> bool:
    """Whether a step of that name carries over samples of another run, and measures nothing."""
    return name in _table()["carried_over"]


@cache
def may_be_absent(variant: str) -> bool:
    """Whether a machine may lack what that variant needs."""
    return any(fnmatchcase(variant, pattern) for pattern in _table()["may_be_absent"])


@cache
def fields_of(name: str, now: bool) -> Mapping[str, str] | None:
    """The fields of a step of that name and their forms; None for a step that nothing is judged by."""
    for shape in _table()["shape"]:
        if any(fnmatchcase(name, pattern) for pattern in shape["steps"]):
            return {**shape["fields"], **(shape.get("later", {}) if now else {})}
    return None


def mismatches(name: str, result: Any, now: bool) -> Iterator[Mismatch]:
    """Where one step's result is not of the shape that its name promises."""
    fields = fields_of(name, now)
    if fields is None:
        return
    if not isinstance(result, Mapping):
        yield Mismatch("it returned no fields", absent=True)
        return
    for field, form in fields.items():
        array = _ARRAY.fullmatch(form)
        if field not in result:
            yield Mismatch(f"it has no {field}", absent=array is not None and array[2] != "0")
        elif array:
            yield from _array_mismatch(field, result[field], array[1], int(array[2]))
        elif not isinstance(result[field], _SINGLE[form]) or isinstance(result[field], bool):
            yield Mismatch(f"its {field} is not of type {form}", absent=False)


def _array_mismatch(field: str, value: Any, dtype: str, least: int) -> Iterator[Mismatch]:
    if not isinstance(value, np.ndarray):
        yield Mismatch(f"its {field} is no array of samples", absent=True)
    elif value.ndim == 0 or len(value) < least:
        yield Mismatch(f"its {field} holds {value.size} samples, fewer than {least}", absent=True)
    elif value.dtype.name != dtype:
        yield Mismatch(f"its {field} is of type {value.dtype.name}, which the kit never writes there", absent=False)


def shape_mismatches(evidence: Evidence, name: str) -> list[Mismatch]:
    """Mismatches of the step of that name, of all its windows if it has such."""
    now = is_now(evidence.record.created_utc)
    return [found for _, result in evidence.measured(name) for found in mismatches(name, result, now)]


def misshapen(evidence: Evidence) -> list[str]:
    """Steps that are not of their shape, and those that are said to be absent though any machine has them, in words."""
    missing = [name for name in evidence.steps if name.endswith("/absent")]
    return [
        f"step {name!r} excuses what no machine lacks"
        for name in missing
        if not may_be_absent(name.removesuffix("/absent"))
    ] + [
        f"step {name!r} is not as the kit records it: {found[0].told}"
        for name in evidence.steps
        if (found := shape_mismatches(evidence, name))
    ]
