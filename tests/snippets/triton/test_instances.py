"""How many instances a team in a hurry deploys: by the device, and never more than its memory holds."""

from __future__ import annotations

import math

import pytest

from snippets.record.run import open_run
from snippets.triton import instances
from snippets.triton.lab import Lab


@pytest.mark.parametrize(
    ("cores", "gpus", "free_mb", "gpu_free_mb", "count"),
    [
        (2, 0, 8_000.0, [], 4),
        (128, 0, 16_000.0, [], 48),  # 12,000 MB at 250 each
        (48, 2, 120_000.0, [16_000.0, 16_000.0], 4),  # not 96 on each of two P100s
        (48, 2, 120_000.0, [16_000.0, 4_000.0], 2),  # the fuller one decides: 3,000 MB at 1,500 each
        (48, 1, 120_000.0, [16_000.0, 100.0], 4),  # the second one is not used
        (48, 1, 120_000.0, [math.nan], 4),
        (2, 0, 100.0, [], 1),
    ],
)
def test_the_device_decides_and_its_memory_is_the_bound(
    cores: int, gpus: int, free_mb: float, gpu_free_mb: list[float], count: int
) -> None:
    assert instances.hurried(cores, gpus, free_mb, gpu_free_mb) == count


def test_the_number_is_recorded_since_memory_is_not_the_same_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "free_memory_mb", lambda: (64_000.0, [3_100.0, 3_100.0]))
    lab = Lab(open_run("system", run_id="t", profile="quick"), gpus=2)
    assert lab.hurried_instances() == 1
    monkeypatch.setattr(instances, "free_memory_mb", lambda: (64_000.0, [16_000.0, 16_000.0]))
    assert lab.hurried_instances() == 1
    again = Lab(open_run("system", run_id="t", profile="quick", mode="replay"), gpus=2)
    assert again.hurried_instances() == 1


def test_a_record_of_before_had_two_for_each_core() -> None:
    old = open_run("system", run_id="t", profile="quick")
    old.step("neighbour/alone/load", lambda: {"failures": 0}, inputs={})
    lab = Lab(open_run("system", run_id="t", profile="quick", mode="replay"))
    assert lab.hurried_instances() == 2 * old.record().host["cpu"]["cores"]
