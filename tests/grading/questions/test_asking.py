"""What the student reads under a question, and which of several answers counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grading.questions import ask
from grading.questions.asking import PredictionOpen, canonical, is_late, standing
from grading.questions.schema import Question, question
from snippets.record.run import Run, open_run

PREDICT = Question("model.a.p", "predict", "How many?", 1, steps=("a",), unit="ms")
WORDS = Question("model.a.w", "explain", "Why?", 1, rubric="r")
ONE = Question("model.a.o", "choose", "Which?", 1, choices=("Fast", "Slow"))
SEVERAL = Question("model.a.s", "choose", "Which?", 1, choices=("Fast", "Slow"), multiple=True)
PICTURE = Question("model.a.x", "screenshot", "Show it.", 1, rubric="r")


def entry(value: Any, late: bool = False) -> dict[str, Any]:
    return {"value": value, "measured": ["a"] if late else [], "answered_utc": "2026-03-01T12:00:00Z"}


@pytest.mark.parametrize(
    ("entries", "counts"),
    [
        ([], None),
        ([entry(1)], 1),
        ([entry(1), entry(2)], 2),
        ([entry(1), entry(2), entry(3, late=True)], 2),
        ([entry(1, late=True), entry(2, late=True)], 1),
    ],
)
def test_of_predictions_the_last_in_time_counts_else_the_first_late_one(
    entries: list[dict[str, Any]], counts: int | None
) -> None:
    found = standing(PREDICT, entries)
    assert (found["value"] if found else None) == counts


def test_of_all_other_answers_the_last_counts() -> None:
    found = standing(WORDS, [entry("a"), entry("b", late=True)])
    assert found is not None and found["value"] == "b" and is_late(found)


@pytest.mark.parametrize(
    ("asked", "answer", "kept"),
    [
        (ONE, " fast", "Fast"),
        (SEVERAL, "slow, FAST", ["Slow", "Fast"]),
        (SEVERAL, "fast", ["Fast"]),
        (PREDICT, "5 to 12 ms", [5.0, 12.0]),
        (PREDICT, (5, 12), [5.0, 12.0]),
        (PREDICT, "12 ms", "12 ms"),
        (WORDS, "  It is so because it is.\n", "It is so because it is."),
        (PICTURE, 7, "7"),
        (ONE, "neither", "neither"),
    ],
)
def test_an_answer_is_kept_as_the_question_spells_it(asked: Question, answer: Any, kept: Any) -> None:
    assert canonical(asked, answer) == kept


@pytest.fixture
def run(tmp_path: Path, small_questions: Path) -> Run:
    return open_run("model", notebook="2_graph", runs=tmp_path / "runs")


@pytest.fixture
def shown(capsys: pytest.CaptureFixture) -> Any:
    """The last line that `ask` shows: the state of the answer."""

    def of(run: Run, name: str, answer: Any = ...) -> str:
        ask(run, name, answer=answer)
        return str(capsys.readouterr().out.strip().splitlines()[-1])

    return of


LAYOUT, GAIN, WHY, NETRON = (f"model.graph.{name}" for name in ("layout", "gain", "why", "netron"))


def test_a_prediction_is_followed_from_open_to_locked(run: Run, shown: Any) -> None:
    assert shown(run, LAYOUT) == "Not answered yet: replace `...` and run this cell again."
    assert shown(run, LAYOUT, ["basic", 0.7]).startswith("Recorded: ['basic', 0.7] (20")
    assert shown(run, LAYOUT, ["all", 0.7]).endswith("Z). You may change it until the measurement begins.")
    run.step("graph/all/latency", lambda: 1)
    assert shown(run, LAYOUT, ["all", 0.7]).endswith("Locked: the measurement has been made.")
    assert shown(run, LAYOUT, ["basic", 0.7]).startswith("Recorded: ['all'")
    assert shown(run, LAYOUT, ["basic", 0.7]).endswith("kept beside it, marked late; this one stays your prediction.")


def test_a_prediction_that_comes_too_late_is_told_before_and_after(run: Run, shown: Any) -> None:
    run.step("graph/all/latency", lambda: 1)
    assert shown(run, LAYOUT).endswith("The measurement is done: a prediction given now is marked late.")
    assert shown(run, LAYOUT, ["all", 0.7]).endswith(
        "Late: it was given after the measurement, so it is no prediction."
    )


def test_other_answers_are_never_late(run: Run, shown: Any) -> None:
    run.step("graph/all/latency", lambda: 1)
    assert shown(run, GAIN, 2.5).startswith("Recorded: 2.5 (") and "ate" not in shown(run, GAIN, 2.5).split(").")[1]


def test_what_is_of_no_form_is_not_recorded_and_a_picture_is_waited_for(run: Run, shown: Any) -> None:
    assert shown(run, GAIN, "many") == "This answer was not recorded: 'many' does not begin with a number."
    assert shown(run, NETRON) == "Waiting for the screenshot."


def test_a_picture_that_the_notebook_has_taken_is_not_waited_for(run: Run, shown: Any) -> None:
    run.screenshot(NETRON, b"png")
    assert shown(run, NETRON).startswith(f"The picture is there: screens/{NETRON}.png")


def test_a_prediction_may_be_left_out(run: Run, shown: Any) -> None:
    assert shown(run, LAYOUT, "skip") == "Left out."
    assert run.record().answers == ()


def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a notebook's kernel ran this, with somebody before it."""
    monkeypatch.delenv("SERVELAB_BATCH", raising=False)
    monkeypatch.setattr("grading.questions.asking.in_kernel", lambda: True)
    monkeypatch.setattr("grading.questions.asking.show", print)


