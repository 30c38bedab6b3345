"""Every relation on the smallest result that keeps it and the smallest that breaks it, both worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from grading.checks import invariants
from snippets.record.read import Step

HUNDRED_OF_40_MS = np.full(100, 40.0)


@dataclass(frozen=True)
class Lasted:
    """What the check of a step's length reads of it."""

    seconds: float
    name: str = "a"


def arrays(result: dict[str, Any]) -> dict[str, Any]:
    """The result with its lists as the arrays that a record gives back."""
    return {name: np.array(value) if isinstance(value, list) else value for name, value in result.items()}


def said(result: dict[str, Any]) -> str:
    """What is wrong with a step of a thousand seconds that gave this result; empty if nothing is."""
    return "; ".join(invariants.problems(cast(Step, Lasted(1000.0)), arrays(result)))


FLIGHT = {"clients": 8, "latency_ms": HUNDRED_OF_40_MS}
TWO_OF_FOUR = {"predictions": [1, 2, 3, 4], "labels": [1, 2, 0, 0]}
BATCHES = {"batches": {"1": 2, "4": 3}}


@pytest.mark.parametrize(
    "result",
    [
        {"latency_ms": [0.001]},
        {"batch_ms": [1]},
        {"latency_ms": []},
        {"latency_ms": "not samples"},
        # Of 10, 20, 30: p50 20, p95 20 + 0.9 x 10 = 29, p99 20 + 0.98 x 10 = 29.8; a thousandth may be rounded away.
        {"latency_ms": [10.0, 20.0, 30.0], "p50_ms": 20.019, "p95_ms": 29.0, "p99_ms": 29.8},
        {"p50_ms": 3, "p95_ms": 3, "p99_ms": 3},
        {"p50_ms": 3, "p99_ms": 4},
        # Ten answers in two seconds are 5 a second; 5.06 is 0.06 off, and 0.01 x 5.06 + 0.01 = 0.0606 are allowed.
        {"ok": [True] * 10, "seconds": 2.0, "requests_per_s": 5.06},
        {"ok": [True] * 10, "seconds": 2.0, "requests_per_s": 4.95},
        {"ok": [True, False, False], "seconds": 1.0, "failures": 2},
        {"ok": [True, False, False], "seconds": 1.0},
        {"ok": [True, True], "seconds": 1.0, "failures": 0, "latency_ms": [1.0, 2.0]},
        {"ok": [True] * 10, "requests_per_s": 99.0},
        # 200 a second x 0.040 s = 8 in flight. 30 % less is 5.6 (140 a second), 30 % more is 10.4 (260 a second).
        {**FLIGHT, "requests_per_s": 200.0},
        {**FLIGHT, "requests_per_s": 141.0},
        {**FLIGHT, "requests_per_s": 259.0},
        {**FLIGHT, "requests_per_s": 20.0, "failures": 1},
        {"clients": 8, "latency_ms": [40.0] * 99, "requests_per_s": 20.0},
        # 2 x 1 + 3 x 4 = 14 inferences in 2 + 3 = 5 executions.
        {**BATCHES, "inferences": 14, "executions": 5},
        {**BATCHES, "inferences": 14},
        {**BATCHES},
        {"inferences": 14},
        # Two of four are right; accuracies may be written as shares or in per cent.
        {**TWO_OF_FOUR},
        {**TWO_OF_FOUR, "accuracy": 0.5009},
        {**TWO_OF_FOUR, "accuracy": 50.09},
        {"bytes": 1},
        # 79 of 100 are zero, and 80 % were to be: within a hundredth. The zip has 1 % more bytes than the file.
        {"weights": 100, "zeros": 79, "share": 0.8, "bytes": 100, "zip_bytes": 101},
        {"weights": 100, "zeros": 3},
        {"bytes": True},
        {},
        # 175 a second x 0.040 s = 7, just 30 % less than 10. Without a rate, or a count of clients, nothing is known.
        {"clients": 10, "latency_ms": HUNDRED_OF_40_MS, "requests_per_s": 175.0},
        {**FLIGHT},
        {**FLIGHT, "clients": "8", "requests_per_s": 20.0},
        {"clients": 8, "requests_per_s": 20.0},
        {"batches": "many", "inferences": 3},
        {"batches": {}, "inferences": 3},
        {"predictions": [1, 2], "labels": "cat"},
        {"predictions": 1, "labels": [1, 2]},
        {"predictions": [1, 2, 3, 4], "labels": [1, 2, 3, 0], "accuracy": 0.75},
    ],
)
def test_a_result_that_keeps_every_relation_has_no_problem(result: dict[str, Any]) -> None:
    assert said(result) == ""


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"latency_ms": [0.0]}, "latency_ms holds times that are not positive"),
        ({"batch_ms": [5.0, -1.0]}, "batch_ms holds times that are not positive"),
        ({"latency_ms": [1.0, float("nan")]}, "latency_ms holds values that are no finite numbers"),
        ({"latency_ms": [], "batch_ms": [0.0]}, "batch_ms holds times that are not positive"),
        ({"batch_ms": ["fast"]}, "batch_ms holds values that are no finite numbers"),
        ({"latency_ms": [10.0, 20.0, 30.0], "p50_ms": 20.021}, "p50_ms is 20.02, but the samples give 20"),
        ({"latency_ms": [10.0, 20.0, 30.0], "p95_ms": 30.0}, "p95_ms is 30, but the samples give 29"),
        ({"latency_ms": [10.0, 20.0, 30.0], "p99_ms": 30.0}, "p99_ms is 30, but the samples give 29.8"),
        # A thousandth of 0.1 ms may be rounded away, a hundredth may not.
        ({"latency_ms": [0.1] * 3, "p50_ms": 0.101}, "p50_ms is 0.101, but the samples give 0.1"),
        ({"p50_ms": 5, "p95_ms": 4}, "p50, p95 and p99 are not in order"),
        ({"p50_ms": 4, "p99_ms": 3}, "p50, p95 and p99 are not in order"),
        (
            {"ok": [True] * 10, "seconds": 2.0, "requests_per_s": 5.07},
            "requests_per_s is 5.07, but 10 answers came in 2 s",
        ),
        (
            {"ok": [True] * 10, "seconds": 2.0, "requests_per_s": 4.93},
            "requests_per_s is 4.93, but 10 answers came in 2 s",
        ),
        (
            {"ok": [True, False, False], "seconds": 1.0, "failures": 1},
            "failures are fewer than the samples that failed",
        ),
        ({"ok": [True, True], "seconds": 1.0, "latency_ms": [1.0]}, "latency_ms and ok are of different length"),
        ({**FLIGHT, "requests_per_s": 139.0}, "8 clients, but rate x latency says 5.56 requests were in flight"),
        ({**FLIGHT, "requests_per_s": 261.0}, "8 clients, but rate x latency says 10.44 requests were in flight"),
        ({**BATCHES, "inferences": 13}, "sum to 14 inferences, but 13 are recorded"),
        ({**BATCHES, "inferences": 14, "executions": 4}, "the batch statistics do not sum to the executions"),
        ({"batches": {"many": 1}, "inferences": 1}, "the batch statistics are no counts"),
        ({"predictions": [1, 2], "labels": [1]}, "predictions and labels do not pair"),
        ({"predictions": [-1], "labels": [1]}, "predictions or labels are no class numbers"),
        ({"predictions": [1.0], "labels": [1]}, "predictions or labels are no class numbers"),
        ({**TWO_OF_FOUR, "accuracy": 0.502}, "accuracy is 0.502, but the predictions give 0.5"),
        ({**TWO_OF_FOUR, "accuracy": 50.2}, "accuracy is 50.2, but the predictions give 0.5"),
        ({"bytes": 0}, "bytes is not positive"),
        ({"weights": 100, "zeros": 78, "share": 0.8}, "0.780 of the weights are zero, not 0.8"),
        ({"bytes": 100, "zip_bytes": 102}, "102 bytes are no zip of 100"),
        ({"bytes": 100, "zip_bytes": 0}, "0 bytes are no zip of 100"),
    ],
)
def test_a_result_that_breaks_a_relation_is_told_which(result: dict[str, Any], words: str) -> None:
    assert words in said(result) and ";" not in said(result)


