"""What each judged step holds, held against runs that were measured for real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.checks.evidence import Evidence
from grading.checks.integrity import shapes
from grading.questions import questions
from snippets.parts import PARTS
from snippets.record import load_record
from tests.grading.checks.paper import PaperRecord, PaperStep
from tests.grading.recorded import KEPT, NOW

NAME = "edge/fp32-threads-1/latency"
GOOD: dict[str, Any] = {"latency_ms": np.array([1.5, 2.5, 3.5, 4.5, 5.5]), "batch": 1, "provider": "cpu", "threads": 2}


def told(name: str = NAME, now: bool = False, **changed: Any) -> list[tuple[str, bool]]:
    """What is told of a step with these fields changed (None: left out), and whether its samples are absent."""
    result = {field: value for field, value in {**GOOD, **changed}.items() if value is not None}
    return [(found.told, found.absent) for found in shapes.mismatches(name, result, now)]


@pytest.mark.parametrize("part", PARTS)
def test_each_step_that_a_question_rests_on_has_a_shape(part: str) -> None:
    names = {name for question in questions(part) for name in question.steps}
    assert names and [name for name in sorted(names) if shapes.fields_of(name, True) is None] == []


@pytest.mark.parametrize("name", KEPT)
def test_every_step_of_a_measured_run_is_of_its_shape(kept: Callable[[str], Path], name: str) -> None:
    record = load_record(kept(name))
    assert len(record.steps) > 20 and shapes.misshapen(Evidence(record)) == []


@pytest.mark.parametrize("name", NOW)
def test_a_run_of_today_has_the_later_fields_too(kept: Callable[[str], Path], name: str) -> None:
    record = replace(load_record(kept(name)), created_utc="2027-02-01T00:00:00Z")
    assert shapes.is_now(record.created_utc) and shapes.misshapen(Evidence(record)) == []


def test_a_step_as_the_kit_records_it_has_no_mismatch() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("changed", "said", "absent"),
    [
        ({"latency_ms": None}, "it has no latency_ms", True),
        ({"latency_ms": [30.0]}, "its latency_ms is no array of samples", True),
        ({"latency_ms": GOOD["latency_ms"][:4]}, "its latency_ms holds 4 samples, fewer than 5", True),
        ({"latency_ms": np.array(30.0)}, "its latency_ms holds 1 samples, fewer than 5", True),
        ({"latency_ms": np.arange(5)}, "its latency_ms is of type int64, which the kit never writes there", False),
        ({"provider": None}, "it has no provider", False),
        ({"batch": "1"}, "its batch is not of type int", False),
        ({"batch": True}, "its batch is not of type int", False),
    ],
)
def test_what_is_missing_or_of_another_kind_is_told_and_only_missing_samples_are_absent(
    changed: dict[str, Any], said: str, absent: bool
) -> None:
    assert told(**changed) == [(said, absent)]


def test_what_may_be_empty_may_be_left_out_and_costs_nothing() -> None:
    soak = {"latency_ms": GOOD["latency_ms"], "started_s": GOOD["latency_ms"], "seconds": 9, "limits": []}
    assert [(found.told, found.absent) for found in shapes.mismatches("soak/all/soak", soak, False)] == [
        ("it has no board_s", False)
    ]


def test_later_fields_are_asked_for_since_their_day() -> None:
    rounds = {"group": "edge", "rounds": np.repeat(1, 5), "repeated": 0, "slow": []}
    assert told(now=True)[0] == ("it has no group", False) and told(now=True, **rounds) == []
    assert not shapes.is_now("2026-11-30T23:59:59Z") and shapes.is_now("2026-12-01T00:00:00Z")


def test_steps_that_nothing_is_judged_by_may_hold_anything() -> None:
    assert told("models/food/prepare") == [] and list(shapes.mismatches("anything", 7, True)) == []


def test_a_step_is_told_once_by_its_first_mismatch() -> None:
    record = PaperRecord((PaperStep(NAME, {}), PaperStep("kit/fp32/size", {"bytes": 5})))
    assert shapes.misshapen(record.evidence) == [f"step {NAME!r} is not as the kit records it: it has no latency_ms"]


@pytest.mark.parametrize(
    ("variant", "may"),
    [("baseline/compiled", True), ("providers/openvino", True), ("providers/cuda", True), ("graph/onnx-all", False)],
)
def test_only_what_a_machine_may_lack_may_be_absent(variant: str, may: bool) -> None:
    assert shapes.may_be_absent(variant) == may


def test_one_step_carries_over_samples_of_another_run() -> None:
    assert shapes.is_carried_over("cloud/server/latency") and not shapes.is_carried_over(NAME)


def test_what_no_machine_lacks_is_told_when_it_is_said_to_be_absent() -> None:
    steps = [PaperStep(f"{name}/absent", {"reason": "x"}) for name in ("baseline/compiled", "soak/all")]
    assert shapes.misshapen(PaperRecord(tuple(steps)).evidence) == [
        "step 'soak/all/absent' excuses what no machine lacks"
    ]
