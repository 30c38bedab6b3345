"""A time budget in processor seconds: a plan made on a busy machine takes longer, but is as good."""

from __future__ import annotations

from time import monotonic, process_time

MOST = 8.0  # how much slower than its own processor time a solver may be before it is stopped


class Effort:
    """`seconds` of this process's processor time, which on an idle machine are seconds of the clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._cpu, self._wall = process_time(), monotonic()

    def spent(self) -> float:
        """Processor seconds since the start."""
        return process_time() - self._cpu

    def left(self) -> float:
        """Processor seconds of the budget that are left; below 0 when it is overdrawn."""
        return self.seconds - self.spent()

    def elapsed(self) -> float:
        """Seconds of the clock since the start."""
        return monotonic() - self._wall

    def wall(self, seconds: float) -> float:
        """The clock time in which about `seconds` of work get done, as busy as the machine is now."""
        busy = self.elapsed() / max(0.05, self.spent())
        return max(0.5, seconds) * min(MOST, max(1.0, busy))
