"""One notebook from top to bottom: kept whatever happens, and honest about how it ended."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

import reserve.run.execute as module
from reserve.run.execute import execute
from snippets.errors import CellError, DataError, KernelDied, KitError, Place, RunTimeout, StorageError


def notebook(folder: Path, *cells: str) -> Path:
    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    first = nbformat.v4.new_code_cell("number: int = 1", metadata={"tags": ["parameters"]})
    made.cells = [first, *(nbformat.v4.new_code_cell(cell) for cell in cells)]
    path = folder / "1_small.ipynb"
    nbformat.write(made, path)
    return path


def test_parameters_are_injected_and_the_output_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out.ipynb"
    done = execute(notebook(tmp_path, "print(number * 2)"), out, {"number": 21}, 60)
    assert done.output == out and done.seconds > 0
    assert nbformat.read(out, as_version=4).cells[-1].outputs[0]["text"] == "42\n"


def test_a_cell_that_raises_is_named_with_its_number(tmp_path: Path) -> None:
    out = tmp_path / "out.ipynb"
    with pytest.raises(CellError, match=r"ValueError: no\n.*in cell 3 of 1_small.ipynb.*out.ipynb") as raised:
        execute(notebook(tmp_path, "x = 1", "raise ValueError('no')"), out, {}, 60)
    assert "finished steps are kept" in str(raised.value)
    place = raised.value.place
    assert place.notebook == "1_small" and place.cell == 2
    ran = [cell for cell in nbformat.read(out, as_version=4).cells if cell.cell_type == "code"]
    assert ran[place.cell].source == "raise ValueError('no')"


def test_the_kits_own_error_stays_what_it_was(tmp_path: Path) -> None:
    raises = "from snippets.errors import DataError\nraise DataError('No images.')"
    with pytest.raises(DataError, match="No images.") as raised:
        execute(notebook(tmp_path, raises), tmp_path / "out.ipynb", {}, 60)
    assert raised.value.place == Place(notebook="1_small", cell=1)


@pytest.mark.parametrize(
    ("ends", "kind"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", KernelDied),
        ("import threading; threading.Event().wait(600)", RunTimeout),
    ],
)
def test_a_kernel_that_dies_or_is_stopped_does_so_in_a_cell_that_is_known(
    tmp_path: Path, ends: str, kind: type[KitError]
) -> None:
    out = tmp_path / "out.ipynb"
    with pytest.raises(kind) as raised:
        # The injected parameters are a cell too.
        execute(notebook(tmp_path, "x = 1", ends, "print('never')"), out, {"number": 2}, 6)
    assert raised.value.place == Place(notebook="1_small", cell=3)
    assert nbformat.read(out, as_version=4).cells[3].source == ends


def test_an_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="could not be written.*--runs"):
        execute(notebook(tmp_path, "x = 1"), tmp_path / "file" / "out.ipynb", {}, 60)


def test_a_notebook_that_has_nothing_to_do_is_finished_and_says_why(tmp_path: Path) -> None:
    out = tmp_path / "out.ipynb"
    ends = "from snippets.errors import NothingToDo\nraise NothingToDo('it is in int8 already')"
    done = execute(notebook(tmp_path, ends, "raise ValueError('never')"), out, {}, 60)
    assert done.ended_early == "it is in int8 already"
    cells = nbformat.read(out, as_version=4).cells
    assert not any(one.output_type == "error" for cell in cells for one in cell.get("outputs", ()))
    assert not any("papermill-error" in str(cell.metadata.get("tags", "")) for cell in cells)
    assert cells[-2].outputs[-1].text == "it is in int8 already\n"


def test_an_executed_notebook_gives_way_only_to_another_that_ran_to_its_end(tmp_path: Path) -> None:
    out, beside = tmp_path / "out.ipynb", tmp_path / "out.failed.ipynb"

    def said(path: Path) -> str:
        return str(nbformat.read(path, as_version=4).cells[-1])

    with pytest.raises(CellError, match="the traceback: .*out.ipynb"):
        execute(notebook(tmp_path, "int('never whole')"), out, {}, 60)
    assert "never whole" in said(out), "there was nothing better"
    assert execute(notebook(tmp_path, "print('first')"), out, {}, 60).output == out and "first" in said(out)
    whole = out.read_bytes()
    with pytest.raises(CellError, match="the traceback: .*out.failed.ipynb"):
        execute(notebook(tmp_path, "int('later')"), out, {}, 60)
    assert out.read_bytes() == whole and "later" in said(beside)
    execute(notebook(tmp_path, "print('second')"), out, {}, 60)
    assert "second" in said(out) and not beside.exists()


@pytest.mark.parametrize(
    "said", ["I/O error: No space left on device (os error 28)", "[Errno 122] Disk quota exceeded"]
)
def test_a_full_disk_is_told_as_one_whatever_package_met_it(tmp_path: Path, said: str) -> None:
    raises = f"class SafetensorError(Exception): pass\nraise SafetensorError({said!r})"
    with pytest.raises(StorageError, match="(?s)The disk is full .*SafetensorError: .*Free some space") as raised:
        execute(notebook(tmp_path, raises), tmp_path / "out.ipynb", {}, 60)
    assert raised.value.exit_code == 8 and raised.value.place.cell == 1


def test_a_disk_with_nothing_left_is_found_where_a_package_only_says_that_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_full", lambda folders: next(iter(folders)))
    with pytest.raises(StorageError, match="The disk is full .*RuntimeError: file write failed"):
        execute(notebook(tmp_path, "raise RuntimeError('file write failed')"), tmp_path / "out.ipynb", {}, 60)
