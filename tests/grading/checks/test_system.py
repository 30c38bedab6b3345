"""Every judge of part system on records worked out by hand: right, close, wrong, and too close to call.

A comment works the right answer out from the numbers; no expectation comes from the code that is tested.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grading.checks.judging import Choices
from grading.checks.system import JUDGES
from tests.grading.checks.paper import Paper, PaperRecord, PaperStep, asks_to_measure, each, earned, untried

Steps = dict[str, Any]


def median(name: str, ms: float, **more: Any) -> Steps:
    """A load step with this median of its three successes; two failures took 1 ms each and must not count."""
    return {f"{name}/load": {"latency_ms": [ms * 2, 1, ms, 1, ms / 2], "ok": [True, False, True, False, True], **more}}


def piling_up(requests: int) -> dict[str, Any]:
    """What a load step says of ten seconds in which the number under way grew evenly from none to so many."""
    return {"sampled_s": [0, 5, 10], "sampled_in_flight": [0, requests / 2, requests], "seconds": 10.0, "arrivals": 100}


def rate(name: str, answers: int, ms: float = 50, batch: int = 1) -> Steps:
    """A load step of ten seconds with so many answers of `batch` rows, each after `ms`, and one failure after 1 ms."""
    return {
        f"{name}/load": {
            "latency_ms": [ms] * answers + [1],
            "ok": [True] * answers + [False],
            "seconds": 10.0,
            "batch": batch,
        }
    }


def stages(latency_ms: float, **mean_ms: float) -> Steps:
    """A load step whose two successes spent these mean times in each stage; a failure does not count."""
    return {
        "endpoint/pytorch-16/load": {
            "latency_ms": [latency_ms - 1, latency_ms + 1, 900],
            "ok": [True, True, False],
            **{f"{stage}_ms": [mean + 1, mean - 1, 900] for stage, mean in mean_ms.items()},
        }
    }


def grid(**settings: tuple[int, float]) -> Steps:
    """Steps of the grid (`s2x1`: 2 instances, 1 thread): answers in ten seconds, and the time of each in ms."""
    return {
        name: step
        for setting, (answers, ms) in settings.items()
        for name, step in rate(f"instances/{setting[1:]}", answers, ms).items()
    }


def p95(name: str, ms: float) -> Steps:
    """A load step with a p95 of `ms`: of 21 samples in order of size the 20th. The median is 10 whatever `ms` is."""
    return {f"neighbour/{name}/load": {"latency_ms": [10] * 19 + [ms, 900]}}


def knee(*medians_ms: float) -> Steps:
    """A lone request takes 10 ms; medians at 30, 60, 80, 95, 130 and 200 % of the capacity."""
    steps = median("online/alone", 10)
    for share, ms in zip((30, 60, 80, 95, 130, 200), medians_ms, strict=True):
        steps |= median(f"online/off-{share}", ms)
    return steps


def offered(failures_at: int = 0, **grew: float) -> Steps:
    """Ten seconds each of 30, 60, 80, ... requests a second; `at_60=13`: there the requests under way grew by 13 from
    2 to 15, evenly; elsewhere there were 2 throughout. A server that falls behind answers 90 a second."""
    return {
        f"online/off-{share}/load": {
            "offered_rps": 1.0,  # not believed
            "arrivals": share * 10,
            "seconds": 10.0,
            "completed_rps": min(share, 90.0),
            "failures": int(share == failures_at),
            "sampled_s": [0.0, 5.0, 10.0],
            "sampled_in_flight": [2.0, 2.0 + grew.get(f"at_{share}", 0.0) / 2, 2.0 + grew.get(f"at_{share}", 0.0)],
        }
        for share in (30, 60, 80, 95, 130, 200)
    }


def cold(load_ms: list[float], first_ms: list[float], warm_ms: float = 100) -> Steps:
    """Cold starts of the PyTorch classifier and its warm requests."""
    return {"online/food-pytorch/cold": {"load_ms": load_ms, "first_ms": first_ms, "warm_ms": [warm_ms]}}


def piles(single: float, batched: float) -> Steps:
    """Samples per second offline, one by one and in batches of 32."""
    return {
        "online/offline-1/loadgen": {"samples_per_s": single},
        "online/offline-32/loadgen": {"samples_per_s": batched},
    }


def broken(*refused: bool) -> Steps:
    """Three spoiled versions: all refused with the self-test, and `refused` without it."""
    rows = [{"self_test": True, "refused": True}] * 3 + [{"self_test": False, "refused": one} for one in refused]
    return {"platform/gate/loads": {"loads": rows}}


def crashed(nobody_s: float) -> Steps:
    """Visitors every 100 ms for four seconds, each answered after 10 ms; those who come in the `nobody_s` seconds from
    0.55 s on get an error."""
    came = np.arange(40) / 10
    ok = ~((came > 0.55) & (came < 0.55 + nobody_s))
    visitors = {"started_s": came, "latency_ms": np.full(40, 10.0), "ok": ok, "fault_s": 0.55, "seconds": 4.0}
    return {"isolation/one-process-crash/outage": visitors}


QUICK = {"decode": 10, "preprocess": 5, "queue": 60, "inference": 20, "postprocess": 1}
# Most answers within 100 ms: 100 of 2x1 (4x1 and 4x2 answer more, but too late); 98 of 2x2 are within 3 % of that.
GRID = {"s1x1": (50, 50), "s1x2": (80, 60), "s2x1": (100, 90), "s2x2": (98, 80), "s4x1": (120, 150), "s4x2": (130, 200)}
# 1000 + 200, 900 + 100, 1100 + 300: median 1,200 ms.
COLD = cold([1000, 900, 1100], [200, 100, 300])

PAPERS: dict[str, tuple[Paper, ...]] = {
    # 160 / 10 = 16 (not 10 / 160). Half of it is 8, three halves 24.
    "system.endpoint.latency": (
        Paper(
            {**median("endpoint/onnx-16", 160), **median("endpoint/onnx-1", 10)},
            {16: 1, 8: 1, 24: 1, 25: 0.5, 7: 0.5, 40: 0.5, 41: 0},
        ),
    ),
    "system.endpoint.throughput": (
        # 30 / 10 = 3, 4 / 10, 10 / 10, 90 / 10.
        Paper(
            {**rate("endpoint/onnx-16", 30), **rate("endpoint/onnx-1", 10)},
            {"two to eight times as many": 1, "between half and twice as many": 0, "less than half as many": 0},
        ),
        Paper(
            {**rate("endpoint/onnx-16", 4), **rate("endpoint/onnx-1", 10)},
            {"less than half as many": 1, "between half and twice as many": 0},
        ),
        Paper(
            {**rate("endpoint/onnx-16", 10), **rate("endpoint/onnx-1", 10)},
            {"between half and twice as many": 1, "less than half as many": 0},
        ),
        Paper(
            {**rate("endpoint/onnx-16", 90), **rate("endpoint/onnx-1", 10)},
            {"more than eight times as many": 1, "two to eight times as many": 0},
        ),
        # 41 / 20 = 2.05, and 5 % less is 1.95: on both sides of 2.
        Paper(
            {**rate("endpoint/onnx-16", 41), **rate("endpoint/onnx-1", 20)},
            {"two to eight times as many": 1, "between half and twice as many": 1, "less than half as many": 0},
        ),
    ),
    "system.triton.throughput": (
        Paper(
            {**rate("triton/pytorch-8", 11), **rate("triton/pytorch-1", 10)},
            {"about the same": 1, "about twice as many": 0, "about eight times as many": 0},
        ),
        Paper(
            {**rate("triton/pytorch-8", 70), **rate("triton/pytorch-1", 10)},
            {"about eight times as many": 1, "about twice as many": 0},
        ),
        Paper(
            {**rate("triton/pytorch-8", 5), **rate("triton/pytorch-1", 10)},
            {"about the same": 1, "about twice as many": 0},
        ),
        # 14 / 10: 1.4 times 1, and 2 is 1.43 times it: as near to one as to the other.
        Paper(
            {**rate("triton/pytorch-8", 14), **rate("triton/pytorch-1", 10)},
            {"about the same": 1, "about twice as many": 1, "about eight times as many": 0},
        ),
    ),
    "system.triton.latency": (
        # 150 / 10 = 15.
        Paper(
            {**median("triton/pytorch-16", 150), **median("triton/pytorch-1", 10)},
            {"about 16": 1, "about 4": 0, "about 1": 0, "about 256": 0},
        ),
        # 21 / 10 = 2.1 is nearly as far from 1 (2.1 times) as from 4 (1.9 times).
        Paper(
            {**median("triton/pytorch-16", 21), **median("triton/pytorch-1", 10)},
            {"about 1": 1, "about 4": 1, "about 16": 0},
        ),
        # 80 / 10 = 8 is twice 4 and half of 16.
        Paper(
            {**median("triton/pytorch-16", 80), **median("triton/pytorch-1", 10)},
            {"about 4": 1, "about 16": 1, "about 1": 0},
        ),
    ),
    "system.triton.engine": (
        # 15 / 10, 5 / 10, 10 / 10, 30 / 10.
        Paper(
            {**rate("triton/onnx-8", 15), **rate("triton/pytorch-8", 10)},
            {"up to twice as many": 1, "about the same": 0, "more than twice as many": 0, "fewer": 0},
        ),
        Paper({**rate("triton/onnx-8", 5), **rate("triton/pytorch-8", 10)}, {"fewer": 1, "about the same": 0}),
        Paper({**rate("triton/onnx-8", 10), **rate("triton/pytorch-8", 10)}, {"about the same": 1, "fewer": 0}),
        Paper(
            {**rate("triton/onnx-8", 30), **rate("triton/pytorch-8", 10)},
            {"more than twice as many": 1, "up to twice as many": 0},
        ),
        # 56 / 50 = 1.12, and 5 % less is 1.06: on both sides of 1.1.
        Paper(
            {**rate("triton/onnx-8", 56), **rate("triton/pytorch-8", 50)},
            {"up to twice as many": 1, "about the same": 1, "fewer": 0},
        ),
    ),
    "system.batching.throughput": (
        # 20 / 10; 32 / 10; 10 answers of 1 row against 5 of 2 rows are the same.
        Paper(
            {**rate("batching/on-32", 20), **rate("batching/off-32", 10)},
            {"about twice as many": 1, "about the same": 0, "three times as many or more": 0},
        ),
        Paper(
            {**rate("batching/on-32", 32), **rate("batching/off-32", 10)},
            {"three times as many or more": 1, "about twice as many": 0},
        ),
        Paper(
            {**rate("batching/on-32", 10), **rate("batching/off-32", 5, batch=2)},
            {"about the same": 1, "about twice as many": 0},
        ),
        # 31 / 20 = 1.55, and 5 % less is 1.47: on both sides of 1.5.
        Paper(
            {**rate("batching/on-32", 31), **rate("batching/off-32", 20)},
            {"about twice as many": 1, "about the same": 1, "three times as many or more": 0},
        ),
    ),
    "system.batching.delay": (
        # 14 - 5 = 9 more; 5.2 - 5 is within a millisecond; 30 - 5 is beyond 13; 2 - 5 is less.
        Paper(
            {**median("batching/on-1", 5), **median("batching/on-waits-10-ms-1", 14)},
            {"longer by up to 10 ms": 1, "about the same": 0, "longer by far more than 10 ms": 0, "shorter": 0},
        ),
        Paper(
            {**median("batching/on-1", 5), **median("batching/on-waits-10-ms-1", 4.9)},
            {"about the same": 1, "longer by up to 10 ms": 0, "longer by far more than 10 ms": 0},
        ),
        Paper(
            {**median("batching/on-1", 5), **median("batching/on-waits-10-ms-1", 30)},
            {"longer by far more than 10 ms": 1, "longer by up to 10 ms": 0},
        ),
        Paper(
            {**median("batching/on-1", 5), **median("batching/on-waits-10-ms-1", 2)},
            {"shorter": 1, "about the same": 0},
        ),
        # Of 100 ms a twentieth is 5: 108 is longer, yet less than 5 ms above that limit.
        Paper(
            {**median("batching/on-1", 100), **median("batching/on-waits-10-ms-1", 108)},
            {"longer by up to 10 ms": 1, "about the same": 1, "shorter": 0},
        ),
    ),
    "system.batching.classifier": (
        # 10 / 10, 5 / 10, 20 / 10.
        Paper(
            {**rate("batching/food-on", 10), **rate("batching/food-off", 10)},
            {"about the same": 1, "fewer": 0, "at least twice as many": 0},
        ),
        Paper({**rate("batching/food-on", 5), **rate("batching/food-off", 10)}, {"fewer": 1, "about the same": 0}),
        Paper(
            {**rate("batching/food-on", 20), **rate("batching/food-off", 10)},
            {"at least twice as many": 1, "about the same": 0},
        ),
        # 33 / 20 = 1.65, and 5 % less is 1.57: on both sides of 1.6.
        Paper(
            {**rate("batching/food-on", 33), **rate("batching/food-off", 20)},
            {"at least twice as many": 1, "about the same": 1, "fewer": 0},
        ),
    ),
    "system.instances.best": (
        # 15 / 10, 5 / 10.
        Paper(
            grid(s2x1=(15, 50), s1x2=(10, 50)),
            {"two instances with one thread each": 1, "one instance with two threads": 0, "no difference": 0},
        ),
        Paper(
            grid(s2x1=(5, 50), s1x2=(10, 50)),
            {"one instance with two threads": 1, "two instances with one thread each": 0, "no difference": 0},
        ),
        # 97 / 100 = 0.97, 5 % less is 0.92 and 5 % more is 1.02: perhaps one instance, perhaps no difference.
        Paper(
            grid(s2x1=(97, 50), s1x2=(100, 50)),
            {"no difference": 1, "one instance with two threads": 1, "two instances with one thread each": 0},
        ),
    ),
    "system.instances.too_many": (
        # Against the best of the others, 10: 7 and 12.
        Paper(grid(s1x1=(5, 50), s2x1=(10, 50), s4x2=(7, 50)), {"lower": 1, "about the same": 0, "higher": 0}),
        Paper(grid(s1x1=(5, 50), s2x1=(10, 50), s4x2=(12, 50)), {"higher": 1, "about the same": 0, "lower": 0}),
        # 108 / 100 = 1.08, and 5 % less is 1.03: on both sides of 1.05.
        Paper(grid(s2x1=(100, 50), s4x2=(108, 50)), {"higher": 1, "about the same": 1, "lower": 0}),
    ),
    "system.neighbour.slowdown": (
        # 40 / 20, 20 / 20, 26 / 20, 80 / 20.
        Paper({**p95("alone", 20), **p95("shared", 40)}, {"1.5 to 3": 1, "not at all": 0, "more than 3": 0}),
        Paper({**p95("alone", 20), **p95("shared", 20)}, {"not at all": 1, "up to 1.5": 0, "1.5 to 3": 0}),
        Paper({**p95("alone", 20), **p95("shared", 26)}, {"up to 1.5": 1, "not at all": 0, "1.5 to 3": 0}),
        Paper({**p95("alone", 20), **p95("shared", 80)}, {"more than 3": 1, "1.5 to 3": 0}),
        # 31 / 20 = 1.55, and 5 % less is 1.47: on both sides of 1.5.
        Paper({**p95("alone", 20), **p95("shared", 31)}, {"1.5 to 3": 1, "up to 1.5": 1, "not at all": 0}),
    ),
    "system.online.offline_gain": (
        Paper(piles(100, 400), {"more than three times as many": 1, "two to three times as many": 0, "fewer": 0}),
        Paper(piles(100, 200), {"two to three times as many": 1, "about the same": 0}),
        Paper(piles(100, 110), {"about the same": 1, "fewer": 0, "two to three times as many": 0}),
        Paper(piles(100, 50), {"fewer": 1, "about the same": 0}),
        # 2.9, and 5 % more is 3.05: on both sides of 3.
        Paper(piles(100, 290), {"two to three times as many": 1, "more than three times as many": 1, "fewer": 0}),
    ),
    # 15 / 10 = 1.5 (not 10 / 15); 30 / 10 = 3; 10.5 / 10 is within 15 %.
    "system.online.bursts": (
        Paper(
            {**median("online/even", 10), **median("online/random", 15)},
            {"up to twice as long": 1, "about as long": 0, "more than twice as long": 0},
        ),
        Paper(
            {**median("online/even", 10), **median("online/random", 30)},
            {"up to twice as long": 0, "more than twice as long": 1},
        ),
        Paper(
            {**median("online/even", 10), **median("online/random", 10.5)},
            {"about as long": 1, "up to twice as long": 0},
        ),
        # From none under way to 40 in ten seconds: the server fell behind, and 3 times says nothing about arrivals.
        Paper(
            {**median("online/even", 10, **piling_up(40)), **median("online/random", 30)},
            {"more than twice as long": 1, "up to twice as long": 1, "about as long": 1},
        ),
        # 4 more are what a queue grows and shrinks by anyhow.
        Paper(
            {**median("online/even", 10, **piling_up(4)), **median("online/random", 30)},
            {"more than twice as long": 1, "up to twice as long": 0},
        ),
    ),
    "system.online.knee": (
        # 11 and 15 are less than twice 10, 25 is more: at 80 %. At 60 %, if there it is 30; at 95 % for 40.
        Paper(knee(11, 15, 25, 40, 100, 200), {"50 to 80 %": 1, "80 to 100 %": 0, "below 50 %": 0}),
        Paper(knee(25, 30, 30, 40, 100, 200), {"below 50 %": 1, "50 to 80 %": 0}),
        Paper(knee(11, 12, 13, 40, 100, 200), {"80 to 100 %": 1, "50 to 80 %": 0, "only above 100 %": 0}),
        Paper(knee(11, 12, 13, 14, 15, 16), {"only above 100 %": 1, "80 to 100 %": 0}),
        # Between 95 and 130 %: below or above 100 was not measured.
        Paper(knee(11, 12, 13, 14, 40, 90), {"only above 100 %": 1, "80 to 100 %": 1, "50 to 80 %": 0}),
        # Between 130 and 200 %.
        Paper(knee(11, 12, 13, 14, 15, 90), {"only above 100 %": 1, "80 to 100 %": 0}),
        # 2.1 times at 80 % is close to twice: were it less, 95 % would be the first. 1.9 times likewise.
        Paper(knee(11, 15, 21, 40, 100, 200), {"50 to 80 %": 1, "80 to 100 %": 1, "below 50 %": 0}),
        Paper(knee(11, 15, 19, 40, 100, 200), {"80 to 100 %": 1, "50 to 80 %": 1, "only above 100 %": 0}),
    ),
    "system.cold.ratio": (
        # 1200 / 100 = 12; 200 / 100 = 2; 4000 / 100 = 40.
        Paper(COLD, {"about 10 times": 1, "about twice": 0, "more than 30 times": 0}),
        Paper(cold([150], [50]), {"about twice": 1, "about 10 times": 0}),
        Paper(cold([3900], [100]), {"more than 30 times": 1, "about 10 times": 0}),
        # 4.1, and 5 % less is 3.9: on both sides of 4.
        Paper(cold([400], [10]), {"about twice": 1, "about 10 times": 1, "more than 30 times": 0}),
    ),
    # The middle of 50 and 200 is 100, that of 400 and 400 is 400: 4 times. A fifth is 0.8, three fifths 2.4.
    "system.tokens.prompt": (
        Paper(
            {
                "tokens/alone": {
                    "prompt": [64, 64, 256, 256, 16],
                    "first_ms": [50.0, 200.0, 400.0, 400.0, 7.0],
                    "each_ms": [20.0] * 5,
                }
            },
            {4: 1, 4.79: 1, 3.21: 1, 4.81: 0.5, 6.39: 0.5, 6.41: 0, 0.25: 0},
        ),
    ),
    # 20 tokens a second of one, 100 of eight: 5 times.
    "system.tokens.company": (
        Paper(
            {"tokens/together": {"sequences": [1, 8, 2], "per_s": [20.0, 100.0, 30.0]}},
            {5: 1, 5.9: 1, 6.1: 0.5, 8.1: 0},
        ),
    ),
    # Only those without self-test count.
    "system.gate.loaded": (
        Paper(broken(True, False, False), {"two": 1, "one": 0, "none": 0, "all three": 0}),
        Paper(broken(True, True, True), {"none": 1, "two": 0}),
        Paper(broken(False, False, False), {"all three": 1, "two": 0}),
        Paper(broken(True, True, False), {"one": 1, "two": 0}),
    ),
    # 10.1 / 10, 13 / 10, 20 / 10; 15.2 / 10, and 5 % less is 1.44: on both sides of 1.5.
    "system.pipeline.ensemble": tuple(
        Paper({**median("pipeline/ensemble", ms), **median("pipeline/one-model", 10)}, shares)
        for ms, shares in (
            (10.1, {"by less than a tenth": 1, "by a tenth to a half": 0}),
            (13, {"by a tenth to a half": 1, "by less than a tenth": 0, "by more than a half": 0}),
            (20, {"by more than a half": 1, "by a tenth to a half": 0}),
            (15.2, {"by more than a half": 1, "by a tenth to a half": 1, "by less than a tenth": 0}),
        )
    ),
    # Errors for who came at 0.6 ... 1.5 s: good answers at 0.51 and 1.61 s, 1,100 ms apart. A fifth is 220, three 660.
    "system.isolation.outage": (
        Paper(crashed(1.0), {1100: 1, 1319: 1, 881: 1, 1321: 0.5, 441: 0.5, 439: 0, 1000: 1, 100: 0}),
    ),
}


@pytest.mark.parametrize(("name", "paper"), each(PAPERS))
def test_an_answer_earns_what_was_worked_out_on_paper(name: str, paper: Paper) -> None:
    assert earned(JUDGES, name, paper) == pytest.approx(paper.shares)


def test_every_judge_was_worked_out_on_paper_with_a_right_and_a_wrong_answer() -> None:
    assert set(PAPERS) == set(JUDGES)
    assert untried(PAPERS) == []


@pytest.mark.parametrize("name", sorted(set(JUDGES) - {"system.endpoint.errors", "system.online.batch32"}))
def test_without_its_measurement_an_answer_earns_nothing_and_the_student_is_told_what_to_measure(name: str) -> None:
    assert asks_to_measure(JUDGES, PAPERS, name)


def in_windows(name: str, *answers: int, ms: float = 50) -> list[PaperStep]:
    """A load in windows of a second, recorded one by one: in each so many answers, each after `ms`."""
    one = {"seconds": 1.0, "batch": 1, "requests_per_s": 0.0}
    return [
        PaperStep(
            f"{name}/load",
            {**one, "latency_ms": np.full(number, ms), "ok": np.ones(number, dtype=bool)},
            inputs={"window": window},
        )
        for window, number in enumerate(answers)
    ]


def right(question_id: str, *loads: list[PaperStep]) -> set[str]:
    """The choices that earn points on a record of these loads."""
    expected = JUDGES[question_id](PaperRecord(tuple(step for load in loads for step in load), part="system").evidence)
    assert isinstance(expected, Choices)
    return set(expected.right | expected.accepted)


def test_what_the_windows_do_not_decide_is_right_either_way() -> None:
    # On average 1.2 times as many; window by window 1.2 each time, or from 0.6 to 1.9.
    one_thread = in_windows("instances/1x2", 100, 100, 100, 100, 100)
    sure = right("system.instances.best", one_thread, in_windows("instances/2x1", 120, 120, 120, 120, 120))
    assert sure == {"two instances with one thread each"}
    unsure = right("system.instances.best", one_thread, in_windows("instances/2x1", 60, 190, 110, 150, 90))
    assert unsure == {"two instances with one thread each", "no difference", "one instance with two threads"}


def test_what_slowed_both_down_does_not_make_them_undecided() -> None:
    slow_at_times = (100, 40, 100, 60, 100)
    three = tuple(3 * number for number in slow_at_times)
    gain = right(
        "system.batching.throughput",
        in_windows("batching/off-32", *slow_at_times),
        in_windows("batching/on-32", *three),
    )
    assert gain == {"three times as many or more"}
