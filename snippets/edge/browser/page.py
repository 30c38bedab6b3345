"""What a page is asked to measure, and whether what it answers can be a measurement.

A page is somebody's browser: everything that it sends is looked at before it becomes a step of a record. What cannot be
is refused with a sentence, and nothing is recorded of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from snippets.edge.browser.server import PageRefused, PageServer
from snippets.measure.blocks import Rules

# Longest waits in seconds. A phone downloads 15 MB and 30 MB of photos over a slow Wi-Fi.
LOAD_S, BLOCK_S, CLASSIFY_S = 120.0, 120.0, 600.0
# A time shorter than so many ticks of the page's clock is not told from another: then calls are timed together.
TICKS = 100
# A clock that is coarser than this is one that a browser blurs on purpose.
COARSEST_MS = 5.0
PHASES = ("fetch", "runtime", "model", "first_inference")
TEXTS = ("user_agent", "platform", "version")
FLAGS = ("isolated", "secure", "simd", "webgpu")


@dataclass(frozen=True)
class Facts:
    """A browser as its page tells of it. `threads`: as many as it may use; `resolution_ms`: its clock's tick."""

    user_agent: str
    platform: str
    version: str
    cores: int
    threads: int
    isolated: bool
    secure: bool
    simd: bool
    webgpu: bool
    resolution_ms: float

    def step(self, remote: bool) -> dict[str, Any]:
        """As the result of a recorded step. `remote`: the browser is on another machine than the one that records."""
        return {**asdict(self), "remote": remote}


def read_facts(told: Mapping[str, Any], most_threads: int) -> Facts:
    """What a page says of its browser. Raises PageRefused for one that cannot measure, with the reason."""
    texts: dict[str, Any] = {name: str(told.get(name, ""))[:300] for name in TEXTS}
    flags: dict[str, Any] = {name: told.get(name) is True for name in FLAGS}
    cores = told.get("cores")
    cores = cores if isinstance(cores, int) and not isinstance(cores, bool) and 1 <= cores <= 1024 else 1
    tick = told.get("resolution_ms")
    if not flags["simd"]:
        raise PageRefused(
            "This browser has no WebAssembly SIMD, which onnxruntime-web needs. Take a newer one: Chrome or Edge 91, "
            "Firefox 89, Safari 16.4 or later."
        )
    if isinstance(tick, bool) or not isinstance(tick, int | float) or not 0 < tick <= COARSEST_MS:
        raise PageRefused(
            "This browser's clock is too coarse to time a model (it may protect against fingerprinting). Switch that "
            "protection off for this page, or take another browser."
        )
    threads = min(most_threads, cores) if flags["isolated"] else 1
    return Facts(**texts, **flags, cores=cores, threads=threads, resolution_ms=round(float(tick), 6))


class Page:
    """The tab that measures, as functions. They raise what PageServer.ask does; PageRefused for impossible answers."""

    def __init__(self, server: PageServer, facts: Facts) -> None:
        self.server, self.facts = server, facts

    def start(self, variant: str, threads: int) -> dict[str, float]:
        """One cold start, in a worker of its own: ms of each of PHASES, and from the first to the last."""
        answer = self._ask({"do": "start", "variant": variant, "threads": threads}, LOAD_S)
        names = (*(f"{phase}_ms" for phase in PHASES), "answered_ms")
        return {name: _time(answer, name) for name in names}

    def load(self, variant: str, threads: int) -> None:
        """Have the model ready for `call` and `block`."""
        self._ask({"do": "load", "variant": variant, "threads": threads}, LOAD_S)

    def call(self, variant: str, threads: int) -> None:
        """One inference, untimed."""
        self._ask({"do": "call", "variant": variant, "threads": threads}, BLOCK_S)

    def block(self, variant: str, threads: int, rules: Rules) -> np.ndarray:
        """Times of a block's calls in ms, float64 (n,), by the page's clock.

        Each is a whole number of its ticks; or, where one call lasts less than TICKS of them, of some calls together,
        over their number.
        """
        wanted = {"calls": rules.calls, "calls_min": rules.calls_min, "unmeasured": rules.unmeasured}
        limits = {"block_ms": rules.block_ms, "ticks": TICKS, "tick_ms": self.facts.resolution_ms}
        answer = self._ask(
            {"do": "block", "variant": variant, "threads": threads, "rules": {**wanted, **limits}}, BLOCK_S
        )
        times = _field(answer, "times_ms")
        if not isinstance(times, list) or not rules.calls_min <= len(times) <= rules.calls:
            raise PageRefused("the page sent no block of times. Reload it and run this again.")
        return np.array([_time({"time": one}, "time") for one in times])

    def classify(self, variant: str, threads: int, count: int, classes: int) -> np.ndarray:
        """The class that the model gives to each of the first `count` photos, int64 (count,)."""
        answer = self._ask({"do": "classify", "variant": variant, "threads": threads, "count": count}, CLASSIFY_S)
        found = _field(answer, "predictions")
        good = isinstance(found, list) and len(found) == count
        if not good or not all(type(one) is int and 0 <= one < classes for one in found):
            raise PageRefused(f"the page sent no class for each of {count} photos. Reload it and run this again.")
        return np.array(found, dtype=np.int64)

    def canary(self) -> float:
        """How long the page's own fixed piece of work takes, in ms: the shortest of a few."""
        return _time(self._ask({"do": "canary"}, BLOCK_S), "canary_ms")

    def _ask(self, command: dict[str, Any], limit_s: float) -> Any:
        return self.server.ask(command, limit_s)


@dataclass(frozen=True)
class InPage:
    """A variant that takes turns in the page: see blocks.Elsewhere."""

    page: Callable[[], Page]
    variant: str
    threads: int

    def __call__(self) -> None:
        """One call, untimed."""
        self.page().call(self.variant, self.threads)

    def block(self, rules: Rules) -> np.ndarray:
        """A block by the page's clock, in ms."""
        return self.page().block(self.variant, self.threads, rules)


def _field(answer: Any, name: str) -> Any:
    return answer.get(name) if isinstance(answer, Mapping) else None


def _time(answer: Any, name: str) -> float:
    """A time in ms that a clock can have shown, to the nanosecond: clocks of browsers tell no less."""
    value = _field(answer, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 < value < 6e5:
        raise PageRefused(
            f"the page sent {value!r} as {name.replace('_', ' ')}, which no clock shows. Reload it and try again."
        )
    return round(float(value), 6)
