"""A run folder's record on disk: record.json and steps.jsonl, read as one and checked against each other.

Writing goes steps first, then the head; reading goes head first, then the steps. So whoever reads while another
process writes, or after a kill at any moment, finds every step that the head knows of.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snippets.errors import RecordError
from snippets.files import write_atomic
from snippets.record.chain import broken_link, genesis
from snippets.record.head import HEAD, SCHEMA_VERSION, START_AGAIN, read_head, render
from snippets.record.schema import step_problem
from snippets.record.steps import STEPS, Interrupted, flush, line, parse, read_steps


@dataclass(frozen=True)
class Content:
    """What a record holds. `head` is as this version writes it; `version` is that of the files.

    `known`: how many steps the head knows of. `interrupted`: the step whose line a kill cut off.
    """

    head: dict[str, Any]
    steps: list[dict[str, Any]]
    known: int
    version: int
    interrupted: Interrupted | None


def state(folder: Path) -> tuple[tuple[int, int, int], ...]:
    """Which version of the files is there: another one after any process has written."""
    found = []
    for name in (HEAD, STEPS):
        try:
            status = (folder / name).stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        except OSError:
            found.append((0, 0, 0))
    return tuple(found)


def written_ns(folder: Path) -> int:
    """When the record was last written, in nanoseconds as files have it; 0 where there is none."""
    return max(modified for _, _, modified in state(folder))


def has_steps(folder: Path) -> bool:
    """Whether a run has measured anything, by its files alone: so of a record that cannot be read, too.

    Those of version 1 hold their steps in the head.
    """
    steps = folder / STEPS
    return not steps.is_file() or steps.stat().st_size > 0


def read_content(folder: Path) -> Content:
    """Read and check the record: form, schema version, digest, hash chain, and that no step is missing.

    Raises RecordError, which says what is wrong and what to do.
    """
    head, behind = read_head(folder / HEAD)
    version, known = head["schema_version"], head.pop("steps")
    if version == 1:
        steps, interrupted, where = *_steps_of_version_1(known, behind, folder / HEAD), folder / HEAD
    else:
        steps, interrupted, where = *read_steps(folder / STEPS), folder / STEPS
    head["schema_version"] = SCHEMA_VERSION
    problem = next((problem for index, step in enumerate(steps) if (problem := step_problem(step, index))), None)
    if problem:
        raise RecordError(f"The record {where} is not valid: {problem}. {START_AGAIN}.")
    if (broken := broken_link(head, steps)) is not None:
        raise RecordError(
            f"The record {where} was changed: step {broken} ({steps[broken]['name']!r}) does not follow "
            f"the one before it. {START_AGAIN}."
        )
    links = [genesis(head), *(step["hash"] for step in steps)]
    if version > 1 and (problem := _missing(known, links)):
        raise RecordError(f"The record {where} was changed: {problem}. {START_AGAIN}.")
    hashes = set(links)
    for answer in head["answers"]:
        if answer["after"] not in hashes:
            raise RecordError(
                f"The record {folder / HEAD} was changed: the answer to {answer['question']} was given "
                f"after a step that is not there. {START_AGAIN}."
            )
    return Content(head, steps, len(known) if version == 1 else known["count"], version, interrupted)


def _steps_of_version_1(steps: Any, behind: str, path: Path) -> tuple[list[Any], Interrupted | None]:
    """In version 1 record.json held the steps; short ones were appended behind its object until it was replaced."""
    if not isinstance(steps, list):
        raise RecordError(
            f"The record {path} is not valid: its field 'steps' is missing or of the wrong type. {START_AGAIN}."
        )
    appended, interrupted = parse(behind.encode(), path, len(steps))
    return [*steps, *appended], interrupted


def _missing(known: dict[str, Any], links: list[str]) -> str | None:
    """What the steps lack of those that the head knows of. `links`: the chain, the run's own hash first."""
    there, count = len(links) - 1, known["count"]
    if not 0 <= count <= there:
        return f"it ends too early: it holds {there} whole steps, and {HEAD} knows of {count}"
    if links[count] != known["last"]:
        return f"step {count - 1} is another one than {HEAD} knows of"
    return None


def write_head(folder: Path, head: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    """Replace record.json, durably. Raises StorageError where that fails; the old file then stands."""
    flush(folder / STEPS)
    write_atomic(folder / HEAD, render(head, steps), durable=True)


def write_whole(folder: Path, head: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    """Replace both files, each as a whole: for a new run, one of an older version, or one with an interrupted line.

    Replaced, not cut: a process that reads the old file goes on to see whole lines.
    """
    write_atomic(folder / STEPS, [line(step) for step in steps], durable=True)
    write_atomic(folder / HEAD, render(head, steps), durable=True)
