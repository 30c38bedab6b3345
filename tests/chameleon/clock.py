"""The emulator's clock: runs with the machine's, can be moved forward by a test, or stands still between moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """UTC time without a zone, as OpenStack writes it.

    `frozen=True`: time passes only when a test calls `advance`. Otherwise real time passes too, and `advance`
    adds to it. `speed` divides the delays of the emulated services (`delay`), not the passing of time: at
    10,000 a boot of 15 minutes takes 90 ms, while a lease of three hours still lasts three hours.
    """

    def __init__(self, start: datetime | None = None, *, frozen: bool = False, speed: float = 10_000.0) -> None:
        self._origin = start or datetime.now(UTC).replace(tzinfo=None)
        self._began_s = time.monotonic()
        self._moved = timedelta()
        self._frozen = frozen
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self.speed = speed

    def now(self) -> datetime:
        with self._lock:
            passed = timedelta() if self._frozen else timedelta(seconds=time.monotonic() - self._began_s)
            return self._origin + passed + self._moved

    def advance(self, **amount: float) -> datetime:
        """`advance(hours=3)`: move forward and let everything that falls due happen before returning."""
        step = timedelta(**amount)
        if step < timedelta():
            raise ValueError("the clock only moves forward")
        with self._lock:
            self._moved += step
        for listener in self._listeners:
            listener()
        return self.now()

    def advance_to(self, moment: datetime) -> datetime:
        return self.advance(seconds=max(0.0, (moment - self.now()).total_seconds()))

    def on_move(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def delay(self, seconds: float) -> timedelta:
        """How long an emulated `seconds` of waiting takes on this clock."""
        return timedelta(seconds=seconds / self.speed)


def dots(moment: datetime) -> str:
    """`2026-11-24T01:52:00.000000`: start_date, end_date and event times of Blazar, dates of Nova's key pairs."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


def plain(moment: datetime | None) -> str | None:
    """`2026-11-23 22:52:05`: created_at and updated_at of Blazar."""
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")


def zulu(moment: datetime) -> str:
    """`2026-11-23T22:52:25Z`: Nova, Neutron and Glance."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
