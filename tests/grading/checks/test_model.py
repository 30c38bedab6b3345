"""Every judge of part model on records worked out by hand: right, close, wrong, and too close to call.

A comment works the right answer out from the numbers; no expectation comes from the code that is tested.
"""

from __future__ import annotations

from typing import Any

import pytest

from grading.checks.model import JUDGES
from tests.grading.checks.paper import Paper, asks_to_measure, each, earned, untried

pytestmark = pytest.mark.usefixtures("paper_limits")
Steps = dict[str, Any]


PLACES = {
    "onnx_all": "graph/onnx-all",
    "dynamic": "quantize/dynamic",
    "aggressive": "quantize/aggressive",
    "conservative": "quantize/conservative",
    "openvino": "providers/openvino",
    "cuda": "providers/cuda",
    "tensorrt": "providers/tensorrt",
    "conservative_streams": "providers/conservative-streams",
    "openvino_conservative": "providers/openvino-conservative",
    "openvino_bf16_streams": "providers/openvino-bf16-streams",
    "eager": "baseline/eager",
    "compiled": "baseline/compiled",
    "static": "int8/static-4bit",
    "qat": "int8/qat-4bit",
}


def latency(**median_ms: float) -> Steps:
    """Latency steps by engine: fifteen samples, all but two of them the median, so that its interval is the median."""
    return {
        f"{PLACES[name]}/latency": {"latency_ms": [ms * 2, *[ms] * 13, ms / 2], "threads": 2}
        for name, ms in median_ms.items()
    }


def between(name: str, low_ms: float, high_ms: float) -> Steps:
    """A latency step whose median's interval reaches from one value to the other: eight and seven of each."""
    return {f"{PLACES[name]}/latency": {"latency_ms": [*[low_ms] * 8, *[high_ms] * 7], "threads": 2}}


def blocks(group: str, **medians_ms: list[float]) -> Steps:
    """Latency steps of a group's turns by name: in each round a block of two samples around its median."""
    return {
        f"{group}/{name.replace('_', '-')}/latency": {
            "latency_ms": [sample for ms in times for sample in (ms * 0.9, ms * 1.1)],
            "rounds": [number for number in range(1, len(times) + 1) for _ in range(2)],
            "group": group,
            "slow": [],
            "threads": 2,
        }
        for name, times in medians_ms.items()
    }


def throughput(**per_s: float) -> Steps:
    """Throughput steps by engine: batches of 40 that take 40,000 / per_s ms."""
    return {
        name.replace("/latency", "/throughput"): {"batch": 40, "batch_ms": [40_000 / rate] * 9, "threads": 2}
        for name, rate in zip(latency(**per_s), per_s.values(), strict=True)
    }


def accuracy(images: int = 20, **right_of_them: int) -> Steps:
    """Accuracy steps by engine: so many of the predictions are right, the first ones."""
    return {
        f"{PLACES[name]}/accuracy": {"labels": [7] * images, "predictions": [7] * right + [3] * (images - right)}
        for name, right in right_of_them.items()
    }


def size(**megabytes: float) -> Steps:
    """Size steps by engine."""
    return {
        name.replace("/latency", "/size"): {"bytes": round(mb * 1e6)}
        for name, mb in zip(latency(**megabytes), megabytes.values(), strict=True)
    }


def pupils(**right_of_100: tuple[int, ...]) -> Steps:
    """Accuracy steps of students by what they learnt from, by seed: the first so many of 100 predictions are right."""
    return {
        f"distill/{source}-{seed}/accuracy": {"labels": [7] * 100, "predictions": [7] * right + [3] * (100 - right)}
        for source, each_right in right_of_100.items()
        for seed, right in enumerate(each_right, start=1)
    }


def levels(*median_ms: float) -> Steps:
    """Latency steps of the levels none, basic, extended, all."""
    return {
        f"graph/onnx-{level}/latency": {"latency_ms": [ms] * 15}
        for level, ms in zip(("none", "basic", "extended", "all"), median_ms, strict=True)
    }


COUNTS = {
    "graph/levels": {
        "none": {"histogram": {"BatchNormalization": 52, "Expand": 1, "Conv": 52, "Clip": 35}},
        "basic": {"histogram": {"Conv": 52, "Clip": 35, "Add": 10}},
        "extended": {"histogram": {"Conv": 52, "Clip": 2}},
    }
}

