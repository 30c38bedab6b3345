"""Samples from machines and from generators of random numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grading.checks.evidence import Evidence
from grading.checks.integrity import samples
from snippets.record import load_record
from tests.grading.checks.paper import PaperRecord, PaperStep
from tests.grading.machines import Machine
from tests.grading.recorded import SMALL

# Twenty values in no order, at no even distances.
UNEVEN = np.array([10 + (k**3 % 101) / 7 for k in range(1, 21)])


@pytest.mark.parametrize("name", SMALL)
def test_the_samples_of_measured_runs_look_measured(kept: Callable[[str], Path], name: str) -> None:
    assert samples.unmeasured(Evidence(load_record(kept(name)))) == []


def test_times_are_found_whatever_their_type_and_not_where_nothing_was_measured() -> None:
    record = PaperRecord(
        (
            PaperStep("a/latency", {"latency_ms": [1, 2.5, "x"], "source": "elsewhere"}),
            PaperStep("b/throughput", {"batch_ms": np.arange(3), "latency_ms": np.array([np.nan])}),
            PaperStep("cloud/server/latency", {"latency_ms": UNEVEN}),
            PaperStep("c", 7),
        )
    )
    found = {name: values.tolist() for name, values in samples.times_of(record.evidence)}
    assert found == {"a/latency latency_ms": [1, 2.5], "b/throughput batch_ms": [0, 1, 2]}


def test_a_smooth_curve_is_no_measurement_and_the_same_with_noise_may_be() -> None:
    # One period of a sine in 60 samples: neighbours differ by at most 2 pi / 60 = 0.105 of the amplitude.
    sine = 30 + 5 * np.sin(np.arange(60) * 2 * np.pi / 60 + 0.1)
    assert samples.looks_made(sine) is None, "0.0055 / 0.5 = 0.011 of the variance"
    slower = 30 + 5 * np.sin(np.arange(90) * 2 * np.pi / 90 + 0.1)
    assert samples.looks_made(slower) == "the samples follow a smooth curve"
    assert samples.looks_made(slower, queued=True) is None, "a queue grows and shrinks like that"
    assert samples.looks_made(slower + np.tile([0.4, -0.4, 0.9], 30)) is None


def test_samples_that_rise_and_fall_with_those_of_another_step_are_told() -> None:
    first = np.concatenate([UNEVEN, UNEVEN[::-1] + 40.0])
    noisy = 1.7 * first + np.tile([0.0, 0.02], 20)
    told = samples.repeated([("a", first), ("b", noisy)])
    assert told == ["b rises and falls as a does"]
    assert samples.repeated([("a", first), ("b", np.roll(noisy, 7))]) == []
    assert samples.repeated([("a/load", first), ("b/load", noisy)]) == [], "a queue does so to both"


def scattered(kind: str, arrays: int = 10, count: int = 100) -> list[tuple[str, np.ndarray]]:
    """Arrays of a fixed seed."""
    rng = np.random.default_rng(5)
    machine = Machine(rng, scatter=0.02, drift=0.02, memory=0.9, stalls=0.01, tick_ns=1.0)
    make = {
        "normal": lambda: rng.normal(30, 1, count),
        "uniform": lambda: rng.uniform(29, 31, count),
        "machine": lambda: machine.times(30, count),
        "drifting": lambda: 30 + np.cumsum(rng.normal(0, 0.1, count)),
        "skewed": lambda: 30 * np.exp(rng.gamma(1.0, 0.05, count)),
    }[kind]
    return [(f"{n}/latency latency_ms", make()) for n in range(arrays)]


@pytest.mark.parametrize(
    ("kind", "told"), [("normal", 1), ("uniform", 1), ("machine", 0), ("drifting", 0), ("skewed", 0)]
)
def test_only_scatter_that_is_symmetrical_and_without_memory_looks_drawn(kind: str, told: int) -> None:
    assert len(samples.drawn(scattered(kind))) == told


def test_eight_arrays_are_needed_to_tell_and_loads_are_none() -> None:
    assert samples.drawn(scattered("normal", arrays=7)) == [] and len(samples.drawn(scattered("normal", arrays=8))) == 1
    loads = [(f"{n}/load latency_ms", values) for n, (_, values) in enumerate(scattered("normal"))]
    assert samples.drawn(loads) == []


PAGE_STEP = "browser/wasm-fp32-threads-2/latency"
TICKED = np.array([10 + 0.005 * (k**3 % 101) for k in range(1, 21)])
"""Twenty times of a page whose clock tells 5 microseconds apart."""


def page_record(times: np.ndarray, tick_ms: object = 0.005, name: str = PAGE_STEP) -> Evidence:
    """A record with a page's facts and a latency step."""
    facts = PaperStep("browser/facts", {"resolution_ms": tick_ms})
    return PaperRecord((facts, PaperStep(name, {"latency_ms": times}))).evidence


def test_a_page_s_times_are_ticks_of_its_coarse_clock_and_those_of_the_kit_s_own_are_not() -> None:
    assert samples.unmeasured(page_record(TICKED)) == []
    (told,) = samples.unmeasured(page_record(TICKED, name="browser/native-fp32-threads-2/latency"))
    assert "rounded to microseconds" in told
    # What the page says of its clock must be said, and be a clock's.
    for tick in (None, True, -1, 0, 1e6, "fine", float("nan")):
        assert samples.page_tick_ms(page_record(TICKED, tick)) == 0.0
        assert len(samples.unmeasured(page_record(TICKED, tick))) == 1


def test_a_clock_of_a_millisecond_leaves_few_values_and_equal_ones_are_no_forgery() -> None:
    coarse = np.array([14.0, 15, 14, 14, 15, 14, 16, 14, 14, 15, 14, 14, 15, 14, 14, 14, 14, 15, 14, 14])
    assert samples.unmeasured(page_record(coarse, 1.0)) == []
    assert samples.unmeasured(page_record(np.full(20, 14.0), 1.0)) == []
    # By a finer clock the same numbers are.
    assert "only 3 different values" in samples.unmeasured(page_record(coarse, 0.005))[0]
    # Nor do two arrays rise and fall together because most of their values are the same.
    many = np.tile(coarse, 3)
    assert samples.repeated([(f"{PAGE_STEP} latency_ms", many), (f"{PAGE_STEP}x latency_ms", many + 1)]) == []


def test_a_page_s_times_that_were_multiplied_are_no_ticks_any_more() -> None:
    step = f"{PAGE_STEP} latency_ms"
    assert samples.not_counted([(step, TICKED)], 0.005) == []
    assert samples.not_counted([(step, TICKED * 1.0137)], 0.005) == [
        f"{PAGE_STEP}: the times are no whole ticks of the page's clock, 0.005 ms each"
    ]
    # Seven calls of 2 ms together by a clock of 1 ms: sevenths of a millisecond.
    sevenths = np.round(np.array([14.0, 15, 16, 14, 15]) / 7, 6)
    assert samples.not_counted([(step, sevenths)], 1.0) == []
    assert samples.not_counted([(step, TICKED)]) == [], "whole nanoseconds all the same, where no page told its clock"
