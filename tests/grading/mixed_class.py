"""A class as it comes: exports of four systems, with honest, broken and hostile submissions among each other."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.grading.exports import (
    Files,
    brightspace,
    canvas,
    files_handed_in,
    files_of,
    gradescope,
    moodle,
    renamed,
    tar_of,
    with_manifest,
    zip_of,
)
from tests.grading.students import hand_in, make_run, rewrite

SYSTEMS = ("canvas", "moodle", "brightspace", "gradescope")


@dataclass
class MixedClass:
    """Where the exports lie, and who is in them: names as rows must have them, by what they handed in."""

    folder: Path
    honest: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    hostile: list[str] = field(default_factory=list)

    @property
    def students(self) -> int:
        """How many rows the table must have."""
        return len(self.honest) + len(self.broken) + len(self.hostile)


def _bytes(data: bytes, name: str = "submission.zip") -> Callable[[Path, Files], Path]:
    def write(folder: Path, _: Files) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _changed(change: Callable[[Files], Files]) -> Callable[[Path, Files], Path]:
    return lambda folder, files: zip_of(folder / "submission.zip", change(files))


def _bomb(folder: Path, _: Files) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "submission.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "abcde":
            with archive.open(name, "w") as file:
                for _ in range(100):
                    file.write(bytes(1_000_000))
    return folder / "submission.zip"


HONEST: list[Callable[[Path, Files], Path]] = [
    _changed(lambda files: files),
    _changed(lambda files: renamed(files, lambda name: name.replace("/", "\\"))),
    _changed(lambda files: renamed(files, lambda name: f"submission/{name}")),
    lambda folder, files: tar_of(folder / "submission.tar.gz", files),
    lambda folder, files: zip_of(
        folder / "submission.ZIP", {"submission.zip": zip_of(folder / "i.zip", files).read_bytes()}
    ),
]
BROKEN: list[Callable[[Path, Files], Path]] = [
    _bytes(b""),
    _bytes(b"%PDF-1.7", "report.pdf"),
    _bytes(b"Rar!\x1a\x07\x00", "work.rar"),
    _bytes(b"PK\x03\x04 half", "submission.zip"),
    _changed(lambda files: {"notes.txt": b"I could not do it"}),
    _changed(lambda files: {**files, "edge/record.json": files["edge/record.json"][:9000]}),
]
HOSTILE: list[Callable[[Path, Files], Path]] = [
    _changed(lambda files: with_manifest(files, name="\ud800\x1b[2J=1+1")),
    _changed(lambda files: with_manifest(files, left_out=5, files=[])),
    _changed(lambda files: with_manifest(files, files={f"n/{n}": {"sha256": ""} for n in range(60_000)})),
    _changed(lambda files: with_manifest(files, files={"/dev/zero": {"sha256": ""}, "/proc/kmsg": {"sha256": ""}})),
    _changed(lambda files: {**files, "edge/record.json": b"[" * 300_000}),
    _changed(lambda files: {**files, "edge/steps.jsonl": b'{"index":' + b"9" * 200_000 + b"}\n"}),
    _bomb,
    _changed(lambda files: {**{f"../{n}": b"" for n in range(20_000)}, **files}),
]


def _heavy(work: Path) -> Files:
    """The files of a run with 30,000 predictions and 5,000 steps."""
    run = make_run(work / "heavy", 9999)

    def edit(fields: dict[str, Any]) -> None:
        first = fields["steps"][0]
        fields["steps"] += [
            {**first, "index": len(fields["steps"]) + n, "name": f"x/{n}", "result": None} for n in range(5000)
        ]
        fields["answers"] += [dict(fields["answers"][0]) for _ in range(30_000)]

    rewrite(run, edit)
    return files_of(hand_in(run, "heavy", work / "out-heavy", pdf=False).zip)


def build(base: Path, students: int, heavy: bool = False) -> MixedClass:
    """A class of so many in `base`/exports: three fifths honest, one broken, one hostile; partners come on top.

    `heavy`: also one whose record asks for hours of computing where that is done the obvious way.
    """
    made, work = MixedClass(base / "exports"), base / "work"
    spare = files_handed_in(work, "spare", 9000)
    listed: list[tuple[list[str], Path]] = []
    for number in range(students):
        kind = (made.honest, made.honest, made.honest, made.broken, made.hostile)[number % 5]
        system, turn, netid = SYSTEMS[number // 5 % 4], number // 5, f"ab{number}"
        if kind is made.honest:
            files = files_handed_in(work, netid, 2000 + number)
            archive = HONEST[number % len(HONEST)](work / f"zip-{netid}", files)
            shutil.rmtree(work / netid)
        else:
            own = with_manifest(spare, netid=netid)
            recipes = BROKEN if kind is made.broken else HOSTILE
            recipe = recipes[turn % len(recipes)]
            if heavy and number == students - 1:
                recipe = _changed(lambda _: with_manifest(_heavy(work), netid=f"ab{students - 1}"))
            archive = recipe(work / f"zip-{netid}", own)
        kind.append(netid)
        if system == "canvas":
            canvas(made.folder / system, number, netid, archive, late=number % 3 == 0)
        elif system == "moodle":
            moodle(made.folder / system, number, netid, archive)
        elif system == "brightspace":
            brightspace(made.folder / system, number, netid, archive)
        else:
            partner = [f"zz{number}"] if number % 3 == 0 else []
            kind += partner
            listed.append(([netid, *partner], archive))
    gradescope(made.folder / "gradescope", listed)
    return made
