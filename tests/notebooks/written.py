"""A notebook of the kit with a student's functions in its coding cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import nbformat

from tests.notebooks.executed import NOTEBOOKS

STUB = re.compile(r"^(?:async )?def (\w+)\(.*\):\n    \.\.\.\n", re.MULTILINE)


def with_functions(notebook: str, sources: Mapping[str, str], out: Path) -> Path:
    """Write `notebooks/<notebook>.ipynb` to `out`, with the bodies of some functions by name in the place of `...`."""
    found = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4)
    for cell in found.cells:
        stub = STUB.search(cell.source)
        if cell.cell_type == "code" and stub and stub[1] in sources:
            cell.source = cell.source.replace(stub[0], sources[stub[1]])
    nbformat.write(found, out)
    return out
