"""`servelab viva`: a page for each student, to print, with five questions and the answers that their record gives."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from grading.batch.attempts import settle, who_counts
from grading.batch.exports import Entry, discover
from grading.batch.grade_all import from_json
from grading.batch.limited import run_limited
from grading.checks.evidence import Evidence
from grading.checks.part import PartGrade
from grading.grade import Grade, refused, shown, who_handed_in
from grading.shown import line
from grading.staff.viva.draw import COUNT, candidates, draw_all
from grading.staff.viva.oral import Oral
from grading.submission.archive import manifest_of
from grading.submission.opened import digest_of, opened, written_utc
from snippets.errors import KitError, SubmissionError
from snippets.files import write_atomic
from snippets.pages import environment
from snippets.record.run import load_record

TEMPLATE = Path(__file__).with_name("viva.html.j2")
MAX_TEXT = 400


@dataclass(frozen=True)
class Sheet:
    """One student's page: who, from which runs, the questions, and what is to be said of them (or instead of them)."""

    netid: str
    name: str
    runs: tuple[str, ...]
    orals: tuple[Oral, ...]
    told: str = ""


def asked_about(entry: Entry) -> dict[str, Any]:
    """Who handed an entry in, and every question that its records can be asked, as JSON values.

    {"grade": without points, "orals": a list by part}. A record that cannot be read is a problem of the grade.
    """
    if entry.problem:
        return {"grade": refused(entry.path, entry.problem, (), entry.people).to_json(), "orals": {}}
    orals: dict[str, list[dict[str, Any]]] = {}
    try:
        with opened(entry.path) as found:
            netid, name, claim, problems = who_handed_in(manifest_of(found.root), entry.path, entry.people)
            parts = []
            for part, run in found.runs.items():
                try:
                    record = load_record(run)
                    orals[part] = [asdict(oral) for oral in candidates(Evidence(record))]
                except KitError as error:
                    problems.append(f"{part}: {str(error).replace(f'{found.root}/', '')}")
                except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                    problems.append(f"{part}: the record is malformed ({type(error).__name__})")
                else:
                    parts.append(PartGrade(part, record.run_id, record.digest, "", (), "", ()))
            if not parts and not problems:
                problems.append("no run record was handed in")
            made = Grade(
                str(entry.path),
                digest_of(entry.path),
                netid,
                name,
                tuple(parts),
                tuple(problems),
                claim=claim,
                measured_utc=max((written_utc(run) for run in found.runs.values()), default=""),
            )
    except SubmissionError as error:
        made = refused(entry.path, str(error), (), entry.people)
    return {"grade": shown(made).to_json(), "orals": orals}


def sheets(submissions: Iterable[Path], parts: Sequence[str] = ()) -> list[Sheet]:
    """The sheets of all students in `submissions`, by NetID; `parts`: ask about these only (default: all handed in).

    Of several attempts the one that is graded counts; partners get different questions. Raises UsageError where there
    are no submissions.
    """
    entries = discover(submissions)
    grades: list[Grade] = [refused(entry.path, "it could not be read", (), entry.people) for entry in entries]
    by_source: dict[str, Mapping[str, Any]] = {}
    for ended in run_limited(entries, asked_about, os.cpu_count() or 1):
        entry = entries[ended.index]
        if ended.problem:
            grades[ended.index] = refused(entry.path, ended.problem, (), entry.people)
        else:
            grades[ended.index] = from_json(ended.value["grade"])
            by_source[str(entry.path)] = ended.value["orals"]
    rows = sorted(who_counts(settle(entries, grades)), key=lambda row: (row.netid, row.source))
    students = []
    for row in rows:
        asked = by_source.get(row.source, {})
        kept = {part: asked[part] for part in asked if not parts or part in parts}
        digests = " ".join(f"{part.part} {part.digest}" for part in row.parts if part.part in kept)
        students.append((f"{row.netid} {digests}", [_oral(each) for listed in kept.values() for each in listed]))
    drawn = draw_all(students)
    return [_sheet(row, picked, parts) for row, picked in zip(rows, drawn, strict=True)]


def _oral(data: Mapping[str, Any]) -> Oral:
    values: dict[str, Any] = {field.name: data[field.name] for field in fields(Oral)}
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Oral(**values)


def _sheet(row: Grade, orals: Sequence[Oral], parts: Sequence[str]) -> Sheet:
    read = [part for part in row.parts if part.digest and (not parts or part.part in parts)]
    runs = tuple(f"{part.part}/{part.run_id} {part.digest[:8]}" for part in read)
    problem = "; ".join(row.problems)
    if not read:
        told = f"No questions can be asked: {problem or 'no run of ' + ' or '.join(parts) + ' was handed in'}."
        return Sheet(row.netid, row.name, (), (), line(told.replace("..", "."), MAX_TEXT))
    if not orals:
        told = "No questions can be asked: the record holds no measurement that could be asked about."
    elif len(orals) < COUNT:
        told = f"Only {len(orals)} of {COUNT} questions: the record holds too little for more."
    else:
        told = ""
    told = " ".join(filter(None, (told, f"Look at this first: {problem}." if problem else "")))
    return Sheet(row.netid, row.name, runs, tuple(orals), line(told, MAX_TEXT))


def page(made: Sequence[Sheet]) -> str:
    """All sheets as one HTML page, a student on each printed one. For staff only: the answers are on it."""
    template = environment().from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(sheets=[_shown(sheet) for sheet in made])


def _shown(sheet: Sheet) -> dict[str, Any]:
    """A sheet's texts, fit to be shown: questions quote what students wrote, and steps are named by them."""
    return {
        "netid": line(sheet.netid),
        "name": line(sheet.name),
        "runs": [line(run) for run in sheet.runs],
        "told": sheet.told,
        "orals": [
            {
                "text": line(oral.text, MAX_TEXT),
                "answer": line(oral.answer, MAX_TEXT),
                "where": ", ".join(line(step, 80) for step in oral.steps[:3]),
                "then": oral.then,
            }
            for oral in sheet.orals
        ],
    }


def write_viva(submissions: Iterable[Path], out: Path, parts: Sequence[str] = ()) -> str:
    """Write the page to `out`; what was written, as a sentence.

    Raises UsageError where there are no submissions, StorageError where `out` cannot be written.
    """
    made = sheets(submissions, parts)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, page(made).encode(), setting="--out")
    without = [sheet.netid for sheet in made if not sheet.orals]
    said = f"wrote {out}: {len(made) - len(without)} students with questions"
    return said + (f"; none for {', '.join(map(line, without))}" if without else "")
