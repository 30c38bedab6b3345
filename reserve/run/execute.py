"""Execute one notebook with papermill and say honestly how it ended."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import snippets.errors as errors
from reserve.run.cells import watched_engine
from reserve.run.faults import is_full, says_full
from snippets.errors import CellError, KernelDied, KitError, NothingToDo, Place, RunTimeout, StorageError, first_line
from snippets.files import cache_folder
from snippets.quick_import import without_iri_checks
from snippets.record.context import BATCH_VARIABLE

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Executed:
    """A notebook that ran to its end, or to where it says itself that there is nothing more to do (`ended_early`)."""

    notebook: Path
    output: Path
    seconds: float
    ended_early: str = ""


FAILED = ".failed"
"""Before the ending of an executed notebook that did not run to its end, where one that did has the name."""


def execute(
    notebook: Path,
    output: Path,
    parameters: dict[str, Any],
    timeout_s: float,
    ended: Callable[[str], None] | None = None,
) -> Executed:
    """Run `notebook` from top to bottom with `parameters` injected; the executed notebook is kept at `output`.

    `ended` is told the source of each cell that has run.

    One that ran to its end before gives way only to another that does: else this one is kept beside it, as
    `NAME.failed.ipynb`.

    Raises CellError for a cell that raised (or the kit's own error that it raised), KernelDied when the kernel's
    process ended, RunTimeout after `timeout_s` seconds in all, StorageError where `output` cannot be written. The
    first three say in which cell (`place`).
    Whatever happens, the cells that ran are kept.
    """
    beside = output.with_name(f"{output.stem}{FAILED}{output.suffix}")
    place = beside if _ran_to_its_end(output) else output
    done = _execute(notebook, place, parameters, timeout_s, ended)
    if place is beside:
        beside.replace(output)
    beside.unlink(missing_ok=True)
    return replace(done, output=output)


def _ran_to_its_end(path: Path) -> bool:
    """Whether `path` is a notebook that papermill executed without an error, to the last cell."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["metadata"]["papermill"]
        return bool(told["end_time"]) and not told["exception"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _execute(
    notebook: Path,
    output: Path,
    parameters: dict[str, Any],
    timeout_s: float,
    ended: Callable[[str], None] | None,
) -> Executed:
    without_iri_checks()
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    started = time.monotonic()

    def remaining(_cell: Any) -> int:
        return max(1, round(timeout_s - (time.monotonic() - started)))

    before = os.environ.get(BATCH_VARIABLE, "")
    os.environ[BATCH_VARIABLE] = "1"  # the kernel inherits it
    try:
        papermill.execute_notebook(
            str(notebook),
            str(output),
            parameters=parameters,
            cwd=str(notebook.parent),
            kernel_name="python3",
            progress_bar=False,
            engine_name=watched_engine(),
            ended=ended,
            timeout_func=remaining,
            request_save_on_cell_execute=True,
            # A kernel warns of its loopback ports each time. And jupyter_client interrupts it before it shuts it down:
            # where that meets the end of the last cell, it logs an error that is none. A cell's own come as its output.
            extra_arguments=["--IPKernelApp.log_level=50"],
        )
    except PapermillExecutionError as error:
        if error.ename == NothingToDo.__name__:
            return Executed(notebook, output, time.monotonic() - started, _ended_early(output))
        raise _cell_error(error, notebook, output) from None
    except DeadKernelError:
        raise _dead(notebook, output) from None
    except (CellTimeoutError, TimeoutError):
        raise RunTimeout(
            f"The notebook {notebook.name} took longer than {timeout_s:.0f} s and was stopped. What it finished is "
            f"kept; run again to go on from there, with a larger --timeout if it needs more. Executed so far: {output}",
            place=_last_begun(notebook, output),
        ) from None
    except OSError as error:
        raise StorageError(
            f"The executed notebook {output} could not be written ({error.strerror or error}); choose a "
            "folder with space that you may write, with --runs."
        ) from error
    finally:
        os.environ[BATCH_VARIABLE] = before
    _check_all_ran(notebook, output)
    return Executed(notebook, output, time.monotonic() - started)


def _ended_early(output: Path) -> str:
    """Make the end that looks like an error the sentence that it is, in the executed notebook; returns the sentence."""
    import nbformat

    notebook = nbformat.read(output, as_version=4)
    notebook.cells = [c for c in notebook.cells if not str(c.metadata.get("tags", "")).count("papermill-error-cell")]
    said = ""
    for cell in notebook.cells:
        for index, one in enumerate(cell.get("outputs", ())):
            if one.output_type == "error" and one.ename == NothingToDo.__name__:
                said = one.evalue
                cell.outputs[index] = nbformat.v4.new_output("stream", name="stdout", text=said + "\n")
    notebook.metadata.papermill["exception"] = None
    nbformat.write(notebook, output)
    return said


def _cell_error(error: Any, notebook: Path, output: Path) -> KitError:
    text = _ANSI.sub("", f"{error.evalue}").strip()
    where = f"in cell {error.cell_index + 1} of {notebook.name}; the executed notebook, with the traceback: {output}"
    kind = getattr(errors, error.ename.rpartition(".")[2], None)
    place = Place(notebook=notebook.stem, cell=error.cell_index)
    if isinstance(kind, type) and issubclass(kind, KitError):
        return kind(f"{text}\n  ({where})", place=place)
    if full := _full_disk(text, output):
        return StorageError(
            f"The disk is full ({full}): {error.ename}: {first_line(ValueError(text))}\n  ({where})\n  Free some "
            "space, or choose another disk with --runs, and run again: finished steps are kept.",
            place=place,
        )
    return CellError(
        f"{error.ename}: {text}\n  ({where})\n  Correct the cell or its parameters and run again; "
        "finished steps are kept.",
        place=place,
    )


def _full_disk(text: str, output: Path) -> str:
    """The place whose disk is full, by what an error says, or by what is left there; empty where none is."""
    if says_full(text):
        return str(output.parent.parent)
    return str(is_full((output.parent, cache_folder(), Path(tempfile.gettempdir()))) or "")


def _last_begun(notebook: Path, output: Path) -> Place:
    """The cell that papermill began last: it ends no other after a kernel's death or a timeout."""
    import nbformat

    cells = nbformat.read(output, as_version=4).cells
    begun = [index for index, cell in enumerate(cells) if cell.metadata.get("papermill", {}).get("start_time")]
    return Place(notebook=notebook.stem, cell=begun[-1] if begun else None)


def _dead(notebook: Path, output: Path) -> KernelDied:
    return KernelDied(
        f"The kernel that ran {notebook.name} died (killed, or out of memory). Finished steps are kept: free some "
        f"memory and run again to go on from there. Executed so far: {output}",
        place=_last_begun(notebook, output),
    )


def _check_all_ran(notebook: Path, output: Path) -> None:
    """Papermill calls a notebook complete after its kernel died, so look at what really ran."""
    import nbformat

    cells = nbformat.read(output, as_version=4).cells
    code = [c for c in cells if c.cell_type == "code" and c.source.strip()]
    if any(c.execution_count is None for c in code):
        raise _dead(notebook, output)
