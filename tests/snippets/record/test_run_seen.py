"""What is seen of a run from outside: folders, head, progress, pictures in a notebook, where runs are looked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from snippets.errors import StorageError, UsageError
from snippets.record import files as files_module
from snippets.record import run as run_module
from snippets.record import steps
from snippets.record.context import LEASE_VARIABLE, OWNER_VARIABLE
from snippets.record.lock import RunLock
from snippets.record.run import Run, default_runs, latest_run, load_record, open_run


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


def test_a_new_run_has_its_folders_and_what_is_not_said_of_it_has_a_default(tmp_path: Path) -> None:
    run = open_run("model", runs=tmp_path)
    assert (run.folder, run.notebook, run.profile, run.mode) == (tmp_path / "model" / "mine", "", "quick", "resume")
    made = {path.name for path in run.folder.iterdir() if path.is_dir()}
    assert made == {"samples", "figures", "screens", "models", "notebooks"}
    assert open_run("model", runs=tmp_path, profile="full").profile == "full"


def test_a_name_that_is_no_folder_is_told_for_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="^part is '../model'; use letters"):
        open_run("../model", runs=tmp_path)
    with pytest.raises(UsageError, match="^run_id is ''; use letters"):
        open_run("model", run_id="", runs=tmp_path)
    with pytest.raises(UsageError, match=r"input parameters\['camera'\] is a object"):
        open_run("model", runs=tmp_path, parameters={"camera": object()})


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=f"^{tmp_path}/file/model/mine cannot be written"):
        open_run("model", runs=tmp_path / "file")


def test_the_lock_tells_the_notebook_and_knows_the_process_that_holds_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Any, ...]] = []

    def lock(*told: Any) -> RunLock:
        made.append(told)
        return RunLock(*told)

    monkeypatch.setattr(run_module, "RunLock", lock)
    monkeypatch.setenv(OWNER_VARIABLE, "77")
    run = open_run("model", notebook="2_graph", runs=tmp_path)
    assert made == [(run.folder, "2_graph", "77")]


def test_each_fact_that_is_new_is_kept_whether_the_others_are_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(host: str, lease: str, batch: int) -> None:
        monkeypatch.setattr(run_module, "host_facts", lambda: {"id": host})
        monkeypatch.setenv(LEASE_VARIABLE, json.dumps({"id": lease}))
        open_run("model", notebook="n", runs=tmp_path, parameters={"batch": batch})

    for facts in (("a", "1", 8), ("b", "1", 8), ("b", "1", 16), ("b", "2", 16), ("c", "2", 16)):
        opened(*facts)
        record = load_record(tmp_path / "model" / "mine")
        assert (record.hosts[-1], record.lease, record.parameters["n"]) == (
            {"id": facts[0]},
            {"id": facts[1]},
            {"batch": facts[2]},
        )


def test_only_a_step_of_more_than_a_second_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[bool] = []

    def append(path: Path, step: dict[str, Any], durable: bool = False) -> None:
        waits.append(durable)
        steps.append(path, step, durable)

    monkeypatch.setattr(files_module, "append", append)
    run = open_run("model", runs=tmp_path)
    for length_s in (0.5, 1.0, 1.5):
        ticks = iter((0, round(length_s * 1e9)))
        monkeypatch.setattr(run_module, "time", SimpleNamespace(perf_counter_ns=lambda ticks=ticks: next(ticks)))
        run.step(f"{length_s}", lambda: 7, inputs={})
    assert waits == [False, False, True]


def test_samples_are_named_by_their_step_in_letters_and_digits(tmp_path: Path) -> None:
    run = open_run("model", runs=tmp_path)
    run.step("/a b//X/", lambda: {"latency_ms": np.zeros(1)})
    assert [path.name for path in (run.folder / "samples").iterdir()] == ["0000-a-b-X.latency_ms.npy"]


def test_a_screenshot_is_copied_from_where_it_lies_and_stays_where_it_lies_in_its_place(tmp_path: Path) -> None:
    run = open_run("model", runs=tmp_path)
    (tmp_path / "shot.png").write_bytes(b"picture")
    for picture in (tmp_path / "shot.png", str(tmp_path / "shot.png"), run.folder / "screens" / "page.png"):
        assert run.screenshot("page", picture).read_bytes() == b"picture"
    assert list(run.record().screenshots) == ["page"]


def test_the_current_time_is_utc_with_microseconds() -> None:
    assert len(run_module.utc_now()) == len("2026-01-01T00:00:00.000000Z") and run_module.utc_now().endswith("Z")


class Drawing:
    """What a run asks of a matplotlib figure; the file says how it was to be saved."""

    number = 3
    axes = ()

    def get_suptitle(self) -> str:
        return "Soup by the bowl"

    def savefig(self, path: Path, **options: Any) -> None:
        path.write_text(json.dumps(options))

    def get_figwidth(self) -> float:
        return 6.4


def test_a_picture_is_saved_without_margins_with_what_it_shows_and_not_what_drew_it(tmp_path: Path) -> None:
    run = open_run("model", runs=tmp_path)
    words = {"Software": None, "Title": "Soup by the bowl", "Description": "Soup by the bowl."}
    wanted = {"dpi": 150, "bbox_inches": "tight", "metadata": words}
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
    display = SimpleNamespace(Image=lambda path, width, alt: (path, width, alt), display=displayed.append)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel or None))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    drawing = Drawing()
    path = open_run("model", runs=tmp_path).figure("a", drawing)
    assert (closed, displayed) == (([drawing], [(path, 576, "Soup by the bowl.")]) if shown else ([], []))


def test_a_figure_without_a_number_is_none_that_pyplot_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    pyplot = SimpleNamespace(fignum_exists=lambda number: asked.append(number))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: True))
    unnumbered = SimpleNamespace(savefig=Drawing().savefig, get_suptitle=Drawing().get_suptitle, axes=())
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
