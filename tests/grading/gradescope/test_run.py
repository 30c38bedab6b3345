"""The Gradescope autograder, run as Gradescope runs it: in a root of its own, under /autograder, with little memory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from grading.gradescope.run import expected, metadata_of, submitters
from tests.grading.gradescope.container import ONE_USER, USERS, gradescope, unpack
from tests.grading.students import hand_in, make_run


@pytest.mark.parametrize("as_root", USERS)
def test_an_honest_submission_earns_its_points_in_a_root_that_has_only_python_and_numpy(
    tmp_path: Path, autograder: Path, submission: Path, as_root: bool
) -> None:
    value = gradescope(tmp_path, autograder, as_root, unpack(submission))
    tests = {test["name"]: test for test in value["tests"]}
    assert tests["edge.measured"]["score"] == 10 and tests["edge.cold.worth"]["score"] > 0
    assert "plausible" in tests["edge: trust"]["output"]
    assert value["leaderboard"][0]["name"] == "p50 (ms)" and value["leaderboard"][0]["value"] > 0
    assert value["extra_data"]["netid"] == "ab123" and value["extra_data"]["problems"] == []
    function = tests["edge.functions.crossover_ms"]
    confined = "confined by" in function["extra_data"]["detail"]
    assert function["score"] == (2 if confined else 0) and (confined or "cannot confine" in function["output"])


@pytest.mark.parametrize("as_root", USERS)
@pytest.mark.parametrize("what", ["nothing", "half a zip", "a text file", "a record of rubbish", "deep JSON"])
def test_whatever_is_handed_in_a_valid_result_says_what_is_wrong(
    tmp_path: Path, autograder: Path, submission: Path, as_root: bool, what: str
) -> None:
    def fill(folder: Path) -> None:
        if what == "half a zip":
            (folder / "submission.zip").write_bytes(submission.read_bytes()[:5000])
        elif what == "a text file":
            (folder / "answers.txt").write_text("42")
        elif what == "a record of rubbish":
            (folder / "edge").mkdir()
            (folder / "edge" / "record.json").write_bytes(bytes(range(256)) * 40)
        elif what == "deep JSON":
            (folder / "edge").mkdir()
            (folder / "edge" / "record.json").write_text("[" * 200_000)
            (folder / "manifest.json").write_text("{" * 200_000)

    value = gradescope(tmp_path, autograder, as_root, fill)
    assert value["score"] == 0 and len(value["output"] + "".join(t["output"] for t in value["tests"])) > 40


@pytest.mark.parametrize("as_root", ONE_USER)
def test_a_submission_that_needs_more_memory_than_there_is_still_gets_a_result(
    tmp_path: Path, autograder: Path, submission: Path, as_root: bool
) -> None:
    def fill(folder: Path) -> None:
        unpack(submission)(folder)
        for path in (folder / "edge" / "samples").glob("*soak*"):
            np.save(path, np.ones(30_000_000))

    value = gradescope(tmp_path, autograder, as_root, fill)
    assert value["output"] and value["score"] < 12


@pytest.mark.parametrize("as_root", ONE_USER)
def test_a_broken_autograder_says_so_and_leaves_a_valid_result(
    tmp_path: Path, autograder: Path, submission: Path, as_root: bool
) -> None:
    value = gradescope(
        tmp_path,
        autograder,
        as_root,
        unpack(submission),
        lambda source: (source / "grading" / "grade.py").write_text("raise OSError('gone')"),
    )
    assert value["score"] == 0 and "Tell your instructor" in value["output"]


@pytest.mark.parametrize("as_root", ONE_USER)
def test_a_submission_of_somebody_else_is_named(tmp_path: Path, autograder: Path, as_root: bool) -> None:
    run = make_run(tmp_path / "runs", 72, answered=False)
    other = hand_in(run, "zz9", tmp_path / "out", pdf=False).zip
    value = gradescope(tmp_path, autograder, as_root, unpack(other))
    assert "collected for NetID zz9, but ab123 handed it in" in value["output"]


@pytest.mark.parametrize(
    ("metadata", "netids"),
    [
        ('{"users": [{"email": "ab123@nyu.edu"}, {"email": "cd4@nyu.edu"}]}', ("ab123", "cd4")),
        ('{"users": [{"email": "ab123"}]}', ("ab123",)),
        ('{"users": []}', ()),
        ('{"users": [{}]}', ()),
        ("[]", ()),
        ("{", ()),
    ],
)
def test_who_handed_in_is_told_by_each_address_before_its_at(
    tmp_path: Path, metadata: str, netids: tuple[str, ...]
) -> None:
    (tmp_path / "submission_metadata.json").write_text(metadata)
    assert submitters(metadata_of(tmp_path)) == netids


def test_without_metadata_nobody_is_known_to_have_handed_in(tmp_path: Path) -> None:
    assert submitters(metadata_of(tmp_path)) == ()


def test_an_autograder_knows_what_it_was_built_for(tmp_path: Path) -> None:
    built = {"parts": ["edge"], "functions": True}
    (tmp_path / "autograder.json").write_text(json.dumps(built))
    assert expected(tmp_path) == built
