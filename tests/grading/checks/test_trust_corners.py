"""Trust where a field is absent, a figure sits exactly on its limit, or an odd step comes before a doubtful one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pytest

from grading.checks import trust
from snippets.errors import RecordError
from snippets.record.run import Record
from tests.grading.checks.paper import NOON, PaperRecord, PaperStep
from tests.grading.checks.test_trust import FP32, LEASES, PLAIN, UNEVEN, doubts, step

BATCH = "edge/fp32-threads-1/throughput"


def least_ms(name: str, provider: str, host: Any) -> float:
    return trust.least_ms(cast(Any, PaperStep(name, {})), host, provider)


# --- What arithmetic takes ---


@pytest.mark.parametrize("cpu", [{}, {"cores": None}, {"cores": 0}, {"cores": 1}])
def test_a_cpu_without_a_count_of_cores_has_one(cpu: Any) -> None:
    assert least_ms(FP32, "cpu", {"cpu": cpu}) == pytest.approx(3.125, rel=1e-12)


@pytest.mark.parametrize(
    "variant",
    ["dynamic", "aggressive", "conservative", "conservative-streams", "openvino-aggressive", "openvino-bf16-streams"],
)
def test_every_8_bit_variant_may_be_four_times_as_fast(variant: str) -> None:
    assert least_ms(f"quantize/{variant}/latency", "cpu", PLAIN) == pytest.approx(3.125 / 4, rel=1e-12)


@pytest.mark.parametrize("provider", ["cuda", "TensorRT", "an OpenVINO GPU"])
def test_a_gpu_is_held_against_its_bus_and_its_arithmetic(provider: str) -> None:
    assert (
        least_ms(FP32, provider, {})
        == least_ms(FP32, provider, {"gpus": [{}]})
        == pytest.approx(602_112 / 64e6, rel=1e-12)
    )
    assert least_ms(FP32, provider, {"gpus": [{"model": "Tesla P100"}]}) == pytest.approx(0.6 / 21.2, rel=1e-12)


def test_a_median_exactly_as_long_as_the_arithmetic_takes_is_believed() -> None:
    assert doubts(step([least_ms(FP32, "cpu", PLAIN)], provider="cpu")) == ""


@pytest.mark.parametrize("batch", [None, "many", 0, 1, 2.5])
def test_a_batch_that_is_no_count_is_one_image(batch: Any) -> None:
    assert doubts(step([3.13], provider="cpu", batch=batch)) == ""
    assert "below the 3.12 ms" in doubts(step([3.12], provider="cpu", batch=batch))


def test_a_step_is_held_against_the_host_that_ran_it_and_one_of_an_unknown_host_against_a_plain_one() -> None:
    fast = {"id": "fast", "cpu": {"cores": 64, "flags": ["avx512f"]}}

    def found(host: str) -> list[str]:
        one = replace(step([1.0], provider="cpu"), host=host)
        return trust.implausibilities(PaperRecord((one,), hosts=(PLAIN, fast)).evidence)

    assert found("fast") == [] and len(found("h")) == len(found("elsewhere")) == 1


# --- Samples that look made ---


def test_of_62_samples_20_must_differ() -> None:
    assert doubts(step((UNEVEN * 4)[:62])) == ""  # 62 // 3 = 20
    assert "only 20 different values" in doubts(step((UNEVEN * 4)[:63]))


@pytest.mark.parametrize("samples", [sorted(UNEVEN), sorted(UNEVEN)[::-1]])
def test_equal_neighbours_are_in_order_of_size_too(samples: list[float]) -> None:
    assert "in order of size" in doubts(step([samples[0], *samples]))


def test_one_missing_sample_makes_evenly_spaced_ones_no_better() -> None:
    spaced = [10 + k * 7 % 20 / 7 for k in range(20)]
    with_a_gap = [value for value in [*spaced, 10 + 20 / 7] if value != 10 + 5 / 7]
    assert len(with_a_gap) == 20 and "evenly spaced" in doubts(step(with_a_gap))


def test_a_twentieth_of_a_microsecond_is_finer_than_microseconds() -> None:
    rounded = [round(value, 2) for value in UNEVEN]
    assert doubts(step([rounded[0] + 0.00005, *rounded[1:]])) == ""


def test_batch_times_are_looked_at_like_latencies() -> None:
    made = PaperStep(BATCH, {"batch_ms": np.array(sorted(UNEVEN))})
    assert doubts(made) == f"{BATCH}: the samples are in order of size"


def test_what_is_no_array_of_times_is_passed_over_and_what_comes_after_it_is_not() -> None:
    made = {"batch_ms": np.array(sorted(UNEVEN))}
    for odd in (np.array([]), "text", np.array(["a"] * 20)):
        assert doubts(PaperStep(BATCH, {"latency_ms": odd, **made})) == f"{BATCH}: the samples are in order of size"
    for other in (PaperStep("a", 7), PaperStep("a", {"source": "another run"})):
        assert doubts(other, PaperStep(BATCH, made)) == f"{BATCH}: the samples are in order of size"


# --- Copies ---


def copies(*arrays: list[float]) -> list[str]:
    """Which of these steps of a load generator repeat another's samples; nothing else of them is looked at."""
    steps = tuple(
        PaperStep(f"s{n}/loadgen", {"latency_ms": np.array(values, dtype=float)}) for n, values in enumerate(arrays)
    )
    return trust.implausibilities(PaperRecord(steps).evidence)


