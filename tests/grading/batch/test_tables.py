"""grades.csv and similarity.csv: a row a student, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from grading.batch.similarity import Likeness
from grading.batch.tables import write_csv, write_pairs
from grading.checks.part import PartGrade
from grading.checks.result import Result
from grading.grade import Grade


def grade(netid: str, points: float = 1.5) -> Grade:
    result = Result("edge.a.b", "answer", False, points, 2, "m")
    part = PartGrade("edge", "mine", "d", "own machine", (result,), "plausible", ())
    return Grade(f"{netid}.zip", "d", netid, "Ann", (part,))


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(encoding="utf-8")))


def test_the_table_has_a_row_a_student_and_a_column_a_question(tmp_path: Path) -> None:
    explained = Result("edge.c.d", "by hand", True, 0, 3, "m", "words")
    first = grade("ab1")
    with_words = replace(first, parts=(replace(first.parts[0], results=(*first.parts[0].results, explained)),))
    nothing = Grade("cd2.zip", "", "cd2", "", (), ("nothing",))
    write_csv(tmp_path / "g.csv", [grade("zz9", points=0), with_words, nothing])
    found = rows(tmp_path / "g.csv")
    assert [
        (row["netid"], row["points"], row["possible"], row["by_hand"], row["edge.a.b"], row["edge.c.d"])
        for row in found
    ] == [("ab1", "1.5", "5", "3", "1.5", "0"), ("cd2", "0", "0", "0", "", ""), ("zz9", "0", "2", "0", "0", "")]
    assert found[0]["trust"] == "edge:plausible" and found[0]["node_type"] == "edge:own machine"


def test_an_attempt_that_does_not_count_has_no_row(tmp_path: Path) -> None:
    write_csv(tmp_path / "g.csv", [replace(grade("ab1"), counts=False), grade("ab1", points=2)])
    assert [row["points"] for row in rows(tmp_path / "g.csv")] == ["2"]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1"])
def test_no_cell_can_become_a_formula(tmp_path: Path, name: str) -> None:
    write_csv(tmp_path / "g.csv", [replace(grade(name), name=name, problems=(name,))])
    (row,) = rows(tmp_path / "g.csv")
    for column in ("netid", "name", "problems", "source"):
        assert row[column][0] in "'\t " or row[column][0].isalnum()
        assert not row[column].strip().startswith(("=", "+", "-", "@", "\uff1d"))
    write_pairs(tmp_path / "s.csv", [Likeness(name, "b", name, 1)])
    (pair,) = rows(tmp_path / "s.csv")
    assert pair["first"].startswith("'") and pair["what"].startswith("'") and pair["strength"] == "1"


def test_half_a_character_or_an_escape_spoils_no_table(tmp_path: Path) -> None:
    write_csv(tmp_path / "g.csv", [replace(grade("ab1"), name="J\ud800\x1b[2J\u202e")])
    assert rows(tmp_path / "g.csv")[0]["name"] == "J\\ud800\\x1b[2J\\u202e"


def test_a_table_stays_one_that_pythons_reader_takes(tmp_path: Path) -> None:
    write_csv(tmp_path / "g.csv", [replace(grade("ab1"), problems=("x" * 500_000,))])
    assert len(rows(tmp_path / "g.csv")[0]["problems"]) < csv.field_size_limit()
