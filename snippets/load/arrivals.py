"""Poisson arrivals: the load of many visitors who do not know of each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snippets.errors import UsageError


@dataclass(frozen=True)
class Offered:
    """An offered load: `rps` requests a second on average, measured for `seconds` after `warm_up_s`, drawn by `seed`.

    Raises UsageError for a rate or a time that is not positive.
    """

    rps: float
    seconds: float = 3.0
    warm_up_s: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rps <= 0 or self.seconds <= 0 or self.warm_up_s < 0:
            raise UsageError(
                f"An open loop needs a positive load and time, not {self.rps} requests/s for {self.seconds} s "
                f"after {self.warm_up_s} s."
            )

    def arrivals_s(self) -> np.ndarray:
        """Moments of all arrivals in seconds since the warm-up began, float64, ascending."""
        return poisson_arrivals(self.rps, self.warm_up_s + self.seconds, self.seed)


def poisson_arrivals(rate: float, seconds: float, seed: int) -> np.ndarray:
    """Arrival times in [0, seconds): exponential gaps with mean 1/rate; float64, ascending."""
    generator = np.random.default_rng(seed)
    times = np.cumsum(generator.exponential(1 / rate, size=int(rate * seconds + 10 * (rate * seconds) ** 0.5 + 20)))
    return times[times < seconds]
