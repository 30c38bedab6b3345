"""Clocks that only move when something is called, so that a busy machine changes nothing in a test."""

from __future__ import annotations

import numpy as np


class World:
    """A clock in nanoseconds that only moves when something is called, with noise of its own."""

    def __init__(self, seed: int = 0) -> None:
        self.now_ns = 0
        self._chance = np.random.default_rng(seed)

    def __call__(self) -> int:
        return self.now_ns

    def takes(self, milliseconds: float, noise: float = 0.05):
        """A call that takes about so long."""

        def call() -> None:
            self.now_ns += int(1e6 * milliseconds * self._chance.lognormal(0, noise))

        return call


class Script:
    """A clock that starts late, and a call that takes the given milliseconds in turn, the last of them for ever."""

    def __init__(self, *lengths_ms: float) -> None:
        self.now_ns = 5_000_000_000_000
        self._lengths_ms = list(lengths_ms)

    def clock(self) -> int:
        return self.now_ns

    def call(self) -> None:
        length = self._lengths_ms.pop(0) if len(self._lengths_ms) > 1 else self._lengths_ms[0]
        self.now_ns += round(1e6 * length)


class Alternating:
    """Two variants on one clock: b takes 10 ms; a takes 20 and 5 in turn, so that nothing can ever be decided."""

    def __init__(self, slower: int = 1) -> None:
        self.now_ns, self.calls, self._ms = 5_000_000_000_000, "", slower * 1_000_000

    def clock(self) -> int:
        return self.now_ns

    def a(self) -> None:
        self.now_ns += 5 * self._ms if self.calls.count("a") % 2 else 20 * self._ms
        self.calls += "a"

    def b(self) -> None:
        self.now_ns += 10 * self._ms
        self.calls += "b"
