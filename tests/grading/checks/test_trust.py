"""Each threshold of trust from both sides, on records small enough to work out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import pytest

from grading.checks import trust
from snippets.record.run import Record
from tests.grading.checks.paper import NOON, PaperRecord, PaperStep

FP32 = "edge/fp32-threads-1/latency"
# One core with 256-bit vectors: 6 GHz x 32 = 192 giga operations a second.
PLAIN = {"id": "h", "cpu": {"cores": 1, "flags": ["avx2"]}}
# Twenty values in no order, at no even distances, none a whole hundredth.
UNEVEN = [10 + (k**3 % 101) / 7 for k in range(1, 21)]


def at(text: str) -> str:
    """That time of the first of March."""
    return f"2026-03-01T{text}Z"


def step(samples: Sequence[float] = (), name: str = FP32, **more: Any) -> PaperStep:
    return PaperStep(name, {"latency_ms": np.array(samples, dtype=float), **more})


def doubts(*steps: PaperStep, host: Mapping[str, Any] = PLAIN) -> str:
    """Why a record of these steps on that host is not plausible; empty if it is."""
    return "; ".join(trust.implausibilities(PaperRecord(steps, hosts=(host,)).evidence))


# --- Consistent ---


def timed(*times: tuple[str, str], **more: Any) -> list[str]:
    """Where the clock jumped in a record whose steps began and ended at these times."""
    steps = tuple(PaperStep(f"step {n}", {}, *map(at, pair)) for n, pair in enumerate(times))
    return [jump.told for jump in trust.clock_jumps(PaperRecord(steps, **more).evidence)]


def test_a_step_may_begin_five_seconds_before_the_one_before_it_ended_and_no_sooner() -> None:
    assert timed(("12:00:00", "12:01:00"), ("12:00:55", "12:02:00")) == []
    assert timed(("12:00:00", "12:01:00"), ("12:00:54.999", "12:02:00")) == [
        "step 'step 1' starts before 'step 0', which precedes it, has ended"
    ]


def test_the_first_step_may_be_five_seconds_older_than_the_run_and_no_more() -> None:
    assert timed(("11:59:55", "12:00:00")) == []
    assert timed(("11:59:54.999", "12:00:00")) == ["the first step is older than the run"]


def test_an_answer_may_be_five_seconds_older_than_the_run_and_needs_a_time() -> None:
    def answered(when: str) -> list[str]:
        return timed(answers=({"question": "q", "answered_utc": when},))

    assert answered(at("11:59:55")) == []
    assert answered(at("11:59:54.999")) == ["the answer to 'q' is older than the run"]
    for when in ("at noon", "2026-03-01T12:00:00"):
        record = PaperRecord(answers=({"question": "q", "answered_utc": when},))
        assert trust.inconsistencies(record.evidence) == ["the answer to 'q' has no time"]


@pytest.mark.parametrize(
    ("hours_back", "jumps", "plausible", "consistent"),
    [
        (0.01, 1, True, True),
        (25, 3, True, True),
        (27, 1, False, True),
        (0.01, 4, False, True),
        (0.01, 16, False, False),
    ],
)
def test_few_jumps_of_a_clock_cost_a_doubt_more_the_plausibility_and_only_disorder_the_record(
    hours_back: float, jumps: int, plausible: bool, consistent: bool
) -> None:
    started, steps = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=40), []
    for number in range(30):
        if 0 < number <= jumps:
            started -= timedelta(hours=hours_back)
        times = started.isoformat(), (started := started + timedelta(seconds=9)).isoformat()
        steps.append(PaperStep(f"step {number}", {}, *times))
    evidence = PaperRecord(tuple(steps)).evidence
    assert len(trust.clock_jumps(evidence)) == jumps
    assert (trust.implausibilities(evidence) == []) == plausible
    assert (trust.inconsistencies(evidence) == []) == consistent


def test_what_the_record_itself_finds_broken_counts_unless_it_was_left_out_for_size() -> None:
    record = PaperRecord(broken=("the file models/a.onnx is missing", "the file b is missing"))
    assert trust.inconsistencies(record.evidence) == list(record.broken)
    assert trust.inconsistencies(record.evidence, frozenset({"models/a.onnx"})) == ["the file b is missing"]


def test_a_step_that_breaks_a_relation_is_named() -> None:
    record = PaperRecord((PaperStep("a", {"bytes": 0}),))
    assert trust.inconsistencies(record.evidence) == ["step 'a': bytes is not positive"]


# --- Plausible: what arithmetic takes ---


def test_every_window_of_a_load_must_hold_together_and_not_only_the_last() -> None:
    good = {"ok": np.ones(2, dtype=bool), "latency_ms": np.array([10.0, 20.0]), "seconds": 1.0, "requests_per_s": 2.0}
    windows = [
        PaperStep("a/load", {**good, **more}, inputs={"window": n})
        for n, more in enumerate(({"requests_per_s": 9.0}, {}))
    ]
    assert "9" in "; ".join(trust.inconsistencies(PaperRecord(tuple(windows)).evidence))


@pytest.mark.parametrize(
    ("name", "provider", "cpu", "gpus", "least_ms"),
    [
        # 0.6 giga operations at 192 giga a second; twice as many with 512-bit vectors, four times with 8-bit integers.
        (FP32, "cpu", {"flags": ["avx2"]}, (), 3.125),
        (FP32, "cpu", {}, (), 3.125),
        (FP32, "cpu", {"flags": ["avx2", "avx512f"]}, (), 1.5625),
        (FP32, "cpu", {"flags": ["asimd"]}, (), 6.25),
        (FP32, "cpu", {"flags": ["avx2"], "cores": 4}, (), 0.78125),
        ("quantize/dynamic/latency", "cpu", {"flags": ["avx2"]}, (), 0.78125),
        # 6 GHz x 4096 = 24,576 giga operations a second, for integers and floats alike.
        ("quantize/dynamic/latency", "cpu", {"flags": ["amx_int8"]}, (), 0.6e3 / 24_576),
        # What is not named after a variant counts as the smallest network: 0.02 giga operations.
        ("endpoint/onnx-1/load", "cpu", {"flags": ["avx2"]}, (), 20 / 192),
        # 0.6 giga operations at 21.2 tera a second are 0.0283 ms; on an A100 moving the image takes longer:
        # 602,112 bytes at 64 GB a second are 0.0094 ms. A GPU that is not listed may do 2,000 tera.
        ("providers/cuda/latency", "CUDA", {}, ({"model": "Tesla P100-PCIE"},), 0.6 / 21.2),
        ("providers/cuda/latency", "tensorrt", {}, ({"model": "NVIDIA A100"},), 602_112 / 64e6),
        ("providers/cuda/latency", "cuda", {}, (), 602_112 / 64e6),
    ],
)
def test_the_shortest_time_for_an_image(
    name: str, provider: str, cpu: Mapping[str, Any], gpus: Any, least_ms: float
) -> None:
    host = {"cpu": {"cores": 1, **cpu}, "gpus": list(gpus)}
    assert trust.least_ms(cast(Any, PaperStep(name, {})), host, provider) == pytest.approx(least_ms)


def test_a_median_below_what_the_arithmetic_takes_is_doubted() -> None:
    assert doubts(step([3.12, 99, 3.12], provider="cpu")).startswith(
        f"{FP32}: a median of 3.12 ms is below the 3.12 ms that the arithmetic needs"
    )
    assert doubts(step([3.13, 0.1, 99], provider="cpu")) == ""
    # Eight images take eight times as long: 25 ms.
    assert "below the 25 ms" in doubts(step([24.9], provider="cpu", batch=8))
    assert doubts(step([25.1], provider="cpu", batch=8)) == ""


def test_only_a_steps_name_excuses_it_from_arithmetic_and_nothing_that_it_says_of_itself() -> None:
    assert doubts(step([0.001], "endpoint/onnx-1/load", provider="cpu", clients=8)) == ""
    assert doubts(step([0.001], "cloud/server/latency", source="another run")) == ""
    for said in ({"provider": "cpu", "clients": 8}, {"provider": "cpu", "source": "another run"}, {}, {"batch": True}):
        assert "that the arithmetic needs" in doubts(step([0.001], **said)), said
    assert "that the arithmetic needs" in doubts(PaperStep(FP32, {"latency_ms": np.array([1, 1])})), "whole numbers too"


# --- Plausible: samples that look made ---


def test_uneven_samples_are_believed() -> None:
    assert len(set(UNEVEN)) == 20 and doubts(step(UNEVEN)) == ""


@pytest.mark.parametrize(
    ("values", "count", "believed"),
    [
        # A third of the samples must differ, and at least 3: of 20 samples 20 // 3 = 6, of 100 samples 33.
        (UNEVEN[:5], 20, False),
        (UNEVEN[:6], 20, True),
        (UNEVEN[:20], 100, False),
        (UNEVEN[:2], 5, False),
        (UNEVEN[:3], 5, True),
        (UNEVEN[:1], 4, True),
    ],
)
def test_few_different_values_are_doubted(values: list[float], count: int, believed: bool) -> None:
    samples = (values * count)[:count]
    found = doubts(step(samples))
    assert found == "" if believed else f"only {len(values)} different values in {count} samples" in found


def test_samples_in_order_are_doubted_and_one_out_of_order_is_enough() -> None:
    rising = sorted(UNEVEN)
    for samples in (rising, rising[::-1]):
        assert "in order of size" in doubts(step(samples))
        assert doubts(step([samples[1], samples[0], *samples[2:]])) == ""
    equal = [rising[0], *rising[:-1]]  # the first two are the same
    assert "in order of size" in doubts(step(equal)) and "in order of size" in doubts(step(equal[::-1]))
    assert "in order of size" in doubts(step(rising[:10])) and doubts(step(rising[:9])) == "", "nine may be in order"
    load = "online/offline-32/loadgen"
    assert doubts(step(rising, load)) == "", "a pile handed over at once comes back in order"
    assert "in order of size" in doubts(step(rising, loadgen="Offline")), "what a step says of itself excuses nothing"


def test_evenly_spaced_samples_are_doubted_and_one_between_is_enough() -> None:
    even = [10 + k * 7 % 20 / 7 for k in range(20)]  # every multiple of 1/7 from 0 to 19, shuffled
    assert "evenly spaced" in doubts(step(even))
    # Moving one of the middle makes two more distances, a longer and a shorter one.
    assert doubts(step([*even[:5], even[5] + 0.01, *even[6:]])) == ""


def test_samples_rounded_to_microseconds_are_doubted_and_one_finer_is_enough() -> None:
    for digits in (2, 3):
        rounded = [round(value, digits) for value in UNEVEN]
        assert "rounded to microseconds" in doubts(step(rounded))
    assert doubts(step([rounded[0] + 0.0001, *rounded[1:]])) == ""


def test_samples_that_repeat_others_are_doubted_scaled_or_not() -> None:
    other = "edge/dynamic-threads-1/latency"
    for factor in (1.0, 1.7):
        repeated = [factor * value for value in UNEVEN]
        assert doubts(step(UNEVEN), step(repeated, other)) == (
            f"{other} latency_ms repeats the samples of {FP32} latency_ms"
        )
        assert doubts(step(UNEVEN), step([repeated[0] + 0.001, *repeated[1:]], other)) == ""
        assert doubts(step(UNEVEN[:19]), step(repeated[:19], other)) == "", "too few to tell"


# --- Plausible: hardware ---


@pytest.mark.parametrize(
    ("part", "node_type", "host", "doubt"),
    [
        ("edge", "raspberrypi5", {"cpu": {"model": "Cortex-A76"}}, ""),
        ("edge", "raspberrypi5", {"cpu": {"model": "EPYC"}}, "no host of the run has Cortex-A76"),
        ("model", "compute_liqid", {"gpus": [{"model": "A100-PCIE"}]}, ""),
        ("model", "compute_gigaio", {"gpus": []}, "no host of the run has A100"),
        ("system", "gpu_p100", {"gpus": [{"model": "Tesla P100"}]}, ""),
        ("edge", "gpu_p100", {"gpus": [{"model": "Tesla P100"}]}, "a lease of gpu_p100 does not fit part edge"),
        ("edge", "", {}, "a lease of an unnamed type does not fit part edge"),
    ],
)
def test_a_lease_must_fit_the_part_and_the_hosts(part: str, node_type: str, host: dict[str, Any], doubt: str) -> None:
    record = PaperRecord(part=part, hosts=(host,), lease={"id": "1", "node_type": node_type})
    found = trust.implausibilities(record.evidence)
    assert found == [] if not doubt else doubt in found[0]


def test_a_machine_of_ones_own_needs_no_lease() -> None:
    assert trust.implausibilities(PaperRecord().evidence) == []


# --- Lease-confirmed ---

LEASES = {"7": {"name": "serve_edge_ab123", "start_utc": NOON, "end_utc": at("14:00:00")}}


def leased(
    *started: str, lease: Mapping[str, Any] | None = None, netid: str = "ab123", known: Mapping[str, Any] = LEASES["7"]
) -> list[str]:
    """Why the testbed does not confirm a record whose steps began at these times."""
    steps = tuple(PaperStep(f"step {n}", {}, text) for n, text in enumerate(started))
    record = PaperRecord(steps, lease={"id": 7} if lease is None else lease)
    return trust.lease_doubts(cast(Record, record), netid, {"7": known})


def test_steps_lie_within_the_lease_give_or_take_five_seconds() -> None:
    assert leased(at("11:59:55"), at("13:00:00"), at("14:00:05")) == []
    outside = "1 steps were measured outside the lease's time, the first: step 0"
    assert leased(at("11:59:54.999")) == leased(at("14:00:05.001")) == leased("at noon") == [outside]


def test_a_lease_must_be_known_named_for_the_student_and_have_times() -> None:
    assert leased(lease={}) == ["the record names no lease"]
    assert leased(lease={"id": "8"}) == ["the testbed knows no lease 8"]
    assert leased(netid="ab12") == ["the lease is named 'serve_edge_ab123', not for ab12"]
    assert leased(known={**LEASES["7"], "end_utc": "soon"}) == ["the testbed's times for the lease cannot be read"]


# --- Re-run ---


def rerun(mine: Any, theirs: Any, name: str = "a") -> list[str]:
    """Where the staff's second measurement of a step does not agree with the first."""
    first, second = PaperRecord((PaperStep("a", mine),)), PaperRecord((PaperStep(name, theirs),))
    return trust.rerun_doubts(cast(Record, first), cast(Record, second))


