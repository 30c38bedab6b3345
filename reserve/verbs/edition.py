"""`servelab edition` and `servelab trovi`: the kit as students get it, without what is right and what earns the points,
as a folder and as an artifact for Chameleon's JupyterHub."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from reserve.node.checkout import listed
from reserve.node.secrets import is_secret
from snippets.course import SETTINGS, course, own_name
from snippets.errors import UsageError
from snippets.files import storage_error, write_atomic
from snippets.parts import KIT

NOT_FOR_STUDENTS = ("tests/", "benchmarks/", ".ci/", ".github/", ".gitattributes", "grading/COURSE.md")
"""What holds the kit together: its tests know the right answers, too; and what only who changes it reads."""
ENDING = ".tar.gz"
TITLE_CHARACTERS = SHORT_CHARACTERS = 70
LONG_CHARACTERS = 5000
ARTIFACT_MB = 500
"""What Trovi takes of an artifact's title, short and long description, and of its files before they are packed."""


def student_files(root: Path = KIT) -> list[str]:
    """Names of the files of the student edition, from the top of the kit at `root`."""
    names = [name for name in listed(root) if not name.startswith(NOT_FOR_STUDENTS)]
    return [name for name in names if not is_secret(name, (root / name).read_bytes())]


def write_edition(out: Path, root: Path = KIT, built: Callable[[Path], str] | None = None) -> str:
    """Write the student edition of the kit at `root` into the new or empty folder `out`; what was written.

    It is the checkout as it is, changes included. `built`: makes a notebook of its source; with it notebooks come from
    their sources, with the course's own settings and without what the checkout's hold of answers and outputs.
    Raises UsageError for a folder that holds something, or lies in the kit; StorageError where it cannot be written;
    and what `built` raises, before anything is written.
    """
    if out.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{out} lies in the kit itself; name a folder outside {root}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} holds something already; name a new folder, or empty it first.")
    names = student_files(root)
    texts = {name: built(root / name) for name in names if built and _is_source(root, name)}
    made = {str(Path(name).with_suffix(".ipynb")): text for name, text in texts.items()}
    try:
        for name in sorted({*names, *made}):
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if name in made:
                target.write_text(made[name], encoding="utf-8")
            else:
                shutil.copy2(root / name, target)
    except OSError as error:
        raise storage_error(error, out, "DIR") from error
    total = len({*names, *made})
    return f"wrote the student edition to {out}: {total} files, no rubric, no right answer and no solution"


def _is_source(root: Path, name: str) -> bool:
    """Whether a file is the source of a notebook: a .md below a folder `notebooks` that begins with a head."""
    path = Path(name)
    return path.suffix == ".md" and "notebooks" in path.parts and (root / name).read_bytes().startswith(b"---\n")


def write_artifact(out: Path, root: Path = KIT, built: Callable[[Path], str] | None = None) -> list[str]:
    """Write the student edition as an archive for Trovi to `out` (`.tar.gz`), and beside it `<name>.json`, what Trovi's
    form asks for (title, descriptions, tags); what was written.

    The same kit gives the same bytes. Raises as `write_edition`, and UsageError for another ending, a title that is too
    long, or more than Trovi takes.
    """
    if not out.name.endswith(ENDING):
        raise UsageError(
            f"{out}: the artifact is a {ENDING} file; call it {out.with_suffix('').name or 'lab'}{ENDING}."
        )
    card = artifact_card()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "kit"
        write_edition(folder, root, built)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        size_mb = sum(path.stat().st_size for path in files) / 1e6
        if size_mb > ARTIFACT_MB:
            raise UsageError(
                f"the student edition has {size_mb:.0f} MB; Trovi takes {ARTIFACT_MB}. Let the notebooks download "
                "the data, or take it out of own/."
            )
        data = _packed(folder, files)
    beside = out.with_name(out.name.removesuffix(ENDING) + ".json")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, out, "FILE") from error
    write_atomic(out, data, setting="FILE")
    write_atomic(beside, (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode(), setting="FILE")
    return [f"wrote {out}: {len(files)} files, {len(data) / 1e6:.1f} MB", f"wrote {beside}: what Trovi's form asks for"]


def _packed(folder: Path, files: list[Path]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for path in files:
            info = tarfile.TarInfo(path.relative_to(folder).as_posix())
            info.size = path.stat().st_size
            info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as file:
                tar.addfile(info, file)
    return buffer.getvalue()


def artifact_card() -> dict[str, object]:
    """Title, descriptions and tags of the artifact, by the names of Trovi's API."""
    name = course().name
    if len(name) > TITLE_CHARACTERS:
        raise UsageError(f"{own_name(SETTINGS)}: name has {len(name)} characters; Trovi takes {TITLE_CHARACTERS}.")
    first = (
        "Launch it, open `notebooks/0_reserve.ipynb`, and run its cells: they reserve a node, prepare it, run the "
        "lab's notebooks there and bring the record home. Measuring happens on the leased node; nothing is installed "
        "here but click, numpy and paramiko, where they are missing. The README tells the rest."
    )
    return {
        "title": name or "ServeLab: serving machine learning models",
        "short_description": "Measure serving a model: on a CPU, a GPU, a Raspberry Pi, with Triton",
        "long_description": first,
        "tags": ["education", "machine learning", "inference"],
        "visibility": "private",
    }
