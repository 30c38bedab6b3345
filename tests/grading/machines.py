"""Made-up machines: how their times scatter, drift and stall, and how their clocks tick. No two are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Machine:
    """How one machine disturbs times. Shares are of the time itself.

    `scatter`: from call to call; `drift`: of the slow part, of which `memory` is left at the next call; `stalls`: how
    often a call is held up, by a multiple; `tick_ns`: what the clock that measures counts in.
    """

    rng: np.random.Generator
    scatter: float
    drift: float
    memory: float
    stalls: float
    tick_ns: float

    @classmethod
    def any(cls, rng: np.random.Generator) -> Machine:
        """A quiet board, a server, or a laptop with a browser open."""
        return cls(
            rng,
            scatter=float(np.exp(rng.uniform(np.log(0.003), np.log(0.06)))),
            drift=float(np.exp(rng.uniform(np.log(0.003), np.log(0.08)))),
            memory=float(rng.uniform(0.7, 0.98)),
            stalls=float(rng.uniform(0.002, 0.04)),
            tick_ns=float(rng.choice([1.0, 18.52, 41.67])),
        )

    def times(self, median: float, count: int) -> np.ndarray:
        """Times in ms: a floor, a tail upwards, a slow part that one call hands on to the next, and some stalls."""
        rng = self.rng
        slow = np.empty(count)
        level = rng.normal(0, self.drift)
        for number in range(count):
            level = self.memory * level + rng.normal(0, self.drift * (1 - self.memory**2) ** 0.5)
            slow[number] = level
        taken = median * np.exp(slow) * (1 + rng.gamma(2.0, self.scatter / 2, count))
        held_up = rng.random(count) < self.stalls
        taken[held_up] *= 1 + rng.exponential(0.6, int(held_up.sum()))
        return np.maximum(np.round(np.round(taken * 1e6 / self.tick_ns) * self.tick_ns), 1) / 1e6

    def lasting(self, seconds: float) -> float:
        """About so many seconds: what a step takes beside its samples."""
        return float(seconds * self.rng.lognormal(0, 0.15))
