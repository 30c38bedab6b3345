"""Judges where a limit is absent or just reached, where little was measured, and where a name must be spelt right.

A comment works the right answer out from the numbers; no expectation comes from the code that is tested.
"""

from __future__ import annotations

from typing import Any

import pytest

from grading.staff.judges import JUDGES, edge, model
from snippets.decide.targets import Target
from tests.grading.checks.paper import Paper, each, earned
from tests.grading.checks.test_edge import FOUR, SIZES, starts
from tests.grading.checks.test_edge import latency as on_device
from tests.grading.checks.test_edge import size as size_on_device
from tests.grading.checks.test_model import accuracy, latency, size, throughput
from tests.grading.checks.test_system import GRID, cold, grid, knee, median, rate

pytestmark = pytest.mark.usefixtures("paper_limits")

MORE_TYPES = {
    "graph/levels": {
        "none": {"histogram": {"Cast": 1, "Conv": 2, "Clip": 3, "Add": 4, "Gather": 5}},
        "basic": {"histogram": {}},
    }
}
NO_OK = {
    "latency_ms": [10, 20],
    **{f"{stage}_ms": [1, 1] for stage in ("decode", "preprocess", "queue", "postprocess")},
    "inference_ms": [9, 12],
}
# 95 of 100 take 90 ms, five 200 ms: p95 is 5 % of the way from the 95th to the 96th, 95.5 ms.
TAIL = {"latency_ms": [90] * 95 + [200] * 5, "seconds": 10.0, "batch": 1}

