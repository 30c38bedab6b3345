"""How long each cell of a notebook takes, as far as that can be known before, and when each has ended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

MEASURES = re.compile(r"\.(step|turns)\(|measure")
MEASURING_S, OTHER_S = 4.0, 0.2
"""What is guessed for a cell that no run here has executed: one that measures, and any other."""
LOOK_AT = 3
"""So many of the newest runs are looked at."""


def expected_s(notebook: Path, part_runs: Path) -> dict[str, float]:
    """Seconds by source of each code cell of `notebook`: the longest it took in the newest runs in `part_runs`."""
    known: dict[str, float] = {}
    executed = sorted(part_runs.glob(f"*/notebooks/{notebook.name}"), key=lambda path: path.stat().st_mtime)
    for path in executed[-LOOK_AT:]:
        for cell in _code(path):
            known[source_of(cell)] = max(known.get(source_of(cell), 0.0), _seconds(cell))
    sources = [source_of(cell) for cell in _code(notebook)]
    return {source: known.get(source) or (MEASURING_S if MEASURES.search(source) else OTHER_S) for source in sources}


def source_of(cell: dict[str, Any]) -> str:
    """The text of a cell, which a file may hold line by line."""
    return "".join(cell["source"])


def _code(path: Path) -> list[dict[str, Any]]:
    """The code cells of a notebook; none of a file that is no notebook."""
    try:
        return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _seconds(cell: dict[str, Any]) -> float:
    told = cell.get("metadata", {}).get("papermill", {})
    try:
        return (datetime.fromisoformat(told["end_time"]) - datetime.fromisoformat(told["start_time"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return 0.0


class CellBar:
    """What stands where papermill has its progress bar: after each cell, its source is handed to `ended`."""

    def __init__(self, cells: list[dict[str, Any]], ended: Callable[[str], None]) -> None:
        self._cells, self._ended, self.n = cells, ended, 0

    def update(self, count: int) -> None:
        """So many more cells have run."""
        for cell in self._cells[self.n : self.n + count]:
            self._ended(source_of(cell))
        self.n += count

    def refresh(self) -> None:
        """Nothing: what is shown is not papermill's."""

    def close(self) -> None:
        """Nothing either."""


def watched_engine() -> str:
    """The name of papermill's own engine with a CellBar: it takes `ended`, beside what that one takes."""
    from papermill.engines import NBClientEngine, papermill_engines

    class Watched(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, ended: Any = None, **options: Any) -> Any:
            if ended:
                nb_man.pbar = CellBar(nb_man.nb.cells, ended)
            return super().execute_managed_notebook(nb_man, kernel_name, **options)

    papermill_engines.register("servelab", Watched)
    return "servelab"
