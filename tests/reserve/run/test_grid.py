"""A grid of parameters: every combination a run, failures told at the end, Dask only where asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grading.report.page import write_report
from reserve.run.grid import Point, Workers, points_of, run_grid
from reserve.run.options import RunOptions
from snippets.errors import CellError, Place, ToolMissing, UsageError
from snippets.record.run import open_run
from tests.terminals import at_terminal, plain


@dataclass(frozen=True)
class Done:
    folder: Path


def pretend(part: str, options: RunOptions, say: Any) -> list[Done]:
    """Stands in for running the notebooks: one recorded step that holds the parameters."""
    if "batch=13" in options.params:
        raise CellError("batch 13 does not fit\n  (in cell 5)", place=Place("model", "1_first", 4, "a/x/latency"))
    run = open_run(part, runs=options.runs, run_id=options.run_id)
    run.step("grid/all/point", lambda: {"params": list(options.params)}, inputs={})
    return [Done(run.folder)]


def points(runs: Path, *grids: str) -> list[Point]:
    shared = RunOptions(params=("images=4",), runs=runs, timeout_s=60)
    return [Point("model", shared, each) for each in points_of(grids)]


def test_a_grid_is_every_combination_in_order() -> None:
    assert points_of(["batch=1,8", "threads=1, 2"]) == [
        ("batch=1", "threads=1"),
        ("batch=1", "threads=2"),
        ("batch=8", "threads=1"),
        ("batch=8", "threads=2"),
    ]


@pytest.mark.parametrize(
    "grid",
    [["batch"], ["batch="], ["=1"], ["a b=1"], ["batch=1", "batch=2"], [f"n{i}=1,2,3,4,5,6,7,8,9" for i in range(4)]],
)
def test_a_malformed_or_huge_grid_is_refused(grid: list[str]) -> None:
    with pytest.raises(UsageError):
        points_of(grid)


def test_every_combination_gets_a_run_of_its_own_and_all_share_a_report(tmp_path: Path) -> None:
    lines: list[str] = []
    report = run_grid(points(tmp_path, "batch=1,8"), pretend, write_report, say=lines.append)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "quick-images-4-batch-1",
        "quick-images-4-batch-8",
    ]
    page = Path(report).read_text()
    assert "quick-images-4-batch-1" in page and "quick-images-4-batch-8" in page
    assert len(lines) == 2 and lines[-1].startswith("[2/2]")


def test_one_that_fails_stops_no_other_and_is_named_at_the_end(tmp_path: Path) -> None:
    said = r"1 of 2 combinations failed: quick-images-4-batch-13: batch 13 does not fit \(model, 1_first"
    with pytest.raises(CellError, match=said):
        run_grid(points(tmp_path, "batch=13,2"), pretend, write_report, say=lambda _: None)
    summary = json.loads((tmp_path / "grid/grid.json").read_text())
    assert list(summary["runs"]) == ["quick-images-4-batch-2"] and list(summary["failed"]) == [
        "quick-images-4-batch-13"
    ]
    where = {"part": "model", "notebook": "1_first", "cell": 4, "step": "a/x/latency"}
    assert summary["failed_at"] == {"quick-images-4-batch-13": where}
    assert (tmp_path / "grid/report.html").exists()


@pytest.mark.slow
def test_dask_runs_the_combinations_where_it_is_installed(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        protocol="tcp://",
        host="127.0.0.1",
    ) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tcp://127.0.0.1")
        run_grid(points(tmp_path, "batch=1,2"), pretend, write_report, Workers(scheduler=address), say=lambda _: None)
    assert len(list((tmp_path / "model").iterdir())) == 2


def test_without_dask_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(ToolMissing, match="servelab\\[dask\\]"):
        run_grid(
            points(tmp_path, "batch=1"),
            pretend,
            write_report,
            Workers(scheduler="tcp://127.0.0.1:1"),
            say=lambda _: None,
        )


AT_TERMINAL = """
from pathlib import Path
from tests.reserve.run.test_grid import points, pretend, write_report
from reserve.run.grid import run_grid
if __name__ == "__main__":
    run_grid(points(Path(__file__).parent, "batch=1,8"), pretend, write_report)
"""


def test_at_a_terminal_a_bar_says_how_many_points_are_done(tmp_path: Path, root: Path) -> None:
    (tmp_path / "grid_at_terminal.py").write_text(AT_TERMINAL)
    environment = {"PYTHONPATH": str(root)}
    words = [sys.executable, str(tmp_path / "grid_at_terminal.py")]
    written = plain(at_terminal(words, 80, environment))
    assert "grid 1 of 2 " in written or "grid 2 of 2 " in written, written
    assert "[2/2]" in written
    piped = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=100)
    assert "[2/2]" in piped.stdout and "\x1b" not in piped.stdout and "1 of 2" not in piped.stdout
