"""`servelab grade`: from submissions to grades.csv, grades.json, similarity.csv and class.html."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grading.batch.attempts import who_counts, with_missing
from grading.batch.exports import discover
from grading.batch.grade_all import grade_all
from grading.batch.page import write_class_report
from grading.batch.similarity import likenesses
from grading.batch.tables import write_csv, write_pairs
from grading.grade import PLAIN, Grade, GradeOptions
from grading.rerun.again import RERUN, rerun, staff_shelf, with_rerun
from grading.rerun.challenges import CHALLENGE, Course, with_challenges
from grading.shown import as_json, line
from grading.submission.opened import runs_in
from grading.submission.people import plain_netid
from snippets.errors import UsageError
from snippets.files import storage_error, write_atomic
from snippets.record.run import load_record


def read_leases(path: Path, users: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """The testbed's leases by id, from a JSON list with id, name, start and end, as
    `openstack reservation lease list -f json` writes it, or as Blazar's API gives them, with `user_id` too.

    `users`: NetIDs by the testbed's user id; then a lease is the student's whose account made it, whatever its name.
    Times without a zone are UTC, as Blazar gives them; an offset is reckoned with. Raises UsageError for another form.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
        leases: dict[str, dict[str, Any]] = {}
        for entry in entries["leases"] if isinstance(entries, dict) else entries:
            start = entry.get("start_utc") or entry.get("start_date") or entry.get("start")
            end = entry.get("end_utc") or entry.get("end_date") or entry.get("end")
            leases[str(entry["id"])] = {"name": str(entry["name"]), "start_utc": _utc(start), "end_utc": _utc(end)}
            if users is not None:
                made_by = str(entry.get("user_id") or "")
                leases[str(entry["id"])] |= {"user_id": made_by, "netid": users.get(made_by, "")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is no list of leases with id, name, start and end ({error}). Make it with "
            "`openstack reservation lease list -f json`."
        ) from None
    return leases


def read_users(path: Path) -> dict[str, str]:
    """NetIDs by the testbed's user id, from a CSV with the columns netid and user_id. Raises UsageError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return {row["user_id"].strip(): plain_netid(row["netid"]) for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, AttributeError, csv.Error) as error:
        raise UsageError(
            f"{path} is no CSV with the columns netid and user_id ({error}). Write one row a student."
        ) from None


def _utc(text: Any) -> str:
    """A time of Blazar's, or one with an offset from UTC, as UTC. Raises ValueError for no time."""
    moment = datetime.fromisoformat(str(text).strip())
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")


def find_staff_runs(folder: Path) -> dict[str, Path]:
    """Run folders by part in a folder of runs that staff measured (`servelab run PART --runs FOLDER`).

    Raises UsageError where there is none, RecordError where one cannot be read.
    """
    runs = runs_in(folder)
    if not runs:
        raise UsageError(f"{folder} holds no run of any part. Measure one there: servelab run PART --runs {folder}.")
    for run in runs.values():
        load_record(run)
    return runs


@dataclass(frozen=True)
class OfClass:
    """What is done with a class beside grading each submission.

    `roster`: the NetIDs of all who are in it; empty: not known. `rerun`: how many relations of each submission to
    measure again, with the models in the folder `models` (None: those of the newest runs here). `excel`: tables with a
    byte order mark, without which Excel takes names for Latin-1. `say` gets lines about how far it is. `secret`: what
    the students' challenge codes were made with (None: no code is looked at).
    """

    roster: tuple[str, ...] = ()
    rerun: int = 0
    models: Path | None = None
    excel: bool = False
    say: Callable[[str], None] = print
    secret: bytes | None = field(default=None, repr=False)


PLAIN_CLASS = OfClass()
"""Whoever handed in, graded once."""


