"""A small class from four systems, graded in one command: everybody is in the table, with what is theirs."""

from __future__ import annotations

import csv

import pytest

from grading.batch.outputs import OfClass, grade_class
from grading.grade import GradeOptions
from tests.grading.mixed_class import MixedClass, build
from tests.grading.students import FULL, POSSIBLE

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[MixedClass, Rows]:
    base = tmp_path_factory.mktemp("mixed")
    made, out = build(base, 40), base / "grades.csv"
    grade_class([made.folder], out, GradeOptions(parts=("edge",)), of_class=OfClass(say=lambda _: None))
    return made, list(csv.DictReader(out.open(encoding="utf-8")))


def test_everybody_is_in_the_table_once_with_the_possible_points(graded: tuple[MixedClass, Rows]) -> None:
    made, rows = graded
    assert len(rows) == made.students and {row["possible"] for row in rows} == {str(POSSIBLE)}
    names = [{row["netid"], row["name"].removeprefix("doe"), row["name"].removeprefix("Jane ")} for row in rows]
    for student in (*made.honest, *made.broken, *made.hostile):
        assert sum(student in name for name in names) == 1, student


def test_the_honest_have_every_automatic_point_whatever_came_beside_them(graded: tuple[MixedClass, Rows]) -> None:
    made, rows = graded
    honest = [row for row in rows if row["netid"] in made.honest]
    assert len(honest) == len(made.honest)
    assert {(row["points"], row["trust"], row["doubts"]) for row in honest} == {(str(FULL), "edge:plausible", "")}


def test_the_broken_have_none_and_are_told_what_was_found(graded: tuple[MixedClass, Rows]) -> None:
    made, rows = graded
    honest = {*made.honest}
    others = [row for row in rows if row["netid"] not in honest]
    assert len(others) == len(made.broken) + len(made.hostile)
    assert all(row["problems"] for row in others if float(row["points"]) == 0)
    assert sum(float(row["points"]) == 0 for row in others) >= len(made.broken)
