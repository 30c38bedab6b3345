"""What is graded again and what is taken from the cache; submissions told apart; samples of others cost trust."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from grading.batch import grade_all as batch
from grading.batch.exports import Entry, discover
from grading.batch.grade_all import failed, from_json, grade_all, kit_digest, with_doubts
from grading.checks.part import PartGrade
from grading.checks.result import Result
from grading.grade import Grade, GradeOptions
from grading.questions import questions
from tests.grading.students import hand_in, make_run
from tests.terminals import at_terminal, plain

EDGE = GradeOptions(parts=("edge",))


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("handed-in")
    return hand_in(make_run(base, 1), "ab123", base / "out", pdf=False).zip


@pytest.fixture
def rooms(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kit's rooms as a copy that may be edited; grading looks there for what a grade depends on."""
    for name in ("grading", "snippets"):
        shutil.copytree(
            root / name,
            tmp_path / "kit" / name,
            ignore=lambda folder, names: {
                name for name in names if (Path(folder) / name).is_file() and not name.endswith((".py", ".toml"))
            },
        )
    monkeypatch.setattr(batch, "ROOMS", (tmp_path / "kit" / "grading", tmp_path / "kit" / "snippets"))
    return tmp_path / "kit"


def graded_now(handed_in: Path, cache: Path, options: GradeOptions = EDGE) -> str:
    lines: list[str] = []
    grade_all(discover([handed_in]), options, cache, workers=1, say=lines.append)
    return lines[-1].partition(",")[0]


@pytest.mark.parametrize(
    "edited", ["targets.toml", "prices.toml", "queueing.py", "soak.py", "judging.py", "questions/edge.toml"]
)
def test_an_edit_of_anything_that_a_grade_depends_on_grades_again(
    rooms: Path, handed_in: Path, tmp_path: Path, edited: str
) -> None:
    cache = tmp_path / "cache"
    assert graded_now(handed_in, cache) == "1/1 graded (1 now)"
    assert graded_now(handed_in, cache) == "1/1 graded (0 now)"
    (file,) = (path for path in rooms.rglob(Path(edited).name) if path.as_posix().endswith(edited))
    file.write_text(file.read_text() + "\n# another\n")
    assert graded_now(handed_in, cache) == "1/1 graded (1 now)"


def test_the_kit_itself_is_what_the_digest_covers(root: Path) -> None:
    courses_own = Path(os.environ["SERVELAB_OWN"])
    assert {room.resolve() for room in batch.ROOMS} == {root / "grading", root / "snippets", courses_own}


def test_renaming_a_file_changes_the_digest_and_a_text_does_not(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x")
    before = kit_digest([tmp_path])
    (tmp_path / "notes.txt").write_text("x")
    assert kit_digest([tmp_path]) == before
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert kit_digest([tmp_path]) != before


def test_other_options_grade_again(handed_in: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert graded_now(handed_in, cache) == "1/1 graded (1 now)"
    assert graded_now(handed_in, cache, replace(EDGE, leases={})) == "1/1 graded (1 now)"
    assert graded_now(handed_in, cache) == "1/1 graded (0 now)"


def test_another_run_of_staff_grades_again(handed_in: Path, tmp_path: Path) -> None:
    cache, staff = tmp_path / "cache", make_run(tmp_path / "staff", 2)
    options = replace(EDGE, staff_runs={"edge": staff})
    assert graded_now(handed_in, cache, options) == "1/1 graded (1 now)"
    assert graded_now(handed_in, cache, options) == "1/1 graded (0 now)"
    shutil.rmtree(staff)
    shutil.move(make_run(tmp_path / "other", 3), staff)
    assert graded_now(handed_in, cache, options) == "1/1 graded (1 now)"


# --- Grades made by hand ---


def grade(netid: str, trust: str = "plausible", prints: tuple[str, ...] = (), points: float = 1.5) -> Grade:
    result = Result("edge.a.b", "answer", False, points, 2, "m")
    part = PartGrade("edge", "mine", "d", "own machine", (result,), trust, ())
    return Grade(f"{netid}.zip", "d", netid, "Ann", (part,), (), prints)


def test_a_grade_survives_being_written_as_json() -> None:
    made = grade("ab1", prints=("x",))
    assert from_json(made.to_json()) == made
    assert (made.to_json()["points"], made.to_json()["possible"]) == (1.5, 2)


@pytest.mark.parametrize(
    ("before", "after"),
    [("re-run", "consistent"), ("plausible", "consistent"), ("consistent", "consistent"), ("none", "none")],
)
def test_samples_of_another_student_lower_trust_to_consistent_and_never_raise_it(before: str, after: str) -> None:
    copier, original, other = (
        each.parts[0]
        for each in with_doubts(
            [grade("c1", before, ("x",)), grade("o1", before, ("x", "y")), grade("z1", before, ("z",))]
        )
    )
    assert (copier.trust, copier.doubts) == (after, ("1 measurements with the same samples as o1",))
    assert (original.trust, original.doubts) == (after, ("1 measurements with the same samples as c1",))
    assert (other.trust, other.doubts) == (before, ())


def test_a_worker_that_broke_leaves_a_grade_for_a_person() -> None:
    lost = failed(Entry(Path("submissions/ab1_work.zip")), "grading it took too long", EDGE)
    assert (lost.netid, lost.points, [part.part for part in lost.parts]) == ("ab1", 0, ["edge"])
    assert lost.possible == sum(question.points for question in questions("edge")) + 10
    assert lost.problems == ("grading it took too long; a person looks at this one",)


def test_at_a_terminal_a_bar_says_how_many_are_graded_and_a_file_gets_lines_only(tmp_path: Path, root: Path) -> None:
    run = make_run(tmp_path, 71)
    words = [sys.executable, str(root / "servelab.py"), "grade", str(run), "--out", str(tmp_path / "g.csv")]
    environment = {"PYTHONPATH": str(root)}
    written = plain(at_terminal(words, 100, environment))
    assert "grading 1 of 1 " in written and "1/1 graded (1 now)" in written, written
    piped = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=100)
    told = piped.stdout + piped.stderr
    assert "1/1 graded (0 now)" in told and "\x1b" not in told and "1 of 1" not in told
