"""A part's grade: what had to be measured, which level of trust is reached, and what is withheld."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from grading.checks import edge, model, part, system
from grading.checks.part import MEASUREMENT_POINTS, check_measurements, check_part, wanted_steps
from grading.questions import questions
from grading.questions.schema import every, question, retired
from grading.staff.judges import JUDGES
from grading.staff.judges import edge as worked_edge
from grading.staff.judges import model as worked_model
from grading.staff.judges import system as worked_system
from snippets.parts import PARTS
from snippets.record.run import Record, open_run
from tests.grading.checks.paper import NOON, PaperRecord, PaperStep

LOAD = "endpoint/onnx-16/load"


def steps(*names: str) -> tuple[PaperStep, ...]:
    return tuple(PaperStep(name, {}) for name in names)


def wanted(record: PaperRecord) -> set[str]:
    return set(wanted_steps(record.part, cast(Record, record)))


# --- Judges ---


@pytest.mark.parametrize("name", PARTS)
def test_every_question_that_a_machine_grades_has_a_judge_and_no_other_question(name: str) -> None:
    judged = {each for each in JUDGES if each.startswith(f"{name}.")}
    assert {each.id for each in every(name) if each.kind in ("choose", "number")} <= judged
    known = {*every(name), *retired(name).values()}
    assert judged == {each.id for each in known if not each.by_hand}


def test_each_part_has_judges_of_its_own_questions_only() -> None:
    """Predictions are judged in the student's kit, too; what is worked out only where staff is."""
    modules = {"model": (model, worked_model), "edge": (edge, worked_edge), "system": (system, worked_system)}
    for name, (predictions, worked) in modules.items():
        assert predictions.JUDGES and worked.JUDGES
        assert {(question(each).part, question(each).kind) for each in predictions.JUDGES} == {(name, "predict")}
        assert all(question(each).part == name and question(each).kind != "predict" for each in worked.JUDGES)


# --- What had to be measured ---


def test_without_a_gpu_its_steps_are_not_wanted_and_with_one_they_are() -> None:
    gpu_steps = {"providers/cuda/latency", "providers/tensorrt/latency"}
    assert not gpu_steps & wanted(PaperRecord(part="model"))
    assert gpu_steps <= wanted(PaperRecord(part="model", hosts=({"id": "h", "gpus": [{"model": "A100"}]},)))


def test_what_the_run_noted_as_absent_is_not_wanted() -> None:
    compiled = {"baseline/compiled/latency", "baseline/compiled/compile"}
    assert compiled <= wanted(PaperRecord(part="model"))
    assert not compiled & wanted(PaperRecord(steps("baseline/compiled/absent"), part="model"))


def test_a_whole_group_may_be_absent() -> None:
    everything, without = (
        wanted(PaperRecord(steps("graph/turns-1", *names), part="model", created_utc="2026-12-02T00:00"))
        for names in ((), ("prune/absent",))
    )
    pruned = {name for name in everything if name.startswith("prune/")}
    assert len(pruned) > 5 and everything - without == pruned


def test_a_gpu_that_is_there_is_not_excused_by_a_note() -> None:
    record = PaperRecord(steps("providers/cuda/absent"), part="model", hosts=({"id": "h", "gpus": [{}]},))
    assert "providers/cuda/latency" in wanted(record)


def test_a_search_that_ended_without_a_candidate_excuses_its_steps() -> None:
    accuracy, choose = "quantize/conservative/accuracy", "quantize/conservative/choose"
    assert {accuracy, choose} <= wanted(PaperRecord(part="model"))
    assert not {accuracy, choose} & wanted(PaperRecord(steps("quantize/search/1"), part="model"))
    assert accuracy in wanted(PaperRecord(steps("quantize/search/1", choose), part="model"))


# --- Points for measuring ---


def test_points_for_measuring_are_the_share_of_whole_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "wanted_steps", lambda *_: ["a", "b", "c", "d"])
    whole, few, wrong = ({"latency_ms": np.full(5, 1.0)}, {"latency_ms": np.full(4, 1.0)}, {"bytes": 0})
    record = PaperRecord((PaperStep("a", whole), PaperStep("b", few), PaperStep("c", wrong)))
    found = check_measurements(record.evidence)
    # One of four: b has four samples, c a file of no bytes, d was not measured.
    assert (found.points, found.possible, found.passed) == (2.5, MEASUREMENT_POINTS, False)
    assert found.message == (
        "Measure d (servelab run edge). Measure b again: latency_ms holds 4 samples; measure at "
        "least 5. Measure c again: bytes is not positive."
    )
    assert found.detail == "1 of 4 steps"


def test_all_steps_whole_earn_all_points_for_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "wanted_steps", lambda *_: ["a"])
    found = check_measurements(PaperRecord((PaperStep("a", {"latency_ms": np.full(5, 1.0)}),)).evidence)
    assert (found.points, found.passed) == (MEASUREMENT_POINTS, True)


def test_of_many_missing_steps_six_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "wanted_steps", lambda *_: list("abcdefg"))
    assert check_measurements(PaperRecord().evidence).message == "Measure a, b, c, d, e, f ... (servelab run edge)."


# --- Levels of trust ---

FITS = PaperRecord(
    (PaperStep("a", {"latency_ms": np.array([1.0])}),),
    lease={"id": "7", "node_type": "raspberrypi5"},
    hosts=({"id": "h", "cpu": {"model": "Cortex-A76"}},),
)
LEASES = {"7": {"name": "serve_edge_ab1", "start_utc": NOON, "end_utc": NOON}}
AGAIN = PaperRecord((PaperStep("a", {"latency_ms": np.array([1.5])}),))
OTHER = PaperRecord((PaperStep("a", {"latency_ms": np.array([2.0])}),))


