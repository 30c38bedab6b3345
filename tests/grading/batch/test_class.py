"""A class of a hundred: honest, incomplete, broken and cheating submissions, graded at once, each as expected."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.batch.exports import discover
from grading.batch.outputs import OfClass, grade_class, read_leases
from grading.grade import Grade, GradeOptions
from snippets.errors import UsageError
from tests.grading.students import change_samples, hand_in, make_run, rewrite

HONEST, INCOMPLETE, BROKEN, CHEATING = 40, 20, 20, 20
LEASE_WITH_OFFSET = {
    "id": 2,
    "name": "serve_edge_ab1",
    "start_date": "2026-03-01 12:00:00-05:00",
    "end_date": "2026-03-01T14:30:00+02:00",
}
FP32 = "edge/fp32-threads-1/latency"


def incomplete(runs: Path, seed: int) -> Path:
    """By turns: few steps, no answers, late predictions, wrong answers."""
    kinds: list[dict[str, Any]] = [
        {"keep_steps": 0.5},
        {"answered": False, "predict": "never"},
        {"predict": "after"},
        {"wrong": True},
    ]
    return make_run(runs, seed, **kinds[seed % 4])


def broken(made: Path, seed: int) -> None:
    """Spoils a zip: nothing in it, half of it, text, a zip of something else."""
    data = made.read_bytes()
    made.write_bytes([b"", data[: len(data) // 2], b"I could not upload my work", data[:-30]][seed % 4])


FORGERIES: list[Callable[[Path], None]] = [
    lambda run: change_samples(run, FP32, lambda s: s / 1e4),
    lambda run: change_samples(run, FP32, lambda s: np.full_like(s, 8.0)),
    lambda run: change_samples(run, FP32, np.sort),
    lambda run: rewrite(run, lambda fields: fields["steps"][2].update(started_utc="2020-01-01T00:00:00Z")),
]


@pytest.fixture(scope="module")
def submissions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Gradescope-like export: one folder a student, a zip in each."""
    base = tmp_path_factory.mktemp("class")
    kinds = ["h"] * HONEST + ["i"] * INCOMPLETE + ["b"] * BROKEN + ["c"] * CHEATING
    spoilt = hand_in(make_run(base / "work" / "spoilt", 999), "spoilt", base / "out" / "spoilt", pdf=False).zip
    for number, kind in enumerate(kinds):
        netid, runs = f"{kind}{number:03d}", base / "work" / str(number)
        target = base / "export" / f"submission_{number}" / f"{netid}.zip"
        target.parent.mkdir(parents=True)
        if kind == "b":
            shutil.copy(spoilt, target)
            broken(target, number)
            continue
        if kind == "i":
            run = incomplete(runs, 1000 + number)
        elif kind == "c" and number % 5 == 4:  # a copy of an honest student's run, scaled a little
            run = Path(shutil.copytree(base / "work" / str(number % HONEST) / "edge" / "mine", runs / "edge" / "mine"))
        else:
            run = make_run(runs, 1000 + number)
            if kind == "c":
                FORGERIES[number % 5](run)
        shutil.move(hand_in(run, netid, base / "out" / netid, pdf=False).zip, target)
    return base / "export"


@pytest.fixture(scope="module")
def graded(submissions: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Grade], Path]:
    out = tmp_path_factory.mktemp("grades") / "grades.csv"
    return grade_class([submissions], out, GradeOptions(parts=("edge",)), of_class=OfClass(say=lambda _: None)), out


def of_kind(grades: list[Grade], kind: str) -> list[Grade]:
    return [grade for grade in grades if grade.netid.startswith(kind)]


def automatic(grade: Grade) -> float:
    results = [result for part in grade.parts for result in part.results if result.kind != "by hand"]
    return sum(result.points for result in results) / sum(result.possible for result in results)


def test_all_hundred_are_found_and_graded(graded: tuple[list[Grade], Path]) -> None:
    assert len(graded[0]) == HONEST + INCOMPLETE + BROKEN + CHEATING
    assert [len(of_kind(graded[0], kind)) for kind in "hibc"] == [HONEST, INCOMPLETE, BROKEN, CHEATING]


def test_the_honest_earn_everything_and_the_uncopied_are_plausible(graded: tuple[list[Grade], Path]) -> None:
    honest = of_kind(graded[0], "h")
    assert all(automatic(grade) == 1 for grade in honest)
    copied_from = {f"h{number % HONEST:03d}" for number in range(80, 100) if number % 5 == 4}
    assert {grade.netid for grade in honest if grade.parts[0].trust != "plausible"} == copied_from


