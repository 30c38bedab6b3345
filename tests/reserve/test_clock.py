"""Durations as a person reads them, and waits that end, say so, and name the remedy."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reserve.clock import Clock, Patience, duration_text, wait_for
from reserve.errors import WaitedTooLong


class Moved(Clock):
    """Time that passes only while one sleeps."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def seconds(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (45, "45 s"),
        (89, "89 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (89.6, "2 min"),
        (149, "2 min"),
        (3569, "59 min"),
        (3570, "1 h 00 min"),
        (3661, "1 h 01 min"),
        (timedelta(hours=26, minutes=50).total_seconds(), "26 h 50 min"),
    ],
)
def test_a_duration_has_the_unit_that_people_use(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def waited(answers: list[str | None], words: list[str], **limits: float) -> tuple[str, float]:
    """What `wait_for` returned of these answers, and after how many seconds."""
    clock, left = Moved(), iter(answers)
    patience = Patience(**{"limit_s": 300.0, "remedy": "Take another.", "poll_s": 10.0, **limits})
    found = wait_for("the node", lambda: next(left), patience, clock, words.append)
    return found, clock.at_s


def test_a_wait_ends_with_the_first_answer() -> None:
    words: list[str] = []
    assert waited(["up"], words) == ("up", 0) and words == []
    assert waited([None, None, None, "up"], words) == ("up", 30)


def test_a_wait_says_at_once_and_whenever_a_minute_has_passed_how_long_it_has_been() -> None:
    words: list[str] = []
    waited([None] * 5 + ["up"], words, poll_s=31.0)  # looks at 0, 31, 62, 93, 124 s
    assert words == [f"waiting for the node: {so_far} of at most 5 min" for so_far in ("0 s", "62 s", "2 min")]


def test_a_wait_in_vain_ends_at_its_limit_with_the_remedy() -> None:
    with pytest.raises(WaitedTooLong, match="waited 25 s for the node, in vain. Take another."):
        waited([None] * 9, [], limit_s=25.0)