PAPERS: dict[str, tuple[Paper, ...]] = {
    # 100 x 2,000 numbers, each multiplied and added: 400,000 operations in 0.02 ms are 20 billion a second. Half of it
    # (10 to 30) full points, three halves (to 50) half of them.
    "model.kernel.search": (
        Paper(
            {"search/catalogue": [100, 2000], "search/float32-1/latency": {"latency_ms": [0.02] * 15}},
            {20: 1, 10: 1, 30: 1, 31: 0.5, 50: 0.5, 51: 0},
        ),
    ),
    # 60 / 3 = 20; 0.3 of it is 6 (14 to 26), three times that 18 (2 to 38).
    "model.kernel.order": (
        Paper(
            {"kernel/naive/latency": {"latency_ms": [60.0] * 15}, "kernel/order/latency": {"latency_ms": [3.0] * 15}},
            {20: 1, 14: 1, 26: 1, 27: 0.5, 38: 0.5, 39: 0},
        ),
    ),
    # Median of 80, 40, 20 is 40. Within half of it (20 to 60) full points, within three halves (to 100) half of them.
    "model.baseline.eager": (Paper(latency(eager=40), {40: 1, 20: 1, 60: 1, 61: 0.5, 100: 0.5, 101: 0}),),
    # 40 / 10 = 4; a fifth is 0.8 (3.2 to 4.8), three fifths are 2.4 (1.6 to 6.4).
    "model.baseline.compile": (
        Paper(latency(eager=40, compiled=10), {4: 1, 3.3: 1, 4.7: 1, 4.9: 0.5, 6.3: 0.5, 6.5: 0, 0.25: 0}),
    ),
    "model.graph.winner": (
        # Saved: 50 - 42 = 8, 42 - 20 = 22, 20 - 18 = 2, in every round.
        Paper(levels(50, 42, 20, 18), {"basic -> extended": 1, "none -> basic": 0, "extended -> all": 0}),
        # In blocks. Saved by the first step 20, 21, 22, 20, 22 (mean 21), by the second 10 in each round: the
        # difference is 11 on average, its standard deviation 1, and 4.604 x 1 / sqrt(5) = 2.06 is less than that.
        Paper(
            blocks(
                "graph",
                onnx_none=[50] * 5,
                onnx_basic=[30, 29, 28, 30, 28],
                onnx_extended=[20, 19, 18, 20, 18],
                onnx_all=[19] * 5,
            ),
            {"none -> basic": 1, "basic -> extended": 0, "extended -> all": 0},
        ),
        # Saved by the first step 20, 24, 20, 24, 20 (mean 21.6), by the second 20 in each round: 1.6 on average with a
        # standard deviation of 2.19, and 4.604 x 2.19 / sqrt(5) = 4.5 is more.
        Paper(
            blocks(
                "graph",
                onnx_none=[50] * 5,
                onnx_basic=[30, 26, 30, 26, 30],
                onnx_extended=[10, 6, 10, 6, 10],
                onnx_all=[9, 5, 9, 5, 9],
            ),
            {"none -> basic": 1, "basic -> extended": 1, "extended -> all": 0},
        ),
        # In half of the 16 rounds the first step saves 50 - 29 = 21 and the second 29 - 10 = 19, in the others 19 and
        # 21: they cannot be told apart.
        Paper(
            {"graph/ranking": {"none": [50] * 16, "basic": [29, 31] * 8, "extended": [10] * 16, "all": [9.5] * 16}},
            {"none -> basic": 1, "basic -> extended": 1, "extended -> all": 0},
        ),
        # The same in all but two rounds of 16, which chance does not explain. What was measured one by one says
        # otherwise, and does not count beside the rounds.
        Paper(
            {
                **levels(50, 48, 20, 18),
                "graph/ranking": {
                    "none": [50] * 16,
                    "basic": [*[29] * 14, 31, 31],
                    "extended": [10] * 16,
                    "all": [9.5] * 16,
                },
            },
            {"none -> basic": 1, "basic -> extended": 0, "extended -> all": 0},
        ),
    ),
    "model.quantize.dynamic": (
        # 15 / 10 = 1.5: slower. 5 / 10: faster.
        Paper(
            latency(dynamic=15, onnx_all=10), {"slower than float32": 1, "about the same": 0, "faster than float32": 0}
        ),
        Paper(
            latency(dynamic=5, onnx_all=10), {"faster than float32": 1, "about the same": 0, "slower than float32": 0}
        ),
        # In blocks, in turn: 11, 13, 11, 13, 12 over 10 is 1.2 on average. In logarithms the standard deviation is
        # 0.084, and the 99 % interval a factor of exp(4.604 x 0.084 / sqrt(5)) = 1.19 either way, 1.00 to 1.42: both
        # are right.
        Paper(
            blocks("quantize", dynamic=[11, 13, 11, 13, 12], onnx_all=[10] * 5),
            {"slower than float32": 1, "about the same": 1, "faster than float32": 0},
        ),
        # 10.5 / 10 is within a tenth: the same. 11.5 / 10 is beyond it, but within a fifth: both are right.
        Paper(latency(dynamic=10.5, onnx_all=10), {"about the same": 1, "slower than float32": 0}),
        Paper(
            latency(dynamic=11.5, onnx_all=10),
            {"about the same": 1, "slower than float32": 1, "faster than float32": 0},
        ),
        Paper(
            latency(dynamic=8.5, onnx_all=10), {"about the same": 1, "faster than float32": 1, "slower than float32": 0}
        ),
    ),
    # 6 MB; a fifth is 1.2 (to 7.2), three fifths 3.6 (to 9.6).
    "model.quantize.criteria": (Paper(size(conservative=6), {6: 1, 7.1: 1, 7.3: 0.5, 9.5: 0.5, 9.7: 0, 6e6: 0}),),
    "model.providers.fastest": (
        # The fastest is 8, and 2 % above that is 8.16: 8.1 is as good, 8.5 is not.
        Paper(latency(onnx_all=10, openvino=8, cuda=8.1), {"openvino": 1, "cuda": 1, "cpu": 0, "tensorrt": 0}),
        Paper(latency(onnx_all=8.5, openvino=8), {"openvino": 1, "cpu": 0}),
        # One by one openvino looked faster; in turn it is now faster, now slower than the CPU's own kernels.
        Paper(
            {
                **latency(onnx_all=10, openvino=8),
                "providers/ranking": {"onnx-all": [9.0] * 16, "openvino": [8.0, 10.0] * 8},
            },
            {"openvino": 1, "cpu": 1, "cuda": 0},
        ),
        # In blocks, which count before older turns: openvino is 20 % faster in every round.
        Paper(
            {
                **blocks("providers", onnx_all=[10, 12, 10, 11, 10], openvino=[8, 9.6, 8, 8.8, 8]),
                "providers/ranking": {"onnx-all": [9.0] * 16, "openvino": [9.5] * 16},
            },
            {"openvino": 1, "cpu": 0},
        ),
        # In turn it is slower in every round.
        Paper(
            {
                **latency(onnx_all=10, openvino=8),
                "providers/ranking": {"onnx-all": [9.0] * 16, "openvino": [9.5] * 16},
            },
            {"cpu": 1, "openvino": 0},
        ),
    ),
    # In each round 12 / 4 = 3; a fifth of it is 0.6 (2.4 to 3.6), three fifths 1.8 (1.2 to 4.8).
    "model.smaller.width": (
        Paper(
            blocks("smaller", onnx_all=[12, 15, 12, 12, 15], mobilenet_half=[4, 5, 4, 4, 5]),
            {3: 1, 2.5: 1, 3.5: 1, 3.7: 0.5, 1.3: 0.5, 1.1: 0, 4.9: 0},
        ),
    ),
    # Of 400 images float32 names 360 rightly, static 200, trained 340: 140 of 160 came back, 87.5 %. Its standard error
    # is about sqrt(0.875 x 0.125 / 160) = 0.026, so the interval, some 82 to 93 %, lies above three quarters.
    "model.retrain.share": (
        Paper(
            accuracy(400, onnx_all=360, static=200, qat=340),
            {"more than three quarters": 1, "a quarter to three quarters": 0, "less than a quarter": 0},
        ),
        # 4 of 8 lost ones came back: 50 %, give or take 0.18 x 1.96 and what 20 images leave open. Any of the three.
        Paper(
            accuracy(20, onnx_all=18, static=10, qat=14),
            {"more than three quarters": 1, "a quarter to three quarters": 1, "less than a quarter": 1},
        ),
        # 8 of 80: 10 %, with a root of 0.034: surely less than a quarter.
        Paper(
            accuracy(400, onnx_all=360, static=280, qat=288),
            {"more than three quarters": 0, "a quarter to three quarters": 0, "less than a quarter": 1},
        ),
        Paper(
            {"int8/qat-4bit/absent": {"reason": "no PyTorch"}},
            {"less than a quarter": 1, "more than three quarters": 1},
        ),
    ),
    "model.smaller.fp16": (
        # 15 / 10 = 1.5 in each round: slower. 5 / 10: faster. 10.5 / 10: within a tenth.
        Paper(
            blocks("smaller", fp16=[15] * 5, onnx_all=[10] * 5),
            {"slower than float32": 1, "about the same": 0, "faster than float32": 0},
        ),
        Paper(
            blocks("smaller", fp16=[5] * 5, onnx_all=[10] * 5),
            {"faster than float32": 1, "about the same": 0, "slower than float32": 0},
        ),
        Paper(blocks("smaller", fp16=[10.5] * 5, onnx_all=[10] * 5), {"about the same": 1, "slower than float32": 0}),
    ),
    "model.prune.zeros": (
        # 10.2 / 10 in each round: within a tenth. 8 / 10: faster.
        Paper(
            blocks("prune", zeros_80=[10.2] * 5, onnx_all=[10] * 5),
            {"about the same": 1, "faster than onnx-all": 0, "slower than onnx-all": 0},
        ),
        Paper(
            blocks("prune", zeros_80=[7] * 5, onnx_all=[10] * 5), {"faster than onnx-all": 1, "slower than onnx-all": 0}
        ),
        # 13 and 10 in turn against 10: the interval reaches from about the same to slower.
        Paper(
            blocks("prune", zeros_80=[13, 10, 13, 10, 13], onnx_all=[10] * 5),
            {"about the same": 1, "slower than onnx-all": 1},
        ),
        Paper({"prune/absent": {"reason": "an ONNX file"}}, {"about the same": 1, "faster than onnx-all": 1}),
    ),
    # In each round 12 / 8 = 1.5; a fifth of it is 0.3 (1.2 to 1.8), three fifths 0.9 (0.6 to 2.4).
    "model.prune.channels": (
        Paper(
            blocks("prune", onnx_all=[12, 15, 12, 12, 15], channels_50=[8, 10, 8, 8, 10]),
            {1.5: 1, 1.25: 1, 1.75: 1, 1.9: 0.5, 2.3: 0.5, 2.5: 0, 0.5: 0},
        ),
        Paper({"prune/absent": {"reason": "an ONNX file"}}, {1: 1, 1.5: 0.5, 2: 0}),
    ),
    # 6, 2 and 4 points more: 4 on average, give or take one point; and where the labels taught more, -4.
    "model.retrain.teacher": (
        Paper(
            pupils(labels=(50, 52, 51), teacher=(56, 54, 55)),
            {4: 1, 3.1: 1, 4.9: 1, 5.1: 0.5, 1.1: 0.5, 0.9: 0, 7.1: 0, -4: 0},
        ),
        Paper(pupils(labels=(56, 54, 55), teacher=(50, 52, 51)), {-4: 1, 4: 0}),
    ),
}


@pytest.mark.parametrize(("name", "paper"), each(PAPERS))
def test_an_answer_earns_what_was_worked_out_on_paper(name: str, paper: Paper) -> None:
    assert earned(JUDGES, name, paper) == paper.shares


def test_every_judge_was_worked_out_on_paper_with_a_right_and_a_wrong_answer() -> None:
    assert set(PAPERS) == set(JUDGES)
    assert untried(PAPERS) == []


@pytest.mark.parametrize("name", sorted(set(JUDGES) - {"model.baseline.interval"}))
def test_without_its_measurement_an_answer_earns_nothing_and_the_student_is_told_what_to_measure(name: str) -> None:
    assert asks_to_measure(JUDGES, PAPERS, name)
