"""plan.html: everything that was planned is on it, and nothing that was typed is markup."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

import pytest

from reserve.plan.change.explain import Change, Left
from reserve.plan.change.simulate import ByDay, Simulation
from reserve.plan.course.schedule import Plan, Stage
from reserve.plan.show import page as module
from reserve.plan.show.page import gap_text, page, verdict
from tests.reserve.plan.small import inputs

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
    [(3, 3, "proven best"), (3, 4, "within 25.0 % of the bound"), (3, None, "no bound proven in the time given")],
)
def test_a_gap_is_told_in_words(value: float, bound: float | None, text: str) -> None:
    assert gap_text(replace(DONE, value=value, bound=bound)) == text


def test_what_is_typed_by_people_is_text_on_the_page(drawn: None) -> None:
    left = [Left(("<script>alert(1)</script>",), ("system",), "a & b")]
    text = page(COURSE, Plan((), (DONE,)), left, [Change("one <more>", 4, 1)], None)
    assert "<script" not in text and "&lt;script&gt;alert(1)" in text and "a &amp; b" in text
    assert "<td>one &lt;more&gt;</td><td class=n>4</td><td class=n>1</td>" in text


def test_charts_are_on_it_and_only_what_there_is_to_say(drawn: None) -> None:
    short = page(COURSE, Plan((), (DONE,)), [], [], None)
    assert [name in short for name in ("<svg>load", "<svg>finish", "<svg>wait", "<svg>simulation")] == [True] * 3 + [
        False
    ]
    assert "Who cannot finish" not in short and "With failures" not in short
    result = Simulation(7, 4, 2.4, (ByDay(0, 0.5, 0.4, 0.6, 0.25, 0.1, 0.5),))
    long = unescape(page(COURSE, Plan((), (DONE,)), [], [], result))
    assert "7 simulated terms, 2 lost blocks" in long and "<svg>simulation" in long
    assert "<td>50.0 % (40.0 to 60.0)</td><td>25 % (10 to 50)</td>" in long
