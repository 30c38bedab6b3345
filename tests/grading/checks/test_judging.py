"""How an answer is judged: its share of the points, what the student is told, and what the grader sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Expected, Judgement, Met, Number, judge_answers, judgement
from grading.checks.result import Result
from grading.questions import ask, question
from grading.questions.schema import Question
from grading.staff.judges import JUDGES
from snippets.errors import RecordError
from snippets.record.run import Run, open_run
from tests.grading.checks.paper import SOAKED, PaperRecord

NUMBER = Question("edge.a.number", "number", "How many?", 2)
ONE = Question("edge.a.one", "choose", "Which?", 2, choices=("a", "b", "c"))
SEVERAL = Question("edge.a.several", "choose", "Which?", 2, choices=("a", "b", "c", "d"), multiple=True)


def judged(asked: Question, expected: Expected | Exception, answer: Any) -> Judgement:
    def judge(_: Evidence) -> Expected:
        if isinstance(expected, Exception):
            raise expected
        return expected

    return judgement(judge, asked, PaperRecord().evidence, answer)


def test_a_description_earns_what_its_record_meets_and_another_one_than_was_measured_nothing() -> None:
    asked = Question("edge.a.config", "config", "Write it.", 3)
    met = Met('name: "a"\n', 2 / 3, "Triton loaded it; one of two.")
    found = judged(asked, met, 'name: "a"')
    assert (found.share, found.message) == (2 / 3, met.how)
    other = judged(asked, met, 'name: "b"')
    assert other.share == 0 and "measured another" in other.message


@pytest.mark.parametrize(
    ("answer", "share"),
    [(200, 1), (220, 1), (180, 1), (220.1, 0.5), (260, 0.5), (140, 0.5), (260.1, 0), (139.9, 0), (800, 0), (-200, 0)],
)
def test_a_number_earns_all_within_its_tolerance_and_half_within_three_times_that(answer: float, share: float) -> None:
    # A tenth of 200 is 20: from 180 to 220; three times that is 60: from 140 to 260.
    assert judged(NUMBER, Number(200, "Add them."), answer).share == share


@pytest.mark.parametrize(("answer", "share"), [(-1, 1), (1.9, 1), (-3.9, 1), (2.1, 0.5), (-9.9, 0.5), (8.1, 0)])
def test_an_absolute_tolerance_does_not_shrink_with_the_number(answer: float, share: float) -> None:
    assert judged(NUMBER, Number(-1, "Subtract.", 3, absolute=True), answer).share == share


def test_a_wrong_number_is_told_how_and_in_which_direction_but_not_what_is_right() -> None:
    expected = Number(123.25, "Add them.")
    assert judged(NUMBER, expected, 130).message == "Right on your own numbers."
    assert judged(NUMBER, expected, 150).message == "Close, but too large. Add them."
    assert judged(NUMBER, expected, 5).message == "Add them. Your number is too small for your own record."
    assert judged(NUMBER, expected, 5).detail == "answered 5; expected 123.2 within 0.1"


def test_of_one_choice_the_right_and_the_accepted_earn_all() -> None:
    expected = Choices(frozenset({"a"}), "Look.", frozenset({"b"}))
    assert [judged(ONE, expected, answer).share for answer in "abc"] == [1, 1, 0]
    assert judged(ONE, expected, "c").message == "Look. Your record says otherwise."
    assert judged(ONE, expected, "c").detail == "answered 'c'; expected a (also accepted: b)"


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        (["a", "b"], 1),
        (["a"], 0.5),
        (["a", "b", "d"], 0.5),
        (["a", "d"], 0),
        (["d"], 0),
        (["a", "b", "c"], 1),
        (["a", "c"], 0.5),
        (["c"], 0),
    ],
)
def test_of_several_choices_each_wrong_one_takes_a_right_one_away_and_an_accepted_one_takes_nothing(
    answer: list[str], share: float
) -> None:
    assert judged(SEVERAL, Choices(frozenset({"a", "b"}), "Look.", frozenset({"c"})), answer).share == share


def test_several_choices_are_told_how_many_are_wrong() -> None:
    told = judged(SEVERAL, Choices(frozenset({"a", "b"}), "Look."), ["a", "c"])
    assert told.message == "Look. 1 right, 1 wrong, 1 missing."


def test_where_all_that_could_be_right_is_too_close_to_call_any_of_it_is_right() -> None:
    expected = Choices(frozenset(), "Look.", frozenset({"a", "b"}))
    assert [judged(SEVERAL, expected, answer).share for answer in (["a"], ["b"], ["a", "b"], ["c"], ["a", "c"])] == [
        1,
        1,
        1,
        0,
        0,
    ]
    assert judged(SEVERAL, Choices(frozenset(), "Look."), ["a"]).share == 0


@pytest.mark.parametrize(
    ("error", "message", "detail"),
    [
        (NotMeasured("a/load"), "Measure a/load first (servelab run edge), then answer again.", "not measured"),
        (
            NotMeasured("a/load", "ok"),
            "Measure a/load again, it has no usable ok (servelab run edge), then answer again.",
            "not measured",
        ),
        (RecordError("changed"), "The samples behind this answer cannot be read: changed", "unreadable samples"),
        (ZeroDivisionError("zero"), "Measure again: what this answer rests on is no measurement.", "malformed (zero)"),
    ],
)
def test_what_cannot_be_judged_earns_nothing_and_says_why(error: Exception, message: str, detail: str) -> None:
    told = judged(NUMBER, error, 1)
    assert told.share == 0 and told.message.startswith(message) and told.detail == detail


# --- A whole run's answers ---

TREND, CHANGE, CAUSE = "edge.soak.trend", "edge.soak.change", "edge.soak.cause"
GAIN, PHASE = "edge.threads.gain", "edge.cold.phase"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return open_run("edge", runs=tmp_path)


def soak(run: Run) -> None:
    """Ten seconds: the first fifth at 10 ms, the last at 12, which is 20 % slower."""
    run.step("soak/all/soak", lambda: SOAKED)


def threads(run: Run, one_ms: float, four_ms: float) -> None:
    """Latencies of fp32 with one thread and with four."""
    for count, ms in ((1, one_ms), (4, four_ms)):
        run.step(f"edge/fp32-threads-{count}/latency", lambda ms=ms: {"latency_ms": np.full(9, ms)})


def results(run: Run, **options: Any) -> dict[str, Result]:
    made = judge_answers(Evidence(run.record()), JUDGES, frozenset(options.get("pictures", ())))
    return {result.id: result for result in made}


def test_a_sure_and_right_prediction_earns_all_and_a_sure_and_wrong_one_nothing(run: Run) -> None:
    ask(run, TREND, answer=["slower", 1])
    soak(run)
    right = results(run)[TREND]
    assert (right.points, right.possible, right.passed) == (0.5, 0.5, True)
    assert right.message == (
        "It came true, and you were 100 % sure. All your predictions together earn 100 % of their points."
    )
    ask(run, TREND, answer=["faster", 1])
    assert results(run)[TREND].points == 0.5, "a change made after the measurement does not count"


def test_a_prediction_that_names_all_as_equally_likely_earns_nothing(run: Run) -> None:
    ask(run, TREND, answer=["slower", 1 / 3])
    soak(run)
    assert results(run)[TREND].points == 0


def test_the_predictions_of_a_part_earn_together(run: Run) -> None:
    # 0.5 points for a sure and right choice, and 1 point for an interval of a factor of 30 that holds 4: 0 by itself.
    # Together 0.5 of 1.5, a third of each.
    ask(run, TREND, answer=["slower", 1])
    ask(run, GAIN, answer=[1, 30])
    soak(run)
    threads(run, 40, 10)
    made = results(run)
    assert (made[TREND].points, made[GAIN].points) == (pytest.approx(0.5 / 3, abs=1e-3), pytest.approx(1 / 3, abs=1e-3))
    assert made[GAIN].detail.endswith("; 0.00 by itself") and made[GAIN].passed


def test_a_miss_by_far_takes_what_another_prediction_earns_but_no_more(run: Run) -> None:
    ask(run, TREND, answer=["slower", 1])
    ask(run, GAIN, answer=[40, 50])
    soak(run)
    threads(run, 40, 10)
    made = results(run)
    assert (made[TREND].points, made[GAIN].points, made[GAIN].passed) == (0, 0, False)
    assert made[GAIN].message.startswith("Your interval misses the value by a factor of 10 ")


def test_a_late_or_unmeasured_prediction_earns_nothing_and_spoils_nothing(run: Run) -> None:
    ask(run, TREND, answer=["slower", 1])
    ask(run, PHASE, answer=["libraries", 1])
    soak(run)
    threads(run, 40, 10)
    ask(run, GAIN, answer=[3.9, 4.1])
    made = results(run)
    assert [made[name].points for name in (TREND, PHASE, GAIN)] == [0.5, 0, 0]
    assert made[PHASE].message.startswith("Measure cold/fp32/start first") and "Predict before" in made[GAIN].message


def older(run: Run, name: str, value: Any) -> None:
    """An answer as it was recorded before predictions had an uncertainty."""
    with mock.patch("snippets.record.run.utc_now", lambda: "2026-11-27T09:00:00.000000Z"):
        run.answer(name, value, steps=question(name).steps)


def test_an_older_prediction_earns_its_points_right_or_wrong_and_the_grader_sees_which(run: Run) -> None:
    older(run, TREND, "faster")
    soak(run)
    assert (results(run)[TREND].points, results(run)[TREND].possible) == (0.5, 0.5)
    assert results(run)[TREND].detail == "answered 'faster'; expected slower; did not come true"


def test_a_late_prediction_earns_nothing_though_it_is_right(run: Run) -> None:
    soak(run)
    ask(run, TREND, answer=["slower", 1])
    late = results(run)[TREND]
    assert (late.points, late.passed) == (0, False) and "Predict before you measure" in late.message


def test_a_number_is_judged_by_the_last_answer(run: Run) -> None:
    soak(run)
    for answer, points in ((0.2, 0), (25, 1), (20, 2)):  # give or take 2 all of 2 points, 6 half of them
        ask(run, CHANGE, answer=answer)
        assert (results(run)[CHANGE].points, results(run)[CHANGE].passed) == (points, points == 2)


def test_nothing_recorded_and_what_cannot_be_read_earn_nothing(run: Run) -> None:
    soak(run)
    assert results(run)[CHANGE].message == "Answer this question; nothing was recorded."
    run.answer(CHANGE, " ... ")
    assert results(run)[CHANGE].message == "Answer this question; nothing was recorded."
    run.answer(CHANGE, "a lot")
    assert "does not begin with a number" in results(run)[CHANGE].message
    run.answer(CAUSE, "too short")
    assert (results(run)[CAUSE].passed, "at least one sentence" in results(run)[CAUSE].message) == (False, True)


def test_explanations_and_pictures_wait_for_a_person(run: Run) -> None:
    ask(run, CAUSE, answer="The clock fell and the board became hot.")
    explained = results(run)[CAUSE]
    assert (explained.kind, explained.passed, explained.points) == ("by hand", True, 0)
    assert explained.detail == "The clock fell and the board became hot."


def test_a_picture_is_there_or_asked_for(tmp_path: Path) -> None:
    system, name = open_run("system", runs=tmp_path), "system.endpoint.swagger"
    assert not results(system)[name].passed and f"screens/{name}.png" in results(system)[name].message
    assert results(system, pictures=(name,))[name].passed
    assert question(name).points == results(system)[name].possible


def test_a_question_without_a_judge_is_left_to_a_person(run: Run) -> None:
    ask(run, CHANGE, answer=20)
    told = {result.id: result for result in judge_answers(Evidence(run.record()), {}, frozenset())}[CHANGE]
    assert (told.points, told.message) == (0, "A person grades this one.")
