"""What course systems hand out, built around submissions: the archives that students' tools make, and four exports."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.grading.students import hand_in, make_run

Files = dict[str, bytes]


def files_handed_in(base: Path, netid: str, seed: int) -> Files:
    """What an honest student's submission holds; the run is made in `base`."""
    return files_of(hand_in(make_run(base / netid, seed), netid, base / "out" / netid, pdf=False).zip)


def files_of(archive: Path) -> Files:
    """Names and contents of a zip."""
    with zipfile.ZipFile(archive) as opened:
        return {info.filename: opened.read(info) for info in opened.infolist() if not info.is_dir()}


def zip_of(target: Path, files: Mapping[str, bytes]) -> Path:
    """A zip of these files, in this order; its folders are made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo("x", (2026, 3, 1, 12, 0, 0))
            info.filename, info.compress_type = name, zipfile.ZIP_DEFLATED  # as it is: zipfile would turn a backslash
            archive.writestr(info, data)
    return target


def tar_of(target: Path, files: Mapping[str, bytes]) -> Path:
    """A tar.gz of these files."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return target


def folder_of(target: Path, files: Mapping[str, bytes]) -> Path:
    """These files in a folder, as a browser or Gradescope unpacks them."""
    for name, data in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return target


def with_manifest(files: Files, /, **changes: Any) -> Files:
    """The files, with fields of their manifest changed."""
    manifest = {**json.loads(files["manifest.json"]), **changes}
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def renamed(files: Files, name: Callable[[str], str]) -> Files:
    """The files under other names."""
    return {name(old): data for old, data in files.items()}


def canvas(folder: Path, number: int, student: str, archive: Path, late: bool = False) -> Path:
    """One of Canvas' downloads."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"doe{student}_{'LATE_' * late}{1000 + number}_{5000 + number}_{archive.name}"
    return Path(shutil.copy(archive, folder / name))


def moodle(folder: Path, number: int, student: str, archive: Path) -> Path:
    """One of Moodle's folders."""
    target = folder / f"Jane {student}_{7000 + number}_assignsubmission_file_"
    target.mkdir(parents=True)
    return Path(shutil.copy(archive, target))


def brightspace(folder: Path, number: int, student: str, archive: Path, day: int = 27) -> Path:
    """One of Brightspace's folders."""
    (folder / "index.html").parent.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text("<html>")
    target = folder / f"{100 + number}-222 - Jane {student} - {day} November, 2026 1127 PM"
    target.mkdir(parents=True)
    return Path(shutil.copy(archive, target))


def gradescope(folder: Path, submissions: Sequence[tuple[Sequence[str], Path]]) -> Path:
    """Gradescope's export: for each submission who handed it in, and the zip, which Gradescope unpacks."""
    lines = []
    for number, (students, archive) in enumerate(submissions, 1):
        target = folder / f"submission_{number}"
        target.mkdir(parents=True)
        try:
            files = files_of(archive)
            folder_of(target, {name: data for name, data in files.items() if ".." not in name})  # it would not, either
        except (zipfile.BadZipFile, OSError):
            shutil.copy(archive, target)
        lines += [f"submission_{number}:", "  :submitters:"]
        for student in students:
            lines += [f"  - :name: Jane {student}", f"    :sid: N{number:07d}", f"    :email: {student}@nyu.edu"]
        lines += [f"  :created_at: 2026-11-27 10:00:0{number % 10}.123 Z", "  :score: 1.0"]
    (folder / "submission_metadata.yml").write_text("---\n" + "\n".join(lines) + "\n")
    return folder
