"""A class: many submissions graded in parallel, resumably, into CSV, JSON and two reports."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from grading.batch.attempts import settle
from grading.batch.exports import Entry
from grading.batch.limited import run_limited
from grading.batch.similarity import doubted, labels
from grading.checks.part import PartGrade
from grading.checks.result import Result
from grading.grade import Grade, GradeOptions, grade, refused
from grading.submission.handed_in import held_against, moment
from grading.submission.opened import digest_of
from grading.submission.people import plain_netid, stem, student_of
from snippets.files import sha256_file, sha256_text, write_atomic
from snippets.parts import KIT, own_folder
from snippets.record import load_record
from snippets.terminal import bar

# What a grade can depend on: the checks and questions, what they reckon with (statistics, targets, prices), and what a
# course has of its own.
ROOMS = (KIT / "grading", KIT / "snippets", own_folder())
LIBRARIES = ("numpy", "pillow")
"""They may read samples and pictures another way in another version."""


def _code(room: Path) -> Iterator[Path]:
    return (path for pattern in ("*.py", "*.toml", "*.json") for path in room.rglob(pattern))


def kit_digest(rooms: Sequence[Path]) -> str:
    """Hash of what decides a grade besides the submission: the kit's code and tables. Another kit grades again."""
    files = [(room, path) for room in rooms for path in sorted(_code(room))]
    return sha256_text(
        "".join(f"{room.name}/{path.relative_to(room).as_posix()}\0{sha256_file(path)}" for room, path in files)
    )[:16]


def basis_digest(options: GradeOptions) -> str:
    """Hash of the kit, the Python and libraries under it, the options, how student code is confined, and of the runs
    of staff that the options name. Raises RecordError for one of these.
    """
    staff = {part: load_record(run).digest for part, run in options.staff_runs.items()}
    below = [sys.version, *map(_version, LIBRARIES)]
    if options.functions:
        from grading.functions.sandbox import level

        below.append(level())
    return sha256_text(f"{kit_digest(ROOMS)} {options} {staff} {below}")


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


def from_json(data: Mapping[str, Any]) -> Grade:
    """A Grade from its JSON."""
    parts = [
        PartGrade(**_fields(PartGrade, {**part, "results": [Result(**result) for result in part["results"]]}))
        for part in data["parts"]
    ]
    return Grade(**_fields(Grade, {**data, "parts": parts}))


def _fields(of: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON holds for the fields of a dataclass, its lists as tuples."""
    values = {field.name: data[field.name] for field in fields(of)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


@dataclass(frozen=True)
class _Job:
    """One entry to grade, or to take from the cache."""

    entry: Entry
    options: GradeOptions
    cache: Path
    basis: str
    again: bool = False


def _one(job: _Job) -> dict[str, Any]:
    """Grade one entry in a process of its own, or take it from the cache; its JSON, and whether it was graded."""
    path, people = job.entry.path, job.entry.people
    if job.entry.problem:
        return {"grade": refused(path, job.entry.problem, job.options.parts, people).to_json(), "fresh": False}
    # Two students may hand in the same bytes (an empty zip); what cannot be read is theirs by its path.
    kept = job.cache / f"{sha256_text(f'{digest_of(path)} {student_of(path)} {people} {job.basis}')}.json"
    if not job.again:
        try:
            return {"grade": {**json.loads(kept.read_text(encoding="utf-8")), "source": str(path)}, "fresh": False}
        except (OSError, ValueError):
            pass
    data = grade(path, job.options, people).to_json()
    write_atomic(kept, json.dumps(data).encode(), setting="--out")
    return {"grade": data, "fresh": True}


def failed(entry: Entry, why: str, options: GradeOptions) -> Grade:
    """The grade of a submission whose process was ended: nothing earned yet, and said so."""
    return refused(entry.path, f"{why}; a person looks at this one", options.parts, entry.people)


def grade_all(
    entries: Sequence[Entry],
    options: GradeOptions,
    cache: Path,
    *,
    only: str = "",
    workers: int | None = None,
    say: Callable[[str], None] = print,
) -> list[Grade]:
    """Grade every entry; those whose content, kit and options are unchanged are not graded again.

    `only`: a NetID, or the name of a submission's file or folder, to grade again now; the others from the cache.
    `say` gets a progress line with the time left about once a second. Returns the rows that `settle` makes of them.
    """
    cache.mkdir(parents=True, exist_ok=True)
    _import_early()
    basis = basis_digest(options)
    jobs = [_Job(entry, options, cache, basis) for entry in entries]
    graded, fresh = _work(jobs, workers, say)
    if only:
        named = [index for index, each in enumerate(graded) if _is(only, each, entries[index]) and not fresh[index]]
        again, now = _work([replace(jobs[index], again=True) for index in named], workers, lambda _: None)
        for index, each, done in zip(named, again, now, strict=True):
            graded[index], fresh[index] = each, done
        say(f"{len(entries)}/{len(entries)} graded ({sum(fresh)} now), about 0 s left")
    known = [
        replace(each, parts=held_against(each.parts, moment(entry.created)))
        for entry, each in zip(entries, graded, strict=True)
    ]
    return with_doubts(settle(entries, known))


def _is(only: str, each: Grade, entry: Entry) -> bool:
    wanted = plain_netid(only)
    names = {plain_netid(each.netid), plain_netid(each.claim), entry.path.name, stem(entry.path)}
    return wanted in names or only in names or any(person.is_called(only) for person in entry.people)


def _work(jobs: Sequence[_Job], workers: int | None, say: Callable[[str], None]) -> tuple[list[Grade], list[bool]]:
    """The grades of the jobs, in their order, and which of them were graded now."""
    started, spoken = time.monotonic(), 0.0
    grades: dict[int, Grade] = {}
    fresh = [False] * len(jobs)
    with bar("grading", len(jobs), forks=True) as meter:
        for ended in run_limited(jobs, _one, workers or os.cpu_count() or 1):
            job = jobs[ended.index]
            if ended.problem:
                grades[ended.index] = failed(job.entry, ended.problem, job.options)
            else:
                grades[ended.index], fresh[ended.index] = from_json(ended.value["grade"]), ended.value["fresh"]
            meter.done(1, f"{len(grades)} of {len(jobs)}")
            now = time.monotonic()
            if now - spoken > 1 or len(grades) == len(jobs):
                spoken = now
                left = (now - started) / len(grades) * (len(jobs) - len(grades))
                say(f"{len(grades)}/{len(jobs)} graded ({sum(fresh)} now), about {left:.0f} s left")
    return [grades[index] for index in range(len(jobs))], fresh


def _import_early() -> None:
    """What every child would import for itself: done once, before they are forked."""
    with suppress(ImportError):
        from PIL import Image

        Image.preinit()


def with_doubts(grades: Sequence[Grade]) -> list[Grade]:
    """The grades, with trust lowered to `consistent` where a submission has samples of another student's."""
    reasons = doubted(grades)
    result = []
    for label, each in zip(labels(grades), grades, strict=True):
        if label in reasons:
            parts = tuple(
                replace(
                    part,
                    trust="consistent" if part.trust not in ("none", "consistent") else part.trust,
                    doubts=(*part.doubts, reasons[label]),
                )
                for part in each.parts
            )
            each = replace(each, parts=parts)
        result.append(each)
    return result
