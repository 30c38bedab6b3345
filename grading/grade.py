"""Grading one submission: a zip, or a folder that was unpacked, of one or more parts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from grading.checks.part import PartGrade, check_part, unreadable
from grading.questions import questions
from grading.shown import line, lines, some
from grading.submission.archive import left_out, manifest_of, manifest_problems
from grading.submission.opened import Opened, digest_of, opened, written_utc
from grading.submission.people import Person, plain_netid, student_of, who_is
from grading.submission.screenshots import choose, from_folders
from grading.submission.unpack import what_is
from snippets.errors import KitError, SubmissionError
from snippets.parts import PARTS
from snippets.record import Record, load_record

MAX_PROBLEMS = 20
MAX_NETID, MAX_NAME = 64, 120


@dataclass(frozen=True)
class Grade:
    """A graded submission, or a student's part in one.

    `problems` concern the whole; `prints` are hashes that similarity is judged by. `claim`: the NetID that the
    submission gives itself. `measured_utc`: when it was last measured or answered in, by its records. `owners`:
    what whose submission it is goes by; two that share one are the same person's. `counts`: whether it is the
    student's row, not an earlier attempt.
    """

    source: str
    digest: str
    netid: str
    name: str
    parts: tuple[PartGrade, ...]
    problems: tuple[str, ...] = ()
    prints: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)
    claim: str = ""
    measured_utc: str = ""
    owners: tuple[str, ...] = ()
    counts: bool = True

    @property
    def measured(self) -> bool:
        """Whether a record came that can be read."""
        return any(part.digest for part in self.parts)

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


def grade(path: Path, options: GradeOptions = PLAIN, people: Sequence[Person] = ()) -> Grade:
    """Grade a submission. Never raises for what a student handed in: what cannot be read becomes a problem.

    `people`: who handed in, by the export that it came from; without them the submission's own word is taken. Every
    part expected is in the grade, with its possible points. Raises RecordError where a run of staff cannot be read.
    """
    started = time.perf_counter()
    staff = {part: load_record(run) for part, run in options.staff_runs.items()}
    try:
        with opened(path) as found:
            made = shown(_grade_opened(found, path, options, people, staff))
    except SubmissionError as error:
        made = refused(path, str(error), options.parts, people)
    except Exception as error:  # whatever a student's file does must not end the class, nor lose the student
        why = f"It could not be graded ({type(error).__name__}: {line(error)}); a person looks at this one."
        made = refused(path, why, options.parts, people)
    return replace(made, seconds=round(time.perf_counter() - started, 4))


def refused(path: Path, why: str, parts: Sequence[str] = (), people: Sequence[Person] = ()) -> Grade:
    """The grade of what cannot be opened: each expected part with its possible points, and why."""
    first = people[0] if people else Person()
    netid = plain_netid(first.netid) or student_of(path)
    try:
        digest = digest_of(path)
    except OSError:
        digest = ""
    return shown(Grade(str(path), digest, netid, first.name, tuple(unreadable(part, why) for part in parts), (why,)))


def shown(made: Grade) -> Grade:
    """The grade with all that a student wrote fit to be shown, and of bounded length."""

    def text(result: Any) -> Any:
        return replace(result, message=lines(result.message), detail=lines(result.detail))

    def said(problems: Sequence[str]) -> tuple[str, ...]:
        more = len(problems) - MAX_PROBLEMS
        return (*map(line, problems[:MAX_PROBLEMS]), *([f"and {more} more"] if more > 0 else ()))

    parts = tuple(
        replace(
            part,
            run_id=line(part.run_id, 100),
            node_type=line(part.node_type, 100),
            results=tuple(map(text, part.results)),
            doubts=said(part.doubts),
            remarks=said(part.remarks),
        )
        for part in made.parts
    )
    return replace(
        made,
        netid=line(made.netid, MAX_NETID),
        name=line(made.name, MAX_NAME),
        claim=line(made.claim, MAX_NETID),
        problems=said(made.problems),
        parts=parts,
    )


def _screenshots(root: Path, runs: Mapping[str, Path]) -> tuple[frozenset[str], list[str]]:
    usable, problems = set(), []
    for part, run in runs.items():
        asked = questions(part)
        candidates, told = from_folders([root / "screens", run / "screens"], asked)
        found = choose(candidates, asked)
        usable |= {name for name, picture in found.pictures.items() if not picture.problem}
        # That one is missing, or a file names no question, was said when it was collected.
        problems += [problem for problem in (*told, *found.problems) if "no screenshot" not in problem]
    return frozenset(usable), problems


def who_handed_in(manifest: Mapping[str, Any], path: Path, people: Sequence[Person]) -> tuple[str, str, str, list[str]]:
    """NetID, name, the manifest's NetID, and what is odd about these. The export is believed before the manifest.

    `people`: who handed in by the export; `path`: the submission, whose name tells where nothing else does.
    """
    claim = plain_netid(manifest["netid"])[:MAX_NETID] if isinstance(manifest.get("netid"), str) else ""
    known = who_is(people, claim)
    first = known or (people[0] if people else Person())
    own_name = manifest.get("name") if isinstance(manifest.get("name"), str) else ""
    name = first.name or str(own_name)
    if known:
        return claim, name, claim, []
    if first.netid:
        told = f"its manifest says NetID {claim}, but {first.netid} handed it in"
        return plain_netid(first.netid), name, claim, [told] if claim else []
    return claim or plain_netid(student_of(path)) or path.name, name, claim, []


def _grade_opened(
    found: Opened,
    path: Path,
    options: GradeOptions,
    people: Sequence[Person],
    staff: Mapping[str, Record],
) -> Grade:
    manifest = manifest_of(found.root)
    netid, name, claim, problems = who_handed_in(manifest, path, people)
    if found.runs:
        problems += manifest_problems(found.root)
    else:
        there = sorted(item for item in found.root.rglob("*") if item.is_file())
        named = [f"{item.name} ({what})" if (what := what_is(item)) else item.name for item in there]
        nothing = "nothing in it could be read" if found.remarks else "no file was handed in"
        problems.append(f"no run record was handed in, but {some(named)}" if there else nothing)
    problems += found.remarks
    pictures, told = _screenshots(found.root, found.runs)
    missing = left_out(manifest)
    graded: list[PartGrade] = []
    for part in PARTS:
        if part in found.runs:
            mine = frozenset(name.partition("/")[2] for name in missing if name.startswith(f"{part}/"))
            graded.append(_part(part, found, options, netid, (pictures, mine, staff.get(part))))
        elif part in options.parts:
            graded.append(unreadable(part, f"Part {part} was not handed in."))
    return Grade(
        str(path),
        digest_of(path),
        netid,
        name,
        tuple(graded),
        (*problems, *told),
        tuple(sorted({mark for part in graded for mark in part.prints})),
        claim=claim,
        measured_utc=max((written_utc(run) for run in found.runs.values()), default=""),
    )


def _part(
    part: str,
    found: Opened,
    options: GradeOptions,
    netid: str,
    given: tuple[frozenset[str], frozenset[str], Record | None],
) -> PartGrade:
    """The grade of one run; `given`: usable screenshots, files that were left out, and a run of staff."""
    screenshots, missing, staff_run = given
    try:
        result = check_part(
            found.runs[part],
            netid=netid,
            screenshots=screenshots,
            left_out=missing,
            leases=options.leases,
            staff_run=staff_run,
        )
    except KitError as error:
        result = unreadable(part, str(error).replace(f"{found.root}/", ""))
    except Exception as error:  # a record can hold anything, a number of a thousand digits too
        result = unreadable(part, f"the record is malformed ({type(error).__name__}); a person looks at it")
    doubts = tuple(told.replace(f"{found.root}/", "") for told in result.doubts)
    result = replace(result, doubts=doubts)
    return _with_functions(result, found.runs[part]) if options.functions else result


def _with_functions(graded: PartGrade, run: Path) -> PartGrade:
    from grading.functions.tests import test_file

    results = test_file(run / "functions.py", graded.part)
    return replace(graded, results=(*graded.results, *results))