@pytest.mark.parametrize(
    ("record", "leases", "staff", "level", "doubt"),
    [
        (replace(FITS, broken=("the digest is wrong",)), LEASES, AGAIN, "none", "the digest is wrong"),
        (replace(FITS, hosts=({"id": "h"},)), LEASES, AGAIN, "consistent", "no host of the run has Cortex-A76"),
        (FITS, None, None, "plausible", ""),
        (FITS, {}, AGAIN, "plausible", "the testbed knows no lease 7"),
        (FITS, LEASES, None, "lease-confirmed", ""),
        (FITS, LEASES, AGAIN, "re-run", ""),
        (FITS, None, AGAIN, "re-run", ""),
        (FITS, LEASES, OTHER, "lease-confirmed", "differ by a factor of 2.00"),
    ],
)
def test_the_level_is_the_highest_reached_and_the_doubt_says_why_it_is_no_higher(
    record: PaperRecord, leases: Any, staff: PaperRecord | None, level: str, doubt: str
) -> None:
    reached, doubts, remarks = part.trust_level(record.evidence, "ab1", frozenset(), leases, cast(Any, staff))
    assert (reached, remarks) == (level, []) and (doubt in doubts[0] if doubt else not doubts)


@pytest.mark.parametrize(
    ("problem", "remark"),
    [
        ("the file figures/a.png is missing", True),
        ("the file screens/a.png was changed after it was recorded", True),
        ("the file notebooks/a.ipynb is missing", True),
        ("the file models/a.onnx is missing", True),
        ("the file models/a.onnx was changed after it was recorded", False),
        ("the file samples/a.npy is missing", False),
    ],
)
def test_lost_pictures_and_models_are_remarks_and_all_else_is_a_doubt(problem: str, remark: bool) -> None:
    level, doubts, remarks = part.trust_level(PaperRecord(broken=(problem,)).evidence, "", frozenset(), None, None)
    assert (level, doubts, remarks) == (("plausible", [], [problem]) if remark else ("none", [problem], []))


def test_a_record_that_does_not_fit_together_earns_nothing_but_is_still_read_by_a_person(tmp_path: Path) -> None:
    run = open_run("system", runs=tmp_path)
    run.answer("system.online.batch32", ["tagging last year's archive", "the nightly search for duplicates"])
    run.answer("system.triton.law", "Latency is eight times as long with eight clients.")
    whole = {result.id: result for result in check_part(run.folder).results}
    assert whole["system.online.batch32"].points == 2
    run.step("a", lambda: {"bytes": 0})
    graded = check_part(run.folder)
    broken = {result.id: result for result in graded.results}
    assert graded.trust == "none" and graded.points == 0
    assert "it was measured: its record does not fit together (step 'a': bytes is not positive)" in (
        broken["system.online.batch32"].message
    )
    assert broken["system.online.batch32"].detail.endswith("2 points withheld")
    assert broken["system.triton.law"] == whole["system.triton.law"] and broken["system.triton.law"].passed


def test_a_grade_names_the_leased_hardware_or_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_part(open_run("edge", runs=tmp_path).folder).node_type == "own machine"
    monkeypatch.setenv("SERVELAB_LEASE", '{"id": "7", "node_type": "raspberrypi5"}')
    assert check_part(open_run("edge", runs=tmp_path, run_id="leased").folder).node_type == "raspberrypi5"


def test_an_unreadable_record_leaves_everything_to_a_person() -> None:
    graded = part.unreadable("edge", "half a file")
    assert (graded.points, graded.trust, graded.doubts) == (0, "none", ("half a file",))
    assert [result.id for result in graded.results] == ["edge.measured", *(each.id for each in questions("edge"))]


# --- Without a browser ---

IN_BROWSER = [question for question in questions("edge") if question.id.startswith(part.BROWSER)]


def noted(folder: Path, *names: str) -> dict[str, Any]:
    """Results by question of a run of part edge that holds steps of these names."""
    run = open_run("edge", notebook="4_browser", runs=folder, run_id="t")
    for name in names:
        run.step(name, lambda: {"reason": "there is no Chromium here"}, inputs={"name": name})
    return {result.id: result for result in check_part(run.folder).results}


def test_a_machine_that_notes_that_it_has_no_browser_costs_no_points(tmp_path: Path) -> None:
    results = noted(tmp_path, "browser/absent", "browser/wasm-fp32/absent")
    assert len(IN_BROWSER) == 4
    for asked in IN_BROWSER:
        result = results[asked.id]
        assert (result.points, result.possible, result.passed) == (asked.points, asked.points, True)
        assert result.message.startswith("Not asked of this run: its machine has no browser")
    # Whatever else was not answered earns nothing, and measuring lacks no step of a browser.
    assert results["edge.cold.worth"].points == 0
    assert "browser" not in results["edge.measured"].message


def test_who_notes_nothing_or_measured_in_a_browser_all_the_same_is_asked(tmp_path: Path) -> None:
    for place, names in enumerate(((), ("browser/absent",), ("browser/facts", "browser/absent"))):
        results = noted(tmp_path / str(place), *names)
        assert results["edge.browser.pays"].points == 0, names
    assert noted(tmp_path / "both", "browser/facts", "browser/absent")["edge.browser.slower"].points == 0
