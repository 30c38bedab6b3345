"""Opening what a student handed in: a zip or a folder, and the runs in it. Nothing is judged here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from grading.questions.which_run import counts_of
from grading.shown import line, some
from grading.submission.people import holds_files
from grading.submission.unpack import copy_folder, unpack
from snippets.errors import KitError, SubmissionError
from snippets.files import sha256_file, sha256_text
from snippets.parts import PARTS
from snippets.record import Record, load_record
from snippets.record.head import part_of

MAX_INNER = 8
MAX_NESTED = 2


@dataclass(frozen=True)
class Opened:
    """A submission as plain files of our own: where it begins, its runs by part, and what was odd about its form."""

    root: Path
    runs: dict[str, Path]
    remarks: tuple[str, ...] = ()


def digest_of(path: Path) -> str:
    """Hash of a submission's content: the zip's bytes, or the names and bytes of a folder's files."""
    if path.is_file():
        return sha256_file(path)
    files = sorted(item for item in path.rglob("*") if item.is_file() and not item.is_symlink())
    return sha256_text("".join(f"{item.relative_to(path).as_posix()}\0{sha256_file(item)}" for item in files))


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """A submission, while the block lasts: a zip, a tar archive or a folder, also with an archive inside.

    Of several archives in it the newest with a record counts; a part that it lacks is taken from the others. Raises
    SubmissionError for what cannot be opened.
    """
    with tempfile.TemporaryDirectory(prefix="servelab-grade-") as scratch:
        folder = Path(scratch) / "submission"
        remarks = copy_folder(path, folder) if path.is_dir() else unpack(path, folder)
        inner, beside, told = _inside(folder, Path(scratch), MAX_NESTED)
        root = root_of(inner)
        runs, rivals = _choose(root)
        for name, other in beside:
            found = {part: run for part, run in runs_in(root_of(other)).items() if part not in runs}
            told += [f"part {part} was read from {line(name)}" for part in found]
            runs |= found
        yield Opened(root, {part: runs[part] for part in PARTS if part in runs}, (*remarks, *told, *rivals))


def _inside(folder: Path, scratch: Path, depth: int) -> tuple[Path, list[tuple[str, Path]], list[str]]:
    """The folder with the record: this one, or that of the best archive in it; the other archives with a record by
    name, the newest first; and what to say of these."""
    if depth == 0 or next(folder.rglob("record.json"), None):
        return folder, [], []
    archives = [path for path in sorted(folder.rglob("*")) if path.is_file() and holds_files(path)]
    read: list[tuple[str, str, Path]] = []
    told: list[str] = []
    failed: list[SubmissionError] = []
    for number, path in enumerate(archives[:MAX_INNER]):
        target = Path(tempfile.mkdtemp(dir=scratch)) / str(number)
        try:
            remarks = unpack(path, target)
        except SubmissionError as error:
            failed.append(error)
            continue
        within, _, more = _inside(target, scratch, depth - 1)
        told += [*remarks, *more]
        read.append((max((written_utc(run) for run in runs_in(within).values()), default=""), path.name, within))
    if not read:
        if failed and len(archives) == 1:
            raise failed[0]
        return folder, [], told + [str(error) for error in failed]
    _, name, chosen = best = max(read, key=lambda one: one[0])
    if len(archives) > 1:
        others = [path.name for path in archives if path.name != name]
        told.append(f"{line(name)} was read, the newest with a record; beside it lay {some(others)}")
    rest = sorted((one for one in read if one is not best and one[0]), key=lambda one: one[0], reverse=True)
    return chosen, [(name, within) for _, name, within in rest], told


def written_utc(run: Path) -> str:
    """When a run was last measured or answered in, by its record; empty where that cannot be read."""
    try:
        record = load_record(run)
        ends = [step.ended_utc for step in record.steps] + [answer["answered_utc"] for answer in record.answers]
        return str(max(ends, default=record.created_utc))
    except Exception:  # only looked at to choose: what is wrong with it is said when it is graded
        return ""


def root_of(folder: Path) -> Path:
    """Where the submission begins: a zip may hold it in a folder of its own."""
    for marker in ("manifest.json", "*/record.json"):
        found = sorted(folder.rglob(marker), key=lambda path: (len(path.parts), path))
        if found:
            return found[0].parent if marker == "manifest.json" else found[0].parent.parent
    return folder


def runs_in(root: Path) -> dict[str, Path]:
    """Run folders by part: `<part>/record.json`, or whatever record names the part; of several the best by `_rank`."""
    return _choose(root)[0]


def _choose(root: Path) -> tuple[dict[str, Path], list[str]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("record.json"), key=lambda item: (len(item.parts), item)):
        part = part_of(path) or path.parent.name
        if part in PARTS:
            found.setdefault(part, []).append(path.parent)
    runs, remarks = {}, []
    for part in (part for part in PARTS if part in found):
        runs[part], *others = sorted(found[part], key=lambda run: _rank(root, part, run), reverse=True)
        if others:
            there = runs[part].relative_to(root)
            named = some([run.relative_to(root).as_posix() for run in others])
            held, next_best = _worth(runs[part])[1], max(_worth(run)[1] for run in others)
            why = f"answers: {held} against {next_best}"
            remarks.append(
                f"of {len(others) + 1} runs of part {part}, {line(there)} was read; beside it lay {named} ({why})"
            )
    return runs, remarks


def _rank(root: Path, part: str, run: Path) -> tuple[bool, tuple[bool, int], str, int]:
    """What `collect` put there before all else, then what measured and holds the most answers, then the newest, then
    what is nearest the top."""
    collected = (root / "manifest.json").is_file() and run == root / part
    return collected, _worth(run), written_utc(run), -len(run.parts)


def _worth(run: Path) -> tuple[bool, int]:
    """Whether a run measured anything, and how many answers it holds."""
    try:
        counts = counts_of(run)
        return counts.measured, counts.answers
    except Exception:  # only looked at to choose: what is wrong with it is said when it is graded
        return False, 0


@contextmanager
def open_records(path: Path) -> Iterator[list[Record]]:
    """The records of a submission that can be read, while its folder exists."""
    try:
        with opened(path) as found:
            yield records_of(found)
    except SubmissionError:
        yield []


def records_of(found: Opened) -> list[Record]:
    """The records of an opened submission that can be read."""
    records = []
    for run in found.runs.values():
        with suppress(KitError, ValueError, TypeError, KeyError):
            records.append(load_record(run))
    return records
