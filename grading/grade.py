"""Grading one submission: a zip, or a folder that was unpacked, of one or more parts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from grading.checks.part import PartGrade, check_part, unreadable
from grading.questions import questions
from grading.submission import archive
from grading.submission.opened import digest_of, manifest_of, opened, root_of, runs_in, student_of
from grading.submission.screenshots import Found, choose, from_folders
from snippets.errors import KitError, SubmissionError
from snippets.parts import PARTS
from snippets.record import Record, load_record


@dataclass(frozen=True)
class Grade:
    """A graded submission. `problems` concern the whole; `prints` are hashes that similarity is judged by."""

    source: str
    digest: str
    netid: str
    name: str
    parts: tuple[PartGrade, ...]
    problems: tuple[str, ...] = ()
    prints: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def points(self) -> float:
        """Points earned without a person."""
        return round(sum(part.points for part in self.parts), 3)

    @property
    def possible(self) -> float:
        """All points of the parts handed in."""
        return round(sum(part.possible for part in self.parts), 3)

    def to_json(self) -> dict[str, Any]:
        """The grade as JSON values."""
        return {**asdict(self), "points": self.points, "possible": self.possible}


@dataclass(frozen=True)
class GradeOptions:
    """What a submission is graded with.

    `leases`: the testbed's leases by id. `functions`: also run the function tests, confined. `parts`: parts that are
    expected; a missing one is graded 0. `staff_runs`: run folders by part that staff measured, for `re-run`.
    """

    leases: Mapping[str, Mapping[str, Any]] | None = None
    functions: bool = False
    parts: tuple[str, ...] = ()
    staff_runs: Mapping[str, Path] = field(default_factory=dict)


PLAIN = GradeOptions()
"""Whatever is there, by its record alone."""


def grade(path: Path, options: GradeOptions = PLAIN) -> Grade:
    """Grade a submission. Never raises for what a student handed in: what cannot be read becomes a problem.

    Raises RecordError where a run of staff cannot be read.
    """
    started = time.perf_counter()
    staff = {part: load_record(run) for part, run in options.staff_runs.items()}
    digest = digest_of(path)
    try:
        with opened(path) as folder:
            made = _grade_folder(root_of(folder), path, digest, options, staff)
    except SubmissionError as error:
        made = Grade(
            str(path),
            digest,
            student_of(path),
            "",
            tuple(unreadable(part, str(error)) for part in options.parts),
            (str(error),),
        )
    return replace(made, seconds=round(time.perf_counter() - started, 4))


def _screenshots(root: Path, runs: Mapping[str, Path]) -> tuple[frozenset[str], list[str]]:
    usable, problems = set(), []
    for part, run in runs.items():
        asked = questions(part)
        candidates, _ = from_folders([root / "screens", run / "screens"], asked)
        found: Found = choose(candidates, asked)
        usable |= {name for name, picture in found.pictures.items() if not picture.problem}
        problems += [problem for problem in found.problems if "no screenshot" not in problem]
    return frozenset(usable), problems


def _grade_folder(
    root: Path,
    path: Path,
    digest: str,
    options: GradeOptions,
    staff: Mapping[str, Record],
) -> Grade:
    manifest = manifest_of(root)
    netid = str(manifest.get("netid") or student_of(path))[:64]
    runs = runs_in(root)
    problems = archive.manifest_problems(root) if runs else ["no run record was handed in"]
    pictures, told = _screenshots(root, runs)
    left_out = [str(item.get("name")) for item in manifest.get("left_out", []) if isinstance(item, dict)]
    graded: list[PartGrade] = []
    prints: list[str] = []
    for part in PARTS:
        if part in runs:
            try:
                mine = frozenset(name.partition("/")[2] for name in left_out if name.startswith(f"{part}/"))
                result = check_part(
                    runs[part],
                    netid=netid,
                    screenshots=pictures,
                    left_out=mine,
                    leases=options.leases,
                    staff_run=staff.get(part),
                )
                prints += result.prints
            except KitError as error:
                result = unreadable(part, str(error).replace(str(root), ""))
            except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
                result = unreadable(part, f"the record is malformed ({type(error).__name__})")
            graded.append(_with_functions(result, runs[part]) if options.functions else result)
        elif part in options.parts:
            graded.append(unreadable(part, f"Part {part} was not handed in."))
    return Grade(
        str(path),
        digest,
        netid,
        str(manifest.get("name") or ""),
        tuple(graded),
        (*problems, *told),
        tuple(sorted(set(prints))),
    )


def _with_functions(graded: PartGrade, run: Path) -> PartGrade:
    from grading.functions.tests import test_file

    results = test_file(run / "functions.py", graded.part)
    return replace(graded, results=(*graded.results, *results))
