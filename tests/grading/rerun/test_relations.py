"""Which relations a record claims, which are drawn, and when a second measurement contradicts one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grading.rerun.relations import FACTOR, Relation, Variant, alike, is_clear, judged, relations, sample
from snippets.stats import Estimate
from tests.grading.checks.paper import PaperStep
from tests.grading.rerun.made import HOST, SHA, blocks, record

FP32, DYNAMIC = Variant("fp32", SHA["fp32"], "all", 2), Variant("dynamic", SHA["dynamic"], "all", 2)


def of_kind(kind: str, host: dict[str, Any] = HOST, **medians: float) -> dict[tuple[str, ...], Relation]:
    """The relations of one kind, by their steps."""
    found = relations(record(**medians).evidence, host)
    return {each.steps: each for each in found if each.kind == kind}


def test_sizes_outputs_and_ratios_of_a_record_are_its_claims() -> None:
    sizes = of_kind("size")
    assert {steps[0]: each.claimed for steps, each in sizes.items()} == {
        "graph/onnx-all/size": 9_152_041,
        "quantize/dynamic/size": 2_353_708,
    }
    assert sizes["graph/onnx-all/size",].variants[0].sha256 == SHA["fp32"]
    (outputs,) = of_kind("outputs").values()
    assert len(outputs.claimed) == 40 and outputs.claimed[0] == 0 and outputs.claimed[390] == 39 % 11
    assert outputs.photos == {"data": "kit"} and outputs.variants == (Variant("fp32", SHA["fp32"], "all", 1),)


def test_a_ratio_is_claimed_with_its_interval_and_how_both_were_measured() -> None:
    found = of_kind("faster")
    assert set(found) == {
        ("graph/onnx-none/latency", "graph/onnx-all/latency"),
        ("quantize/onnx-all/latency", "quantize/dynamic/latency"),
    }
    levels = found["graph/onnx-none/latency", "graph/onnx-all/latency"]
    assert levels.claimed.low < 2 < levels.claimed.high and levels.claimed.value == pytest.approx(2, rel=0.1)
    sized = tuple(replace(one, bytes=9_152_041) for one in (Variant("fp32", SHA["fp32"], "none", 2), FP32))
    assert levels.variants == sized
    assert found["quantize/onnx-all/latency", "quantize/dynamic/latency"].variants == (
        sized[1],
        replace(DYNAMIC, bytes=2_353_708),
    )


def test_on_another_kind_of_processor_or_with_fewer_cores_no_times_are_compared() -> None:
    assert of_kind("faster", {"cpu": {"cores": 8, "flags": ["avx2"]}}) == {}
    assert of_kind("faster", {"cpu": {"cores": 1, "flags": ["avx2", "avx512_vnni"]}}) == {}
    assert len(of_kind("size", {"cpu": {"cores": 1, "flags": ["asimddp"]}})) == 2  # a file is as large everywhere


def test_a_ratio_that_the_record_itself_leaves_open_is_no_claim() -> None:
    noisy = blocks(np.random.default_rng(4), 8.0, noise=0.5)
    made = record()
    steps = tuple(
        replace(step, result=noisy) if step.name == "graph/onnx-none/latency" else step for step in made.steps
    )
    found = relations(replace(made, steps=steps).evidence, HOST)
    assert [each.steps[0] for each in found if each.kind == "faster"] == ["quantize/onnx-all/latency"]
    assert is_clear(Estimate(2.0, 1.5, 2.9)) and not is_clear(Estimate(2.0, 1.0, 2.1))


def test_processors_are_alike_where_they_compute_with_the_same_instructions() -> None:
    assert alike({"cpu": {"flags": ["avx2", "f16c"]}}, {"cpu": {"flags": ["avx2", "sse4_2"]}})
    assert not alike({"cpu": {"flags": ["avx2"]}}, {"cpu": {"flags": ["avx2", "avx512_vnni"]}})
    assert not alike({}, {"cpu": {"flags": []}})


def test_those_that_are_drawn_are_of_all_kinds_and_the_same_for_the_same_seed() -> None:
    found = relations(record().evidence, HOST)
    assert sorted(each.kind for each in sample(found, 3, "a")) == ["faster", "outputs", "size"]
    assert sample(found, 3, "a") == sample(found, 3, "a")
    assert len(sample(found, 50, "a")) == len(found) == 5
    assert len({tuple(each.steps for each in sample(found, 2, str(seed))) for seed in range(20)}) > 1


def ratio(low: float, value: float, high: float) -> Relation:
    return Relation("faster", ("a", "b"), (FP32, DYNAMIC), Estimate(value, low, high))


@pytest.mark.parametrize(
    ("measured", "holds"),
    [
        (Estimate(2.0, 1.9, 2.1), True),
        (Estimate(2.9, 2.8, 3.1), True),  # 2.8 is within 1.4 times 2.1
        (Estimate(3.5, 3.3, 3.7), False),
        (Estimate(0.5, 0.48, 0.52), False),  # the other one is faster
        (Estimate(1.0, 0.7, 1.4), True),  # 1.4 is within 1.4 times 1.9
    ],
)
def test_a_ratio_is_contradicted_beyond_both_intervals_only(measured: Estimate, holds: bool) -> None:
    assert FACTOR == 1.4
    assert judged(ratio(1.9, 2.0, 2.1), measured).holds is holds


def test_sizes_must_be_equal_and_what_was_not_measured_is_no_contradiction() -> None:
    claim = Relation("size", ("a/size",), (FP32,), 100)
    assert judged(claim, 100).holds is True and judged(claim, 101).holds is False
    found = judged(claim, None)
    assert found.holds is None and found.told == "a/size: could not be measured again"


@pytest.mark.parametrize(("wrong", "holds"), [(0, True), (2, True), (3, False)])
def test_one_image_in_twenty_may_get_another_class(wrong: int, holds: bool) -> None:
    claim = Relation("outputs", ("a/accuracy",), (FP32,), dict.fromkeys(range(40), 3))
    assert judged(claim, {image: 3 if image >= wrong else 4 for image in range(40)}).holds is holds


def test_what_8_bits_answer_is_claimed_for_the_same_kind_of_processor_only() -> None:
    made = record()
    narrow = PaperStep("quantize/dynamic/accuracy", made.result("graph/onnx-all/accuracy"), inputs={"data": "kit"})
    evidence = replace(made, steps=(*made.steps, narrow)).evidence
    here, elsewhere = (
        {each.steps[0] for each in relations(evidence, host) if each.kind == "outputs"}
        for host in (HOST, {"cpu": {"cores": 2, "flags": ["avx2"]}})
    )
    assert here == {"graph/onnx-all/accuracy", "quantize/dynamic/accuracy"} and elsewhere == {"graph/onnx-all/accuracy"}


def test_probabilities_must_be_the_same_to_two_hundredths() -> None:
    claim = Relation("answer", ("endpoint/onnx/answer",), (FP32,), {"Soup": 0.7, "Meat": 0.3})
    assert judged(claim, {"Soup": 0.71, "Meat": 0.29}).holds is True
    assert judged(claim, {"Soup": 0.65, "Meat": 0.35}).holds is False
