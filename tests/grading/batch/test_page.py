"""class.html of a class of three, counted by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grading.batch.page import write_class_report
from grading.batch.similarity import Likeness
from grading.checks.part import PartGrade
from grading.checks.result import Result
from grading.grade import Grade
from tests import pages


def part(
    easy: float,
    hard: float,
    answered: bool,
    trust: str = "plausible",
    doubts: tuple[str, ...] = (),
    node: str = "own machine",
) -> PartGrade:
    """Two questions of 2 and of 8 points, and one for a person."""
    results = (
        Result("edge.a.easy", "answer", easy == 2, easy, 2, "m"),
        Result("edge.a.hard", "answer", hard == 8, hard, 8, "m"),
        Result("edge.a.words", "by hand", answered, 0, 5, "m", "words"),
    )
    return PartGrade("edge", "r", "d", node, results, trust, doubts)


GRADES = [
    Grade("a.zip", "d", "ab1", "Ann", (part(2, 8, True, node="raspberrypi5"),)),  # 10 of 10 points
    Grade(
        "b.zip",
        "d",
        "<u>2",
        "<script>alert(1)</script>",
        (part(2, 2, True, "consistent", ("<i>copied</i> & scaled",)),),
        ("half a zip",),
    ),  # 4 of 10
    Grade("c.zip", "d", "cd3", "Cem", (part(1, 0, False, "none", ("no record",), ""),)),  # 1 of 10
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "class.html"
    write_class_report(path, GRADES, [Likeness("<u>2", "cd3", "2 measurements with the same samples", 0.667)])
    return path.read_text().replace("<wbr>", "")


def cells(page: str, first: str) -> list[str]:
    """The cells of the table row that begins with `first`, without their markup."""
    (row,) = [
        row
        for row in re.findall(r"<tr>(<th scope=\"row.*?)</tr>", page, re.DOTALL)
        if re.sub("<[^>]*>", "", row).startswith(first)
    ]
    return [re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]


def spread(page: str, first: str) -> list[int]:
    """How many lie in each tenth of the points, by the columns of that row."""
    (row,) = [
        row
        for row in re.findall(r"<tr>(<th scope=\"row.*?)</tr>", page, re.DOTALL)
        if re.sub("<[^>]*>", "", row).startswith(first)
    ]
    return [int(count) for count in re.findall(r"%: (\d+)\"", row)]


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("submissions", "3"),
        ("median, automatic part", "40 %"),
        ("mean", "50 %"),  # 100, 40 and 10 %
        ("with doubts", "2"),
        ("not gradable", "1"),
    ],
)
def test_the_cards_sum_up_the_class(page: str, fact: str, value: str) -> None:
    assert f'<b>{value}</b><span class="quiet">{fact}</span>' in page


def test_questions_come_hardest_first_with_mean_full_points_and_spread(page: str) -> None:
    assert page.index("edge.a.hard") < page.index("edge.a.easy")
    # 8, 2 and 0 of 8 points are 100, 25 and 0 %: a mean of 42. 2, 2 and 1 of 2 are 100, 100 and 50 %: 83.
    assert cells(page, "edge.a.hard")[2:4] == ["42 %", "1 of 3"]
    assert cells(page, "edge.a.easy")[2:4] == ["83 %", "2 of 3"]
    assert spread(page, "edge.a.hard") == [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert spread(page, "edge.a.easy") == [0, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert 'role="img" aria-label="50-60 %: 1; 90-100 %: 2; "' in page, "for who cannot see the columns"


def test_what_a_person_grades_is_counted_apart(page: str) -> None:
    assert cells(page, "edge.a.words") == ["edge.a.words", "2 of 3"]


def test_node_types_are_compared_and_runs_without_one_left_out(page: str) -> None:
    assert cells(page, "edgeown machine")[:4] == ["edge", "own machine", "1", "40 %"]
    assert cells(page, "edgeraspberrypi5")[:4] == ["edge", "raspberrypi5", "1", "100 %"]


def test_each_level_of_trust_says_what_it_does_not_prove(page: str) -> None:
    for level in ("none", "consistent", "plausible"):
        assert cells(page, level)[1] == "1" and cells(page, level)[2].endswith(".")
    assert "lease-confirmed" not in page, "nobody reached it"


def test_doubts_and_problems_are_listed_by_student(page: str) -> None:
    assert cells(page, "cd3") == ["cd3", "edge: none", "no record"]
    assert page.count("half a zip") == 1 and "&lt;i&gt;copied&lt;/i&gt; &amp; scaled" in page


def test_pairs_are_listed_with_what_they_share(page: str) -> None:
    assert cells(page, "&lt;u&gt;2, cd3")[1:] == ["2 measurements with the same samples", "67 %"]


def test_no_text_of_a_student_becomes_markup(page: str) -> None:
    assert "<script" not in page and "<i>copied" not in page and "<u>" not in page


def test_an_empty_class_is_a_page_too(tmp_path: Path) -> None:
    write_class_report(tmp_path / "class.html", [], [])
    text = (tmp_path / "class.html").read_text()
    for fact, value in (("submissions", "0"), ("mean", "-"), ("median, automatic part", "-")):
        assert f'<b>{value}</b><span class="quiet">{fact}</span>' in text
    assert "No two submissions share samples" in text


@pages.needs_chromium
def test_the_page_has_no_fault_in_a_browser_light_and_dark_on_a_phone_and_on_a_screen(tmp_path: Path) -> None:
    file = tmp_path / "class.html"
    write_class_report(file, GRADES, [Likeness("ab1", "cd3", "2 measurements with the same samples", 0.667)])
    assert pages.faults(file.as_uri()) == []
