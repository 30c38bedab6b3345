"""Which runs are alike by their figures: ranks, medians and tails, durations."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np

from grading.batch.copies import alike_by_figures
from grading.checks.evidence import Evidence
from grading.checks.prints import profiles
from snippets.record import load_record
from tests.grading.checks.paper import PaperRecord, PaperStep

Arrays = list[np.ndarray]


def run(seed: int, count: int = 8) -> Arrays:
    """Samples of a run: skewed times of steps that are held up more or less."""
    rng = np.random.default_rng(seed)
    return [10 * rng.uniform(0.9, 1.1) + rng.gamma(1, 0.5, 60) * rng.uniform(0.3, 3) for _ in range(count)]


def alike(*runs: Arrays, seconds: list[list[float]] | None = None) -> dict[tuple[int, int], str]:
    """Which of these runs are found alike, and in what."""
    told = []
    for number, arrays in enumerate(runs):
        took = seconds[number] if seconds else [0.001] * len(arrays)
        steps = tuple(
            PaperStep(f"{n}/latency", {"latency_ms": samples}, seconds=took[n]) for n, samples in enumerate(arrays)
        )
        told.append(profiles(PaperRecord(steps).evidence))
    return {pair: what for pair, (what, _) in alike_by_figures(told).items()}


def test_two_runs_are_not_alike() -> None:
    assert alike(run(1), run(2), run(3)) == {}


def test_noise_leaves_the_order_of_samples_as_it_is_and_scaling_does() -> None:
    rng = np.random.default_rng(9)
    noisy = [1.3 * samples * (1 + rng.uniform(-0.01, 0.01, 60)) for samples in run(1)]
    assert alike(run(1), run(2), noisy) == {(0, 2): "times of 8 steps that rise and fall together"}


def test_some_steps_that_drift_alike_are_no_copy() -> None:
    mine, other = run(1), run(2)
    same = [samples**2 for samples in mine]  # the same order, at other distances
    assert alike(mine, [*same[:5], *other[5:]]) == {}, "three of eight have nothing to do with each other"
    assert alike(mine, [*same[:7], *other[7:]]) == {(0, 1): "times of 8 steps that rise and fall together"}


def test_a_sample_or_two_that_are_missing_or_were_put_before_do_not_hide_it() -> None:
    for copy in ([each[2:] for each in run(1)], [np.append([10.0, 10.5], each) for each in run(1)]):
        assert alike(run(1), copy) == {(0, 1): "times of 8 steps that rise and fall together"}


def test_samples_that_were_shuffled_and_blurred_keep_medians_and_maxima() -> None:
    rng = np.random.default_rng(9)
    shuffled = [rng.permutation(each * (1 + rng.uniform(-0.005, 0.005, 60))) for each in run(1)]
    assert alike(run(1), run(2), shuffled) == {
        (0, 2): "times of 8 steps that are nearer to each other than two measurements"
    }


def test_seven_common_steps_tell_nothing() -> None:
    assert alike(run(1, 7), run(1, 7)) == {} and len(alike(run(1, 8), run(1, 8))) == 1


def test_durations_that_differ_by_one_factor_are_those_of_one_run() -> None:
    took = [0.5, 1.1, 0.7, 2.2, 0.9, 1.7, 0.33, 0.41]
    scaled = [1.07 * each for each in took]
    other = [0.52, 1.0, 0.71, 2.0, 0.93, 1.5, 0.35, 0.44]
    assert alike(run(1), run(2), run(3), seconds=[took, scaled, other]) == {
        (0, 1): "8 steps whose durations differ by one factor"
    }


def test_runs_of_one_machine_are_not_alike(kept: Callable[[str], Path]) -> None:
    names = ("records_v1/edge", "records_v2/edge", "records_v2/edge_again", "records_v1/model", "records_v2/model")
    found = alike_by_figures([profiles(Evidence(load_record(kept(name)))) for name in names])
    assert found == {} and len(list(combinations(names, 2))) == 10