PAPERS: dict[str, tuple[Paper, ...]] = {
    # A step of another kind is no measurement of latency: 40 / 10.
    "edge.threads.gain": (Paper({**on_device(fp32={1: 40, 4: 10}), "edge/fp32-threads-8/size": {"bytes": 1}}, {4: 1}),),
    "edge.latency.targets": (
        # Two meet both targets: "none" is wrong, also where a third is too close to call.
        Paper({**FOUR, **SIZES}, {("dynamic", "aggressive", "none"): 0.5}),
        Paper(
            {**FOUR, **SIZES, **on_device(dynamic={1: 14.5, 4: 14.5})},
            {("aggressive", "none"): 0, ("aggressive", "dynamic"): 1},
        ),
    ),
    "edge.cold.phase": (Paper(starts(40, 90, 50, 300), {"first inference": 1, "libraries": 0}),),
    # All four types were there and are gone; Gather is, too, but was not asked for.
    "model.graph.constants": (
        Paper(MORE_TYPES, {("Cast", "Conv", "Clip", "Add"): 1, ("Cast", "Conv"): 0.5, ("Clip",): 0.25, ("Add",): 0.25}),
    ),
    "model.providers.target": (
        # cpu meets both limits: none of them is wrong, also where openvino's 2.9 ms are too close to 3 to call.
        Paper(
            {**latency(onnx_all=2.5, openvino=4), **throughput(onnx_all=1600, openvino=1600)},
            {("cpu", "none of them"): 0},
        ),
        Paper(
            {**latency(onnx_all=2.5, openvino=2.9), **throughput(onnx_all=1600, openvino=1600)},
            {("cpu", "none of them"): 0, ("cpu", "openvino"): 1},
        ),
    ),
    # cuda is faster, but answers 100 a second only.
    "model.choose.server_gpu": (
        Paper({**latency(cuda=0.5, tensorrt=0.9), **throughput(cuda=100, tensorrt=8000)}, {"tensorrt": 1, "cuda": 0}),
    ),
    # The largest is the most accurate, but 9 MB are too many; 5 MB are not below 5 either.
    "model.choose.phone": (
        Paper(
            {
                **latency(onnx_all=1, dynamic=1, aggressive=1, conservative=1),
                **size(onnx_all=9, dynamic=5, aggressive=2.5, conservative=4),
                **accuracy(onnx_all=20, dynamic=19, aggressive=16, conservative=18),
            },
            {"conservative": 1, "aggressive": 1, "onnx-all": 0, "dynamic": 0},
        ),
    ),
    # Two answers in half a second, none marked as failed.
    "system.endpoint.rate": (
        Paper({"endpoint/onnx-1/load": {"latency_ms": [9, 9], "seconds": 0.5, "batch": 1}}, {4: 1, 2: 0}),
    ),
    # Medians 20 and 10, whatever the slowest took.
    "system.endpoint.latency": (
        Paper(
            {"endpoint/onnx-16/load": {"latency_ms": [9, 3000, 20]}, "endpoint/onnx-1/load": {"latency_ms": [10]}},
            {2: 1, 8: 0},
        ),
    ),
    # Means: inference 10.5, others 1, transport 15 - 14.5.
    "system.endpoint.dominates": (Paper({"endpoint/pytorch-16/load": NO_OK}, {"inference": 1, "transport": 0}),),
    # 43 / 10 is 1.86 times less than 8 and 2.15 times more than 2.
    "system.triton.throughput": (
        Paper(
            {**rate("triton/pytorch-8", 43), **rate("triton/pytorch-1", 10)},
            {"about eight times as many": 1, "about twice as many": 0},
        ),
        # 4 a second against 2.
        Paper(
            {**rate("triton/pytorch-8", 40), **rate("triton/pytorch-1", 20)},
            {"about twice as many": 1, "about eight times as many": 0},
        ),
    ),
    "system.triton.latency": (
        Paper({**median("triton/pytorch-16", 11), **median("triton/pytorch-1", 10)}, {"about 1": 1, "about 4": 0}),
        # 2.3 is 1.74 times less than 4; 8.5 is 1.88 times less than 16 and 2.13 times more than 4.
        Paper({**median("triton/pytorch-16", 23), **median("triton/pytorch-1", 10)}, {"about 4": 1, "about 1": 0}),
        Paper({**median("triton/pytorch-16", 85), **median("triton/pytorch-1", 10)}, {"about 16": 1, "about 4": 0}),
        # Midway between 16 and 256 by factor lies 64; 67.35 is exp(0.102) times nearer to 256.
        Paper(
            {**median("triton/pytorch-16", 673.5), **median("triton/pytorch-1", 10)}, {"about 256": 1, "about 16": 0}
        ),
    ),
    "system.triton.queue_share": (
        Paper({"triton/pytorch-16/load": {"queue_ms": 0, "compute_ms": 10}}, {0: 1, 9.1: 0}),
        Paper({"triton/pytorch-16/load": {"queue_ms": 0.5, "compute_ms": 0.5}}, {50: 1}),
    ),
    "system.batching.delay": (
        # 9 ms more, give or take a twentieth of 100: from 4, less than 5, to 14, more than 13.
        Paper(
            {**median("batching/on-1", 100), **median("batching/on-waits-10-ms-1", 109)},
            {"longer by up to 10 ms": 1, "about the same": 1, "longer by far more than 10 ms": 1, "shorter": 0},
        ),
        # 14.5 ms more, give or take 1.
        Paper(
            {**median("batching/on-1", 5), **median("batching/on-waits-10-ms-1", 19.5)},
            {"longer by far more than 10 ms": 1, "longer by up to 10 ms": 0},
        ),
    ),
    # Eight rows in a single execution.
    "system.batching.sizes": (Paper({"batching/on-32/load": {"batches": {"8": 1}}}, {8: 1, 1: 0}),),
    "system.instances.choice": (
        # 100 ms are within 100 ms, 100.5 are not.
        Paper(grid(**{**GRID, "s2x1": (100, 100)}), {"2 instances, 1 thread": 1}),
        Paper(grid(**{**GRID, "s2x1": (100, 100.5)}), {"2 instances, 1 thread": 0, "2 instances, 2 threads": 1}),
        Paper(grid(**{**GRID, "s2x2": (90, 80)}), {"2 instances, 1 thread": 1, "2 instances, 2 threads": 0}),
        Paper(
            {**grid(**GRID), "instances/4x1/load": TAIL, "instances/2x1/load": TAIL},
            {"2 instances, 1 thread": 1, "4 instances, 1 thread": 1, "1 instance, 2 threads": 0},
        ),
    ),
    # The first beyond twice 10 ms is at 60 %; at 130 %, so the bend may lie anywhere between 95 and 130 %.
    "system.online.knee": (
        Paper(knee(11, 25, 30, 40, 100, 200), {"50 to 80 %": 1, "80 to 100 %": 0, "below 50 %": 0}),
        Paper(knee(11, 12, 13, 14, 25, 30), {"only above 100 %": 1, "80 to 100 %": 1, "50 to 80 %": 0}),
        Paper(knee(11, 12, 13, 14, 15, 30), {"only above 100 %": 1, "80 to 100 %": 0}),
    ),
    "system.cold.ratio": (
        # 32, and 5 % less is 30.4.
        Paper(cold([3100], [100]), {"more than 30 times": 1, "about 10 times": 0}),
        # 440 / 100, whatever a single slow request took: 5 % less is 4.18.
        Paper(
            {"online/food-pytorch/cold": {"load_ms": [430], "first_ms": [10], "warm_ms": [100, 90, 1000]}},
            {"about 10 times": 1, "about twice": 0},
        ),
    ),
}


