"""Execute a notebook of the kit as a student would, from top to bottom in a kernel of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import pytest

from snippets.record.context import BATCH_VARIABLE

QUESTION = re.compile(r"\b(?:ask|write)\(\s*run\b")
NOTEBOOKS = Path(__file__).resolve().parent.parent.parent / "notebooks"


def execute(
    notebook: str, out: Path, *, limit_s: int = 240, batch: bool = True, **parameters: Any
) -> nbformat.NotebookNode:
    """Run `notebooks/<notebook>.ipynb` with these parameters and return it with its outputs.

    The kernel imports the kit from this checkout. `batch`: open predictions stop nothing. Raises papermill's error of
    the cell that fails.
    """
    source = NOTEBOOKS / f"{notebook}.ipynb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(NOTEBOOKS.parent))
        if batch:
            patch.setenv(BATCH_VARIABLE, "1")
        return papermill.execute_notebook(
            str(source),
            str(out),
            parameters,
            cwd=str(source.parent),
            kernel_name="python3",
            progress_bar=False,
            execution_timeout=limit_s,
        )


@contextmanager
def on_one_core() -> Iterator[None]:
    """This process, and those that start its kernels, may use one CPU only meanwhile: another machine, so to speak."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    before = {each: each.cpu_affinity() for each in processes}
    for each, cpus in before.items():
        each.cpu_affinity(cpus[:1])
    try:
        yield
    finally:
        for each, cpus in before.items():
            with suppress(psutil.NoSuchProcess):
                each.cpu_affinity(cpus)


def printed(notebook: nbformat.NotebookNode) -> str:
    """Everything that the notebook's cells showed as text."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            texts.append(str(output.get("text", "")))
            texts += [str(output.get("data", {}).get(kind, "")) for kind in ("text/markdown", "text/plain")]
    return "\n".join(texts)


def measured(notebook: nbformat.NotebookNode) -> list[str]:
    """The lines of `printed` that tell measurements: without questions, whose state a replay words otherwise."""
    kept = []
    for cell in notebook.cells:
        if not QUESTION.search(cell.source):
            kept += [line for line in printed(nbformat.v4.new_notebook(cells=[cell])).splitlines() if line.strip()]
    return kept


def pictures(notebook: nbformat.NotebookNode) -> int:
    """How many PNG pictures the cells showed."""
    return sum("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", []))
