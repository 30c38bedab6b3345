"""`servelab gradescope build`: autograder.zip, holding only what grading a record imports."""

from __future__ import annotations

import ast
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from snippets.parts import KIT, OWN, own_folder, parts_named

HERE = Path(__file__).resolve().parent
ROOMS = ("grading", "snippets")
ENTRIES = ("grading.gradescope.run", "grading.gradescope.results", "grading.grade", "grading.functions.tests")
"""What run_autograder starts, and what that imports when it comes to it."""


def _file(module: str) -> Path | None:
    """Where a module of the kit lies; None for any other name."""
    place = KIT.joinpath(*module.split("."))
    files = (place.with_suffix(".py"), place / "__init__.py") if module.partition(".")[0] in ROOMS else ()
    return next((path for path in files if path.is_file()), None)


def _imported(path: Path) -> Iterator[str]:
    """What a file imports as it is loaded, not later inside its functions; of a name from a module, both ways."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def needed() -> list[Path]:
    """Files of the kit that the autograder loads, function tests included, and the data that they read."""
    found: set[Path] = set()
    waiting = list(ENTRIES)
    while waiting:
        module = waiting.pop()
        path = _file(module)
        if path is None or path in found:
            continue
        found.add(path)
        waiting += [module.rpartition(".")[0], *_imported(path)]
    folders = {path.parent for path in found if path.name != "__init__.py"}
    data = {path for folder in folders for pattern in ("*.toml", "*.schema.json") for path in folder.glob(pattern)}
    return sorted({*found, *data, KIT / "grading" / "functions" / "child.py"})


def own() -> list[Path]:
    """What grading reads of a course's own folder: its tables, questions, rubrics and judges; no data, no notebook."""
    folder = own_folder()
    places = [folder.glob("*.toml"), *((folder / name).rglob("*") for name in ("questions", "judges", "staff"))]
    return sorted(path for place in places for path in place if path.suffix in (".toml", ".py"))


def build_autograder(part: str, out: Path, *, functions: bool = False) -> Path:
    """Write autograder.zip for `part` (model, edge, system or all); the same kit gives the same bytes.

    Raises UsageError for another part.
    """
    settings = {"parts": parts_named(part), "functions": functions}
    contents: dict[str, tuple[bytes, int]] = {
        "autograder.json": (json.dumps(settings).encode(), 0o644),
        "setup.sh": ((HERE / "setup.sh").read_bytes(), 0o755),
        "run_autograder": ((HERE / "run_autograder").read_bytes(), 0o755),
    }
    for path in needed():
        contents[path.relative_to(KIT).as_posix()] = (path.read_bytes(), 0o644)
    for path in own():
        contents[f"{OWN}/{path.relative_to(own_folder()).as_posix()}"] = (path.read_bytes(), 0o644)
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (data, mode) in sorted(contents.items()):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr, info.compress_type = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out
