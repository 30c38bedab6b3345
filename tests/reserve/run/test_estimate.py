"""How long a grid will take: from records whose steps took a known time."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest

from reserve.run import estimate
from reserve.run.estimate import NOTEBOOK_S, left_s, whole_run_s
from reserve.run.options import RunOptions
from snippets.record.read import Record, Step


def step(name: str, seconds: float, notebook: str = "1_a") -> Step:
    return Step(0, name, name, {}, notebook, "", "", seconds, "h", Path(), {})


def record(*steps: Step, profile: str = "quick", hostname: str = "") -> Record:
    facts: Any = dict.fromkeys(("leases", "answers", "links"), ())
    facts |= {name: {} for name in ("figures", "screenshots")}
    host = {"id": "h", "hostname": hostname or platform.node()}
    parameters = {"1_a": {"profile": profile}}
    return Record(
        Path(), "model", "r", "", hosts=(host,), parameters=parameters, steps=steps, interrupted=None, **facts
    )


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Takes records by their run's name, and returns the folder of runs in which they seem to lie."""
    held: dict[str, Record] = {}

    def hold(part: str, **records: Record) -> Path:
        for name, one in records.items():
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            (folder / "record.json").write_text("{}")
            held[str(folder)] = one
        return tmp_path

    monkeypatch.setattr(estimate, "record_in", lambda folder: held.get(str(folder)))
    return hold


def test_a_run_takes_what_its_steps_took_and_five_seconds_a_notebook(runs) -> None:
    """20 + 10 s in two notebooks; the run that was cut off after a step tells less, and does not count."""
    whole = record(step("a", 20), step("b", 10, "2_b"))
    folder = runs("model", quick=whole, off=record(step("a", 21)))
    assert whole_run_s("model", "quick", folder) == 30 + 2 * NOTEBOOK_S


def test_a_run_of_another_profile_or_of_another_machine_tells_nothing(runs) -> None:
    folder = runs("model", full=record(step("a", 20), profile="full"), node=record(step("a", 9), hostname="elsewhere"))
    assert whole_run_s("model", "quick", folder) is None
    assert whole_run_s("edge", "quick", folder) is None


def test_part_system_is_known_in_another_profile(runs) -> None:
    """A LoadGen scenario of 2.5 s lasts four times as long in full, the step beside it as long as it did."""
    folder = runs("system", quick=record(step("online/server/loadgen", 2.5), step("models/food/prepare", 3)))
    assert whole_run_s("system", "full", folder) == 4 * 2.5 + 3 + NOTEBOOK_S


def test_a_grid_takes_all_its_runs_less_what_they_hold_already(runs) -> None:
    """35 s a run; one of three has spent 20 of its 30 s, and begins anew only if it is told to."""
    whole = record(step("a", 20), step("b", 10))
    folder = runs("model", quick=whole, begun=record(step("a", 20)))
    every = [RunOptions(run_id=name) for name in ("new", "begun", "other")]
    assert left_s("model", every, folder) == 35 + 15 + 35
    assert left_s("model", [RunOptions(run_id="begun", mode="fresh")], folder) == 35


def test_where_one_part_is_not_known_the_whole_is_not(runs) -> None:
    folder = runs("model", quick=record(step("a", 20)))
    assert left_s("all", [RunOptions(run_id="new")], folder) is None
