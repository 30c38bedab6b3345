"""plan.html: everything that was planned is on it, and nothing that was typed is markup."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from reserve.plan.change.explain import Change, Left
from reserve.plan.change.policies import Difference, DryRun, Row
from reserve.plan.change.simulate import ByDay, Simulation
from reserve.plan.course.schedule import Booking, Plan, Stage
from reserve.plan.show import page as module
from reserve.plan.show.page import Findings, gap_text, page, verdict
from reserve.plan.solve.baselines import first_come_first_served
from snippets.stats import Estimate
from tests import pages
from tests.reserve.plan.small import START, inputs, student

COURSE = inputs(4, days=4).course()
DONE = Stage("complete", "students who complete every part", 3, 3, True)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each chart is its name."""
    for name in ("load", "finish", "wait"):
        monkeypatch.setattr(module, f"{name}_chart", lambda course, bookings, name=name: f"<svg>{name}</svg>")
    monkeypatch.setattr(module, "simulation_chart", lambda result: "<svg>simulation</svg>")


@pytest.mark.parametrize(
    ("value", "bound", "proof"),
    [
        (4, 4, "PST|PDT|EST|EDT"),
        (3, 3, "no plan admits more\\."),
        (2, 3, "no plan admits more than 3"),
        (2, None, "E[SD]T\\.$"),
    ],
)
def test_the_verdict_says_how_many_and_what_is_proven(value: float, bound: float | None, proof: str) -> None:
    import re

    text = verdict(COURSE, Plan((), (replace(DONE, value=value, bound=bound),)))
    assert text.startswith(f"{value:.0f} of 4 students can finish by Fri Mar 12 2027 00:00 EST") and re.search(
        proof, text
    )


@pytest.mark.parametrize(
    ("value", "bound", "text"),
    [
        (3, 3, "proven best"),
        (3, 4, "1 below the bound"),
        (2, 0, "proven best"),
        (60, 80, "within 25.0 % of the bound"),
        (3, None, "no bound proven in the time given"),
    ],
)
def test_a_gap_is_told_in_words(value: float, bound: float | None, text: str) -> None:
    assert gap_text(replace(DONE, value=value, bound=bound)) == text


def test_a_goal_to_be_small_is_so_much_above_a_small_bound() -> None:
    assert gap_text(Stage("wait", "x", 2, 0)) == "2 above the bound"
    assert gap_text(Stage("finish", "x", 110, 100)) == "within 10.0 % of the bound"


def test_every_student_finds_their_times_by_their_own_clock(drawn: None) -> None:
    abroad = inputs([student("a1", tz="Asia/Kolkata", pair="b2"), student("b2"), student("c3")], days=4).course()
    start = START + timedelta(hours=10)
    booking = Booking(("a1", "b2"), "model", "compute_liqid", "CHI@TACC", "n7", start, start + timedelta(minutes=170))
    text = page(abroad, Plan((booking,), (DONE,)), Findings())
    assert "<th scope=row>a1</th><td>Asia/Kolkata</td><td>Mon Mar 08 20:30, n7</td><td>-</td><td>-</td>" in text
    assert "<th scope=row>b2</th><td>America/New_York</td><td>Mon Mar 08 10:00, n7</td>" in text
    assert "<th scope=row>c3</th><td>America/New_York</td><td>-</td>" in text


def test_the_page_of_a_plan_made_again_says_who_moves(drawn: None) -> None:
    again = page(COURSE, Plan((), (DONE,)), Findings(moved=["a1 model: <then> -> now"]))
    assert "What changed" in again and "a1 model: &lt;then&gt; -&gt; now" in again
    assert "nobody moves" in page(COURSE, Plan((), (DONE,)), Findings(moved=[]))
    assert "What changed" not in page(COURSE, Plan((), (DONE,)), Findings())


def test_what_is_typed_by_people_is_text_on_the_page(drawn: None) -> None:
    left = [Left(("<script>alert(1)</script>",), ("system",), "a & b")]
    text = page(COURSE, Plan((), (DONE,)), Findings(left, [Change("one <more>", 4, 1)]))
    assert "<script" not in text and "&lt;script&gt;alert(1)" in text and "a &amp; b" in text
    assert "<th scope=row>one &lt;more&gt;</th><td class=n>4</td><td class=n>1</td>" in text


def test_charts_are_on_it_and_only_what_there_is_to_say(drawn: None) -> None:
    short = page(COURSE, Plan((), (DONE,)), Findings())
    assert [name in short for name in ("<svg>load", "<svg>finish", "<svg>wait", "<svg>simulation")] == [True] * 3 + [
        False
    ]
    assert "Who cannot finish" not in short and "With failures" not in short
    result = Simulation(7, 4, 2.4, (ByDay(0, 0.5, 0.4, 0.6, 0.25, 0.1, 0.5),))
    long = unescape(page(COURSE, Plan((), (DONE,)), Findings(simulation=result)))
    assert "7 simulated terms, 2 lost blocks" in long and "<svg>simulation" in long
    assert "<td>50.0 % (40.0 to 60.0)</td><td>25 % (10 to 50)</td>" in long


def test_due_dates_compared_are_a_table_for_each_way_of_booking(drawn: None) -> None:
    rows = (Row("planned", "one <date>", Estimate(0.5, 0.4, 0.6), Estimate(0.75, 0.7, 0.8), 3.4),)
    told = (
        Difference("planned", "in time", "one <date>", "two", Estimate(0.2, 0.1, 0.3)),
        Difference("planned", "in time", "one <date>", "three", Estimate(-0.1, -0.3, 0.1)),
    )
    text = page(COURSE, Plan((), (DONE,)), Findings(dry_run=DryRun(7, rows, told)))
    assert "A dry run of 7 terms" in text and "<h3>Planned</h3>" in text
    row = "<th scope=row>one &lt;date&gt;</th><td>75.0 (70.0 to 80.0)</td><td>50.0 (40.0 to 60.0)</td><td>3</td>"
    assert row in text
    assert "<td class=words>one &lt;date&gt; over two by 20.0 (10.0 to 30.0)</td><td>differ</td>" in text
    assert "<td class=words>one &lt;date&gt; less three: -10.0 (-30.0 to 10.0)</td><td>not told apart</td>" in text
    assert "Due dates compared" not in page(COURSE, Plan((), (DONE,)), Findings())


@pages.needs_chromium
def test_the_page_has_no_fault_in_a_browser_light_and_dark_on_a_phone_and_on_a_screen(tmp_path: Path) -> None:
    file = tmp_path / "plan.html"
    left = [Left(("a1", "b2"), ("system",), "the nodes of gpu_p100 are all taken in the hours that both can come")]
    term = Simulation(7, 4, 2.4, (ByDay(0, 0.5, 0.4, 0.6, 0.25, 0.1, 0.5), ByDay(1, 1, 1, 1, 1, 1, 1)))
    plan = Plan(first_come_first_served(COURSE), (DONE,))
    file.write_text(page(COURSE, plan, Findings(left, [Change("one more gpu_p100", 4, 1)], simulation=term)))
    assert file.read_text().count('role="img"') == 4
    assert pages.faults(file.as_uri()) == []
