"""What judges read: statistics of the samples, and what counts as not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from grading.checks.evidence import Evidence, NotMeasured
from snippets.errors import RecordError
from snippets.record.run import open_run
from tests.grading.checks.paper import Paper


def evidence(**steps: Any) -> Evidence:
    return Paper(steps, {}).evidence


def test_percentiles_lie_between_the_samples() -> None:
    # In order 10, 20, 30, 50: the median is 25, and 75 % of the way (rank 2.25) is 30 + 0.25 x 20 = 35.
    found = evidence(a={"latency_ms": [30, 10, 50, 20], "other_ms": [7]})
    assert (found.p50("a"), found.p("a", 75), found.p("a", 50, "other_ms")) == (25, 35, 7)


def test_throughput_is_the_batch_over_its_median_time() -> None:
    # 32 images in 16 ms: 2 a millisecond.
    assert evidence(a={"batch": 32, "batch_ms": [16, 90, 4]}).images_per_s("a") == 2000


def test_throughput_in_blocks_is_that_of_the_blocks_medians() -> None:
    # 32 images in 16 ms, 32 and 64: 2, 1 and 0.5 a millisecond, so 1 in the middle of their logarithms.
    blocks = {"batch": 32, "batch_ms": [16, 16, 90, 32, 64], "rounds": [1, 1, 1, 2, 3], "group": "g"}
    assert evidence(a=blocks).images_per_s("a") == pytest.approx(1000)
    with pytest.raises(NotMeasured, match="a has no usable batch"):
        evidence(a={"batch": 0, "batch_ms": [1.0]}).images_per_s("a")
    with pytest.raises(NotMeasured, match="a has no usable rounds"):
        evidence(a={**blocks, "rounds": [1]}).images_per_s("a")


def test_accuracy_is_the_share_of_equal_labels() -> None:
    assert evidence(a={"predictions": [1, 2, 3, 4], "labels": [1, 2, 3, 0]}).accuracy("a") == 0.75


@pytest.mark.parametrize("samples", [[], [1.0, float("nan")], [float("inf")], "fast", 7, None])
def test_samples_that_are_no_finite_numbers_count_as_not_measured(samples: Any) -> None:
    with pytest.raises(NotMeasured, match="a has no usable latency_ms"):
        evidence(a={"latency_ms": samples}).samples("a")


@pytest.mark.parametrize("value", [True, "7", None, [7], float("nan"), float("inf")])
def test_what_is_no_finite_number_counts_as_not_measured(value: Any) -> None:
    with pytest.raises(NotMeasured, match="a has no usable x"):
        evidence(a={"x": value}).number("a", "x")
    assert evidence(a={"x": 7}).number("a", "x") == 7.0


@pytest.mark.parametrize(
    "result", [{"predictions": [1], "labels": [1, 2]}, {"predictions": [], "labels": []}, {"labels": [1]}]
)
def test_predictions_without_as_many_labels_count_as_not_measured(result: Mapping[str, Any]) -> None:
    with pytest.raises(NotMeasured, match="^a has no usable predictions$"):
        evidence(a=result).accuracy("a")


@pytest.mark.parametrize("result", [None, 7, [1]])
def test_a_step_that_gave_no_fields_counts_as_not_measured(result: Any) -> None:
    with pytest.raises(NotMeasured) as missing:
        evidence(a=result).field("a", "x")
    assert (str(missing.value), missing.value.step, missing.value.field) == ("a", "a", "")
    with pytest.raises(NotMeasured, match="^b$"):
        evidence(a={}).result("b")


def test_a_field_that_is_not_there_is_named_with_its_step() -> None:
    with pytest.raises(NotMeasured, match="^a has no usable x$") as missing:
        evidence(a={"y": 1}).field("a", "x")
    assert (missing.value.step, missing.value.field) == ("a", "x")


def test_samples_are_flat_numbers_of_double_precision_and_readable_ones_have_no_complaint() -> None:
    found = evidence(a={"latency_ms": [[1, 2], [3, 4]]})
    assert found.samples("a").dtype == np.float64 and found.samples("a").tolist() == [1, 2, 3, 4]
    assert found.unreadable("a") == ""


def test_steps_are_named_in_the_order_measured() -> None:
    found = evidence(**{"b/1/x": 1, "a/1/x": 1, "b/2/x": 1, "b/2/y": 1})
    assert found.named("b/") == ["b/1/x", "b/2/x", "b/2/y"] and found.named("b/", "/x") == ["b/1/x", "b/2/x"]
    assert found.has("a/1/x") and not found.has("a/1")


def test_the_latest_of_two_steps_of_a_name_counts_and_changed_samples_are_no_measurement() -> None:
    run = open_run("edge")
    for factor in (1.0, 3.0):
        run.step("a", lambda factor=factor: {"latency_ms": np.array([factor])}, inputs={"factor": factor})
    assert Evidence(run.record()).p50("a") == 3.0
    for samples in (run.folder / "samples").iterdir():
        samples.unlink()
    found = Evidence(run.record())
    assert "missing" in found.unreadable("a") and found.loaded("a") is None
    with pytest.raises(RecordError, match="missing"):
        found.p50("a")