def test_the_incomplete_earn_part(graded: tuple[list[Grade], Path]) -> None:
    assert all(0 < automatic(grade) < 1 for grade in of_kind(graded[0], "i"))


def test_the_broken_earn_nothing_and_are_told_why(graded: tuple[list[Grade], Path]) -> None:
    for grade in of_kind(graded[0], "b"):
        assert grade.points == 0 and grade.problems and grade.parts[0].trust == "none"


def test_the_cheating_are_found_out(graded: tuple[list[Grade], Path]) -> None:
    for grade in of_kind(graded[0], "c"):
        assert grade.parts[0].trust in ("none", "consistent") and grade.parts[0].doubts


def test_a_copied_run_names_both_students(graded: tuple[list[Grade], Path]) -> None:
    rows = list(csv.DictReader(graded[1].with_suffix(".similarity.csv").open()))
    assert {"h004", "c084"} <= {name for row in rows for name in (row["first"], row["second"])}
    copier = next(grade for grade in graded[0] if grade.netid == "c084")
    assert any("as h004" in doubt for doubt in copier.parts[0].doubts)


def test_the_outputs_hold_every_student_and_every_question(graded: tuple[list[Grade], Path]) -> None:
    grades, out = graded
    rows = list(csv.DictReader(out.open()))
    assert len(rows) == len(grades) and "edge.cold.worth" in rows[0]
    assert [row["netid"] for row in rows] == sorted(row["netid"] for row in rows)
    assert len(json.loads(out.with_suffix(".json").read_text())) == len(grades)
    page = out.with_suffix(".html").read_text().replace("<wbr>", "")  # names may be broken behind their dots
    assert "edge.cold.worth" in page and "Similar submissions" in page and "<script" not in page


def test_grading_again_grades_only_what_changed(graded: tuple[list[Grade], Path], submissions: Path) -> None:
    lines: list[str] = []
    again = grade_class([submissions], graded[1], GradeOptions(parts=("edge",)), of_class=OfClass(say=lines.append))
    assert "100/100 graded (0 now)" in lines[-1] and again == graded[0]
    one = grade_class(
        [submissions], graded[1], GradeOptions(parts=("edge",)), only="h003", of_class=OfClass(say=lines.append)
    )
    assert "100/100 graded (1 now)" in lines[-1] and one == graded[0]


def test_two_students_with_the_same_broken_zip_stay_two_students(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    for name in ("ab123", "cd456"):
        (tmp_path / "class" / f"{name}.zip").write_bytes(b"PK, but no zip")
    for _ in range(2):
        grades = grade_class(
            [tmp_path / "class"],
            tmp_path / "grades.csv",
            GradeOptions(parts=("edge",)),
            of_class=OfClass(say=lambda _: None),
        )
        assert [grade.netid for grade in grades] == ["ab123", "cd456"]


@pytest.mark.parametrize("layout", ["submitted/{netid}/edge", "{netid}", "export/submission_7"])
def test_export_folders_of_nbgrader_an_lms_and_gradescope_are_understood(tmp_path: Path, layout: str) -> None:
    for netid in ("aa1", "bb2"):
        folder = tmp_path / layout.format(netid=netid).replace("7", netid)
        run = folder / "runs" / "edge" / "mine"
        run.mkdir(parents=True)
        (run / "record.json").write_text("{}")
        (folder / "1_latency.ipynb").write_text("{}")
    assert len(discover([tmp_path])) == 2


def test_nothing_to_grade_is_an_error_that_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no submissions there"):
        discover([tmp_path])
    with pytest.raises(UsageError, match="does not exist"):
        discover([tmp_path / "missing"])


def test_leases_are_read_as_blazar_lists_them(tmp_path: Path) -> None:
    path = tmp_path / "leases.json"
    path.write_text(
        json.dumps(
            [
                {
                    "id": "1",
                    "name": "serve_edge_ab1",
                    "start_date": "2026-03-01 12:00:00",
                    "end_date": "2026-03-01T14:00:00.000000",
                }
            ]
        )
    )
    assert read_leases(path)["1"]["start_utc"] == "2026-03-01T12:00:00Z"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([LEASE_WITH_OFFSET]).encode())
    read = read_leases(path)["2"]
    assert (read["start_utc"], read["end_utc"]) == ("2026-03-01T17:00:00Z", "2026-03-01T12:30:00Z")
    path.write_text(json.dumps([{**LEASE_WITH_OFFSET, "start_date": "soon"}]))
    with pytest.raises(UsageError, match="soon"):
        read_leases(path)
    path.write_text("[1]")
    with pytest.raises(UsageError, match="no list of leases"):
        read_leases(path)