@pytest.mark.parametrize("field", ["latency_ms", "batch_ms"])
def test_medians_may_be_1_6_times_apart_and_no_more(field: str) -> None:
    def medians(first: float, second: float) -> list[str]:
        return rerun({field: np.array([first, 1, 999])}, {field: np.array([999, second, 1])})

    assert medians(16, 10) == medians(10, 16) == medians(10, 10) == []
    assert medians(16.1, 10) == medians(10, 16.1) == ["a: the medians differ by a factor of 1.61"]


def test_a_second_run_of_other_steps_confirms_nothing() -> None:
    assert rerun({}, {}, name="b") == ["the second run shares no step with this one"]


@pytest.mark.parametrize("theirs", [None, 7, {}, {"latency_ms": "x"}])
def test_a_second_run_without_these_samples_contradicts_nothing(theirs: Any) -> None:
    assert rerun({"latency_ms": np.array([1.0])}, theirs) == []


def test_every_level_says_what_it_does_not_prove() -> None:
    assert list(trust.NOT_PROVEN) == list(trust.LEVELS)


def test_whose_account_made_the_lease_counts_and_not_its_name() -> None:
    """The kit's own name for it is what any student could give it."""
    mine = {**LEASES["7"], "name": "my lease", "user_id": "93d3", "netid": "ab123"}
    assert leased(at("13:00:00"), known=mine) == [] and leased(at("13:00:00"), netid=" AB123", known=mine) == []
    theirs = {**LEASES["7"], "user_id": "77", "netid": "zz9"}
    assert leased(at("13:00:00"), known=theirs) == ["the lease was made by the account of zz9, not of ab123"]
    unknown = {**theirs, "netid": ""}
    assert leased(at("13:00:00"), known=unknown) == [
        "the lease was made by the account of user 77, whom no list names, not of ab123"
    ]