def test_twenty_equal_samples_are_copies_whatever_follows_and_whatever_lies_between() -> None:
    again = "latency_ms repeats the samples of s0/loadgen latency_ms"
    assert copies([*UNEVEN, 1.0], [*UNEVEN, 2.0]) == [f"s1/loadgen {again}"]
    assert copies(UNEVEN, [5.0] * 20, UNEVEN[:19], UNEVEN) == [f"s3/loadgen {again}"]
    assert copies([5.0] * 20, [5.0] * 20) == [], "all equal: other checks doubt those"


def test_samples_that_span_a_millisecond_are_compared_too() -> None:
    span = [10 + k * 7 % 20 / 19 for k in range(20)]
    assert max(span) - min(span) == 1 and len(copies(span, span)) == 1


# --- Hardware and lease ---


@pytest.mark.parametrize(
    ("part", "lease", "doubt"),
    [
        ("other", {"node_type": "x"}, "a lease of x does not fit part other ()"),
        (
            "model",
            {"id": "1"},
            "a lease of an unnamed type does not fit part model (compute_liqid, compute_gigaio, gpu_mi100, gpu_h100, "
            "g1.h100.pci.1, g1.h100.vgpu.1g.12gb)",
        ),
    ],
)
def test_a_lease_that_does_not_fit_is_told_what_would(part: str, lease: dict[str, Any], doubt: str) -> None:
    assert trust.implausibilities(PaperRecord(part=part, lease=lease).evidence) == [doubt]


@pytest.mark.parametrize("lease", [None, {}, {"node_type": "raspberrypi5"}, {"id": ""}])
def test_a_record_without_a_lease_or_its_id_names_none(lease: Any) -> None:
    record = cast(Record, PaperRecord(lease=lease))
    assert trust.lease_doubts(record, "ab123", LEASES) == ["the record names no lease"]


def test_a_lease_without_a_name_is_nobodys() -> None:
    known = {"7": {"start_utc": NOON, "end_utc": NOON}}
    found = trust.lease_doubts(cast(Record, PaperRecord(lease={"id": "7"})), "ab123", known)
    assert found == ["the lease is named None, not for ab123"]


# --- Re-run ---


@dataclass(frozen=True)
class LostStep:
    """A step whose samples are gone."""

    name: str

    @property
    def result(self) -> Any:
        raise RecordError("samples/a.npy is missing")


def test_a_step_whose_samples_are_lost_confirms_nothing_and_the_others_are_still_compared() -> None:
    first = PaperRecord((cast(Any, LostStep("a")), PaperStep("b", {"latency_ms": np.array([9.0])})))
    second = PaperRecord((PaperStep("a", {}), PaperStep("b", {"latency_ms": np.array([3.0])})))
    assert trust.rerun_doubts(cast(Record, first), cast(Record, second)) == [
        "samples/a.npy is missing",
        "b: the medians differ by a factor of 3.00",
    ]
