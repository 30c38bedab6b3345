"""Sliders move over recorded samples and offered loads, and over nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grading.site.explore import Distribution, axes, distributions
from snippets.record.run import load_record, open_run


def test_a_percentile_is_a_recorded_sample_by_nearest_rank(runs: dict[str, Path]) -> None:
    eager, compiled = distributions(load_record(runs["model"]), "1_baseline")
    assert (eager.name, compiled.name) == ("baseline: eager", "baseline: compiled")
    assert [eager.at(percent) for percent in (1, 50, 95, 100)] == [1.0, 50.0, 95.0, 100.0]
    assert compiled.at(95) == 47.5 and eager.ms == tuple(sorted(eager.ms))
    assert eager.told["50"].startswith("50.5 (")


@pytest.mark.parametrize(("percent", "ms"), [(1, 2.0), (33, 2.0), (34, 3.0), (67, 7.0), (100, 7.0)])
def test_between_two_samples_there_is_no_value(percent: int, ms: float) -> None:
    assert Distribution("x", (2.0, 3.0, 7.0), {}).at(percent) == ms


def test_a_percentile_that_few_samples_cannot_bound_is_not_told(runs: dict[str, Path]) -> None:
    (first, *_) = distributions(load_record(runs["model"]), "1_baseline")
    assert first.told["99"] == "too few samples to tell"


def test_of_a_soak_the_samples_are_shown_and_no_interval_is_promised(tmp_path: Path) -> None:
    run = open_run("edge", notebook="2_soak_and_cold_start", run_id="quick", runs=tmp_path)
    run.step("soak/all/soak", lambda: {"latency_ms": np.arange(500.0, 0.0, -1.0)})
    (soak,) = distributions(load_record(run.folder), "2_soak_and_cold_start")
    assert (soak.name, soak.at(95), soak.told) == ("soak: all", 475.0, {})


def test_loads_are_those_offered_each_with_the_services_that_met_it(runs: dict[str, Path]) -> None:
    clients, rates = axes(load_record(runs["system"]), "3_batching")
    assert (clients.unit, clients.values) == ("clients", (1.0, 8.0))
    assert (rates.unit, rates.values) == ("requests/s offered", (20.0, 50.0))
    assert [[row.service for row in rows] for rows in clients.rows] == [
        ["batching: off"],
        ["batching: off", "batching: on"],
    ]
    alone = clients.rows[0][0]
    # 39 of 40 in each half second are answered, in 10 ms each; one a window fails.
    assert alone.rate.startswith("78.0") and alone.p50.startswith("10.0") and alone.failures == 5


def test_a_lesson_without_steps_has_no_slider(runs: dict[str, Path]) -> None:
    record = load_record(runs["model"])
    assert distributions(record, "2_graph") == [] and axes(record, "2_graph") == []
