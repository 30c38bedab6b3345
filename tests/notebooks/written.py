"""A notebook of the kit with a student's functions in its coding cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from grading.staff.solutions.write import filled
from tests.notebooks.executed import NOTEBOOKS


def with_functions(notebook: str, sources: Mapping[str, str], out: Path) -> Path:
    """Write `notebooks/<notebook>.ipynb` to `out`, with the bodies of some functions by name in the place of `...`."""
    found = json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8"))
    out.write_text(json.dumps(filled(found, sources)[0]), encoding="utf-8")
    return out
