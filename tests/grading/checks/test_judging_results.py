"""A question's line of a grade in full, and the limits of choices by size, by factor and by band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.checks import judging
from grading.checks.evidence import Evidence
from grading.checks.judging import Choices, Judge, Number, banded, judge_answers, judgement, nearest, one
from grading.checks.result import Result
from grading.questions import ask, question
from grading.questions.schema import Question
from grading.staff.judges import JUDGES
from snippets.record.run import Run, open_run
from tests.grading.checks.paper import SOAKED, PaperRecord, PaperStep

TREND, CHANGE, CAUSE = "edge.soak.trend", "edge.soak.change", "edge.soak.cause"
RIGHT = "Right on your own numbers."
IN_TIME = "Predicted in time; such a prediction earns its points right or wrong."
NONE: frozenset[str] = frozenset()
LATE = "Predict before you measure: this one came after the measurement."


# --- Choices ---


def test_the_nearest_by_factor_is_right_and_one_nearly_as_near_is_accepted() -> None:
    figures = {"half": 0.5, "one": 1.0, "two": 2.0}
    assert nearest(0.5, figures, "Divide.") == Choices(frozenset({"half"}), "Divide.")
    # 1.4 is 1.4 times one, and two is 1.43 times 1.4: 2 % further by factor.
    assert nearest(1.4, figures, "Divide.") == Choices(frozenset({"one"}), "Divide.", frozenset({"two"}))
    for ratio in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="positive"):
            nearest(ratio, figures, "Divide.")


def test_a_band_begins_at_its_limit_and_a_limit_within_the_margin_makes_both_right() -> None:
    def band(value: float, margin: float) -> Choices:
        return banded(value, (2, 4), ("few", "some", "many"), "Count.", margin)

    assert band(2, 0) == Choices(frozenset({"some"}), "Count.") and band(1.99, 0).right == {"few"}
    assert band(4, 0).right == {"many"}
    assert band(4, 0.5) == Choices(frozenset({"many"}), "Count.", frozenset({"some"}))
    assert one("a", "Look.", "a", "b") == Choices(frozenset({"a"}), "Look.", frozenset({"b"}))


# --- What the student and the grader are told ---

SEVERAL = Question("edge.a.several", "choose", "Which?", 2, choices=("a", "b", "c"), multiple=True)


def told(expected: Choices | Number, answer: Any, asked: Question = SEVERAL) -> tuple[str, str]:
    """Message and detail."""
    made = judgement(lambda _: expected, asked, PaperRecord().evidence, answer)
    return made.message, made.detail


def test_right_choices_are_told_that_they_are_right() -> None:
    single = replace(SEVERAL, multiple=False)
    assert told(Choices(frozenset({"a"}), "Look."), "a", single)[0] == RIGHT
    assert told(Choices(frozenset({"a"}), "Look."), ["a"])[0] == RIGHT
    assert told(Choices(frozenset({"a", "b"}), "Look."), ["a", "b"])[0] == RIGHT


def test_the_grader_is_told_all_that_was_expected() -> None:
    assert told(Choices(frozenset({"b", "a"}), "Look."), ["a"])[1] == "answered ['a']; expected a, b"
    assert told(Choices(frozenset(), "Look.", frozenset({"c", "b"})), ["a"])[1] == (
        "answered ['a']; expected none (also accepted: b, c)"
    )


def test_of_a_long_answer_the_grader_is_told_the_first_300_letters() -> None:
    number = Question("edge.a.number", "number", "How many?", 2)
    answered, _, expected = told(Number(7, "Count."), "7 " + "x" * 400, number)[1].partition("; ")
    assert len(answered) == 300 and expected == "expected 7 within 0.1"


# --- A question's result in full ---


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return open_run("edge", runs=tmp_path)


def result(run: Run, name: str, judges: Mapping[str, Judge] = JUDGES, pictures: tuple[str, ...] = ()) -> Result:
    made = judge_answers(Evidence(run.record()), judges, frozenset(pictures))
    return next(each for each in made if each.id == name)


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions were asked for without a confidence."""
    monkeypatch.setattr(judging, "INTERVALS_SINCE", "9999")


@pytest.mark.usefixtures("older")
def test_an_older_prediction_in_time_is_passed_whether_it_came_true_or_not(run: Run) -> None:
    run.step("something/else", dict)
    run.answer(TREND, "slower")
    assert result(run, TREND) == Result(TREND, "answer", True, 0.5, 0.5, IN_TIME, "not measured; did not come true")
    run.step("soak/all/soak", lambda: SOAKED)
    assert result(run, TREND) == Result(
        TREND, "answer", True, 0.5, 0.5, IN_TIME, "answered 'slower'; expected slower; came true"
    )


@pytest.mark.usefixtures("older")
def test_a_late_older_prediction_is_not_passed(run: Run) -> None:
    run.step("soak/all/soak", lambda: SOAKED)
    run.answer(TREND, "slower")
    assert result(run, TREND) == Result(
        TREND, "answer", False, 0, 0.5, LATE, "answered 'slower'; expected slower; came true"
    )


@pytest.mark.usefixtures("older")
def test_an_older_prediction_that_no_judge_knows_is_held_only_to_its_time(run: Run) -> None:
    run.answer(TREND, "slower")
    assert result(run, TREND, {}) == Result(TREND, "answer", True, 0.5, 0.5, IN_TIME, "answered 'slower'")


def test_a_prediction_without_its_confidence_is_no_answer_any_more(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "INTERVALS_SINCE", "2000")
    run.answer(TREND, "slower")
    assert result(run, TREND).points == 0 and result(run, TREND).message.startswith("Write the answer so that")


