"""Questions: read strictly, asked without widgets, predictions locked by the measurement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grading.errors import QuestionError
from grading.questions import ask, format_problem, is_late, number, question, questions, schema, standing
from snippets.parts import PARTS
from snippets.record.run import Run, open_run


@pytest.fixture
def run(tmp_path: Path, small_questions: Path) -> Run:
    return open_run("model", notebook="2_graph", runs=tmp_path / "runs")


def measure(run: Run) -> None:
    run.step("graph/all/latency", lambda: {"latency_ms": np.array([1.0, 2.0])}, inputs={})


def entries(run: Run, question_id: str) -> list:
    return [entry for entry in run.record().answers if entry["question"] == question_id]


def test_an_unanswered_question_is_shown_and_stops_nothing(run: Run, capsys: pytest.CaptureFixture) -> None:
    ask(run, "model.graph.layout", answer=...)
    shown = capsys.readouterr().out
    assert "Which pass brings most" in shown and "Not answered yet" in shown and "'extended'" in shown
    assert run.record().answers == ()


def test_a_prediction_may_change_until_the_measurement_and_the_last_one_before_it_stands(run: Run) -> None:
    ask(run, "model.graph.layout", answer=("basic", 0.6))
    ask(run, "model.graph.layout", answer=["ALL ", "0.9"])
    measure(run)
    ask(run, "model.graph.layout", answer=["extended", 1])
    given = entries(run, "model.graph.layout")
    assert [(entry["value"], is_late(entry)) for entry in given] == [
        (["basic", 0.6], False),
        (["all", 0.9], False),
        (["extended", 1.0], True),
    ]
    counted = standing(question("model.graph.layout"), given)
    assert counted is not None and counted["value"] == ["all", 0.9]


def test_a_prediction_after_the_measurement_is_kept_and_marked_late(run: Run, capsys: pytest.CaptureFixture) -> None:
    measure(run)
    ask(run, "model.graph.layout", answer=["all", 0.5])
    assert "Late" in capsys.readouterr().out
    assert is_late(entries(run, "model.graph.layout")[0])


def test_running_the_notebook_again_adds_no_answer(run: Run) -> None:
    for _ in range(3):
        ask(run, "model.graph.gain", answer=np.float32(2.5))
    assert [entry["value"] for entry in entries(run, "model.graph.gain")] == [2.5]


@pytest.mark.parametrize(
    ("question_id", "answer"),
    [
        ("model.graph.layout", ["faster", 0.5]),
        ("model.graph.layout", "all"),
        ("model.graph.gain", "many"),
        ("model.graph.gain", float("nan")),
        ("model.graph.why", "because"),
        ("model.cost.front", ["eager", "tensorrt"]),
        ("model.graph.why", 3),
    ],
)
def test_an_answer_of_the_wrong_form_is_not_recorded_and_says_why(
    run: Run, capsys: pytest.CaptureFixture, question_id: str, answer: object
) -> None:
    ask(run, question_id, answer=answer)
    assert "This answer was not recorded: " in capsys.readouterr().out
    assert run.record().answers == ()


def test_a_replayed_run_takes_no_answers_and_says_which_one_counts(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    ask(run, "model.graph.gain", answer=2)
    before = (run.folder / "record.json").read_bytes()
    replayed = open_run("model", notebook="2_graph", runs=tmp_path / "runs", mode="replay")
    ask(replayed, "model.graph.gain", answer=3)
    assert "the record counts" in capsys.readouterr().out
    assert (run.folder / "record.json").read_bytes() == before


def test_several_choices_may_be_a_list_or_text(small_questions: Path) -> None:
    asked = question("model.cost.front")
    assert schema.chosen(asked, "Eager, onnx-all") == ("eager", "onnx-all")
    assert schema.chosen(asked, ["dynamic"]) == ("dynamic",)


@pytest.mark.parametrize(("text", "value"), [("12.5 ms", 12.5), (" 1,024", 1024), ("-3e2", -300), (7, 7)])
def test_a_number_may_carry_its_unit(text: object, value: float) -> None:
    assert number(text) == value


def test_an_unknown_question_names_the_nearest(small_questions: Path) -> None:
    with pytest.raises(QuestionError, match="model.graph.layout"):
        question("model.graph.layuot")
    with pytest.raises(QuestionError, match="no question 'modle.graph.layout': an id begins with its part, model or"):
        question("modle.graph.layout")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('kind = "number"', 'kind = "numeric"'), "kinds are"),
        (("points = 1\nunit", "unit"), "lacks points"),
        (("points = 3", "points = -3"), "points between"),
        (('id = "model.graph.gain"', 'id = "edge.graph.gain"'), "id of the form"),
        (('id = "model.graph.gain"', 'id = "model.graph.why"'), "more than once"),
        (('rubric = "The fused node can be seen."', ""), "needs a rubric"),
        (('steps = ["graph/all/latency"]\n', ""), "must name the steps"),
        (('choices = ["basic", "extended", "all"]', 'choices = ["all", "ALL"]'), "repeats a choice"),
        (('unit = "times"', 'units = "times"'), "unknown fields units"),
        (('unit = "times"', 'form = "cards"'), "has the form 'cards'; only kind config has one, of cards"),
        (("points = 2", "points = "), "not valid TOML"),
    ],
)
def test_a_malformed_question_file_is_refused_by_name(
    small_questions: Path, change: tuple[str, str], message: str
) -> None:
    text = small_questions.read_text()
    assert change[0] in text
    small_questions.write_text(text.replace(*change, 1))
    with pytest.raises(QuestionError, match=message):
        questions("model")


@pytest.mark.parametrize("part", PARTS)
def test_the_labs_own_questions_are_well_formed(part: str) -> None:
    schema.questions.cache_clear()
    for asked in questions(part):
        assert asked.part == part
        assert format_problem(asked, ...) is None
