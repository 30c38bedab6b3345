"""results.json: points by test, what a person grades apart, and the fastest configuration on the leaderboard."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grading.checks.part import PartGrade
from grading.checks.result import Result
from grading.grade import Grade
from grading.gradescope.results import MAX_OUTPUT, failure, leaderboard, results, write
from snippets.record.run import load_record
from tests.grading.students import make_run

RIGHT = Result("edge.latency.fastest", "answer", True, 2.0, 2.0, "Right.", "6.0")
WRONG = Result("edge.cold.worth", "answer", False, 0.5, 2.0, "Look again.", "480")
BY_HAND = Result("edge.cold.why", "by hand", True, 0.0, 3.0, "Recorded.")
PART = PartGrade("edge", "r1", "d1", "pi5", (RIGHT, WRONG, BY_HAND), "plausible", ("the clock ran backwards",))
GRADE = Grade("submission.zip", "d2", "ab123", "Ada", (PART,), ("a file was changed",))


def test_the_leaderboard_names_the_fastest_configuration(tmp_path: Path) -> None:
    run = make_run(tmp_path, 73)
    board = leaderboard([load_record(run)])
    assert board[1] == {"name": "fastest", "value": "edge/aggressive-threads-4/latency"}


def test_a_submission_without_a_record_is_on_no_leaderboard() -> None:
    assert leaderboard([]) == []


def test_the_score_is_the_sum_of_what_the_checks_gave() -> None:
    value = results(GRADE, [])
    assert value["score"] == 2.5
    scores = [(test["name"], test["score"], test["max_score"], test["status"]) for test in value["tests"]]
    assert scores == [
        ("edge: trust", 0.0, 0.0, "passed"),
        ("edge.latency.fastest", 2.0, 2.0, "passed"),
        ("edge.cold.worth", 0.5, 2.0, "failed"),
        ("edge.cold.why", 0.0, 0.0, "passed"),
    ]
    assert [test["number"] for test in value["tests"]] == ["1.0", "1.1", "1.2", "1.3"]


def test_what_a_person_grades_says_its_points_and_counts_none() -> None:
    by_hand = results(GRADE, [])["tests"][3]
    assert by_hand["output"] == "Recorded. (3 points by hand)" and by_hand["tags"] == ["by hand"]


def test_the_trust_that_was_reached_comes_with_the_doubts() -> None:
    trust = results(GRADE, [])["tests"][0]
    assert "Reached: plausible." in trust["output"] and "- the clock ran backwards" in trust["output"]
    nothing = replace(GRADE, parts=(replace(PART, trust="none"),))
    assert results(nothing, [])["tests"][0]["status"] == "failed"


@pytest.mark.parametrize(
    ("accounts", "told"), [([], False), (["ab123"], False), (["zz9", "AB123 "], False), (["cd4"], True)]
)
def test_a_submission_collected_for_another_netid_is_told(accounts: list[str], told: bool) -> None:
    value = results(GRADE, [], accounts)
    assert (f"collected for NetID ab123, but {', '.join(accounts)} handed it in" in value["output"]) == told
    assert "Look at this: a file was changed." in value["output"]


def test_a_message_of_any_length_fits() -> None:
    long = replace(GRADE, parts=(replace(PART, results=(replace(WRONG, message="x" * 9999),)),))
    assert len(results(long, [])["tests"][1]["output"]) == len(failure("y" * 9999)["output"]) == MAX_OUTPUT


def test_a_failure_is_a_result_without_points() -> None:
    value = failure("No memory.")
    assert (value["score"], value["output"], value["tests"]) == (0.0, "No memory.", [])


def test_a_result_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write(path, failure("first"))
    with pytest.raises(ValueError, match="JSON"):
        write(path, {"score": float("nan")})
    assert json.loads(path.read_text()) == failure("first") and list(tmp_path.iterdir()) == [path]


def test_only_the_owner_can_read_a_result(tmp_path: Path) -> None:
    write(tmp_path / "results.json", failure("x"))
    assert (tmp_path / "results.json").stat().st_mode & 0o077 == 0


def test_without_staff_no_right_answer_is_in_it() -> None:
    assert "480" in json.dumps(results(GRADE, [])) and "480" not in json.dumps(results(GRADE, [], staff=False))


def test_nothing_that_quotes_a_student_is_markdown_or_html() -> None:
    doubted = replace(GRADE, parts=(replace(PART, doubts=("![x](http://evil.example/a.png) <script>",)),))
    value = results(doubted, [])
    assert {test["output_format"] for test in value["tests"]} | {value["output_format"]} == {"text"}
