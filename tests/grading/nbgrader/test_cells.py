"""What an assignment's locked cells say: points out of the record, and what a person needs in order to grade."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grading.errors import QuestionError
from grading.nbgrader.cells import score, show
from grading.questions import ask
from snippets.record.run import Run, open_run
from tests.grading.pictures import picture
from tests.grading.students import make_run

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the notebook, with what was handed in beside it; nobody grades yet."""
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    return folder


@pytest.fixture
def graded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), 5)


def test_a_record_beside_the_notebook_earns_its_points(
    desk: Path, graded: None, measured: Path, capsys: Printed
) -> None:
    shutil.copytree(measured, desk / "edge")
    assert score("edge.measured") == 10.0
    assert capsys.readouterr().out.startswith("10 of 10 points. ")


def test_without_a_record_nothing_is_earned_and_the_remedy_is_named(desk: Path, graded: None, capsys: Printed) -> None:
    assert score("edge.measured") == 0.0
    assert "No run record was handed in" in capsys.readouterr().out and not list(desk.iterdir())


def test_while_nbgrader_grades_a_run_of_the_graders_own_earns_nobody_points(
    desk: Path, measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = open_run("edge", notebook="1_latency", runs=measured.parent.parent, run_id=measured.name)
    assert score("edge.measured", own) == 10.0, "a student sees the points of the run at hand"
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert score("edge.measured", own) == 0.0


def test_a_record_that_cannot_be_read_earns_nothing_and_raises_nothing(
    desk: Path, graded: None, measured: Path, capsys: Printed
) -> None:
    shutil.copytree(measured, desk / "edge")
    (desk / "edge" / "record.json").write_text('{"part": "edge"')
    assert score("edge.measured") == 0.0
    show("edge.soak.cause")
    told = capsys.readouterr().out
    assert "The record cannot be graded: " in told and "The record cannot be read: " in told


def test_a_result_that_no_check_gives_earns_nothing(desk: Path, graded: None, measured: Path, capsys: Printed) -> None:
    shutil.copytree(measured, desk / "edge")
    assert score("edge.nothing") == 0.0
    assert "cannot be graded: 'edge.nothing'" in capsys.readouterr().out


@pytest.fixture
def run(tmp_path: Path, small_questions: Path, desk: Path, capsys: Printed) -> Run:
    run = open_run("model", notebook="2_graph", runs=tmp_path / "runs")
    ask(run, "model.graph.why", answer="Fewer nodes, the same memory traffic.")
    capsys.readouterr()
    return run


def test_a_student_is_shown_the_answer_but_not_the_rubric(run: Run, capsys: Printed) -> None:
    show("model.graph.why", run)
    assert capsys.readouterr().out == "Recorded answer: Fewer nodes, the same memory traffic.\n"


def test_a_grader_is_shown_the_rubric_too(run: Run, desk: Path, graded: None, capsys: Printed) -> None:
    shutil.copytree(run.folder, desk / "model")
    show("model.graph.why")
    assert capsys.readouterr().out == (
        "Recorded answer: Fewer nodes, the same memory traffic.\nRubric: Memory traffic, not the number of nodes.\n"
    )


def test_a_question_without_an_answer_says_so(run: Run, capsys: Printed) -> None:
    show("model.cost.front", run)
    assert capsys.readouterr().out == "The record holds no answer.\n"


def test_a_screenshot_is_shown_once_it_lies_in_the_runs_folder(run: Run, capsys: Printed) -> None:
    show("model.graph.netron", run)
    assert "No screenshot was handed in as a file." in capsys.readouterr().out
    (run.folder / "screens" / "netron.png").write_bytes(picture(1))
    show("model.graph.netron", run)
    assert "Screenshot: screens/netron.png\n" in capsys.readouterr().out


def test_an_unknown_question_is_an_error_of_the_assignment(run: Run) -> None:
    with pytest.raises(QuestionError, match=r"model\.graph\.whi"):
        show("model.graph.whi", run)
