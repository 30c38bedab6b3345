"""What the questions take: no more than 15 % of the points for copying, guessing, or having run the notebook."""

from __future__ import annotations

import pytest

from grading.questions import questions
from snippets.parts import PARTS

NO_UNDERSTANDING = ("copied", "guess", "automatic")
MOST = 0.15
ALL = [asked for part in PARTS for asked in questions(part)]


def test_at_most_15_per_cent_of_the_points_need_no_understanding() -> None:
    without = sum(asked.points for asked in ALL if asked.work in NO_UNDERSTANDING)
    assert without / sum(asked.points for asked in ALL) <= MOST


@pytest.mark.parametrize("asked", ALL, ids=[asked.id for asked in ALL])
def test_every_question_says_what_it_takes(asked) -> None:
    assert asked.work and len(asked.needs.split()) >= 4
    # A label that flatters: a prediction is a guess, whatever it is worth, and what is explained is a text.
    assert (asked.work == "guess") == (asked.kind == "predict")
    assert (asked.work == "explained") == (asked.kind == "explain")
    if asked.kind == "screenshot":
        assert asked.work == "automatic" or "mark" in asked.text, "a picture alone shows only that the notebook ran"


def test_no_choice_of_the_lab_is_a_single_coin() -> None:
    for asked in ALL:
        if asked.kind == "choose":
            assert len(asked.choices) >= 3, asked.id
