"""What nbgrader does beside its own steps while it grades this lab, so that no cell of a student can decide a grade.

`Foreign`: code cells that a student added are tagged like those that measure, and so are not executed; HTML in a
student's Markdown is escaped, for formgrader and feedback show it. `Judged`: points are looked up here, in nbgrader's
process, and take the place of whatever the student's kernel said they were. nbgrader_config.py calls `guard`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute, NbGraderPreprocessor

from grading.nbgrader.cells import points_of
from grading.nbgrader.markdown import harmless
from grading.nbgrader.repair import TAG
from grading.submission.opened import runs_in

_SCORE = re.compile(r'^score\("([\w.\-]+)"', re.MULTILINE)


def _is_locked(cell: Any) -> bool:
    marks = cell.metadata.get("nbgrader", {})
    return bool(marks.get("locked")) and not marks.get("solution")


class Foreign(NbGraderPreprocessor):  # type: ignore[misc]
    """Keeps what a student added from being executed, and from reaching an instructor's browser as HTML."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Tag and escape the cells that are not the assignment's; each is named in nbgrader's log."""
        ours = self._sources(resources)
        for index, cell in enumerate(nb.cells):
            if cell.cell_type == "markdown" and cell.source not in ours:
                cell.source = harmless(cell.source)
            elif cell.cell_type == "code" and not _is_locked(cell) and TAG not in cell.metadata.get("tags", []):
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), TAG]
                self.log.warning("Cell %s was added by the student and is not executed: %.60r", index, cell.source)
        return nb, resources

    def _sources(self, resources: Any) -> frozenset[str]:
        """The Markdown of the assignment itself."""
        told = resources["nbgrader"]
        course = Path(resources["metadata"]["path"]).resolve().parents[2]
        path = course / "source" / told["assignment"] / f"{told['notebook']}.ipynb"
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        except (OSError, ValueError, KeyError):
            return frozenset()
        return frozenset("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


class Judged(NbGraderPreprocessor):  # type: ignore[misc]
    """Writes the points of each graded cell, whatever the kernel in which the student's cells ran has put there."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Replace the outputs of the cells that call `score` by what the record that was handed in earns."""
        from nbformat.v4 import new_output

        runs = runs_in(Path(resources["metadata"]["path"]))
        for cell in nb.cells:
            marks = cell.metadata.get("nbgrader", {})
            found = _SCORE.search(cell.source) if cell.cell_type == "code" and marks.get("grade") else None
            if found is None:
                continue
            points, told = points_of(found[1], runs.get(found[1].partition(".")[0]))
            cell.outputs = [
                new_output("stream", name="stdout", text=f"{told}\n"),
                new_output("execute_result", data={"text/plain": repr(points)}, execution_count=cell.execution_count),
            ]
        return nb, resources


def guard(config: Any) -> None:
    """Add both to nbgrader's own steps, in its configuration `c`."""
    traits = Autograde.class_traits()
    before, after = (list(traits[name].default()) for name in ("sanitize_preprocessors", "autograde_preprocessors"))
    after.insert(after.index(Execute) + 1, Judged)
    config.Autograde.sanitize_preprocessors = [*before, Foreign]
    config.Autograde.autograde_preprocessors = after