def grade_class(
    submissions: Iterable[Path],
    out: Path,
    options: GradeOptions = PLAIN,
    *,
    only: str = "",
    workers: int | None = None,
    of_class: OfClass = PLAIN_CLASS,
) -> list[Grade]:
    """Grade all `submissions` into `out` (a .csv) and, beside it, .json, .similarity.csv and .html.

    `only` and `workers` as for `grade_all`. Submissions whose content did not change are taken from
    `<out>.cache/`. Raises UsageError where there are none, RecordError for a run of staff,
    StorageError where `out` cannot be written.
    """
    entries = discover(submissions)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        grades = grade_all(entries, options, out.with_suffix(".cache"), only=only, workers=workers, say=of_class.say)
        if of_class.roster:
            grades = with_missing(grades, of_class.roster, options.parts)
        if of_class.rerun:
            grades = remeasured(grades, of_class)
        if of_class.rerun or of_class.secret is not None:
            course = Course(of_class.secret, of_class.roster, staff_shelf(of_class.models))
            grades = with_challenges(grades, course)
        pairs = likenesses(grades)
        write_csv(out, grades, of_class.excel)
        text = as_json([_told(grade) for grade in grades])
        write_atomic(out.with_suffix(".json"), text.encode(), setting="--out")
        write_pairs(out.with_suffix(".similarity.csv"), pairs, of_class.excel)
        write_class_report(out.with_suffix(".html"), who_counts(grades), pairs)
    except OSError as error:
        raise storage_error(error, out, "--out") from error
    return grades


def _told(each: Grade) -> dict[str, Any]:
    """A grade as grades.json tells it: without the figures that only likeness is judged by."""
    told = each.to_json()
    return {
        **told,
        "parts": [{k: v for k, v in part.items() if k not in ("profiles", "chain")} for part in told["parts"]],
    }


def remeasured(grades: Sequence[Grade], of_class: OfClass) -> list[Grade]:
    """The grades, those that count with what `of_class.rerun` of their relations became when they were measured again.

    One after the other, for they are timed. Points stay as they are. Raises UsageError where no model of staff's can
    be read.
    """
    shelf = staff_shelf(of_class.models)
    found = []
    for each in grades:
        if each.counts and each.measured:
            again = rerun(Path(each.source), of_class.rerun, shelf)
            each = replace(each, parts=tuple(with_rerun(part, again) if part.digest else part for part in each.parts))
            of_class.say(f"{line(each.netid)} re-measured in {again.seconds:.0f} s")
        found.append(each)
    return found


@dataclass(frozen=True)
class Asked:
    """What `servelab grade` is asked for, as it is typed: `leases` and `users` are files, `staff_runs` a folder."""

    parts: tuple[str, ...] = ()
    functions: bool = False
    leases: Path | None = None
    staff_runs: Path | None = None
    only: str = ""
    workers: int | None = None
    of_class: OfClass = PLAIN_CLASS
    users: Path | None = None

    def options(self) -> GradeOptions:
        """The same, read. Raises UsageError for a file or folder that holds something else."""
        users = read_users(self.users) if self.users else None
        if users is not None and self.leases is None:
            raise UsageError("--users tells whose the leases of --leases are: name that file too.")
        leases = read_leases(self.leases, users) if self.leases else None
        staff_runs = find_staff_runs(self.staff_runs) if self.staff_runs else {}
        return GradeOptions(leases, self.functions, self.parts, staff_runs)


def grade_and_tell(submissions: Iterable[Path], out: Path, asked: Asked, say: Callable[[str], None]) -> None:
    """`grade_class`, with a line for each student and one for the files."""
    grades = grade_class(
        submissions, out, asked.options(), only=asked.only, workers=asked.workers, of_class=asked.of_class
    )
    for graded in who_counts(grades):
        trust = ", ".join(f"{part.part} {part.points:g}/{part.possible:g} ({part.trust})" for part in graded.parts)
        told = trust or line("; ".join(graded.problems) or "nothing was handed in")
        say(f"{line(graded.netid)}: {graded.points:g} of {graded.possible:g} points; {told}")
        for part in graded.parts:
            for remark in (each for each in part.remarks if RERUN in each or each.startswith(CHALLENGE)):
                say(f"  {part.part} {remark}")
    beside = [out.with_suffix(suffix).name for suffix in (".json", ".html", ".similarity.csv")]
    say(f"wrote {out}, {beside[0]}, {beside[1]} and {beside[2]}")
