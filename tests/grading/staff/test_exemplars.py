"""Exemplar answers: one for each explanation, with the numbers of the record, and with what it lacks said."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from grading.checks.evidence import Evidence
from grading.questions import questions
from grading.staff import exemplars
from grading.staff.exemplars import FACTS, PLACE, answers, exemplar, templates
from snippets.parts import PARTS
from snippets.record.run import load_record
from snippets.serve.stages import STAGES
from tests.grading.checks.paper import PaperRecord, PaperStep
from tests.grading.students import make_run
from tests.snippets.record.folders import version_1


def evidence(**steps: object) -> Evidence:
    return PaperRecord(tuple(PaperStep(name, result) for name, result in steps.items()), part="model").evidence


@pytest.fixture
def template(monkeypatch: pytest.MonkeyPatch):
    """Sets the one template that there is."""

    def of(text: str) -> None:
        monkeypatch.setattr(exemplars, "templates", lambda: {"model.graph.fused": text})

    return of


def test_every_explanation_has_an_exemplar_and_nothing_else_has() -> None:
    explained = {asked.id for part in PARTS for asked in questions(part) if asked.kind == "explain"}
    assert set(templates()) == explained


def test_every_place_in_a_template_names_a_fact() -> None:
    for name, text in templates().items():
        for words in PLACE.findall(text):
            assert words.split()[0] in FACTS, (name, words)


@pytest.mark.parametrize(
    ("place", "written"),
    [
        ("p50 a/load", "20"),
        ("p95 a/load", "29"),
        ("p50 a/load other_ms", "6"),
        ("mean a/load latency_ms", "20"),
        ("number a/load seconds", "0.5"),
        ("number a/load seconds 1000", "500"),
        ("ratio a/load b/load", "4"),
        ("rate a/load", "6"),  # 3 successes in 0.5 s
        ("rates a/load b/load", "1.5"),
        ("rate c/throughput", "500"),  # 8 in 16 ms
        ("nodes basic Clip", "35"),
        ("slowest d/profile 2", "Conv 3 ms, Clip 2 ms"),
        ("accuracy e/accuracy", "75"),
    ],
)
def test_a_fact_is_worked_out_from_the_samples(template, place: str, written: str) -> None:
    ok = [True, True, True, False]
    found = evidence(
        **{
            "a/load": {"latency_ms": [10, 20, 30, 999], "other_ms": [6, 6, 6, 1], "ok": ok, "seconds": 0.5, "batch": 1},
            "b/load": {"latency_ms": [5, 5], "ok": [True, True], "seconds": 0.5, "batch": 1},
            "c/throughput": {"batch": 8, "batch_ms": [16.0, 16.0]},
            "graph/levels": {"basic": {"histogram": {"Clip": 35}}},
            "d/profile": {"milliseconds": {"Add": 1.0, "Conv": 3.0, "Clip": 2.0}},
            "e/accuracy": {"predictions": [1, 2, 3, 4], "labels": [1, 2, 3, 0]},
        }
    )
    template(f"It was {{{place}}}.")
    assert exemplar("model.graph.fused", found) == f"It was {written}."


def test_only_the_requests_that_were_answered_count(template) -> None:
    stages = {f"{stage}_ms": [1.0, 3.0, float("nan")] for stage in STAGES}
    ok = {"latency_ms": [9.0, 9.0, 1.0], "ok": [True, True, False]}
    failed = {"latency_ms": [1.0], "ok": [False], "seconds": 0.5, "batch": 1}
    template("{stages a/load}; {rate b/load}")
    assert exemplar("model.graph.fused", evidence(**{"a/load": {**ok, **stages}, "b/load": failed})) == (
        "decode 2 ms, preprocess 2 ms, queue 2 ms, inference 2 ms, postprocess 2 ms; "
        "(not in this record: b/load successes)"
    )


def test_what_the_record_lacks_is_said_and_the_rest_is_filled_in(template) -> None:
    template("{p50 a/load} and {p50 b/load}, {nodes all Add}, {number a/load text}")
    text = exemplar("model.graph.fused", evidence(**{"a/load": {"latency_ms": [1.5], "text": "x"}}))
    assert text == (
        "1.5 and (not in this record: b/load), (not in this record: graph/levels), (not in this record: a/load text)"
    )


def test_a_fact_that_nobody_knows_is_a_mistake_of_ours(template) -> None:
    template("{p51 a/load}")
    with pytest.raises(KeyError):
        exemplar("model.graph.fused", evidence())


@pytest.mark.parametrize("part", PARTS)
def test_records_that_were_really_measured_fill_every_exemplar(part: str, tmp_path: Path) -> None:
    found = Evidence(load_record(version_1(part, tmp_path)))
    for asked in questions(part):
        if asked.kind == "explain":
            text = exemplar(asked.id, found)
            assert len(text.split()) > 15 and "{" not in text and "not to be had" not in text, text


def test_the_numbers_of_a_run_are_in_its_exemplar_and_its_answers_beside_it(tmp_path: Path) -> None:
    record = load_record(make_run(tmp_path, 21))
    text = exemplar("edge.latency.dynamic", Evidence(record))
    median = float(np.median(record.result("edge/dynamic-threads-1/latency")["latency_ms"]))
    assert f"{median:.3g} ms" in text and "2.5 MB" in text
    assert re.match("On my device number", answers(record)["edge.latency.dynamic"])
    assert answers(load_record(make_run(tmp_path / "b", 22, answered=False)))["edge.latency.dynamic"] == ""


def test_the_exemplar_of_what_was_surprising_lists_the_own_predictions(tmp_path: Path) -> None:
    text = exemplar("edge.review.surprise", Evidence(load_record(make_run(tmp_path, 23, wrong=True))))
    assert re.search(
        r"edge\.threads\.gain: you said 1000 to 2000 times; measured 2\.\d+ times\. You were off by \d+x", text
    )


def test_an_exemplar_is_running_text_whatever_the_lines_of_its_file() -> None:
    assert all(text and text == " ".join(text.split()) for text in templates().values())
