"""Prints of a run: what copies are found by, however they were scaled, shifted, shuffled, cast or blurred.

`prints` are hashes, each of which a run that was measured has alone. `profiles` are figures in which two measured runs
differ, also on one machine, and in which a copy with noise on it does not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from grading.checks.evidence import Evidence
from grading.checks.integrity.samples import is_of_load, times_of
from grading.checks.integrity.shapes import is_carried_over
from grading.questions import is_blank, questions
from snippets.files import sha256_bytes, sha256_text
from snippets.record.run import Record

MANY = 20
KEPT_RANKS = 48
"""So many first samples of an array are remembered by their order."""
SHORTEST_S = 0.02
"""Steps that last longer have a duration of their own to the microsecond."""


def sample_prints(evidence: Evidence) -> tuple[str, ...]:
    """Hashes of each array of times: of its order of size, and of its sorted values, in units of their spread.

    The first finds copies that were scaled or shifted, also as whole numbers of a small unit; the second copies in
    another order. An array that another one of the run repeats counts once.
    """
    found = set()
    for _, values in _arrays(evidence):
        if np.unique(values[:200]).size >= MANY:
            order = np.argsort(values[:200], kind="stable").astype(np.int16)
            if not (
                np.all(np.diff(order) == 1) or np.all(np.diff(order) == -1)
            ):  # a pile handed over at once is sorted
                found.add(sha256_bytes(order.tobytes())[:16])
        if np.unique(values).size >= MANY:
            whole = np.sort(values)
            spread = np.round((whole - whole[0]) / (whole[-1] - whole[0]), 6)
            found.add("v" + sha256_bytes((spread + 0.0).tobytes())[:15])
    return tuple(sorted(found))


def step_prints(record: Record) -> tuple[str, ...]:
    """Hashes of what two runs share by chance at most: c:..., the microsecond in which it began; d:..., durations of
    long steps; f:..., pictures, of which those without measured numbers are alike in all runs."""
    found = {"c:" + sha256_text(record.created_utc)[:15]} if record.steps else set()
    for step in record.steps:
        if step.seconds >= SHORTEST_S:
            found.add("d:" + sha256_text(f"{step.name} {step.seconds:.6f}")[:15])
    for figure in record.figures.values():
        if isinstance(figure.get("sha256"), str):
            found.add("f:" + figure["sha256"][:15])
    return tuple(sorted(found))


def answer_prints(record: Record) -> tuple[str, ...]:
    """Hashes of the numbers that were worked out from the run, a:... each: from another run come other numbers."""
    numbers = {question.id for question in questions(record.part) if question.kind == "number"}
    latest = {answer["question"]: answer["value"] for answer in record.answers if answer["question"] in numbers}
    return tuple(
        sorted("a:" + sha256_text(f"{name} {value!r}")[:14] for name, value in latest.items() if not is_blank(value))
    )


def profiles(evidence: Evidence) -> dict[str, list[float]]:
    """By array of times: log of its median, 95th percentile and maximum, then the ranks of its first samples. By long
    step, as "s NAME COUNT": the log of its duration."""
    found: dict[str, list[float]] = {}
    for name, values in times_of(evidence):
        if values.size >= MANY and values.min() > 0 and not is_of_load(name) and name not in found:
            marks = [math.log(x) for x in (np.median(values), np.percentile(values, 95), values.max())]
            ranks = np.argsort(np.argsort(values[:KEPT_RANKS])).tolist()
            found[name] = [*(round(x, 6) for x in marks), *ranks]
    times: Counter[str] = Counter()
    for step in evidence.record.steps:
        times[step.name] += 1
        if step.seconds >= SHORTEST_S:
            found[f"s {step.name} {times[step.name]}"] = [round(math.log(step.seconds), 8)]
    return found


def _arrays(evidence: Evidence) -> list[tuple[str, np.ndarray]]:
    """All arrays of milliseconds of a run, flat, joined over windows."""
    return [
        (f"{name} {field}", values)
        for name in evidence.steps
        if not is_carried_over(name)
        for field, values in _arrays_ms(evidence.loaded(name))
    ]


def _arrays_ms(result: Any) -> list[tuple[str, np.ndarray]]:
    items = result.items() if isinstance(result, Mapping) else ()
    return [
        (name, value.ravel().astype(np.float64))
        for name, value in items
        if name.endswith("_ms") and isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.size
    ]
