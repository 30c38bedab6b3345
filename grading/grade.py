"""Grading one submission: a zip, or a folder that was unpacked, of one or more parts."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from grading.checks.part import PartGrade, check_part, unreadable
from grading.questions import PARTS, questions
from grading.submission import archive
from grading.submission.screenshots import Found, choose, from_folders
from snippets.errors import KitError, SubmissionError
from snippets.record.run import Record, load_record


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


def digest_of(path: Path) -> str:
    """Hash of a submission's content: the zip's bytes, or the names and bytes of a folder's files."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for item in sorted(item for item in path.rglob("*") if item.is_file() and not item.is_symlink()):
        total.update(item.relative_to(path).as_posix().encode() + b"\0" + archive.sha256(item.read_bytes()).encode())
    return total.hexdigest()


def student_of(path: Path) -> str:
    """Who handed in, by the path: nbgrader's submitted/<student>/<assignment>, else the name up to a `_`."""
    folders = path.parts
    if len(folders) >= 3 and folders[-3] == "submitted":
        return folders[-2]
    return path.stem if path.stem.startswith("submission_") else path.stem.split("_")[0]


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of a submission; a zip (also one inside a folder) is unpacked into scratch space, safely."""
    if path.is_dir():
        inner = sorted(path.glob("*.zip"))
        if not inner or next(path.rglob("record.json"), None):
            yield path
            return
        path = inner[0]
    with tempfile.TemporaryDirectory(prefix="servelab-grade-") as scratch:
        archive.unpack(path, Path(scratch) / "submission")
        yield Path(scratch) / "submission"


def _root(folder: Path) -> Path:
    """Where the submission begins: a zip may hold it in a folder of its own."""
    for marker in ("manifest.json", "*/record.json"):
        found = sorted(folder.rglob(marker), key=lambda path: (len(path.parts), path))
        if found:
            return found[0].parent if marker == "manifest.json" else found[0].parent.parent
    return folder


def _manifest(root: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def runs_in(root: Path) -> dict[str, Path]:
    """Run folders by part: `<part>/record.json`, or whatever record names the part."""
    runs: dict[str, Path] = {}
    for path in sorted(root.rglob("record.json"), key=lambda item: (len(item.parts), item)):
        try:
            part = json.JSONDecoder().raw_decode(path.read_text(encoding="utf-8"))[0].get("part")
        except (OSError, ValueError, AttributeError):
            part = path.parent.name
        if part in PARTS:
            runs.setdefault(part, path.parent)
    return {part: runs[part] for part in PARTS if part in runs}


@contextmanager
def open_submission(path: Path) -> Iterator[tuple[str, Path, dict[str, Path]]]:
    """NetID, folder, and run folders by part of a submission, while it is unpacked. Raises SubmissionError."""
    with opened(path) as folder:
        root = _root(folder)
        yield str(_manifest(root).get("netid") or student_of(path)), root, runs_in(root)


@contextmanager
def open_records(path: Path) -> Iterator[list[Record]]:
    """The records of a submission that can be read, while its folder exists."""
    try:
        with opened(path) as folder:
            records = []
            for run in runs_in(_root(folder)).values():
                with suppress(KitError, ValueError, TypeError, KeyError):
                    records.append(load_record(run))
            yield records
    except SubmissionError:
        yield []


def grade(
    path: Path,
    *,
    leases: Mapping[str, Mapping[str, Any]] | None = None,
    functions: bool = False,
    parts: tuple[str, ...] = (),
    again: Mapping[str, Path] | None = None,
) -> Grade:
    """Grade a submission. Never raises for what a student handed in: what cannot be read becomes a problem.

    `leases`: the testbed's leases by id. `functions`: also run the function tests, confined. `parts`: parts that are
    expected; a missing one is graded 0. `again`: run folders by part that staff measured, for `re-run`.
    """
    started = time.perf_counter()
    digest = digest_of(path)
    try:
        with opened(path) as folder:
            made = _grade_folder(_root(folder), path, digest, leases, functions, parts, again or {})
    except SubmissionError as error:
        made = Grade(
            str(path),
            digest,
            student_of(path),
            "",
            tuple(unreadable(part, str(error)) for part in parts),
            (str(error),),
        )
    return Grade(**{**made.__dict__, "seconds": round(time.perf_counter() - started, 4)})


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
    leases: Mapping[str, Mapping[str, Any]] | None,
    functions: bool,
    expected: tuple[str, ...],
    again: Mapping[str, Path],
) -> Grade:
    manifest = _manifest(root)
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
                    leases=leases,
                    again=load_record(again[part]) if part in again else None,
                )
                prints += result.prints
            except KitError as error:
                result = unreadable(part, str(error).replace(str(root), ""))
            except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
                result = unreadable(part, f"the record is malformed ({type(error).__name__})")
            graded.append(_with_functions(result, runs[part]) if functions else result)
        elif part in expected:
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
    return PartGrade(**{**graded.__dict__, "results": (*graded.results, *results)})
