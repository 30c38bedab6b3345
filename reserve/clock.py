"""Time as one object that tests can move, and the only way in which this package waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from reserve.errors import WaitedTooLong

T = TypeVar("T")
Say = Callable[[str], None]


class Clock:
    """The wall clock (aware UTC), a clock for durations in seconds, and sleep."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(seconds, 0.0))


def duration_text(seconds: float) -> str:
    """`45 s`, `12 min`, `2 h 50 min`: a duration for people."""
    seconds = max(0, round(seconds))
    if seconds < 90:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def wait_for(
    what: str,
    probe: Callable[[], T | None],
    *,
    limit_s: float,
    remedy: str,
    clock: Clock,
    say: Say,
    poll_s: float = 5.0,
    report_s: float = 60.0,
) -> T:
    """Call `probe` until it returns something, at most `limit_s` seconds.

    Says how long it has waited and for what, every `report_s` seconds. Raises WaitedTooLong with `remedy`;
    whatever `probe` raises ends the wait too.
    """
    began = clock.seconds()
    reported = 0.0
    while True:
        found = probe()
        if found is not None:
            return found
        waited = clock.seconds() - began
        if waited >= limit_s:
            raise WaitedTooLong(f"waited {duration_text(waited)} for {what}, in vain. {remedy}")
        if waited - reported >= report_s or reported == 0.0:
            say(f"waiting for {what}: {duration_text(waited)} of at most {duration_text(limit_s)}")
            reported = max(waited, 0.001)
        clock.sleep(min(poll_s, max(limit_s - waited, 0.01)))
