"""Which attempt counts, who shares one, and whose NetID is said twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from grading.batch.attempts import settle, who_counts, with_missing
from grading.batch.exports import Entry
from grading.checks.part import PartGrade
from grading.checks.result import Result
from grading.grade import Grade
from grading.submission.people import Person


def graded(name: str, netid: str, measured: str = "2026-03-01", **more: Any) -> Grade:
    result = Result("edge.a.b", "answer", False, 1, 2, "m")
    part = PartGrade("edge", "mine", "d" if measured else "", "n", (result,), "plausible" if measured else "none", ())
    return Grade(name, "d", netid, "", (part,), measured_utc=measured, claim=netid, **more)


def rows(*pairs: tuple[Entry, Grade]) -> list[tuple[str, str, bool, str]]:
    """NetID, file, whether it counts, and the problems, of each row."""
    settled = settle([entry for entry, _ in pairs], [grade for _, grade in pairs])
    return [(row.netid, row.source, row.counts, "; ".join(row.problems)) for row in settled]


def entry(name: str, owner: str = "", *order: float) -> Entry:
    return Entry(Path(name), (), owner, order)


def test_of_a_persons_attempts_the_latest_counts_and_names_the_others() -> None:
    first, second = rows(
        (entry("a-1.zip", "canvas 7", 2), graded("a-1.zip", "ab1")),
        (entry("a.zip", "canvas 7", 1), graded("a.zip", "ab1")),
    )
    assert first == ("ab1", "a-1.zip", True, "handed in 2 times; the newest counts, not a.zip (1 of 2)")
    assert second == ("ab1", "a.zip", False, "")


def test_an_attempt_without_a_record_never_counts_before_one_with_it() -> None:
    broken, whole = rows(
        (entry("a-1.zip", "canvas 7", 2), graded("a-1.zip", "ab1", "")),
        (entry("a.zip", "canvas 7", 1), graded("a.zip", "ab1")),
    )
    assert not broken[2] and whole == ("ab1", "a.zip", True, "handed in beside it, without a record: a-1.zip")


def test_without_an_exports_order_the_newest_record_counts() -> None:
    found = rows(
        (entry("1.zip"), graded("1.zip", "ab1", "2026-03-02")), (entry("2.zip"), graded("2.zip", "ab1", "2026-03-01"))
    )
    assert [row[2] for row in found] == [True, False]


def test_a_submission_that_bears_the_netid_is_not_replaced_by_one_that_only_says_so() -> None:
    mine, theirs = rows(
        (entry("ab1.zip"), graded("ab1.zip", "ab1")), (entry("mallory.zip"), graded("mallory.zip", "ab1", "2027-01-01"))
    )
    assert mine[:3] == ("ab1", "ab1.zip", True)
    assert theirs[:3] == ("mallory", "mallory.zip", True) and "its manifest says NetID ab1" in theirs[3]


def test_two_people_of_an_export_with_one_netid_are_two_rows_and_both_are_told() -> None:
    found = rows(
        (entry("doe_1_1_a.zip", "canvas 1"), graded("doe_1_1_a.zip", "ab1")),
        (entry("roe_2_2_a.zip", "canvas 2"), graded("roe_2_2_a.zip", "ab1")),
    )
    assert all(counts and "NetID ab1 is also that of" in told for _, _, counts, told in found)


def test_partners_have_a_row_each_and_share_what_was_earned() -> None:
    pair = Entry(Path("submission_1"), (Person("ab1", "Ann"), Person("zz9", "Zoe")), "gradescope x")
    settled = settle([pair], [graded("submission_1", "ab1")])
    assert [(row.netid, row.name, row.points) for row in settled] == [("ab1", "Ann", 1), ("zz9", "Zoe", 1)]
    assert set(settled[0].owners) == set(settled[1].owners)
    assert "together with zz9" in settled[0].problems[0] and "together with ab1" in settled[1].problems[0]


def test_who_handed_in_nothing_readable_has_the_parts_of_the_class() -> None:
    nothing = Grade("cd2.pdf", "", "cd2", "", (), ("a PDF",))
    row = settle([entry("ab1.zip"), entry("cd2.pdf")], [graded("ab1.zip", "ab1"), nothing])[1]
    assert [part.part for part in row.parts] == ["edge"] and row.possible > 0
    assert row.parts[0].doubts == ("a PDF",)


def test_only_rows_that_count_are_students() -> None:
    assert [row.netid for row in who_counts([graded("a", "a"), graded("b", "b", counts=False)])] == ["a"]


def test_a_roster_adds_who_is_missing_with_the_parts_that_were_asked_for() -> None:
    part = PartGrade("edge", "mine", "d", "", (), "plausible", ())
    rows = with_missing([Grade("a.zip", "d", "AB1", "", (part,))], ["ab1", "Cd2", "cd2"], ["model"])
    assert [(row.netid, [each.part for each in row.parts], row.problems) for row in rows] == [
        ("AB1", ["edge"], ()),
        ("cd2", ["model", "edge"], ("nothing was handed in",)),
    ]
    assert rows[1].points == 0 and rows[1].possible > 0 and rows[1].counts


def test_a_run_that_was_handed_in_before_with_other_steps_is_doubted_and_keeps_its_points() -> None:
    def attempt(name: str, *chain: str) -> Grade:
        whole = graded(name, "ab1")
        return replace(whole, parts=(replace(whole.parts[0], chain=chain),))

    first = (entry("1.zip", "canvas 1", 1), attempt("1.zip", "r", "a"))
    for later, doubts in ((("r", "a", "b"), 0), (("r", "x", "b"), 1), (("another", "x"), 0)):
        second = (entry("2.zip", "canvas 1", 2), attempt("2.zip", *later))
        counted = who_counts(settle([first[0], second[0]], [first[1], second[1]]))
        assert [(row.source, len(row.parts[0].doubts), row.points) for row in counted] == [("2.zip", doubts, 1)]
