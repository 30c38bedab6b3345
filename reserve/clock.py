"""Time as one object that tests can move, and the only way in which this package waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from reserve.errors import WaitedTooLong

T = TypeVar("T")
Say = Callable[[str], None]

REPORT_S = 60.0
"""Seconds between two words about a wait that goes on."""


class Clock:
    """The wall clock (aware UTC), a clock for durations in seconds, and sleep."""

    def now(self) -> datetime:
        """This moment, aware, in UTC."""
        return datetime.now(UTC)

    def seconds(self) -> float:
        """A count of seconds that never goes back: only differences mean something."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait so long; not at all for 0 or less."""
        time.sleep(max(seconds, 0.0))


def duration_text(seconds: float) -> str:
    """`45 s`, `12 min`, `2 h 50 min`: a duration for people."""
    seconds = max(0, round(seconds))
    if seconds < 90:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


@dataclass(frozen=True)
class Patience:
    """How long a wait may last: at most `limit_s` seconds, looking every `poll_s`; `remedy` says what to do then."""

    limit_s: float
    remedy: str
    poll_s: float = 5.0


def wait_for(what: str, probe: Callable[[], T | None], patience: Patience, clock: Clock, say: Say) -> T:
    """Call `probe` until it returns something, at most `patience.limit_s` seconds.

    Says how long it has waited and for what, every minute. Raises WaitedTooLong with the remedy; whatever `probe`
    raises ends the wait too.
    """
    began = clock.seconds()
    reported = 0.0
    while True:
        found = probe()
        if found is not None:
            return found
        waited = clock.seconds() - began
        if waited >= patience.limit_s:
            raise WaitedTooLong(f"waited {duration_text(waited)} for {what}, in vain. {patience.remedy}")
        if waited - reported >= REPORT_S or reported == 0.0:
            say(f"waiting for {what}: {duration_text(waited)} of at most {duration_text(patience.limit_s)}")
            reported = max(waited, 0.001)
        clock.sleep(min(patience.poll_s, max(patience.limit_s - waited, 0.01)))
