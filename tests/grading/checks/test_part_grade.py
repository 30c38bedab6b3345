"""A part's grade in full: every field, what is withheld and what is not, and what is handed on to the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from grading.checks import part
from grading.checks.part import MEASUREMENT_POINTS, PartGrade, check_measurements, check_part
from grading.checks.result import Result
from grading.questions import questions
from grading.questions.schema import Question
from snippets.errors import RecordError
from snippets.record.run import Record, open_run
from tests.grading.checks.paper import PaperRecord, PaperStep

WHOLE = {"latency_ms": np.full(5, 1.0)}
FALL = [30.0 - k for k in range(200)]


@dataclass(frozen=True)
class LostStep:
    """A step whose samples are gone."""

    name: str
    seconds: float = 1.0
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def result(self) -> Any:
        raise RecordError("samples/a.npy is missing")


def wants(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(part, "wanted_steps", lambda *_: list(names))


def measurements(*steps: Any) -> Result:
    return check_measurements(PaperRecord(tuple(steps)).evidence)


# --- What had to be measured ---


def test_what_is_absent_and_what_a_search_did_not_find_are_both_excused() -> None:
    names = ("baseline/compiled/absent", "quantize/search/1", "quantize/conservative/choose")
    record = PaperRecord(tuple(PaperStep(name, {}) for name in names), part="model")
    wanted = set(part.wanted_steps("model", cast(Record, record)))
    assert "baseline/compiled/latency" not in wanted and "quantize/conservative/accuracy" in wanted


@pytest.mark.parametrize("variant", ["aggressive", "conservative"])
def test_each_variant_that_a_search_did_not_find_is_excused(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Question("model.a.b", "number", "How many?", 1, steps=(f"quantize/{variant}/size",))
    monkeypatch.setattr(part, "questions", lambda _: [asked])

    def wanted(*names: str) -> list[str]:
        record = PaperRecord(tuple(PaperStep(name, {}) for name in names), part="model")
        return part.wanted_steps("model", cast(Record, record))

    assert wanted("quantize/search/1") == []
    assert wanted() == wanted("quantize/search/1", f"quantize/{variant}/choose") == [f"quantize/{variant}/size"]


def test_a_run_begun_before_there_were_smaller_networks_is_asked_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Question("model.a.b", "number", "How many?", 1, steps=("smaller/resnet/latency", "graph/levels"))
    monkeypatch.setattr(part, "questions", lambda _: [asked])

    def wanted(begun: str, *names: str) -> list[str]:
        steps = tuple(PaperStep(name, {}) for name in ("graph/turns-1", *names))
        return part.wanted_steps("model", cast(Record, PaperRecord(steps, part="model", created_utc=begun)))

    assert wanted("2026-11-30T23:59:59Z") == ["graph/levels"]
    everything = ["smaller/resnet/latency", "graph/levels"]
    assert wanted("2026-11-30T23:59:59Z", "smaller/turns-1") == wanted("2026-12-01T00:00:01Z") == everything


def test_where_no_step_is_wanted_having_measured_anything_earns_the_points(monkeypatch: pytest.MonkeyPatch) -> None:
    wants(monkeypatch)
    assert (measurements().points, measurements(PaperStep("x", {})).points) == (0, MEASUREMENT_POINTS)


def test_a_third_of_the_steps_earns_a_third_of_the_points_to_a_thousandth(monkeypatch: pytest.MonkeyPatch) -> None:
    wants(monkeypatch, "a", "b", "c")
    assert measurements(PaperStep("a", WHOLE)) == Result(
        "edge.measured",
        "measurement",
        False,
        3.333,
        MEASUREMENT_POINTS,
        "Measure b, c (servelab run edge).",
        "1 of 3 steps",
    )


def test_all_steps_are_told_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    wants(monkeypatch, "a")
    assert measurements(PaperStep("a", WHOLE)) == Result(
        "edge.measured",
        "measurement",
        True,
        MEASUREMENT_POINTS,
        MEASUREMENT_POINTS,
        "All measurements are there and fit their samples.",
        "1 of 1 steps",
    )


def test_six_steps_are_all_named_and_of_seven_the_last_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    wants(monkeypatch, *"abcdef")
    assert measurements().message == "Measure a, b, c, d, e, f (servelab run edge)."
    wants(monkeypatch, *"abcdefg")
    broken = [PaperStep(name, {"bytes": 0}) for name in "abcdefg"]
    assert measurements(*broken).message == " ".join(
        f"Measure {name} again: bytes is not positive." for name in "abcdef"
    )


def test_a_step_whose_samples_are_lost_is_to_be_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    wants(monkeypatch, "a")
    assert measurements(LostStep("a")).message == "Measure a again: samples/a.npy is missing."


# --- The grade ---


def test_a_grade_holds_what_the_checks_found_and_they_are_handed_all_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run("edge", runs=tmp_path)
    run.step("soak/all/soak", lambda: {"latency_ms": np.array(FALL)})
    record = run.record()
    handed: list[tuple[Any, ...]] = []

    def trust_level(evidence: Any, *known: Any) -> tuple[str, list[str], list[str]]:
        handed.append(known)
        return "plausible", ["doubt"], ["remark"]

    monkeypatch.setattr(part, "trust_level", trust_level)
    leases, staff = {"7": {"name": "x"}}, replace(record, run_id="staff")
    grade = check_part(run.folder, netid="ab1", left_out=frozenset({"a"}), leases=leases, staff_run=staff)
    assert handed == [("ab1", frozenset({"a"}), leases, staff)]
    assert replace(grade, results=()) == PartGrade(
        "edge",
        record.run_id,
        record.digest,
        "own machine",
        (),
        "plausible",
        ("doubt",),
        ("remark",),
        grade.prints,
        chain=tuple(link[:12] for link in record.links),
        measured_utc=record.steps[0].ended_utc,
        profiles=grade.profiles,
    )
    samples, steps = part.sample_prints(part.Evidence(record)), part.step_prints(record)
    assert grade.prints == (*samples, *steps) and len(samples) == len(steps) == 1
    assert [each.id for each in grade.results] == ["edge.measured", *(each.id for each in questions("edge"))]
    check_part(run.folder)
    assert handed[1] == ("", frozenset(), None, None)


def test_a_leases_kind_of_node_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = open_run("edge", runs=tmp_path)
    for lease, told in (({"id": "7", "node_type": "raspberrypi5"}, "raspberrypi5"), ({"id": "7"}, "own machine")):
        leased = replace(run.record(), leases=(lease,))
        monkeypatch.setattr(part, "load_record", lambda _, leased=leased: leased)
        assert check_part(run.folder).node_type == told


def test_files_left_out_for_size_are_no_doubt() -> None:
    evidence = PaperRecord(broken=("the file samples/a.npy is missing",)).evidence
    assert part.trust_level(evidence, "", frozenset({"samples/a.npy"}), None, None) == ("plausible", [], [])
    assert part.trust_level(evidence, "", frozenset(), None, None)[0] == "none"


def test_points_are_withheld_from_a_record_that_does_not_fit_together_and_nothing_else_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run("edge", runs=tmp_path)
    given = [
        Result("edge.measured", "measurement", True, 2.5, 10, "Fine.", "1 of 4"),
        Result("edge.a", "answer", True, 1, 1, "Fine.", "answered 'a'"),
        Result("edge.b", "answer", False, 0, 2, "Wrong.", "answered 'b'"),
        Result("edge.c", "by hand", True, 0, 2, "A person reads this answer.", "text"),
    ]
    monkeypatch.setattr(part, "trust_level", lambda *_: ("none", ["the chain is broken", "more"], []))
    monkeypatch.setattr(part, "check_measurements", lambda _: given[0])
    monkeypatch.setattr(part, "judge_answers", lambda *_: given[1:])
    why = "Hand in the run as it was measured: its record does not fit together (the chain is broken)."
    assert check_part(run.folder).results == (
        Result("edge.measured", "measurement", False, 0, 10, why, "1 of 4; 2.5 points withheld"),
        Result("edge.a", "answer", False, 0, 1, why, "answered 'a'; 1 points withheld"),
        *given[2:],
    )


def test_the_grade_of_an_unreadable_record_in_full() -> None:
    grade = part.unreadable("edge", "half a file")
    assert replace(grade, results=()) == PartGrade("edge", "", "", "", (), "none", ("half a file",))
    assert grade.results[0] == Result("edge.measured", "measurement", False, 0, MEASUREMENT_POINTS, "half a file")
    unread = "No readable record came with this answer; a person looks at the PDF."
    assert grade.results[1:] == tuple(
        Result(each.id, "by hand" if each.by_hand else "answer", False, 0, each.points, unread)
        for each in questions("edge")
    )
    assert {each.kind for each in grade.results} == {"measurement", "by hand", "answer"}
