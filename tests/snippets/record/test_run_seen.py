"""What is seen of a run from outside: lines of progress, pictures in a notebook, and where runs are looked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from snippets.record import run as run_module
from snippets.record.run import Run, default_runs, latest_run, open_run


def progress(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.folder / "progress.jsonl").read_text().splitlines()]


def test_each_state_of_a_step_is_a_line_with_its_time_and_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(7_000_000_000, 99_000_000_000, 500_000_000))  # each look at the clock is half a second later
    monkeypatch.setattr(run_module, "time", SimpleNamespace(perf_counter_ns=lambda: next(ticks)))
    monkeypatch.setattr(run_module, "utc_now", lambda: "now")
    run = open_run("model", notebook="1_baseline", runs=tmp_path)

    def fails() -> None:
        raise ZeroDivisionError

    for _ in range(2):
        run.step("size", lambda: 7, inputs={})
    with pytest.raises(ZeroDivisionError):
        run.step("speed", fails)
    assert progress(run) == [
        {"utc": "now", "notebook": "1_baseline", "step": step, "state": state, "seconds": seconds}
        for step, state, seconds in (
            ("size", "started", None),
            ("size", "done", 0.5),
            ("size", "replayed", 0.5),
            ("speed", "started", None),
            ("speed", "failed", 0.5),
        )
    ]
    assert [step.seconds for step in run.record().steps] == [0.5]


def test_the_current_time_is_utc_with_microseconds() -> None:
    assert len(run_module.utc_now()) == len("2026-01-01T00:00:00.000000Z") and run_module.utc_now().endswith("Z")


class Drawing:
    """What a run asks of a matplotlib figure; the file says how it was to be saved."""

    number = 3

    def savefig(self, path: Path, **options: Any) -> None:
        path.write_text(json.dumps(options))

    def get_figwidth(self) -> float:
        return 6.4


def test_a_picture_is_saved_without_margins_nor_the_name_of_what_drew_it(tmp_path: Path) -> None:
    run = open_run("model", runs=tmp_path)
    wanted = {"dpi": 150, "bbox_inches": "tight", "metadata": {"Software": None}}
    assert json.loads(run.figure("a", Drawing()).read_text()) == wanted
    assert json.loads(run.figure("a", Drawing(), dpi=90).read_text()) == {**wanted, "dpi": 90}


@pytest.mark.parametrize(
    ("kernel", "held", "shown"), [(True, {3}, True), (False, {3}, False), (True, {4}, False), (True, {-1}, False)]
)
def test_in_a_notebook_a_figure_that_pyplot_holds_is_shown_as_its_file_and_not_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: bool, held: set[int], shown: bool
) -> None:
    closed: list[Any] = []
    displayed: list[Any] = []
    pyplot = SimpleNamespace(fignum_exists=held.__contains__, close=closed.append)
    display = SimpleNamespace(Image=lambda path, width: (path, width), display=displayed.append)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel or None))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    drawing = Drawing()
    path = open_run("model", runs=tmp_path).figure("a", drawing)
    assert (closed, displayed) == (([drawing], [(path, 576)]) if shown else ([], []))


def test_a_figure_without_a_number_is_none_that_pyplot_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    pyplot = SimpleNamespace(fignum_exists=lambda number: asked.append(number))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: True))
    unnumbered = SimpleNamespace(savefig=Drawing().savefig)
    open_run("model", runs=tmp_path).figure("a", unnumbered)
    assert asked == [-1]


@pytest.mark.parametrize("module", ["matplotlib.pyplot", "IPython"])
def test_without_pyplot_or_a_notebook_a_figure_is_only_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    def touched(*_: Any) -> None:
        raise AssertionError("nothing is shown")

    there = {
        "matplotlib.pyplot": SimpleNamespace(fignum_exists=lambda _: True, close=touched),
        "IPython": SimpleNamespace(get_ipython=lambda: True),
    }
    for name, fake in there.items():
        monkeypatch.setitem(sys.modules, name, fake)
    monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(Image=touched, display=touched))
    assert open_run("model", runs=tmp_path).figure("a", Drawing()).is_file()


def checkout(folder: Path, *, notebooks: bool = True, environment: bool = True) -> Path:
    folder.mkdir(parents=True)
    if notebooks:
        (folder / "notebooks").mkdir()
    if environment:
        (folder / "environment.yml").touch()
    return folder


def test_runs_lie_in_the_innermost_checkout_round_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SERVELAB_RUNS")
    monkeypatch.setattr(run_module, "KIT", tmp_path / "elsewhere")
    outer = checkout(tmp_path / "outer")
    for inside in (checkout(outer / "a", environment=False), checkout(outer / "b", notebooks=False), outer):
        monkeypatch.chdir(inside)
        assert default_runs() == outer / "runs"
    monkeypatch.chdir(tmp_path)
    assert default_runs() == tmp_path / "runs"
    monkeypatch.setattr(run_module, "KIT", outer)
    assert default_runs() == outer / "runs"


def test_the_latest_run_is_looked_for_where_one_says(tmp_path: Path) -> None:
    here, there = open_run("model"), open_run("model", runs=tmp_path)
    assert (latest_run("model"), latest_run("model", tmp_path)) == (here.folder, there.folder)
    assert latest_run("edge") is None and latest_run("model", tmp_path / "none") is None