def test_a_prediction_with_its_confidence_earns_by_it_and_a_late_one_nothing(tmp_path: Path) -> None:
    def share(confidence: float) -> float:
        run = open_run("edge", run_id=f"sure-{confidence}", runs=tmp_path)
        ask(run, TREND, answer=["slower", confidence])
        run.step("soak/all/soak", lambda: SOAKED)
        return result(run, TREND).points / 0.5

    # Of three choices chance is 1/3: the squared misses of (0.9, 0.05, 0.05) are 0.015, of (1, 0, 0) none.
    assert share(1.0) == pytest.approx(1) and 0.9 < share(0.9) < 1 and share(1 / 3) == pytest.approx(0, abs=0.01)
    late = open_run("edge", run_id="late", runs=tmp_path)
    late.step("soak/all/soak", lambda: SOAKED)
    ask(late, TREND, answer=["slower", 0.9])
    assert (result(late, TREND).points, result(late, TREND).message) == (0, LATE)


def test_when_a_prediction_was_made_is_told_by_its_place_in_the_chain_and_not_by_what_the_answer_says_of_itself() -> (
    None
):
    def passed(**said: Any) -> bool:
        answer = {"question": TREND, "value": "slower", **said}
        record = PaperRecord((PaperStep("soak/all/soak", SOAKED),), answers=(answer,), links=("begin", "soaked"))
        return next(each for each in judge_answers(record.evidence, JUDGES, frozenset()) if each.id == TREND).passed

    assert passed(after="begin", measured=["soak/all/soak"])
    assert not passed(after="soaked", measured=[])
    assert not passed(after="a link of another chain", measured=[]) and not passed(measured=[])


def test_a_right_a_close_and_a_wrong_number(run: Run) -> None:
    run.step("soak/all/soak", lambda: SOAKED)
    expected = "expected 20 within 2"
    how = "Divide the last fifth's median by the first fifth's, less 1."
    for value, passed, points, message in (
        (20.0, True, 2, RIGHT),
        (25.0, False, 1, f"Close, but too large. {how}"),
        (0.0, False, 0, f"{how} Your number is too small for your own record."),
    ):
        ask(run, CHANGE, answer=value)
        assert result(run, CHANGE) == Result(
            CHANGE, "answer", passed, points, 2, message, f"answered {value}; {expected}"
        )


def test_points_are_rounded_to_a_thousandth(tmp_path: Path) -> None:
    run, name = open_run("system", runs=tmp_path), "system.endpoint.errors"
    ask(run, name, answer=list(question(name).choices[:2]))
    assert (result(run, name).points, result(run, name).possible) == (1.333, 2)  # two of three, of 2 points


def test_no_answer_an_unreadable_one_and_one_that_nobody_judges(run: Run) -> None:
    nothing = "Answer this question; nothing was recorded."
    assert result(run, CHANGE) == Result(CHANGE, "answer", False, 0, 2, nothing)
    assert result(run, CAUSE) == Result(CAUSE, "by hand", False, 0, 2, nothing)
    run.answer(CHANGE, "a lot" + "!" * 400)
    unreadable = result(run, CHANGE)
    assert replace(unreadable, message="", detail="") == Result(CHANGE, "answer", False, 0, 2, "")
    assert unreadable.message.startswith("Write the answer so that it can be read: ")
    assert unreadable.detail.startswith("answered 'a lot!!") and len(unreadable.detail) == 300
    ask(run, CHANGE, answer=20)
    assert result(run, CHANGE, {}) == Result(
        CHANGE, "answer", False, 0, 2, "A person grades this one.", "answered 20.0"
    )
    run.answer(CHANGE, "20 " + "x" * 400)
    assert len(result(run, CHANGE, {}).detail) == 300


def test_an_explanation_is_handed_to_a_person_up_to_2000_letters(run: Run) -> None:
    text = "The clock fell. " * 200
    ask(run, CAUSE, answer=text)
    assert result(run, CAUSE) == Result(CAUSE, "by hand", True, 0, 2, "A person reads this answer.", text[:2000])


def test_a_picture_is_handed_to_a_person_or_asked_for(tmp_path: Path) -> None:
    run, name = open_run("system", runs=tmp_path), "system.endpoint.swagger"
    points = question(name).points
    assert result(run, name) == Result(
        name, "by hand", False, 0, points, f"Hand in screens/{name}.png, or paste it under the question."
    )
    assert result(run, name, pictures=(name,)) == Result(
        name, "by hand", True, 0, points, "A person looks at this picture."
    )


# --- What comes on top ---


def test_an_extra_answer_earns_points_on_top_and_is_not_missed(tmp_path: Path) -> None:
    idle = "system.tokens.idle"
    run = open_run("system", runs=tmp_path)
    run.step("tokens/mixed", lambda: {"lengths": np.array([10] * 7 + [40])})
    assert not any(each.id.startswith("system.tokens") for each in judge_answers(Evidence(run.record()), JUDGES, NONE))
    ask(run, idle, answer=65.6)
    ask(run, "system.tokens.prompt", answer=[3, 5])
    made = {each.id: each for each in judge_answers(Evidence(run.record()), JUDGES, NONE)}
    assert (made[idle].points, made[idle].possible, made[idle].passed) == (2.0, 0, True)
    assert made[idle].message == f"{RIGHT} (On top.)"
    # A prediction on top is no part of the part's own calibration.
    assert made["system.tokens.prompt"].possible == 0
    assert all(each.possible > 0 for name, each in made.items() if not name.startswith("system.tokens"))
