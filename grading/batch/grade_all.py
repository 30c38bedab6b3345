"""A class: many submissions graded in parallel, resumably, into CSV, JSON and two reports."""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

from grading.batch.similarity import doubted, labels
from grading.checks.part import PartGrade
from grading.checks.result import Result
from grading.grade import Grade, GradeOptions, grade
from grading.submission.opened import digest_of, student_of
from snippets.errors import UsageError
from snippets.files import replacing, sha256_file, sha256_text, write_atomic
from snippets.parts import KIT
from snippets.record import load_record

# What a grade can depend on: the checks and questions, and what they reckon with (statistics, targets, prices).
ROOMS = (KIT / "grading", KIT / "snippets")
IGNORED = {"__MACOSX", ".git", "feedback", "release", "source", "autograded", "gradebook.db"}


def _is_one(folder: Path) -> bool:
    """Whether a folder is one submission, not a folder of submissions."""
    patterns = ("manifest.json", "record.json", "*/record.json", "submission.zip", "*.ipynb")
    return any(next(folder.glob(pattern), None) for pattern in patterns)


def _inside(path: Path, depth: int) -> Iterator[Path]:
    """Submissions in a path; a student's folder without anything to grade is one too, below the top."""
    if path.is_file():
        if path.suffix == ".zip":
            yield path
        return
    if _is_one(path):
        yield path
        return
    children = [
        child for child in sorted(path.iterdir()) if child.name not in IGNORED and not child.name.startswith(".")
    ]
    found = [] if depth == 4 else [item for child in children for item in _inside(child, depth + 1)]
    if not found and depth and children:
        found = [path]
    yield from found


def discover(paths: Iterable[Path]) -> list[Path]:
    """Submissions among `paths`: zips, submission folders, or export folders holding many of either.

    Takes the exports of Gradescope (submission_<n>/), nbgrader (submitted/<student>/<assignment>/) and an LMS
    (one zip a student). Raises UsageError where nothing is found.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist.")
        found.update(dict.fromkeys(_inside(path, 0)))
    if not found:
        raise UsageError("There are no submissions there: name zips, submission folders, or an export folder.")
    return list(found)


def kit_digest(rooms: Sequence[Path] = ROOMS) -> str:
    """Hash of what decides a grade besides the submission: the kit's code and tables. Another kit grades again."""
    files = [(room, path) for room in rooms for path in sorted([*room.rglob("*.py"), *room.rglob("*.toml")])]
    return sha256_text(
        "".join(f"{room.name}/{path.relative_to(room).as_posix()}\0{sha256_file(path)}" for room, path in files)
    )[:16]


def basis_digest(options: GradeOptions) -> str:
    """Hash of the kit, of the options, and of the runs of staff that they name. Raises RecordError for one of these."""
    staff = {part: load_record(run).digest for part, run in options.staff_runs.items()}
    return sha256_text(f"{kit_digest(ROOMS)} {options} {staff}")


def from_json(data: Mapping[str, Any]) -> Grade:
    """A Grade from its JSON."""
    parts = tuple(
        PartGrade(
            **{
                **part,
                "results": tuple(Result(**result) for result in part["results"]),
                **{name: tuple(part[name]) for name in ("doubts", "remarks", "prints")},
            }
        )
        for part in data["parts"]
    )
    return Grade(
        data["source"],
        data["digest"],
        data["netid"],
        data["name"],
        parts,
        tuple(data["problems"]),
        tuple(data["prints"]),
        data["seconds"],
    )


def _one(path: Path, options: GradeOptions, cache: Path, basis: str, again: bool) -> tuple[dict[str, Any], bool]:
    """Grade one submission in a worker, or take it from the cache; returns its JSON and whether it was graded."""
    # Two students may hand in the same bytes (an empty zip); what cannot be read is theirs by its path.
    key = sha256_text(f"{digest_of(path)} {student_of(path)} {basis}")
    kept = cache / f"{key}.json"
    if not again:
        try:
            data = json.loads(kept.read_text(encoding="utf-8"))
            return {**data, "source": str(path)}, False
        except (OSError, ValueError):
            pass
    data = grade(path, options).to_json()
    write_atomic(kept, json.dumps(data).encode(), setting="--out")
    return data, True


def failed(path: Path, error: BaseException) -> Grade:
    """The grade of a submission whose worker broke: nothing earned, and said so."""
    return Grade(
        str(path),
        "",
        student_of(path),
        "",
        (),
        (f"Grading itself failed ({type(error).__name__}: {error}); grade this one by hand.",),
    )


def grade_all(
    paths: Sequence[Path],
    options: GradeOptions,
    cache: Path,
    *,
    only: str = "",
    workers: int | None = None,
    say: Callable[[str], None] = print,
) -> list[Grade]:
    """Grade every submission; those whose content, kit and options are unchanged are not graded again.

    `only`: a NetID (or part of a path) to grade again now, the others from the cache. `say` gets a progress line
    with the time left about once a second.
    """
    cache.mkdir(parents=True, exist_ok=True)
    basis, started, spoken = basis_digest(options), time.monotonic(), 0.0
    grades: dict[Path, Grade] = {}
    fresh = 0
    with ProcessPoolExecutor(max_workers=workers or os.cpu_count() or 1) as pool:
        waiting = {
            pool.submit(_one, path, options, cache, basis, bool(only) and only in str(path)): path for path in paths
        }
        for done in as_completed(waiting):
            path = waiting[done]
            try:
                data, graded = done.result()
                grades[path], fresh = from_json(data), fresh + graded
            except Exception as error:  # a worker that died must not lose the class
                grades[path] = failed(path, error)
            now = time.monotonic()
            if now - spoken > 1 or len(grades) == len(paths):
                spoken = now
                left = (now - started) / len(grades) * (len(paths) - len(grades))
                say(f"{len(grades)}/{len(paths)} graded ({fresh} now), about {left:.0f} s left")
    return with_doubts([grades[path] for path in paths])


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


def write_csv(path: Path, grades: Sequence[Grade]) -> None:
    """One row a submission: totals, trust, remarks, then the points of every question."""
    ids = list(dict.fromkeys(result.id for each in grades for part in each.parts for result in part.results))
    with replacing(path, "--out") as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "netid",
                "name",
                "points",
                "possible",
                "by_hand",
                "trust",
                "node_type",
                "doubts",
                "problems",
                "source",
                *ids,
            ]
        )
        for each in sorted(grades, key=lambda item: (item.netid, item.source)):
            results = {result.id: result for part in each.parts for result in part.results}
            by_hand = sum(result.possible for result in results.values() if result.kind == "by hand")
            writer.writerow(
                [
                    _cell(value)
                    for value in (
                        each.netid,
                        each.name,
                        each.points,
                        each.possible,
                        by_hand,
                        " ".join(f"{part.part}:{part.trust}" for part in each.parts),
                        " ".join(f"{part.part}:{part.node_type}" for part in each.parts if part.node_type),
                        "; ".join(doubt for part in each.parts for doubt in part.doubts),
                        "; ".join(each.problems),
                        each.source,
                        *(results[name].points if name in results else "" for name in ids),
                    )
                ]
            )


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula (names and answers come from students)."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