@pytest.mark.parametrize(("name", "paper"), each(PAPERS))
def test_an_answer_earns_what_was_worked_out_on_paper(name: str, paper: Paper) -> None:
    assert earned(JUDGES, name, paper) == pytest.approx(paper.shares)


LIMITS = {"a limit of 30 ms and 2 MB": (30.0, 2.0), "of 2 MB only": (None, 2.0), "of 30 ms only": (30.0, None)}


@pytest.mark.parametrize(
    ("milliseconds", "megabytes", "limits", "right"),
    [
        (20, 1, "a limit of 30 ms and 2 MB", True),
        (20, 3, "a limit of 30 ms and 2 MB", False),
        (40, 1, "a limit of 30 ms and 2 MB", False),
        (40, 1, "of 2 MB only", True),
        (20, 3, "of 2 MB only", False),
        (20, 3, "of 30 ms only", True),
        (40, 1, "of 30 ms only", False),
    ],
)
def test_the_device_is_judged_by_the_limits_that_the_manager_sets(
    milliseconds: float, megabytes: float, limits: str, right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    latency_below, size_below = LIMITS[limits]
    wanted = Target("end-user device", "any", p50_ms_below=latency_below, size_mb_below=size_below)
    monkeypatch.setattr(edge, "target", {"end-user device": wanted}.__getitem__)
    monkeypatch.setattr(model, "target", {"end-user device": wanted}.__getitem__)
    others = {name: {1: 90.0} for name in ("dynamic", "aggressive", "conservative")}
    sizes = dict.fromkeys(others, 90.0)
    paper = Paper(
        {**on_device(fp32={1: milliseconds}, **others), **size_on_device(fp32=megabytes, **sizes)},
        {("fp32",): int(right), ("none",): int(not right)},
    )
    assert earned(JUDGES, "edge.latency.targets", paper) == paper.shares


@pytest.mark.parametrize(("limit_mb", "large_mb", "right"), [(2.0, 3, 0), (8.0, 7, 1), (None, 4.9, 1), (None, 5.5, 0)])
def test_the_phone_is_judged_by_the_managers_limit_or_where_there_is_none_by_5_mb(
    limit_mb: float | None, large_mb: float, right: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: dict[str, Any] = {"end-user device": Target("end-user device", "any", size_mb_below=limit_mb)}
    monkeypatch.setattr(model, "target", wanted.__getitem__)
    paper = Paper(
        {**latency(onnx_all=1, dynamic=1), **size(onnx_all=large_mb, dynamic=1), **accuracy(onnx_all=20, dynamic=19)},
        {"dynamic": 1, "onnx-all": right},
    )
    assert earned(JUDGES, "model.choose.phone", paper) == paper.shares