@pytest.mark.parametrize(
    ("result", "seconds"),
    [
        ({"latency_ms": [1000.0, 500.0]}, 1.5),
        ({"batch_ms": [1000.0], "warmup_ms": [250.0]}, 1.25),
        ({"latency_ms": [1000.0, 500.0], "clients": 3}, 0.5),
        ({"latency_ms": [1000.0, 500.0], "max_clients": 5}, 0.3),
        ({"latency_ms": [1000.0, 500.0], "in_flight_mean": 2.0}, 0.75),
        ({"latency_ms": [1000.0, 500.0], "neighbour_clients": 2}, 0.75),
        # Of an open loop, of a pile handed over at once, and of overlapping calls only the longest is certain.
        ({"latency_ms": [1000.0, 500.0], "offered_rps": 9.0}, 1.0),
        ({"latency_ms": [1000.0, 500.0], "loadgen": "x"}, 1.0),
        ({"latency_ms": [1000.0, 500.0], "started_s": [0.0, 0.0]}, 1.0),
        # Clients whose requests reach over the window's ends: at least half of the time falls into it.
        ({"latency_ms": [1000.0, 500.0], "started_s": [0.0, 0.0], "clients": 3}, 0.25),
        ({"latency_ms": [1000.0, 500.0], "clients": 3, "offered_rps": 9.0}, 0.5),
        ({"latency_ms": [0.5], "offered_rps": 9.0}, 0.0005),
        ({"latency_ms": [1000.0], "source": "another run"}, 1.0),
        ({"latency_ms": [float("inf")]}, 0.0),
        ({}, 0.0),
    ],
)
def test_how_long_samples_must_have_taken(result: dict[str, Any], seconds: float) -> None:
    assert invariants.busy_s(arrays(result)) == pytest.approx(seconds)


