"""Prints of samples find copies, scaled or shifted, and leave alone what is no measurement of times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grading.checks.prints import sample_prints
from tests.grading.checks.paper import PaperRecord, PaperStep

FALL = [30.0 - k for k in range(20)]


def prints(result: Any) -> tuple[str, ...]:
    return sample_prints(PaperRecord((PaperStep("endpoint/onnx-16/load", result),)).evidence)


def test_samples_shifted_or_scaled_have_the_print_of_the_original_and_reordered_ones_another() -> None:
    original = prints({"latency_ms": np.array(FALL)})
    assert len(original) == 1 and len(original[0]) == 16
    assert prints({"batch_ms": 2.5 * np.array(FALL) + 7}) == original
    assert prints({"latency_ms": np.array(FALL[::-1])}) != original


@pytest.mark.parametrize(
    "result",
    [
        {"latency_ms": np.array(FALL[:19])},
        {"latency_ms": np.array([*FALL[:19], FALL[0]])},  # 19 different values
        {"latency_s": np.array(FALL)},
        {"latency_ms": np.arange(20)},
        {"latency_ms": FALL},
    ],
)  # not times, or no samples
def test_few_values_and_what_are_no_times_leave_no_print(result: dict[str, Any]) -> None:
    assert prints(result) == ()


def test_the_first_200_samples_are_the_print() -> None:
    falling = [300.0 - k for k in range(200)]
    original = prints({"latency_ms": np.array(falling)})
    for further in (999.0, 0.0):
        assert prints({"latency_ms": np.array([*falling, further])}) == original
    nineteen = (falling[:19] * 11)[:200]
    assert prints({"latency_ms": np.array(nineteen)}) == prints({"latency_ms": np.array([*nineteen, 999.0])}) == ()


@pytest.mark.parametrize("result", [None, 7, "text"])
def test_a_step_without_fields_leaves_no_print(result: Any) -> None:
    assert prints(result) == ()
