"""Cards: what a team may write, and what it is told about what cannot be."""

from __future__ import annotations

import pytest

from snippets.errors import UsageError
from snippets.teams.card import Card, read

PLAIN = {"photos": Card("photos"), "sorter": Card("sorter")}


def test_what_a_card_leaves_out_stays_plain() -> None:
    cards = read("[sorter]\nmax_batch = 8\ndelay_ms = 2.5", PLAIN)
    assert cards == {"photos": Card("photos"), "sorter": Card("sorter", max_batch=8, delay_ms=2.5)}


def test_a_card_that_is_written_down_is_read_back() -> None:
    card = Card("photos", instances=2, threads=3, max_batch=4, delay_ms=0.5)
    assert read(card.toml(), PLAIN)["photos"] == card


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[photos]\nthreads 2", r"not valid TOML: .*line 2"),
        ("[cooks]\nthreads = 2", r"there is no team \[cooks\]; the teams are photos, sorter"),
        ("photos = 2", r"photos = 2: write a table, \[photos\]"),
        ("[photos]\ncores = 2", r"\[photos\] has no cores; a card has instances, threads, max_batch, delay_ms"),
        ("[photos]\ninstances = 0", r"\[photos\] instances = 0: give a whole number from 1 to 8"),
        ("[photos]\ninstances = 9", r"instances = 9: give a whole number from 1 to 8"),
        ("[photos]\nthreads = 1.5", r"threads = 1.5: give a whole number from 1 to 16"),
        ("[photos]\nthreads = true", r"threads = True: give a whole number"),
        ("[photos]\nmax_batch = '8'", r"max_batch = '8': give a whole number from 1 to 64"),
        ("[photos]\nmax_batch = 8\ndelay_ms = -1", r"delay_ms = -1: give a number from 0 to 1000"),
        ("[photos]\nmax_batch = 8\ndelay_ms = nan", r"delay_ms = nan: give a number from 0 to 1000"),
        ("[photos]\ndelay_ms = 5", r"\[photos\] waits 5 ms for a batch of one"),
    ],
)
def test_what_cannot_be_is_named(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read(text, PLAIN)
