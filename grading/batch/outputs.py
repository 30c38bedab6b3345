"""`servelab grade`: from submissions to grades.csv, grades.json, similarity.csv and class.html."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from grading.batch.grade_all import discover, grade_all, write_csv
from grading.batch.page import write_class_report
from grading.batch.similarity import likenesses
from grading.grade import PLAIN, Grade, GradeOptions, runs_in
from snippets.errors import UsageError
from snippets.files import replacing, storage_error, write_atomic
from snippets.record.run import load_record


def read_leases(path: Path) -> dict[str, dict[str, Any]]:
    """The testbed's leases by id, from a JSON list with id, name, start and end, as
    `openstack reservation lease list -f json` writes it.

    Times without a zone are UTC, as Blazar gives them. Raises UsageError for another form.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
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
    moment = str(text).replace(" ", "T")
    return moment if moment.endswith("Z") or "+" in moment else f"{moment}Z"


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


def grade_class(
    submissions: Iterable[Path],
    out: Path,
    options: GradeOptions = PLAIN,
    *,
    only: str = "",
    workers: int | None = None,
    say: Callable[[str], None] = print,
) -> list[Grade]:
    """Grade all `submissions` into `out` (a .csv) and, beside it, .json, .similarity.csv and .html.

    `only`, `workers` and `say` as for `grade_all`. Submissions whose content did not change are taken from
    `<out>.cache/`. Raises UsageError where there are none, RecordError for a run of staff,
    StorageError where `out` cannot be written.
    """
    paths = discover(submissions)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        grades = grade_all(paths, options, out.with_suffix(".cache"), only=only, workers=workers, say=say)
        pairs = likenesses(grades)
        write_csv(out, grades)
        as_json = json.dumps([grade.to_json() for grade in grades], indent=1, ensure_ascii=False)
        write_atomic(out.with_suffix(".json"), as_json.encode(), setting="--out")
        with (
            replacing(out.with_suffix(".similarity.csv"), "--out") as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(["first", "second", "what", "strength"])
            writer.writerows(astuple(pair) for pair in pairs)
        write_class_report(out.with_suffix(".html"), grades, pairs)
    except OSError as error:
        raise storage_error(error, out, "--out") from error
    return grades


@dataclass(frozen=True)
class Asked:
    """What `servelab grade` is asked for, as it is typed: `leases` is a file, `staff_runs` a folder."""

    parts: tuple[str, ...] = ()
    functions: bool = False
    leases: Path | None = None
    staff_runs: Path | None = None
    only: str = ""
    workers: int | None = None

    def options(self) -> GradeOptions:
        """The same, read. Raises UsageError for a file or folder that holds something else."""
        leases = read_leases(self.leases) if self.leases else None
        staff_runs = find_staff_runs(self.staff_runs) if self.staff_runs else {}
        return GradeOptions(leases, self.functions, self.parts, staff_runs)


def grade_and_tell(
    submissions: Iterable[Path], out: Path, asked: Asked, say: Callable[[str], None], progress: Callable[[str], None]
) -> None:
    """`grade_class`, with a line for each student and one for the files; `progress` hears how far it is."""
    for graded in grade_class(submissions, out, asked.options(), only=asked.only, workers=asked.workers, say=progress):
        trust = ", ".join(f"{part.part} {part.points:g}/{part.possible:g} ({part.trust})" for part in graded.parts)
        say(f"{graded.netid}: {graded.points:g} of {graded.possible:g} points; {trust or graded.problems[0]}")
    beside = [out.with_suffix(suffix).name for suffix in (".json", ".html", ".similarity.csv")]
    say(f"wrote {out}, {beside[0]}, {beside[1]} and {beside[2]}")
