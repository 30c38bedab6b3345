"""A time budget by the clock, which can be ended early from outside, and a voice for progress."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

LEAST_S = 0.2  # a solver with less does not begin


class Effort:
    """`seconds` of the clock from now on; `stop` ends it at once. `say` gets a line when something got better."""

    def __init__(self, seconds: float, say: Callable[[str], None] | None = None, within: Effort | None = None) -> None:
        """`within`: another budget, with which this one ends at the latest."""
        self.seconds, self.say, self.within = seconds, say or (lambda text: None), within
        self._begun = monotonic()
        self._stopped = False

    def elapsed(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._begun

    def left(self) -> float:
        """Seconds that are left; below 0 when it is overdrawn, 0 once it was stopped."""
        mine = 0.0 if self._stopped else self.seconds - self.elapsed()
        return min(mine, self.within.left()) if self.within else mine

    def part(self, seconds: float) -> Effort:
        """A budget of so many seconds from now on, within this one."""
        return Effort(seconds, within=self)

    def share(self, seconds: float) -> float:
        """So many seconds, or what is left of the budget."""
        return max(LEAST_S, min(seconds, self.left()))

    def stop(self) -> None:
        """End it now."""
        self._stopped = True

    def progress(self, text: str) -> None:
        """Say how far it is, with the time."""
        self.say(f"{self.elapsed():5.1f} s  {text}")