def test_samples_may_not_take_longer_than_their_step() -> None:
    # 1.5 s of samples: 1.43 s x 1.02 + 0.05 s = 1.509 s are enough, 1.42 s x 1.02 + 0.05 s = 1.498 s are not.
    result = arrays({"latency_ms": [1000.0, 500.0]})
    assert invariants.problems(cast(Step, Lasted(1.43)), result) == []
    assert invariants.problems(cast(Step, Lasted(1.42)), result) == [
        "its samples alone take 1.50 s, but the step lasted 1.42 s"
    ]


def test_only_the_step_that_carries_over_samples_may_be_shorter_than_they_are() -> None:
    result = arrays({"latency_ms": [1000.0], "source": "another run"})
    assert invariants.problems(cast(Step, Lasted(0.1, "cloud/server/latency")), result) == []
    assert len(invariants.problems(cast(Step, Lasted(0.1, "edge/fp32-threads-1/latency")), result)) == 1


@pytest.mark.parametrize(
    ("result", "problems"),
    [
        ({"latency_ms": [1.0] * 5}, 0),
        ({"latency_ms": [1.0] * 4}, 1),
        ({"batch_ms": [1.0] * 4, "latency_ms": []}, 2),
        ({"latency_ms": [1.0], "ok": [True]}, 0),
        ({"latency_ms": [], "ok": []}, 1),
        ({"latency_ms": [1.0], "source": "another run"}, 1),
        ({"bytes": 1}, 0),
    ],
)
def test_few_samples_are_poor_measuring(result: dict[str, Any], problems: int) -> None:
    assert len(invariants.too_few(arrays(result))) == problems


@pytest.mark.parametrize("result", [None, 7, "text", [1, 2]])
def test_a_result_without_fields_has_no_problem(result: Any) -> None:
    assert invariants.problems(cast(Step, Lasted(0.0)), result) == [] and invariants.too_few(result) == []


A_ROUND = {"blocks_ms": {"a": np.array([5.0, 6.0]), "b": np.array([7.0])}, "slow": ["b"]}


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (A_ROUND, ""),
        ({**A_ROUND, "slow": ["c"]}, "a block is called slow that was not taken"),
        ({"blocks_ms": {"a": np.array([5.0, -1.0])}}, "the block of a holds no times, or some that are not positive"),
        ({"blocks_ms": {"a": np.array([])}}, "the block of a holds no times, or some that are not positive"),
        ({"blocks_ms": {"a": np.array([np.nan])}}, "the block of a holds values that are no finite numbers"),
        ({"latency_ms": [1.0, 2.0], "rounds": [1]}, "latency_ms and rounds are of different length"),
        ({"batch_ms": [1.0, 2.0], "rounds": [1]}, "batch_ms and rounds are of different length"),
    ],
)
def test_blocks_are_times_of_variants_that_took_part(result: dict[str, Any], problem: str) -> None:
    assert said(result) == problem


def test_the_blocks_of_a_round_fit_into_its_step() -> None:
    # 5 + 6 + 7 ms are 0.018 s; 0.05 s are allowed beside them, so that 200 blocks like that (3.6 s) fit no second.
    many = {"blocks_ms": {str(n): np.array([5.0, 6.0, 7.0]) for n in range(200)}, "slow": []}
    (problem,) = invariants.problems(cast(Step, Lasted(1.0)), many)
    assert problem == "its samples alone take 3.60 s, but the step lasted 1.00 s"


@pytest.mark.parametrize("field", ["latency_ms", "batch_ms"])
def test_what_is_put_together_is_what_the_rounds_measured(field: str) -> None:
    turns = {f"g/turns-{n}": {"blocks_ms": {"a": np.array([n, n + 0.5])}} for n in (1, 2)}
    step = {field: np.array([1.0, 1.5, 2.0, 2.5]), "rounds": np.array([1, 1, 2, 2]), "group": "g"}
    assert invariants.not_of_its_rounds(step, turns) is None
    changed = {**step, field: np.array([1.0, 1.5, 2.0, 2.4])}
    told = invariants.not_of_its_rounds(changed, turns)
    assert told == "its samples of round 2 are not those of g/turns-2"
    later = {**step, "rounds": np.array([1, 1, 3, 3])}
    assert invariants.not_of_its_rounds(later, turns) == "round 3 of g was not measured"
    assert invariants.busy_s(step) == 0.0  # its samples were counted where they were measured
