"""What a page of the PDF says: the answer, when it was given, and what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.questions import ask, questions
from grading.questions.schema import Question
from grading.submission.pages import pages, shown, summary
from snippets.record.run import Run, open_run

NUMBER = Question("model.a.b", "number", "How long?", 1, unit="ms")


@pytest.fixture
def run(tmp_path: Path, small_questions: Path) -> Run:
    return open_run("model", notebook="2_graph", runs=tmp_path / "runs")


def said(run: Run, result: Any) -> str | None:
    """The line on a step that gave this result."""
    run.step("a/load", lambda: result)
    return summary(run.record(), "a/load")


# p50 of 10, 20, 30 is 20, p95 is 20 + 0.9 x 10 = 29. 32 photos in 16 ms are 2 a millisecond. 3 of 4 are 75 %.
@pytest.mark.parametrize(
    ("result", "line"),
    [
        ({"latency_ms": np.array([30.0, 10, 20])}, "a/load: p50 20 ms, n = 3"),
        ({"batch_ms": np.array([16.0, 4, 90]), "batch": 32}, "a/load: 2000 images/s at batch 32"),
        ({"predictions": np.array([1, 2, 3, 4]), "labels": np.array([1, 2, 3, 0])}, "a/load: accuracy 75.00% of 4"),
        ({"bytes": 2_350_000}, "a/load: 2.35 MB"),
        ({"bytes": 1_000_000, "latency_ms": np.array([5.0])}, "a/load: p50 5 ms, n = 1, 1.00 MB"),
        ({"a": 1.23456, "b": True, "c": "x", "d": 2, "e": 3, "f": 4, "g": 5}, "a/load: a 1.235, d 2, e 3, f 4"),
        ({"latency_ms": np.array([])}, None),
        ({"name": "x"}, None),
        ([1, 2], None),
    ],
)
def test_a_step_is_summed_up_in_a_line(run: Run, result: Any, line: str | None) -> None:
    assert said(run, result) == line


def test_a_step_that_is_not_there_or_cannot_be_read_is_said_to_be_so(run: Run) -> None:
    assert summary(run.record(), "a/load") == "a/load: not measured"
    assert said(run, {"latency_ms": np.array([1.0])})
    for samples in (run.folder / "samples").iterdir():
        samples.unlink()
    assert summary(run.record(), "a/load") == "a/load: samples unreadable"


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.5, "2.5 ms"), (1e6 / 3, "333333.3333 ms"), (["a", "b"], "a, b"), ("because", "because"), (7, "7")],
)
def test_an_answer_is_shown_as_a_person_reads_it(value: Any, text: str) -> None:
    assert shown(NUMBER, value) == text


def test_a_prediction_is_shown_with_its_ends_or_its_confidence_and_an_older_one_as_it_is() -> None:
    guess = Question("edge.a.guess", "predict", "How many?", 1, steps=("a",), unit="ms")
    pick = Question("edge.a.pick", "predict", "Which?", 1, steps=("a",), choices=("a", "b"))
    assert [shown(guess, value) for value in ([5.0, 20.5], 12.0)] == ["5 to 20.5 ms", "12 ms"]
    assert [shown(pick, value) for value in (["a", 0.75], "a", ["a", None])] == ["a, 75 % sure", "a", "['a', None]"]


def test_a_page_a_question_says_when_it_was_answered(run: Run, tmp_path: Path) -> None:
    ask(run, "model.graph.layout", answer=["all", 0.7])
    run.step("graph/all/latency", lambda: {"latency_ms": np.array([8.0])})
    ask(run, "model.graph.gain", answer=2.5)
    layout, gain, why, netron, _ = pages(run.record(), questions("model"), {"model.graph.netron": tmp_path / "n.png"})
    assert (
        layout.answer == "all, 70 % sure" and layout.state.endswith("UTC, before the measurement") and not layout.alarm
    )
    assert layout.measured == ("graph/all/latency: p50 8 ms, n = 1",)
    assert gain.answer == "2.5 times" and gain.state.startswith("Answered 20") and "measurement" not in gain.state
    assert (why.state, why.alarm, why.placeholder) == ("Missing answer", True, "No answer was given.")
    assert (netron.state, netron.alarm, netron.picture) == ("", False, tmp_path / "n.png")


def test_of_turns_a_page_tells_what_was_put_together_from_them(run: Run) -> None:
    run.step("graph/turns-1", lambda: {"best_canary_ms": 0.7, "round": 1})
    run.step("graph/all/latency", lambda: {"latency_ms": np.array([8.0])})
    asked = Question("model.a.why", "explain", "Why?", 1, steps=("graph/turns-1", "graph/all/latency"))
    (one,) = pages(run.record(), [asked], {})
    assert one.measured == ("graph/all/latency: p50 8 ms, n = 1",)


def test_a_late_prediction_is_set_in_red(run: Run) -> None:
    run.step("graph/all/latency", lambda: {"latency_ms": np.array([8.0])})
    ask(run, "model.graph.layout", answer=["all", 0.7])
    layout = pages(run.record(), questions("model"), {})[0]
    assert layout.state.endswith("late: after the measurement") and layout.alarm


def test_a_missing_or_unusable_picture_is_set_in_red_and_a_remark_does_not_replace_it(run: Run, tmp_path: Path) -> None:
    name = "model.graph.netron"
    ask(run, name, answer="my browser failed")
    missing = pages(run.record(), questions("model"), {})[3]
    assert (missing.state, missing.alarm) == ("Missing screenshot", True)
    assert missing.answer == "[no screenshot] my browser failed"
    blank = pages(run.record(), questions("model"), {name: tmp_path / "n.png"}, {name: "is blank"})[3]
    assert (blank.state, blank.alarm, blank.answer) == ("Screenshot is blank", True, "my browser failed")
