"""What a notebook says of a prediction once it has been measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.checks.evidence import Evidence
from grading.checks.judging import Choices
from grading.checks.looking_back import look_back, told
from grading.errors import QuestionError
from grading.questions import ask, question
from snippets.record.run import Run, open_run

GAIN, PHASE, GUESS = "edge.threads.gain", "edge.cold.phase", "edge.crossover.guess"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return open_run("edge", runs=tmp_path)


def measure(run: Run) -> None:
    """One thread 40 ms, four threads 10: 4 times. Libraries take longest. The crossing lies at 3 - 8 = -5 ms."""
    for count, ms in ((1, 40.0), (4, 10.0)):
        run.step(f"edge/fp32-threads-{count}/latency", lambda ms=ms: {"latency_ms": np.full(9, ms)})
    phases = {"process": 4.0, "libraries": 30.0, "model": 9.0, "first_inference": 5.0}
    run.step("cold/fp32/start", lambda: {f"{name}_ms": np.full(3, ms) for name, ms in phases.items()})
    run.step("cloud/all/crossover", lambda: {"edge_ms": np.full(3, 3.0), "server_ms": np.full(3, 8.0)})


@pytest.mark.parametrize(
    ("name", "answer", "told"),
    [
        (GAIN, [3, 5], "you said 3 to 5 times; measured 4 times. Your interval holds it."),
        (
            GAIN,
            [1, 16],
            "you said 1 to 16 times; measured 4 times. Your interval holds it, with a factor of 16 between",
        ),
        (GAIN, [1, 2], "You were off by 2x: what did you not know?"),
        (GAIN, [16, 20], "You were off by 4x: what did you not know?"),
        (PHASE, ["libraries", 0.6], "you said *libraries*, 60 % sure; measured libraries. It came true."),
        (PHASE, ["model", 0.9], "It did not come true: what made you so sure?"),
        (PHASE, ["model", 0.4], "It did not come true. What did you not know?"),
        (GUESS, [-8, -4], "you said -8 to -4 ms; measured -5 ms. Your interval holds it."),
        (GUESS, [0, 4], "You were off by 5 ms: what did you not know?"),
    ],
)
def test_a_prediction_is_held_against_what_was_measured(
    run: Run, capsys: pytest.CaptureFixture, name: str, answer: Any, told: str
) -> None:
    ask(run, name, answer=answer)
    measure(run)
    capsys.readouterr()
    look_back(run, name)
    assert f"- `{name}`: " in (text := capsys.readouterr().out) and told in text


def test_what_was_not_predicted_or_late_or_plain_is_shown_beside_the_value(
    run: Run, capsys: pytest.CaptureFixture
) -> None:
    measure(run)
    ask(run, GAIN, answer=[3, 5])
    run.answer(GUESS, 2.0)
    capsys.readouterr()
    look_back(run, GAIN, PHASE, GUESS)
    late, none, plain = capsys.readouterr().out.strip().splitlines()[-3:]
    assert late.endswith("holds it. (Given after the measurement.)") and none.endswith(
        "no prediction; measured libraries."
    )
    assert plain.endswith("you said 2.0; measured -5 ms.")


def test_what_the_samples_do_not_tell_apart_is_not_listed_as_if_all_of_it_was_measured(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    tied = Choices(frozenset({"model"}), "how", frozenset({"libraries"}))
    monkeypatch.setattr("grading.checks.looking_back.found", lambda *_: tied)
    said = told(question(PHASE), None, Evidence(run.record()))
    assert said == "no prediction; measured one of **libraries, model** (your samples do not tell which)."


def test_before_the_measurement_it_says_what_is_to_be_measured(run: Run, capsys: pytest.CaptureFixture) -> None:
    look_back(run, PHASE)
    assert "Measure cold/fp32/start first" in capsys.readouterr().out


def test_an_unknown_question_is_named(run: Run) -> None:
    with pytest.raises(QuestionError, match="edge.cold.fase"):
        look_back(run, "edge.cold.fase")
