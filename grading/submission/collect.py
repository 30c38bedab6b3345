"""From runs to a submission: one folder, and in it submission.zip, submission.pdf and template.pdf."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from grading.questions import Question, questions
from grading.shown import line, some
from grading.submission import archive
from grading.submission.pages import pages
from grading.submission.pdf import Heading, Page, render, template_pages
from grading.submission.people import plain_netid
from grading.submission.screenshots import Found, Picture, choose, from_folders, from_notebook
from snippets.errors import SubmissionError
from snippets.parts import NOTEBOOKS, PARTS, numbered
from snippets.record.head import HEAD
from snippets.record.run import Record, load_record
from snippets.record.steps import STEPS

# What a run's folder contributes, and in which order it is packed when room is short.
RANKS = {"samples": 1, "notebooks": 3, "figures": 4, "screens": 5, "models": 6}
NETID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,31}")


@dataclass(frozen=True)
class Student:
    """Who hands in; `name` may be empty."""

    netid: str
    name: str = ""


@dataclass(frozen=True)
class Submission:
    """What `make_submission` made, and what the student should know of it."""

    folder: Path
    zip: Path
    pdf: Path
    template: Path
    unanswered: tuple[str, ...]
    remarks: tuple[str, ...]

    def lines(self) -> list[str]:
        """What to tell the student: the files, then what is missing or odd."""
        told = [f"{path} ({path.stat().st_size / 1e6:.2f} MB)" for path in (self.zip, self.pdf)]
        for part in PARTS:
            names = [name for name in self.unanswered if name.startswith(f"{part}.")]
            if names:
                told.append(f"  - no answer yet: {', '.join(names)}")
        return told + [f"  - {remark}" for remark in self.remarks]


def heading(records: Sequence[Record], student: Student) -> Heading:
    """Head and foot of every page."""
    parts = ", ".join(record.part for record in records)
    runs = ", ".join(f"{record.part}/{record.run_id} {record.digest[:8]}" for record in records)
    return Heading(
        f"Model serving lab: {parts}", student.name or student.netid, student.netid, runs, f"ServeLab {version()}"
    )


def version() -> str:
    """Version of the installed kit, or `source` where it is not installed."""
    try:
        return metadata.version("servelab")
    except metadata.PackageNotFoundError:
        return "source"


def records_of(runs: Iterable[Path]) -> list[Record]:
    """The runs' records in the order of the parts. Raises SubmissionError for none, or two of one part."""
    records = sorted((load_record(run) for run in runs), key=lambda record: PARTS.index(record.part))
    parts = [record.part for record in records]
    if not records or len(set(parts)) < len(parts):
        raise SubmissionError(
            "Name one run folder for each part that you hand in (runs/<part>/<run id>); "
            f"got {', '.join(parts) or 'none'}."
        )
    return records


def workbooks(part: str, notebooks: Path) -> list[Path]:
    """Notebooks of the checkout that were run or hold pasted pictures."""
    return [
        path
        for path in numbered(part, folder=notebooks)
        if '"output_type"' in (text := path.read_text(encoding="utf-8")) or '"attachments"' in text
    ]


def screenshots(record: Record, asked: Sequence[Question], screens: Iterable[Path], notebooks: Path) -> Found:
    """The student's screenshots for one run: named folders first, then the run's, then pasted ones."""
    taken = frozenset(Path(entry["$file"]).name for entry in record.screenshots.values())
    candidates, problems = from_folders([*screens, record.folder / "screens"], asked, taken)
    for path in [*workbooks(record.part, notebooks), *sorted((record.folder / "notebooks").glob("*.ipynb"))]:
        candidates += from_notebook(path, asked)
    return choose(candidates, asked, problems)


def write_template(parts: Sequence[str], out: Path) -> Path:
    """template.pdf for submissions of exactly these parts: the same pages, empty."""
    asked = [question for part in PARTS if part in parts for question in questions(part)]
    named = ", ".join(part for part in PARTS if part in parts)
    head = Heading(f"Model serving lab: {named}", footer=f"ServeLab {version()}")
    out.write_bytes(render(head, template_pages(asked))[0])
    return out


