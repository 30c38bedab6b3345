"""What is worked out in part system, judged on records that are small enough for pencil and paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grading.checks.judging import Number
from grading.staff.judges.system import JUDGES
from tests.grading.checks.paper import Paper, PaperRecord, PaperStep, asks_to_measure, each, earned, judged, untried
from tests.grading.checks.test_system import (
    COLD,
    GRID,
    QUICK,
    cold,
    crashed,
    grid,
    in_windows,
    median,
    offered,
    rate,
    stages,
)

Steps = dict[str, Any]


HIDDEN = (
    "a load test counts failures as (very fast) successes",
    "monitoring shows no errors",
    "the app may show the message as if it were a prediction",
)
SLOWER = "the endpoint becomes slower for good photos"
ARCHIVE, NIGHTLY, UPLOAD = (
    "tagging last year's archive",
    "the nightly search for duplicates",
    "the class shown right after an upload",
)
ESCAPES = (
    "a version that is worse than the old one on dark photos, of which the example has none",
    "a version that needs ten times as long for a photo",
    "memory that grows with each request",
)
CAUGHT = ("classes in another order", "a pickle of another version of scikit-learn")
UNMEASURED = {"system.endpoint.errors", "system.online.batch32", "system.gate.escapes"}
"""Questions whose answer is the same on every record."""


def calibration(one_ms: float, four_ms: float, sixteen_ms: float, crowd_period_ms: float) -> Steps:
    """What the queueing model is told of the search."""
    return {
        "calibrate/similar/served": {
            "lone_ms": [one_ms + 1] * 5,
            "rested_ms": [one_ms + 1] * 5,
            "rows_sent": [1, 4, 16],
            "period_ms": [one_ms, four_ms, sixteen_ms],
            "client_ms": 0.1,
            "crowd": 16,
            "crowd_period_ms": crowd_period_ms,
        }
    }


PAPERS: dict[str, tuple[Paper, ...]] = {
    # All but the last; each right one is a third, a wrong one takes a third away.
    "system.endpoint.errors": (Paper({}, {HIDDEN: 1, HIDDEN[:2]: 2 / 3, (*HIDDEN, SLOWER): 2 / 3, (SLOWER,): 0}),),
    "system.endpoint.dominates": (
        # Stages sum to 96, transport is 100 - 96 = 4; the queue, 60, is the longest.
        Paper(stages(100, **QUICK), {"queue": 1, "inference": 0, "transport": 0, "decode": 0}),
        # 200 - 96 = 104.
        Paper(stages(200, **QUICK), {"transport": 1, "queue": 0}),
        # 95 % of 60 are 57: 58 cannot be told from it, 56 can.
        Paper(stages(185, **{**QUICK, "inference": 58, "decode": 56}), {"queue": 1, "inference": 1, "decode": 0}),
    ),
    # Twice the 100 answers are 200, and 1.5 times 10 ms are 15: both met, one, the other, none, and not loaded.
    "system.batching.config": tuple(
        Paper(
            {
                "config/mine/written": {"by": by, "why": "", "text": "mine"},
                **rate("config/plain-32", 100),
                **rate("config/mine-32", answers),
                **rate("config/plain-1", 9, 10),
                **rate("config/mine-1", 9, wait_ms),
            },
            {"mine": share, "another": 0},
        )
        for by, answers, wait_ms, share in (
            ("you", 200, 15, 1),
            ("you", 199, 15, 2 / 3),
            ("you", 200, 16, 2 / 3),
            ("you", 199, 16, 1 / 3),
            ("the kit", 400, 10, 0),
        )
    ),
    # 100, 300, 400 and 390 answers in 10 s: 390 is within 3 % of 400, 300 is not.
    "system.batcher.delay": (
        Paper(
            {
                name: value
                for load, count in (("off-8", 100), ("delay-0-8", 300), ("delay-5-8", 400), ("delay-20-8", 390))
                for name, value in rate(f"batcher/{load}", count).items()
            },
            {"5 ms": 1, "20 ms": 1, "no delay": 0, "one by one": 0},
        ),
    ),
    # Means of 50 and 10 ms: 5 times. A twentieth is 0.25, three 0.75.
    "system.generator.omission": (
        Paper(
            {"generator/open-150/yours": {"from_due_ms": [30, 50, 70], "from_sending_ms": [10, 10, 10]}},
            {5: 1, 5.2: 1, 5.3: 0.5, 4.3: 0.5, 5.8: 0, 0.2: 0},
        ),
    ),
    # 50 answers in 10 s (the failure is none): 5 a second. A twentieth is 0.25, three 0.75.
    "system.endpoint.rate": (Paper(rate("endpoint/onnx-1", 50), {5: 1, 5.2: 1, 4.8: 1, 5.3: 0.5, 5.7: 0.5, 5.8: 0}),),
    # The failure's 99 ms does not count: 4 and 6 are 5 ms on average, 200 a second. A twentieth is 10, three 30. (The
    # window's own rate would be 4.)
    "system.endpoint.ceiling": (
        Paper(
            {"endpoint/onnx-1/load": {"inference_ms": [4, 6, 99], "ok": [True, True, False]}},
            {200: 1, 209: 1, 191: 1, 211: 0.5, 229: 0.5, 231: 0, 4: 0},
        ),
        # A mean of 1 ms is printed to a tenth: 1000 give or take 60.
        Paper({"endpoint/onnx-1/load": {"inference_ms": [1, 1]}}, {1000: 1, 1059: 1, 1061: 0.5, 1181: 0}),
    ),
    # 90 / (90 + 10) = 90 %, give or take 3 points; close to 9.
    "system.triton.queue_share": (
        Paper(
            {"triton/pytorch-16/load": {"queue_ms": 90.0, "compute_ms": 10.0}},
            {90: 1, 92.9: 1, 87.1: 1, 93.1: 0.5, 81.1: 0.5, 80.9: 0, 900: 0, 0.9: 0},
        ),
    ),
    # 10 x 1 + 5 x 8 = 50 rows in 10 + 5 = 15 executions: 3.33. A twentieth is 0.17, three 0.5.
    "system.batching.sizes": (
        Paper(
            {"batching/on-32/load": {"batches": {"1": 10, "8": 5}}},
            {50 / 15: 1, 3.49: 1, 3.18: 1, 3.51: 0.5, 3.82: 0.5, 3.84: 0, 4.5: 0},
        ),
    ),
    # S(4) = 5, S(16) = 11, so S(8) = 7. Sixteen clients answer every 1.05 ms: 8 x 1.05 = 8.4 ms a batch of eight, seven
    # further requests for 1.4 ms, 0.2 each. T(4) = 5.6, T(8) = 8.4: 11.2 - 8.4 = 2.8 ms. A tenth is 0.28, three 0.84.
    # (2 S(4) - S(8) alone would be 3.)
    "system.batching.pays": (
        Paper(calibration(4, 5, 11, 1.05), {2.8: 1, 3: 1, 3.07: 1, 2.53: 1, 3.1: 0.5, 2: 0.5, 1.9: 0, 5.6: 0, -2.8: 0}),
        # In proportion to its size, one of eight saves nothing, and separate requests nothing either: 2 x 8 - 16.
        Paper(calibration(2, 8, 32, 2), {0: 1, 0.09: 1, -0.09: 1, 0.2: 0.5, 0.4: 0}),
    ),
    # Batches of 10 x 1 and 5 x 8: 3.33 on average. 1,000 answers in 10 s are 100 a second, 30 executions; each fetches
    # 16,384 x 1,280 x 4 bytes, 0.0839 GB: 2.52 GB/s. A tenth is 0.25, three 0.75. (An execution an answer: 8.4.)
    "system.batching.memory": (
        Paper(
            {
                "batching/on-32/load": {
                    **rate("batching/on-32", 1000)["batching/on-32/load"],
                    "batches": {"1": 10, "8": 5},
                }
            },
            {30 * 16384 * 1280 * 4 / 1e9: 1, 2.52: 1, 2.7: 1, 2.3: 1, 2.8: 0.5, 3.2: 0.5, 3.3: 0, 8.4: 0, 30: 0},
        ),
    ),
    "system.instances.choice": (
        Paper(
            grid(**GRID),
            {
                "2 instances, 1 thread": 1,
                "2 instances, 2 threads": 1,
                "1 instance, 2 threads": 0,
                "4 instances, 2 threads": 0,
                "4 instances, 1 thread": 0,
                "none meets the bound": 0,
            },
        ),
        # Within 40 ms there is none; within 51 ms, the first; within 49.5 ms none, yet 50 is within 2 % of it.
        Paper(
            grid(**GRID),
            {"none meets the bound": 1, "2 instances, 1 thread": 0},
            {"4_instances": {"p95_target_ms": 40}},
        ),
        Paper(
            grid(**GRID),
            {"1 instance, 1 thread": 1, "2 instances, 1 thread": 0, "none meets the bound": 0},
            {"4_instances": {"p95_target_ms": 51}},
        ),
        Paper(
            grid(**GRID),
            {"none meets the bound": 1, "1 instance, 1 thread": 1, "1 instance, 2 threads": 0},
            {"4_instances": {"p95_target_ms": 49.5}},
        ),
    ),
    "system.online.batch32": (
        Paper(
            {},
            {
                (ARCHIVE, NIGHTLY): 1,
                (NIGHTLY,): 0.5,
                (ARCHIVE, NIGHTLY, UPLOAD): 0.5,
                (ARCHIVE, UPLOAD): 0,
                (UPLOAD,): 0,
            },
        ),
    ),
    "system.online.capacity": (
        # 2 % of the 600 that arrive at 60 are 12: a growth of 11 is none. Of 800 at 80 they are 16: 17 is one, and what
        # follows does not count. A twentieth of 60 is 3, three are 9.
        Paper(offered(at_60=11, at_80=17), {60: 1, 62.9: 1, 63.1: 0.5, 68.9: 0.5, 69.1: 0, 80: 0, 200: 0, 30: 0}),
        # One failure at 60, or a growth of 13 there: 30 is the largest.
        Paper(offered(failures_at=60), {30: 1, 31.4: 1, 34: 0.5, 60: 0}),
        Paper(offered(at_60=13), {30: 1, 60: 0}),
        # Of the 300 at 30 2 % are 6; a growth of 5.9 is none.
        Paper(offered(at_30=5.9, at_60=13), {30: 1, 60: 0}),
        # At 130 it falls behind and answers 90 a second: 95 cannot last, however level it looked. 80 does.
        Paper(offered(at_130=300, at_200=900), {80: 1, 95: 0, 90: 0.5, 130: 0}),
        # Nothing was too much.
        Paper(offered(), {200: 1, 130: 0}),
    ),
    "system.online.headroom": (
        # At 130 it falls behind and answers 90 a second; 80 holds: 88.9 %. Three points, and nine.
        Paper(
            offered(at_130=300, at_200=900),
            {800 / 9: 1, 91.8: 1, 86: 1, 92: 0.5, 97.8: 0.5, 98: 0, 80: 0.5, 79: 0, 105.6: 0},
        ),
        # Nothing was too much: 200 of the 90 that were answered at most (on this paper).
        Paper(offered(), {2000 / 9: 1, 100: 0}),
    ),
    "system.cold.break_even": (
        # 1.2 s, and each worth 0.25 s more: 3600 / 1.5 = 2400 an hour. A tenth is 240, three tenths 720.
        Paper(
            COLD,
            {2400: 1, 2639: 1, 2161: 1, 2641: 0.5, 3119: 0.5, 3121: 0, 3000: 0.5},
            {"5_online_and_batch": {"wait_price": 0.25}},
        ),
        # Ten times where the run names no price: 3600 / 13.2 = 272.7. A start of twice the length halves it.
        Paper(COLD, {3600 / 13.2: 1, 299: 1, 301: 0.5, 354: 0.5, 355: 0, 3000: 0}),
        Paper(cold([2000, 1800, 2200], [400, 200, 600]), {3600 / 26.4: 1, 272.7: 0}),
        # A run that prices the wait by the start: 3600 / (1.2 + 0.8) = 1800.
        Paper(COLD, {1800: 1, 272.7: 0}, {"5_online_and_batch": {"penalty_s": 0.8}}),
    ),
    # 16 - 10 = 6 ms over 0.602 MB: 9.97 a megabyte. A tenth is 1, three 3. And 0.06 ms over it: 0.1, give or take 0.3.
    "system.pipeline.handover": (
        Paper(
            {**median("pipeline/ensemble", 16), **median("pipeline/one-model", 10)},
            {6 / 0.602112: 1, 10.9: 1, 9: 1, 11: 0.5, 12.9: 0.5, 13: 0, 6: 0, 3.6: 0},
        ),
        Paper(
            {**median("pipeline/ensemble", 10.06), **median("pipeline/one-model", 10)},
            {0.06 / 0.602112: 1, 0.39: 1, 0.41: 0.5, 1.1: 0},
        ),
    ),
    "system.gate.escapes": (
        Paper({}, {ESCAPES: 1, ESCAPES[:2]: 2 / 3, (*ESCAPES, "classes in another order"): 2 / 3, CAUGHT: 0}),
    ),
    # 0.8 of 10 ms are 8, and twice 100 answers 200: both met, one, the other, none, and not made.
    "system.cards.numbers": tuple(
        Paper(
            {
                "cards/mine/written": {"by": by, "why": "", "text": "mine"},
                **rate("cards/photos-plain", 9, 10),
                **rate("cards/photos-own", 9, wait_ms),
                **rate("cards/sorter-plain", 100),
                **rate("cards/sorter-own", answers),
            },
            {"mine": share, "another": 0},
        )
        for by, answers, wait_ms, share in (
            ("you", 200, 8, 1),
            ("you", 199, 8, 2 / 3),
            ("you", 200, 8.1, 2 / 3),
            ("you", 199, 8.1, 1 / 3),
            ("the kit", 400, 5, 0),
        )
    ),
    # Nobody for 1,100 ms; a thousandth of a day is 86,400 ms: 78.5 crashes. A tenth is 7.9, three 23.6.
    "system.isolation.crashes": (
        Paper(crashed(1.0), {86400 / 1100: 1, 86: 1, 71: 1, 87: 0.5, 102: 0.5, 103: 0, 78_545: 0, 1100: 0}),
    ),
}


@pytest.mark.parametrize(("name", "paper"), each(PAPERS))
def test_an_answer_earns_what_was_worked_out_on_paper(name: str, paper: Paper) -> None:
    assert earned(JUDGES, name, paper) == pytest.approx(paper.shares)


def test_every_judge_was_worked_out_on_paper_with_a_right_and_a_wrong_answer() -> None:
    assert set(PAPERS) == set(JUDGES)
    assert untried(PAPERS) == []


@pytest.mark.parametrize("name", sorted(set(JUDGES) - UNMEASURED))
def test_without_its_measurement_an_answer_earns_nothing_and_the_student_is_told_what_to_measure(name: str) -> None:
    assert asks_to_measure(JUDGES, PAPERS, name)


@pytest.mark.parametrize(
    ("changed", "lacking"),
    [({"ok": [False, False]}, "successes"), ({"ok": [True]}, "successes"), ({"seconds": 0.0}, "seconds")],
)
def test_a_load_without_successes_or_seconds_counts_as_not_measured(changed: Steps, lacking: str) -> None:
    whole = {"latency_ms": [10, 20], "ok": [True, True], "seconds": 0.5, "batch": 1}  # 2 / 0.5 s = 4 a second
    name = "system.endpoint.rate"
    assert earned(JUDGES, name, Paper({"endpoint/onnx-1/load": whole}, {4: 1})) == {4: 1}
    told = judged(JUDGES, name, Paper({"endpoint/onnx-1/load": {**whole, **changed}}, {}), 4)
    assert told.share == 0 and f"Measure endpoint/onnx-1/load again, it has no usable {lacking}" in told.message


def test_a_rate_is_that_of_all_windows_together() -> None:
    steps = in_windows("endpoint/onnx-1", 90, 100, 110)
    expected = JUDGES["system.endpoint.rate"](PaperRecord(tuple(steps), part="system").evidence)
    assert isinstance(expected, Number) and expected.value == 100


def piled_up_in_windows(share: int, *grew: float) -> list[PaperStep]:
    """So many requests a second for a second a window, which begins with one of them under way and ends with `grew`
    more; 90 a second are answered at most."""
    return [
        PaperStep(
            f"online/off-{share}/load",
            {
                "arrivals": share,
                "seconds": 1.0,
                "completed_rps": min(share, 90.0),
                "failures": 0,
                "sampled_s": np.array([0.0, 0.5, 1.0]),
                "sampled_in_flight": np.array([1.0, 1.0 + more / 2, 1.0 + more]),
            },
            inputs={"window": window},
        )
        for window, more in enumerate(grew)
    ]


def test_requests_pile_up_within_a_window_and_not_from_one_to_the_next() -> None:
    # A line through all three windows of a load that is too much is nearly level: each begins with an empty server.
    level = [piled_up_in_windows(share, 0, 0, 0) for share in (30, 60)]
    more = [piled_up_in_windows(share, 6, 6, 6) for share in (80, 95, 130, 200)]
    steps = tuple(step for load in (*level, *more) for step in load)
    expected = JUDGES["system.online.headroom"](PaperRecord(steps, part="system").evidence)
    # Of the loads that grew by more than five the best answered 90 a second; 60 held.
    assert isinstance(expected, Number) and expected.value == pytest.approx(100 * 60 / 90)
