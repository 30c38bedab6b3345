"""Arrivals: at random, as of many visitors who do not know of each other (Poisson), or evenly spaced."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from snippets.errors import UsageError

SPACINGS = ("poisson", "constant")


@dataclass(frozen=True)
class Offered:
    """An offered load: `rps` requests a second, measured for `seconds` after `warm_up_s`, drawn by `seed`; with the
    `spacing` "constant" nothing is drawn, and every request comes as long after the one before.

    `window` of `windows`: which of so many equally long stretches this is. All of them together bring exactly their
    share of requests; one of them, as chance has it, more or fewer. (With the exact number in each, no window would
    see the crowds that make the long waits.) `moments_s`: the arrivals themselves, where they are known, in seconds
    since the window opened; then nothing is drawn. Raises UsageError for a rate or a time that is not positive, and
    for another spacing.
    """

    rps: float
    seconds: float = 3.0
    warm_up_s: float = 0.5
    seed: int = 0
    window: int = 0
    windows: int = 1
    spacing: str = "poisson"
    moments_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.spacing not in SPACINGS:
            raise UsageError(f"Arrivals are spaced as {' or '.join(SPACINGS)}, not {self.spacing!r}.")
        if self.rps <= 0 or self.seconds <= 0 or self.warm_up_s < 0:
            raise UsageError(
                f"An open loop needs a positive load and time, not {self.rps} requests/s for {self.seconds} s "
                f"after {self.warm_up_s} s."
            )
        if not 0 <= self.window < self.windows:
            raise UsageError(f"Of {self.windows} windows there is no number {self.window}; they are counted from 0.")

    def arrivals_s(self) -> np.ndarray:
        """Moments of all arrivals in seconds since the warm-up began, float64, ascending."""
        if self.moments_s:
            return self.warm_up_s + np.array(self.moments_s, dtype=np.float64)
        if self.spacing == "constant":
            return even_arrivals(self.rps, self.warm_up_s + self.seconds, self.window * self.seconds)
        whole = poisson_arrivals(self.rps, self.windows * self.seconds, np.random.default_rng(self.seed))
        opens = self.window * self.seconds
        mine = whole[(whole >= opens) & (whole < opens + self.seconds)] - opens
        before = poisson_arrivals(self.rps, self.warm_up_s, np.random.default_rng([self.seed, self.window]))
        return np.concatenate([before, self.warm_up_s + mine])


def poisson_arrivals(rate: float, seconds: float, generator: np.random.Generator) -> np.ndarray:
    """Arrival times in [0, seconds), float64, ascending: a Poisson process that brings `rate` x `seconds` arrivals.

    Given their number, a Poisson process' arrivals are spread evenly and independently (S. Ross, Introduction to
    Probability Models, 5.3). So a short measurement holds the load that was asked for, where a free draw of 200
    arrivals would bring 14 more or fewer in a third of all cases.
    """
    return np.sort(generator.uniform(0, seconds, size=round(rate * seconds)))


def even_arrivals(rate: float, seconds: float, since_s: float = 0.0) -> np.ndarray:
    """Those arrivals in [0, seconds), float64, ascending, of a stream that began `since_s` ago and brings one every
    1 / `rate` seconds: stretches of one stream go on where the one before ended."""
    first = np.ceil(since_s * rate - 0.5 - 1e-9)
    moments = (np.arange(first, first + np.ceil(seconds * rate) + 1) + 0.5) / rate - since_s
    return moments[(moments >= 0) & (moments < seconds)]


class Turns:
    """Hands out the moments of the arrivals, each to one client; `origin` is when the first second begins."""

    def __init__(self, arrivals_s: np.ndarray) -> None:
        self._left = iter(arrivals_s.tolist())
        self._turn = threading.Lock()
        self.origin = 0.0

    def __iter__(self) -> Iterator[float]:
        while True:
            with self._turn:
                due = next(self._left, None)
            if due is None:
                return
            yield self.origin + due
