"""How long cells take, from the runs that are there; and papermill's engine tells which have run."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from reserve.run.cells import MEASURING_S, OTHER_S, CellBar, expected_s
from reserve.run.execute import execute
from tests.reserve.run.test_execute import notebook

IMPORT, STEP = "import numpy", "kept = run.step('a/b', measure, inputs={})"


def executed(runs: Path, run_id: str, seconds: dict[str, float]) -> None:
    """A notebook of that run, whose cells took so long."""
    made = nbformat.v4.new_notebook()
    for source, took in seconds.items():
        told = {"start_time": "2027-01-01T00:00:00+00:00", "end_time": f"2027-01-01T00:00:{took:09.6f}+00:00"}
        made.cells.append(nbformat.v4.new_code_cell(source, metadata={"papermill": told}))
    path = runs / run_id / "notebooks" / "1_small.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(made, path)


def test_without_a_run_a_cell_that_measures_counts_more_than_one_that_does_not(tmp_path: Path) -> None:
    expected = expected_s(notebook(tmp_path, IMPORT, STEP), tmp_path / "runs")
    assert (expected[IMPORT], expected[STEP]) == (OTHER_S, MEASURING_S)


def test_a_cell_takes_the_longest_that_it_took_in_the_runs_that_are_there(tmp_path: Path) -> None:
    executed(tmp_path / "runs", "quick", {STEP: 7.5, "gone = 1": 9.0})
    executed(tmp_path / "runs", "again", {STEP: 0.5})  # a replay
    assert expected_s(notebook(tmp_path, IMPORT, STEP), tmp_path / "runs") == {
        "number: int = 1": OTHER_S,
        IMPORT: OTHER_S,
        STEP: 7.5,
    }


@pytest.mark.parametrize("content", ["", "[]", '{"cells": [{}]}', json.dumps({"cells": [{"cell_type": "code"}]})[:-2]])
def test_a_file_that_is_no_notebook_tells_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "runs" / "quick" / "notebooks" / "1_small.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert expected_s(notebook(tmp_path, STEP), tmp_path / "runs")[STEP] == MEASURING_S


def test_each_cell_is_told_when_it_has_run_also_one_before_an_error(tmp_path: Path) -> None:
    ended: list[str] = []
    execute(notebook(tmp_path, "x = 1", "y = 2"), tmp_path / "out.ipynb", {}, 60, ended.append)
    assert ended == ["number: int = 1", "x = 1", "y = 2"]


def test_lines_of_a_cell_are_one_source() -> None:
    ended: list[str] = []
    bar = CellBar([{"source": ["a\n", "b"]}, {"source": "c"}], ended.append)
    bar.update(1)
    bar.update(1)
    bar.refresh()
    bar.close()
    assert ended == ["a\nb", "c"] and bar.n == 2
