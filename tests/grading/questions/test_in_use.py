"""A function that a student wrote goes on working as long as it says what the kit's says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from grading.questions import in_use
from grading.questions.in_use import InUse, Written

Printed = pytest.CaptureFixture[str]


def half(value):
    return value / 2


def held(own: str, kit=half) -> InUse:
    """With the student's function as a lambda, or as the text of a definition."""
    text = own if own.startswith("def ") else f"import math\nhalf = {own}"
    return InUse("half", kit, Written(half, "", text))


def test_a_right_function_answers_in_its_own_words(capsys: Printed) -> None:
    function = held("lambda value: value * 0.5000000001")
    assert function(4) == 4 * 0.5000000001 and function.by == "you"
    assert function.told("Bars") == "Bars (your half)" and str(function) == "half: yours"
    assert capsys.readouterr().out == ""


def test_without_one_the_kits_answers(capsys: Printed) -> None:
    function = InUse("half", half, None)
    assert function(4) == 2 and function.by == "the kit" and function.told("Bars") == "Bars"
    assert str(function) == "half: the kit's version"


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (
            "lambda value: value / 3",
            "Your half gives `1.0` for what was measured here, which the kit's version does not.",
        ),
        ("lambda value: value / 0", "Your half fails on what was measured here: ZeroDivisionError: division by zero."),
        ("lambda: 1", "fails on what was measured here: TypeError"),
        ("lambda value: None", "gives `None`"),
        ("lambda value: math.nan", "gives `nan`"),
    ],
)
def test_another_answer_is_told_once_and_the_kits_goes_on(own, told: str, capsys: Printed) -> None:
    function = held(own)
    assert function(3) == 1.5 and told in (said := capsys.readouterr().out)
    assert "1.5" not in said, "the right answer is left to the student"
    assert function(5) == 2.5 and capsys.readouterr().out == "" and function.by == "the kit"


def test_one_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    monkeypatch.setattr(in_use, "LIMIT_S", 0.2)
    endless = "def half(value):\n    while value > 9:\n        pass\n    return value / 2\n"
    assert held(endless)(10) == 5 and "it did not end within 0.2 s" in capsys.readouterr().out


def test_it_is_given_plain_lists_of_its_own(capsys: Printed) -> None:
    checks = "assert type(values) is list and type(values[0]) is float"
    spoils = f"def half(values):\n    {checks}\n    values.clear()\n    return 3\n"
    values = np.array([1.0, 2.0])
    assert held(spoils, lambda values: sum(values))(values) == 3 and values.size == 2
    assert held("lambda pair: tuple(pair)", lambda pair: pair)([1, 2]) == [1, 2]


def test_an_interval_without_an_end_agrees_with_itself_only(capsys: Printed) -> None:
    bounds = [0.0, math.inf]
    assert held("lambda _: [0.0, math.inf]", lambda _: bounds)(0) == bounds
    assert held("lambda _: [0.0, 1e9]", lambda _: bounds)(0) == bounds and "Your half gives" in capsys.readouterr().out
