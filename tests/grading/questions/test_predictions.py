"""Before a part is measured, the predictions that nobody has made yet are named, with the way to make them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from grading.questions import ask, questions
from grading.questions.predictions import ask_first, enter, open_predictions, remind, reminder
from snippets.errors import UsageError
from snippets.record.run import load_record, open_run

EAGER, WINNER = "model.baseline.eager", "model.graph.winner"


def notebooks(folder: Path, **cells: list[str]) -> Path:
    """A folder of Part 1's notebooks with these code cells, by the notebook's name: `a_graph` is 1_graph."""
    (folder / "model").mkdir(parents=True, exist_ok=True)
    for name, sources in cells.items():
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        nbformat.write(book, folder / "model" / f"{'abc'.index(name[0]) + 1}{name[1:]}.ipynb")
    return folder


@pytest.fixture
def unanswered(tmp_path: Path) -> Path:
    """Two notebooks that each ask for a prediction, and one of them another question."""
    return notebooks(
        tmp_path / "notebooks",
        a_baseline=[f'ask(run, "{EAGER}", answer=...)', 'ask(run, "model.baseline.batching", answer=...)'],
        b_graph=["%matplotlib inline", f'ask(run, "{WINNER}", answer=...)'],
    )


def names(folder: Path, run: Path | None = None) -> list[str]:
    return [one.question.id for one in open_predictions("model", run, folder)]


def test_predictions_that_nobody_made_are_open_and_other_questions_are_not(unanswered: Path) -> None:
    assert names(unanswered) == [EAGER, WINNER]


@pytest.mark.parametrize("answer", ["[9, 12.5]", '"9 to 12.5"', "(9, 12)"])
def test_a_guess_that_a_notebook_holds_is_made(unanswered: Path, answer: str) -> None:
    notebooks(unanswered, a_baseline=[f'ask(run, "{EAGER}", answer={answer})'])
    assert names(unanswered) == [WINNER]


@pytest.mark.parametrize("answer", ["...", '""', '"quickly"', "my_guess", "12.5", "[12, 9]"])
def test_what_cannot_be_recorded_as_an_answer_is_not(unanswered: Path, answer: str) -> None:
    notebooks(unanswered, a_baseline=[f'ask(run, "{EAGER}", answer={answer})'])
    assert names(unanswered) == [EAGER, WINNER]


def test_a_prediction_in_the_record_of_the_run_is_made(unanswered: Path, capsys: pytest.CaptureFixture) -> None:
    run = open_run("model", run_id="quick")
    ask(run, WINNER, answer=["none -> basic", 0.6])
    assert names(unanswered, run.folder) == [EAGER]
    assert names(unanswered, run.folder.with_name("full")) == [EAGER, WINNER]


def test_what_is_measured_already_can_no_longer_be_predicted(unanswered: Path) -> None:
    run = open_run("model", run_id="quick")
    run.step("baseline/eager/latency", lambda: {"latency_ms": [1.0]})
    assert names(unanswered, run.folder) == [WINNER]


def test_every_prediction_of_the_lab_is_asked_in_a_notebook() -> None:
    for part in ("model", "edge", "system"):
        expected = [question.id for question in questions(part) if question.kind == "predict"]
        assert sorted(one.question.id for one in open_predictions(part)) == sorted(expected)


def test_a_reminder_says_what_is_open_and_how_to_answer(unanswered: Path) -> None:
    text = reminder("model", open_predictions("model", None, unanswered))
    assert text.startswith("model: 2 predictions are open (1.5 points, but only before you measure):")
    assert f"  1_baseline               {EAGER}" in text.splitlines()
    assert "servelab questions model --predictions FILE" in text
    assert str(unanswered / "model") in text and "replace `...`" in text
    assert reminder("model", []) == ""


def test_somebody_at_a_terminal_is_asked_once_and_nobody_else(unanswered: Path, tmp_path: Path) -> None:
    asked: list[str] = []
    said: list[str] = []
    remind("model", lambda part: tmp_path / part, said.append, asked.append, unanswered)
    assert asked == ["Measure without them?"] and len(said) == 1
    remind("model", lambda part: tmp_path / part, said.append, None, unanswered)
    assert len(asked) == 1 and len(said) == 2


def test_where_all_predictions_are_made_nothing_is_said_or_asked(unanswered: Path, tmp_path: Path) -> None:
    notebooks(
        unanswered,
        a_baseline=[f'ask(run, "{EAGER}", answer=[9, 20])'],
        b_graph=[f'ask(run, "{WINNER}", answer=["none -> basic", 1])'],
    )
    said: list[str] = []
    remind("model", lambda part: tmp_path / part, said.append, said.append, unanswered)
    assert said == []


def test_what_a_file_holds_is_not_open(unanswered: Path) -> None:
    left = open_predictions("model", None, unanswered, made={EAGER})
    assert [one.question.id for one in left] == [WINNER]


@dataclass(frozen=True)
class Options:
    """What is read of a run's options."""

    runs: Path
    predictions: Path | None = None
    name: str = "quick"
    profile: str = "quick"


def test_a_file_is_read_first_and_entered_before_anything_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'{EAGER} = [5, 20]\n{WINNER} = ["none -> basic", 0.5]\n')
    said: list[str] = []
    options = Options(tmp_path / "runs", file)
    made = ask_first("model", options, lambda part: options.name, said.append)
    assert EAGER not in said[0] and "model.baseline.compile" in said[0]
    assert not (tmp_path / "runs").exists()
    enter(made, options, said.append)
    record = load_record(tmp_path / "runs" / "model" / "quick")
    assert [(answer["question"], answer["value"]) for answer in record.answers] == [
        (EAGER, [5.0, 20.0]),
        (WINNER, ["none -> basic", 0.5]),
    ]
    assert {answer["after"] for answer in record.answers} == {record.links[0]} and record.steps == ()
    assert said[-1] == f"model: 2 predictions of {file} are recorded."


def test_what_is_entered_after_its_measurement_is_told_to_be_late(tmp_path: Path) -> None:
    open_run("model", runs=tmp_path / "runs", run_id="quick").step("baseline/eager/latency", lambda: 1)
    file = tmp_path / "mine.toml"
    file.write_text(f"{EAGER} = [5, 20]\n")
    said: list[str] = []
    options = Options(tmp_path / "runs", file)
    enter(ask_first("model", options, lambda part: options.name, said.append), options, said.append)
    assert said[-1].endswith(f"late: {EAGER}")


def test_without_a_file_nothing_is_entered(tmp_path: Path) -> None:
    options = Options(tmp_path / "runs")
    enter(ask_first("edge", options, lambda part: options.name, lambda line: None), options, print)
    assert not (tmp_path / "runs").exists()


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no part 'modle'"):
        remind("modle", lambda part: tmp_path / part, print, None)
