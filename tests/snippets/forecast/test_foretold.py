"""Forecasts are recorded, and read again as they were."""

import types
from pathlib import Path

import pytest

from snippets.errors import RecordError
from snippets.forecast.foretold import foretell, read
from snippets.load.options import LoadOptions
from snippets.record.run import open_run
from snippets.simulate.calibrated import Figures
from snippets.simulate.server import Server
from snippets.triton.lab import Asked
from tests.snippets.forecast.test_calibration import deployed


def lab_in(folder: Path, mode: str = "resume") -> types.SimpleNamespace:
    run = open_run("system", notebook="3_batching", runs=folder, run_id="test", profile="quick", mode=mode)
    return types.SimpleNamespace(
        run=run, seconds=0.2, key=lambda deployment, more: {"config": deployment.config.pbtxt(), **more}
    )


ASKED = {f"batching/off-{n}": Asked(deployed(), LoadOptions(clients=n)) for n in (1, 8)}


def test_each_load_has_its_figures_under_its_name_and_the_record_keeps_them(tmp_path: Path) -> None:
    """4 ms: 250 answers a second, and eight clients wait for eight."""
    lab = lab_in(tmp_path)
    said = foretell(lab, "batching", Server({1: 4.0}), ASKED)
    assert {name: one.values() for name, one in said.items()} == {
        "batching/off-1": pytest.approx((250, 4, 4)),
        "batching/off-8": pytest.approx((250, 32, 32)),
    }
    assert read(lab.run.record().result("forecast/batching/figures")) == said


def test_a_replay_says_what_was_said_then_and_makes_no_other_forecast(tmp_path: Path) -> None:
    said = foretell(lab_in(tmp_path), "batching", Server({1: 4.0}), ASKED)
    again = lab_in(tmp_path, "replay")
    # What a later kit takes to be overhead changes nothing in what was said.
    assert foretell(again, "batching", Server({1: 4.0}, overhead_ms=1.0), ASKED) == said
    with pytest.raises(RecordError, match="forecast/batching/figures"):
        foretell(again, "batching", Server({1: 5.0}), ASKED)


def test_a_recorded_forecast_is_read_by_the_loads_names() -> None:
    step = {"loads": ["a", "b"], "requests_per_s": [1, 2], "p50_ms": [3, 4], "p95_ms": [5, 6]}
    assert read(step) == {"a": Figures(1, 3, 5), "b": Figures(2, 4, 6)}


def test_what_other_speeds_of_the_machine_would_make_of_it_is_kept_too(tmp_path: Path) -> None:
    lab = lab_in(tmp_path)
    said = foretell(lab, "batching", Server({1: 4.0}, unsteady=0.1), ASKED)
    eight = said["batching/off-8"]
    assert eight.slower and eight.faster and eight.faster.p50_ms < eight.p50_ms < eight.slower.p50_ms
    assert read(lab.run.record().result("forecast/batching/figures")) == said
