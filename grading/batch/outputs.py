"""`servelab grade`: from submissions to grades.csv, grades.json, similarity.csv and class.html."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
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
from grading.shown import as_json, line
from grading.submission.opened import runs_in
from snippets.errors import UsageError
from snippets.files import storage_error, write_atomic
from snippets.record.run import load_record


def read_leases(path: Path) -> dict[str, dict[str, Any]]:
    """The testbed's leases by id, from a JSON list with id, name, start and end, as
    `openstack reservation lease list -f json` writes it.

    Times without a zone are UTC, as Blazar gives them; an offset is reckoned with. Raises UsageError for another form.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
        leases = {}
        for entry in entries:
            start = entry.get("start_utc") or entry.get("start_date") or entry.get("start")
            end = entry.get("end_utc") or entry.get("end_date") or entry.get("end")
            leases[str(entry["id"])] = {"name": str(entry["name"]), "start_utc": _utc(start), "end_utc": _utc(end)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is no list of leases with id, name, start and end ({error}). Make it with "
            "`openstack reservation lease list -f json`."
        ) from None
    return leases


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
    byte order mark, without which Excel takes names for Latin-1. `say` gets lines about how far it is.
    """

    roster: tuple[str, ...] = ()
    rerun: int = 0
    models: Path | None = None
    excel: bool = False
    say: Callable[[str], None] = print


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
        pairs = likenesses(grades)
        write_csv(out, grades, of_class.excel)
        text = as_json([grade.to_json() for grade in grades])
        write_atomic(out.with_suffix(".json"), text.encode(), setting="--out")
        write_pairs(out.with_suffix(".similarity.csv"), pairs, of_class.excel)
        write_class_report(out.with_suffix(".html"), who_counts(grades), pairs)
    except OSError as error:
        raise storage_error(error, out, "--out") from error
    return grades


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
    """What `servelab grade` is asked for, as it is typed: `leases` is a file, `staff_runs` a folder."""

    parts: tuple[str, ...] = ()
    functions: bool = False
    leases: Path | None = None
    staff_runs: Path | None = None
    only: str = ""
    workers: int | None = None
    of_class: OfClass = PLAIN_CLASS

    def options(self) -> GradeOptions:
        """The same, read. Raises UsageError for a file or folder that holds something else."""
        leases = read_leases(self.leases) if self.leases else None
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
        for part in graded.parts if asked.of_class.rerun else ():
            for remark in (remark for remark in part.remarks if RERUN in remark):
                say(f"  {part.part} {remark}")
    beside = [out.with_suffix(suffix).name for suffix in (".json", ".html", ".similarity.csv")]
    say(f"wrote {out}, {beside[0]}, {beside[1]} and {beside[2]}")
