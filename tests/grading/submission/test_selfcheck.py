"""What a student is told before handing in: what is missing, and when nothing is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grading.questions import ask
from grading.submission.selfcheck import Finding, check_run, examine, run_folder
from snippets.errors import UsageError
from snippets.model.challenge import written
from snippets.record.run import Run, open_run
from tests.grading.pictures import picture

WORDS = "Because memory is the limit here."


@pytest.fixture
def run(tmp_path: Path, small_questions: Path) -> Run:
    return open_run("model", notebook="2_graph", runs=tmp_path / "runs")


def measure(run: Run, *names: str) -> None:
    for name in names or ("graph/all/latency", "graph/none/latency"):
        run.step(name, lambda: {"latency_ms": np.array([1.0, 2.0])}, inputs={})


def answer_all(run: Run) -> None:
    """Every answer, and the picture."""
    for name, value in (("layout", ["all", 0.7]), ("gain", 2.5), ("why", WORDS)):
        ask(run, f"model.graph.{name}", answer=value)
    ask(run, "model.cost.front", answer=["eager"])
    (run.folder / "screens" / "netron.png").write_bytes(picture(1))


def found(run: Run, tmp_path: Path) -> list[Finding]:
    return examine(run.record(), notebooks=tmp_path / "none")


def test_an_empty_run_lacks_every_answer_picture_and_measurement(run: Run, tmp_path: Path) -> None:
    told = {(finding.subject, finding.message) for finding in found(run, tmp_path)}
    assert told == {
        *((f"model.{name}", "no answer yet") for name in ("graph.layout", "graph.gain", "graph.why", "cost.front")),
        ("model.graph.layout", "not measured: graph/all/latency"),
        ("model.graph.gain", "not measured: graph/all/latency, graph/none/latency"),
        (
            "screenshots",
            "model.graph.netron: no screenshot. Save one as screens/model.graph.netron.png or paste it "
            "under the question",
        ),
    }
    assert all(finding.missing for finding in found(run, tmp_path))


def test_a_whole_run_lacks_nothing_and_may_be_handed_in(run: Run, tmp_path: Path) -> None:
    answer_all(run)
    measure(run)
    assert found(run, tmp_path) == []
    text, complete = check_run("model", run.folder)
    assert complete and text == (
        f"{run.folder}: 2 steps measured, 4 of 5 questions answered.\n"
        "Challenge: not answered yet; the part's last notebook does it.\n"
        "Complete: hand it in with `servelab collect`."
    )


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (written(bytes(10)), f"answered with the code {written(bytes(10))}."),
        ("", "answered without a code; if your course gave you one: servelab run model --challenge CODE."),
    ],
)
def test_a_student_is_told_how_the_challenge_was_answered(run: Run, code: str, told: str) -> None:
    run.step("challenge/fp32/logits", lambda: {"logits": np.zeros((6, 2))}, inputs={"code": code})
    assert f"Challenge: {told}" in check_run("model", run.folder)[0]


def test_a_late_prediction_is_told_but_is_not_missing(run: Run, tmp_path: Path) -> None:
    measure(run)
    answer_all(run)
    assert found(run, tmp_path) == [Finding("model.graph.layout", "predicted after the measurement (late)", False)]
    text, complete = check_run("model", run.folder)
    assert complete and "    model.graph.layout: predicted after the measurement (late)" in text


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("model.graph.gain", "a lot", "the answer cannot be read: 'a lot' does not begin with a number"),
        ("model.graph.why", "no idea", "the answer cannot be read: explain in at least one sentence"),
        ("model.graph.why", "...", "no answer yet"),
    ],
)
def test_an_answer_that_cannot_be_read_is_missing(
    run: Run, tmp_path: Path, name: str, value: str, message: str
) -> None:
    answer_all(run)
    measure(run)
    run.answer(name, value)
    assert found(run, tmp_path) == [Finding(name, message)]
    text, complete = check_run("model", run.folder)
    assert not complete and f"  - {name}: {message}" in text
    assert text.endswith("Unanswered questions stop nothing; they earn nothing either.")


def test_a_record_that_does_not_hold_together_is_told(run: Run, tmp_path: Path) -> None:
    answer_all(run)
    measure(run)
    next((run.folder / "samples").iterdir()).unlink()
    (finding,) = found(run, tmp_path)
    assert finding.subject == "record" and "missing" in finding.message and finding.missing


def test_the_newest_run_is_meant_where_none_is_named(small_questions: Path) -> None:
    with pytest.raises(UsageError, match="There is no run of part model yet. `servelab run model` makes one"):
        run_folder("model", None)
    folder = open_run("model").folder
    assert run_folder("model", None) == folder and run_folder("model", Path("other")) == Path("other")
