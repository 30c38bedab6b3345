"""What every judge tells: a remedy in a sentence, the number that was worked out, and which step is to be measured."""

from __future__ import annotations

import re
from typing import Any

import pytest

from grading.checks.judging import Number
from grading.staff.judges import JUDGES
from tests.grading.checks import test_edge, test_model, test_system
from tests.grading.checks.paper import Paper, each, judged
from tests.grading.checks.test_edge import starts
from tests.grading.checks.test_model import latency
from tests.grading.checks.test_system import grid, stages
from tests.grading.staff.judges import test_edge as worked_edge
from tests.grading.staff.judges import test_model as worked_model
from tests.grading.staff.judges import test_system as worked_system

pytestmark = pytest.mark.usefixtures("paper_limits")
Steps = dict[str, Any]

PAPERS = {
    name: papers
    for module in (test_model, test_edge, test_system, worked_model, worked_edge, worked_system)
    for name, papers in module.PAPERS.items()
}
SENTENCE = re.compile(r"(?=.*[a-z])[A-Z0-9].*\.")
RATE, STAGES, QUEUE = "endpoint/onnx-1/load", "endpoint/pytorch-16/load", "triton/pytorch-16/load"
BATCHES, COLD = "batching/on-32/load", "online/food-pytorch/cold"
FIVE = {"decode": 1, "preprocess": 1, "queue": 1, "inference": 1, "postprocess": 1}


@pytest.mark.parametrize(("name", "paper"), each(PAPERS))
def test_how_to_get_it_right_is_told_in_a_sentence(name: str, paper: Paper) -> None:
    assert SENTENCE.fullmatch(JUDGES[name](paper.evidence).how)


@pytest.mark.parametrize(("name", "paper"), each(PAPERS))
def test_a_right_number_is_exactly_what_was_worked_out(name: str, paper: Paper) -> None:
    right = JUDGES[name](paper.evidence)
    if isinstance(right, Number):
        assert right.value == pytest.approx(next(iter(paper.shares)), rel=1e-9)  # each paper begins with it


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("edge.latency.fastest", "edge/fp32-threads-1/latency"),
        ("edge.cold.wait", "cold/fp32/start"),
        ("model.providers.fastest", "graph/onnx-all/latency"),
        ("model.choose.phone", "graph/onnx-all/latency"),
        ("system.endpoint.rate", RATE),
        ("system.instances.too_many", "instances/4x2/load"),
        ("system.instances.choice", "instances/1x1/load"),
    ],
)
def test_a_step_that_was_not_measured_is_named(name: str, step: str) -> None:
    answer = next(iter(PAPERS[name][0].shares))
    part = name.partition(".")[0]
    assert judged(JUDGES, name, Paper({}, {}), answer).message == (
        f"Measure {step} first (servelab run {part}), then answer again."
    )


@pytest.mark.parametrize(
    ("name", "steps", "step"),
    [
        ("model.providers.target", latency(onnx_all=2.5), "providers/onnx-all/throughput"),
        ("system.instances.too_many", grid(s4x2=(9, 50)), "instances/4x2/load"),
        ("system.instances.too_many", grid(s1x1=(9, 50), s2x1=(9, 50)), "instances/4x2/load"),
        ("system.instances.choice", grid(s1x1=(9, 50)), "instances/1x2/load"),
    ],
)
def test_of_several_steps_the_first_that_was_not_measured_is_named(name: str, steps: Steps, step: str) -> None:
    answer = next(iter(PAPERS[name][0].shares))
    assert judged(JUDGES, name, Paper(steps, {}), answer).message.startswith(f"Measure {step} first ")


