"""An end to what takes too long, such as a loop in somebody's function that never ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class TooLong(Exception):
    """A function did not end in time."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Ends what runs inside after some seconds, where the system can (a main thread of Linux or macOS). Raises TooLong
    there."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: Any) -> None:
        raise TooLong(f"it did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    left_s, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left_s)
        signal.signal(signal.SIGALRM, before)
