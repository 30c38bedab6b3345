"""Prints of samples find copies, scaled, shifted, shuffled or cast, and leave alone what is no measurement of times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from grading.checks.prints import profiles, sample_prints, step_prints
from snippets.record.run import Record
from tests.grading.checks.paper import PaperRecord, PaperStep

# Twenty values in no order, at no even distances.
UNEVEN = np.array([10 + (k**3 % 101) / 7 for k in range(1, 21)])


def prints(result: Any) -> tuple[str, ...]:
    return sample_prints(PaperRecord((PaperStep("endpoint/onnx-16/load", result),)).evidence)


def test_samples_shifted_scaled_or_cast_have_the_prints_of_the_original() -> None:
    original = prints({"latency_ms": UNEVEN})
    assert len(original) == 2 and all(len(mark) == 16 for mark in original)
    assert prints({"batch_ms": 2.5 * UNEVEN + 7}) == original
    whole = np.round(UNEVEN * 7).astype(np.int64)
    assert prints({"latency_ms": whole}) == prints({"latency_ms": whole / 3.0})


def test_samples_in_another_order_have_one_print_of_the_original() -> None:
    original, shuffled = prints({"latency_ms": UNEVEN}), prints({"latency_ms": np.roll(UNEVEN, 5)})
    (shared,) = set(original) & set(shuffled)
    assert shared.startswith("v") and set(original) & set(prints({"latency_ms": UNEVEN**2})) == set(original) - {shared}


def test_what_is_handed_over_at_once_comes_back_in_order_and_that_is_no_print() -> None:
    for sorted_ in (np.sort(UNEVEN), np.sort(UNEVEN)[::-1]):
        assert [mark[0] for mark in prints({"latency_ms": sorted_})] == ["v"]


@pytest.mark.parametrize(
    "result",
    [
        {"latency_ms": UNEVEN[:19]},
        {"latency_ms": np.array([*UNEVEN[:19], UNEVEN[0]])},  # 19 different values
        {"latency_s": UNEVEN},
        {"latency_ms": UNEVEN.tolist()},
    ],
)  # not times, or no samples
def test_few_values_and_what_are_no_times_leave_no_print(result: dict[str, Any]) -> None:
    assert prints(result) == ()


def test_the_first_200_samples_are_the_print_of_their_order() -> None:
    long = np.tile(UNEVEN, 10) + np.arange(200) / 1e4
    original = set(prints({"latency_ms": long}))
    for further in (999.0, 0.0):
        assert len(original & set(prints({"latency_ms": np.array([*long, further])}))) == 1


@pytest.mark.parametrize("result", [None, 7, "text"])
def test_a_step_without_fields_leaves_no_print(result: Any) -> None:
    assert prints(result) == ()


def test_samples_that_are_carried_over_are_those_of_another_run() -> None:
    carried = PaperRecord((PaperStep("cloud/server/latency", {"latency_ms": UNEVEN}),))
    assert sample_prints(carried.evidence) == () and profiles(carried.evidence).keys() == {"s cloud/server/latency 1"}


@dataclass(frozen=True)
class Pictured(PaperRecord):
    """A record with one figure."""

    figures: Any = None


def test_a_run_is_known_by_when_it_began_by_its_durations_and_its_pictures() -> None:
    def marks(seconds: float, created: str = "2026-03-01T12:00:00.123456Z", sha: str = "ab" * 32) -> set[str]:
        steps = (PaperStep("a", {}, seconds=seconds), PaperStep("b", {}, seconds=0.001))
        record = Pictured(steps, created_utc=created, figures={"x": {"sha256": sha}})
        return set(step_prints(cast(Record, record)))

    original = marks(1.2345671)
    assert sorted(mark[:2] for mark in original) == ["c:", "d:", "f:"], "of the steps only the long one"
    assert original == marks(1.2345672), "the same microsecond"
    assert {mark[:2] for mark in original - marks(1.234569)} == {"d:"}
    assert {mark[:2] for mark in original - marks(1.2345671, created="2026-03-01T12:00:00.123457Z")} == {"c:"}
    assert {mark[:2] for mark in original - marks(1.2345671, sha="cd" * 32)} == {"f:"}


def test_a_profile_is_logs_of_median_p95_and_maximum_and_the_ranks() -> None:
    values = np.array([3.0, 1.0, 2.0, *range(4, 22)])
    record = PaperRecord((PaperStep("a/latency", {"latency_ms": values}, seconds=math.e),) * 2)
    found = profiles(record.evidence)
    # The middle of 1 to 21 is 11, the 95th percentile 20.
    assert found["a/latency latency_ms"][:3] == [round(math.log(x), 6) for x in (11, 20, 21)]
    assert found["a/latency latency_ms"][3:] == [2, 0, 1, *range(3, 21)]
    assert found["s a/latency 1"] == found["s a/latency 2"] == [1.0]
