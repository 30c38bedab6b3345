"""Questions about part edge: their answers, computed twice; and what is not asked because it is not decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.checks.evidence import Evidence
from grading.staff.viva.draw import candidates
from grading.staff.viva.edge import TEMPLATES
from snippets.record.run import load_record
from tests.grading.checks.paper import PaperRecord, PaperStep
from tests.grading.staff.viva.made import blocks
from tests.grading.students import make_run
from tests.snippets.record.folders import version_1


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_is_what_a_second_computation_finds(
    seed: int, tmp_path: Path, twice: Callable[[Any], set[str]]
) -> None:
    assert twice(Evidence(load_record(make_run(tmp_path, seed)))) >= set(TEMPLATES) - {"edge.function"}


def test_a_record_of_the_first_form_that_was_really_measured(tmp_path: Path, twice: Callable[[Any], set[str]]) -> None:
    came_after = {"edge.browser", "edge.visit", "edge.function"}  # records of that form
    assert twice(Evidence(load_record(version_1("edge", tmp_path)))) >= set(TEMPLATES) - came_after


def test_answers_worked_out_by_hand() -> None:
    start = {f"{phase}_ms": [ms] * 3 for phase, ms in (("process", 20), ("libraries", 70), ("model", 60))}
    start |= {"first_inference_ms": [10.0] * 3, "steady_ms": [4.0] * 3, "rss_mb": np.array([[10, 40, 70, 90.0]] * 3)}
    record = PaperRecord(
        (
            PaperStep("cold/fp32/start", start),
            PaperStep("cloud/all/crossover", {"edge_ms": [12.0, 13, 14], "server_ms": [3.0, 3, 3]}),
        )
    )
    found = {(oral.template, oral.variant): oral for oral in candidates(record.evidence)}
    assert found["edge.phase", "fp32"].answer.startswith("libraries, 70 ms (63 to 77).")
    assert found["edge.wait", "fp32"].answer == "40 predictions (36 to 44): 160 ms over 4 ms."
    assert found["edge.memory", "fp32"].answer == "90 MB (81 to 99), of it 40 MB (36 to 44)."
    assert found["edge.sooner", "5"].answer.startswith("The server, 5 ms (4.5 to 5.5)")  # 13 on the device, 3 + 5
    assert found["edge.sooner", "50"].answer.startswith("The device, 40 ms (36 to 44)")


def test_two_that_the_samples_cannot_tell_apart_are_not_ranked() -> None:
    rng = np.random.default_rng(0)
    names = [f"edge/{variant}-threads-1/latency" for variant in ("fp32", "aggressive", "conservative")]
    times = zip(names, (9.0, 3.0, 3.02), strict=True)
    record = PaperRecord(tuple(PaperStep(name, blocks(rng, ms)) for name, ms in times))
    asked = {oral.variant for oral in candidates(record.evidence) if oral.template == "edge.faster"}
    assert asked == {f"{names[0]} {names[1]}", f"{names[0]} {names[2]}"}