def _members(record: Record, scratch: Path) -> list[archive.Member]:
    """The files of a run that belong into its submission.

    The record is set aside in `scratch` first, its head before its steps, as these may grow meanwhile: so the head
    knows of no step that is not handed in, and the samples of each step are among the files listed after it.
    """
    scratch.mkdir()
    members = []
    for name in (HEAD, STEPS):
        if (record.folder / name).is_file():
            aside = shutil.copyfile(record.folder / name, scratch / name)
            members.append(archive.Member(f"{record.part}/{name}", aside, 0))
    for name, rank in RANKS.items():
        for path in sorted((record.folder / name).rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                relative = path.relative_to(record.folder).as_posix()
                members.append(archive.Member(f"{record.part}/{relative}", path, rank))
    functions = record.folder / "functions.py"
    if functions.is_file():
        members.append(archive.Member(f"{record.part}/functions.py", functions, 0))
    return members


def _store(pictures: dict[str, Picture], folder: Path) -> dict[str, Path]:
    """Write the chosen screenshots under their question ids."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, picture in pictures.items():
        paths[name] = folder / f"{name}{picture.suffix}"
        paths[name].write_bytes(picture.data)
    return paths


def make_submission(
    runs: Iterable[Path],
    student: Student,
    *,
    out: Path | None = None,
    screens: Sequence[Path] = (),
    notebooks: Path = NOTEBOOKS,
    cap_bytes: int = archive.CAP_BYTES,
) -> Submission:
    """Make the submission of `runs` (one per part) for `student` under `out`, default `runs/submissions/<netid>`.

    `screens`: further folders of screenshots named by question id. Collecting again replaces what was there.
    Raises SubmissionError for a bad NetID or run list, RecordError for a run that cannot be read.
    """
    student = Student(plain_netid(student.netid), line(student.name, 120))
    if not NETID.fullmatch(student.netid):
        raise SubmissionError(f"{student.netid!r} is no NetID: letters, digits, '.', '_' and '-', such as ab123.")
    records = records_of(runs)
    for record in records:
        if not record.steps and not record.answers:
            raise SubmissionError(
                f"{record.folder} holds neither measurements nor answers. `servelab run {record.part}` measures; or "
                "name another run's folder."
            )
    out = out or records[0].folder.parent.parent / "submissions" / student.netid
    folder = out / "submission"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    all_pages: list[Page] = []
    remarks: list[str] = []
    members: list[archive.Member] = []
    with tempfile.TemporaryDirectory(prefix="servelab-collect-") as scratch:
        for record in records:
            mine = questions(record.part)
            found = screenshots(record, mine, screens, notebooks)
            paths = _store(found.pictures, Path(scratch) / record.part)
            remarks += found.problems
            members += _members(record, Path(scratch) / f"{record.part}-record")
            members += [archive.Member(f"screens/{path.name}", path, 2) for path in paths.values()]
            members += [
                archive.Member(f"{record.part}/workbooks/{path.name}", path, 3)
                for path in workbooks(record.part, notebooks)
            ]
            flawed = {name: picture.problem for name, picture in found.pictures.items() if picture.problem}
            all_pages += pages(record, mine, paths, flawed)
        head = heading(records, student)
        pdf, replaced = render(head, all_pages)
        (out / "submission.pdf").write_bytes(pdf)
        write_template([record.part for record in records], out / "template.pdf")
        members.append(archive.Member("submission.pdf", out / "submission.pdf", 2))
        facts = {
            "netid": student.netid,
            "name": student.name,
            "kit_version": version(),
            "runs": [{"part": record.part, "run_id": record.run_id, "digest": record.digest} for record in records],
        }
        _, left = archive.pack(out / "submission.zip", folder, members, facts, cap_bytes)
    for reason in dict.fromkeys(item.reason for item in left):
        files = some([f"{item.name} ({item.bytes / 1e6:.1f} MB)" for item in left if item.reason == reason])
        remarks.append(f"left out: {files}: {reason}")
    if replaced:
        points = ", ".join(f"U+{ord(char):04X}" for char in replaced)
        remarks.append(f"submission.pdf shows {points} as code points: no font here can draw them")
    unanswered = tuple(page.question.id for page in all_pages if not page.answer and page.question.kind != "screenshot")
    return Submission(
        folder, out / "submission.zip", out / "submission.pdf", out / "template.pdf", unanswered, tuple(remarks)
    )
