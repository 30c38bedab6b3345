"""`servelab gradescope build`: autograder.zip, holding only what grading a record imports."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from snippets.parts import KIT, parts_named

HERE = Path(__file__).resolve().parent
MARK = "ours: "
# Run in a fresh interpreter: which of the kit's files does grading load, function tests included?
PROBE = f"""
import importlib, sys
for name in ("grading.gradescope.run", "grading.gradescope.results", "grading.grade", "grading.functions.tests"):
    importlib.import_module(name)
for module in list(sys.modules.values()):
    print({MARK!r} + (getattr(module, "__file__", None) or ""))
"""


def needed() -> list[Path]:
    """Files of the kit that the autograder loads, found by loading it; and the data that they read."""
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=KIT, capture_output=True, text=True, check=True)
    files = {Path(line[len(MARK) :]).resolve() for line in done.stdout.splitlines() if line.startswith(MARK)}
    ours = {
        path
        for path in files
        if path.is_relative_to(KIT)
        and path.suffix == ".py"
        and path.relative_to(KIT).parts[0] in ("grading", "snippets")
    }
    folders = {path.parent for path in ours}
    data = {path for folder in folders for pattern in ("*.toml", "*.schema.json") for path in folder.glob(pattern)}
    return sorted({*ours, *data, HERE.parent / "functions" / "child.py"})


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
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (data, mode) in sorted(contents.items()):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr, info.compress_type = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out
