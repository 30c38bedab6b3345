"""Part 3's Triton notebooks, executed in this process with what they showed as text."""

from __future__ import annotations

import io
import json
import linecache
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks" / "system"
TRITON_NOTEBOOKS = ("2_triton", "3_batching", "4_instances", "5_online_and_batch", "6_platform")


def execute(name: str, **parameters: Any) -> str:
    """Run a notebook's code cells in this process, with parameters put after the parameters cell; what they printed
    and displayed as text."""
    import matplotlib

    matplotlib.use("agg")
    shown = io.StringIO()

    def display(*things: Any) -> None:
        shown.writelines(f"{getattr(thing, 'data', '')}\n" for thing in things)

    namespace: dict[str, Any] = {"__name__": "__main__"}
    with redirect_stdout(shown), mock.patch("IPython.display.display", display):
        for cell in json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                source, place = "".join(cell["source"]), f"{name}:{cell['id']}"
                # As IPython does, so that the text of a function that a cell defines can be had.
                linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
                exec(compile(source, place, "exec"), namespace)
                if "parameters" in cell["metadata"].get("tags", []):
                    namespace.update(parameters)
    return shown.getvalue()


@dataclass(frozen=True)
class Executed:
    """Run records of every Triton notebook, executed once, and what each showed as text."""

    runs: Path
    shown: Mapping[str, str]