@pytest.mark.parametrize(
    ("name", "steps", "step", "field"),
    [
        ("edge.memory.resident", {"cold/fp32/start": {"rss_mb": [20, 60, 90, 104]}}, "cold/fp32/start", "rss_mb"),
        ("edge.memory.resident", {"cold/fp32/start": {"rss_mb": [[]]}}, "cold/fp32/start", "rss_mb"),
        ("edge.soak.trend", {"soak/all/soak": {"latency_ms": [10, 12]}}, "soak/all/soak", "samples over time"),
        ("edge.cold.wait", {"cold/fp32/start": {"process_ms": [1]}}, "cold/fp32/start", "libraries_ms"),
        (
            "system.endpoint.rate",
            {RATE: {"latency_ms": [9, 9], "ok": [False, False], "seconds": 9, "batch": 1}},
            RATE,
            "successes",
        ),
        (
            "system.endpoint.rate",
            {RATE: {"latency_ms": [9, 9], "ok": [True], "seconds": 9, "batch": 1}},
            RATE,
            "successes",
        ),
        ("system.endpoint.rate", {RATE: {"latency_ms": [9], "seconds": 0, "batch": 1}}, RATE, "seconds"),
        (
            "system.endpoint.dominates",
            {STAGES: {"latency_ms": [9, 9], **{f"{stage}_ms": [1] for stage in FIVE}}},
            STAGES,
            "decode_ms",
        ),
        ("system.endpoint.dominates", {STAGES: {**stages(9, **FIVE)[STAGES], "ok": [False] * 3}}, STAGES, "decode_ms"),
        ("system.endpoint.dominates", {STAGES: {**stages(9, **FIVE)[STAGES], "ok": [True] * 4}}, STAGES, "decode_ms"),
        ("system.triton.queue_share", {QUEUE: {"queue_ms": -1, "compute_ms": 9}}, QUEUE, "compute_ms"),
        ("system.triton.queue_share", {QUEUE: {"queue_ms": 9, "compute_ms": 0}}, QUEUE, "compute_ms"),
        ("system.batching.sizes", {BATCHES: {"batches": 7}}, BATCHES, "batches"),
        ("system.batching.sizes", {BATCHES: {"batches": {}}}, BATCHES, "batches"),
        ("system.batching.sizes", {BATCHES: {"batches": {"1": 0}}}, BATCHES, "executions"),
        ("system.cold.ratio", {COLD: {"load_ms": [1, 2], "first_ms": [1], "warm_ms": [1]}}, COLD, "first_ms"),
    ],
)
def test_a_field_that_cannot_be_used_is_named_with_its_step(name: str, steps: Steps, step: str, field: str) -> None:
    answer = next(iter(PAPERS[name][0].shares))
    assert judged(JUDGES, name, Paper(steps, {}), answer).message.startswith(
        f"Measure {step} again, it has no usable {field} (servelab run "
    )


@pytest.mark.parametrize("priced", [7, {}, {"onnx-all": 0.2}])
def test_without_the_prices_that_a_table_of_the_courses_own_gave_they_are_named(priced: Any) -> None:
    paper = Paper({"choose/front": {"priced": priced}}, {}, {"5_choose": {"prices": "ours.toml"}})
    assert judged(JUDGES, "model.choose.cost", paper, 0.2).message.startswith(
        "Measure choose/front again, it has no usable price of onnx-all "
    )


def test_the_grader_is_told_that_about_the_same_was_right() -> None:
    paper = Paper(latency(dynamic=10.5, onnx_all=10), {})
    assert judged(JUDGES, "model.quantize.dynamic", paper, "about the same").detail == (
        "answered 'about the same'; expected about the same"
    )


def test_the_longest_phase_is_judged_by_medians_that_one_outlier_does_not_move() -> None:
    # Medians 100 and 94 ms; already one per cent above the median lies the outlier's pull: 94 + 0.02 x 906 = 112 ms.
    started = starts(1, 1, 1, 1)["cold/fp32/start"] | {"process_ms": [100, 100, 100], "libraries_ms": [94, 90, 1000]}
    paper = Paper({"cold/fp32/start": started}, {})
    assert [judged(JUDGES, "edge.cold.phase", paper, phase).share for phase in ("process", "libraries")] == [1, 0]