def test_in_a_notebook_an_open_prediction_ends_run_all_with_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel(monkeypatch)
    with pytest.raises(PredictionOpen) as stopped:
        ask(run, LAYOUT)
    (line,) = stopped.value._render_traceback_()
    assert line.startswith(f"Predict first: put your answer to {LAYOUT}") and "\n" not in line
    with pytest.raises(PredictionOpen):
        ask(run, LAYOUT, answer="all")  # without a confidence it is none
    ask(run, LAYOUT, answer=["all", 0.7])
    ask(run, LAYOUT)


def test_nothing_else_is_waited_for(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch)
    for name in (GAIN, WHY, NETRON):
        ask(run, name)
    ask(run, LAYOUT, answer="skip")
    run.step("graph/all/latency", lambda: 1)
    ask(run, LAYOUT)
    ask(open_run("model", notebook="2_graph", runs=tmp_path / "runs", mode="replay"), LAYOUT)


def test_a_batch_run_goes_on_past_an_open_prediction(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch)
    monkeypatch.setenv("SERVELAB_BATCH", "1")
    ask(run, LAYOUT)


def test_a_replay_shows_what_the_record_holds(run: Run, tmp_path: Path, shown: Any) -> None:
    ask(run, GAIN, answer=2)
    replayed = open_run("model", notebook="2_graph", runs=tmp_path / "runs", mode="replay")
    assert shown(replayed, WHY, "Because it is what I think now.") == "The record holds no answer."
    assert shown(replayed, GAIN, 3).endswith("This cell says something else; the record counts.")
    assert shown(replayed, GAIN, 2).startswith("Recorded: 2.0 (") and "else" not in shown(replayed, GAIN, 2)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        (LAYOUT, "Answer with one of: `'basic'`, `'extended'`, `'all'`, and how sure you are, as `['basic', 0.7]`."),
        (GAIN, "Answer with a number in times."),
        ("model.cost.front", "Answer with a list of any of: `'eager'`, `'onnx-all'`, `'dynamic'`."),
        (WHY, "Answer in your own words, as text between triple quotes."),
        (NETRON, "`screens/model.graph.netron.png`"),
    ],
)
def test_the_form_of_an_answer_is_shown_with_its_points(
    run: Run, capsys: pytest.CaptureFixture, name: str, form: str
) -> None:
    ask(run, name)
    text, asked = capsys.readouterr().out, question(name)
    assert f"Question `{name}` ({asked.kind}, {asked.points:g} point" in text
    assert form in text and asked.text[:9] in text
