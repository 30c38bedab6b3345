"""How the machine itself is doing: a fixed small piece of work, and the processor time that others took.

A block of samples says how fast a model was *in that moment*. Whether the moment was a slow one, because somebody else
used the machine or its clock was low, the model's own times can't tell. A canary can: it always does the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

# A product of two matrices of this size takes a thread about a millisecond.
SIZE = 192
CALLS = 3
STAT = Path("/proc/stat")
# Fields of the first line of /proc/stat (proc(5)) in which a processor worked, or was taken away: user, nice, system,
# irq, softirq, steal. What guests use is counted in user already.
BUSY = (0, 1, 2, 5, 6, 7)


class Canary:
    """The fixed piece of work, done by as many threads at once as the models are measured with."""

    def __init__(self, threads: int) -> None:
        self.threads = max(1, threads)
        self._matrix = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None

    def __call__(self) -> float:
        """How long it took, in ms: the shortest of a few calls, so that one interruption is no slow machine."""
        times = []
        for _ in range(CALLS):
            start = time.perf_counter_ns()
            others = [self._pool.submit(self._work) for _ in range(self.threads - 1)] if self._pool else []
            self._work()
            for other in others:
                other.result()
            times.append((time.perf_counter_ns() - start) / 1e6)
        return min(times)

    def close(self) -> None:
        """End its threads."""
        if self._pool:
            self._pool.shutdown()

    def _work(self) -> None:
        # einsum runs numpy's own loops and lets go of the interpreter: the number of threads is ours, not a BLAS's.
        np.einsum("ij,jk->ik", self._matrix, self._matrix)


class Others:
    """Processor time of everybody else since the last look, as a share of the whole machine's."""

    def __init__(
        self,
        stat: Path = STAT,
        own_s: Callable[[], float] = time.process_time,
        now_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._stat, self._own_s, self._now_s = stat, own_s, now_s
        self._ticks = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
        self._last = self._look()

    def __call__(self) -> float:
        """The share, 0 to 1; nan where the system does not tell (no /proc/stat).

        The counters move in ticks (10 ms), so up to a tick a processor of what is found is rounding and is not counted.
        """
        busy_before, own_before, before, _ = self._last
        busy, own, now, processors = self._last = self._look()
        whole = (now - before) * processors
        if not whole > 0:
            return float("nan")
        theirs = (busy - busy_before) / self._ticks - (own - own_before) - processors / self._ticks
        return max(0.0, theirs / whole)

    def _look(self) -> tuple[float, float, float, int]:
        try:
            lines = self._stat.read_text().splitlines()
        except OSError:
            return 0.0, 0.0, 0.0, 0
        fields = [int(field) for field in lines[0].split()[1:]]
        processors = sum(line[:3] == "cpu" and line[3:4].isdigit() for line in lines)
        return float(sum(fields[i] for i in BUSY)), self._own_s(), self._now_s(), processors
