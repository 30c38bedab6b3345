"""How often the 95 % intervals of a load hold the truth, where the truth is known: `interval_coverage.py` runs it.

A simulated server with constant service time and Poisson arrivals (M/D/1) at 30 to 95 % load, and closed loops whose
latencies hang together (AR(1)). Beside the kit's way, windows that lie apart, the usual one: order statistics of all
samples of one long window, as if they did not depend on each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np

from snippets import stats
from snippets.load import estimates
from snippets.load.arrivals import Offered
from snippets.load.windows import joined
from snippets.stats import Estimate

SERVICE_S = 2.2e-3
LOADS = (0.3, 0.6, 0.8, 0.95)
WINDOWS, WARM_UP_S = 5, 0.2
WINDOW_S = {"quick": 0.4, "full": 1.6}
REPEATS = 400
PERCENTS = (50, 95, 99)
ROUNDING = 1e-9
HELD = 0.90
"""What the kit's intervals must hold of the truth, of those that are given."""


@dataclass
class Tally:
    """How many intervals were given, and how many of these held the truth."""

    asked: int = 0
    given: int = 0
    held: int = 0

    def add(self, one: Estimate | None, truth: float) -> None:
        """Count one interval, or that there is none."""
        self.asked += 1
        if one is not None and one.bounded:
            self.given += 1
            # Half of an idle server's latencies are its service time to the last bit but one.
            self.held += one.low * (1 - ROUNDING) <= truth <= one.high * (1 + ROUNDING)

    def __str__(self) -> str:
        if not self.given:
            return "not given"
        short = "" if self.given == self.asked else f" of {self.given / self.asked:.0%} given"
        return f"{self.held / self.given:.0%}{short}"


@dataclass
class Row:
    """One figure of one load, estimated both ways. `wanted`: the kit's way must give some intervals."""

    name: str
    pooled: Tally = field(default_factory=Tally)
    kit: Tally = field(default_factory=Tally)
    wanted: bool = False

    @property
    def holds(self) -> bool:
        """Whether the kit keeps its promise."""
        return self.kit.held >= HELD * self.kit.given and (self.kit.given > 0 or not self.wanted)


def latencies_s(arrivals: np.ndarray) -> np.ndarray:
    """Seconds that each of the ascending arrivals spends at one server with constant service time (Lindley)."""
    place = np.arange(len(arrivals))
    return np.maximum.accumulate(arrivals - place * SERVICE_S) + (place + 1) * SERVICE_S - arrivals


def window(offered: Offered) -> dict[str, Any]:
    """A window on that server, empty when its warm-up begins, with the fields of an open-loop step."""
    arrivals = offered.arrivals_s()
    ends = arrivals + latencies_s(arrivals)
    opened, closed = offered.warm_up_s, offered.warm_up_s + offered.seconds
    inside = arrivals >= opened
    looks = np.arange(opened, closed, 0.005)
    return {
        "offered_rps": offered.rps,
        "arrivals": int(inside.sum()),
        "seconds": offered.seconds,
        "latency_ms": (ends - arrivals)[inside] * 1e3,
        "ok": np.ones(int(inside.sum()), dtype=bool),
        "failures": 0,
        "completed_rps": int(((ends >= opened) & (ends < closed)).sum()) / offered.seconds,
        "sampled_s": looks - opened,
        "sampled_in_flight": np.searchsorted(arrivals, looks) - np.searchsorted(ends, looks),
        "compute_ms": SERVICE_S * 1e3,
        "mean_batch": 1.0,
    }


def queues(repeats: int) -> Iterator[Row]:
    """Rows of the simulated queue."""
    for load in LOADS:
        rate = load / SERVICE_S
        chance = np.random.default_rng(7)
        long = latencies_s(np.cumsum(chance.exponential(1 / rate, 4_000_000)))[100_000:] * 1e3
        truth = dict(zip(PERCENTS, np.percentile(long, PERCENTS), strict=True))
        for profile, seconds in WINDOW_S.items():
            name = f"{profile}, queue at {load:.0%}:"
            rows = {percent: Row(f"{name} p{percent}") for percent in PERCENTS}
            answered = Row(f"{name} answers/s", wanted=load < 0.9)
            rows[50].wanted = load < 0.9
            rows[95].wanted = load < (0.7 if profile == "quick" else 0.9)
            for seed in range(repeats):
                whole = window(Offered(rate, WINDOWS * seconds, WARM_UP_S, seed))
                apart = joined([window(Offered(rate, seconds, WARM_UP_S, seed, n, WINDOWS)) for n in range(WINDOWS)])
                answered.kit.add(estimates.rate(apart), rate)
                for percent, row in rows.items():
                    row.pooled.add(stats.percentile_interval(whole["latency_ms"], percent), truth[percent])
                    row.kit.add(estimates.latency(apart, percent), truth[percent])
            yield from (*rows.values(), answered)


def chains(repeats: int) -> Iterator[Row]:
    """Rows of closed loops: each latency is 10 ms and a deviation, of which a share is the last one's (AR(1))."""
    number = 200
    for share in (0.6, 0.9):
        chance = np.random.default_rng(11)
        rows = {percent: Row(f"AR(1), {share:g}: p{percent}", wanted=True) for percent in (50, 95)}
        for _ in range(repeats):
            noise = chance.standard_normal((WINDOWS, number + 100)) * np.sqrt(1 - share**2)
            for step in range(1, number + 100):
                noise[:, step] += share * noise[:, step - 1]
            apart = 10 + noise[:, 100:]
            load = joined([{"latency_ms": one, "ok": np.ones(number, dtype=bool), "seconds": 2.0} for one in apart])
            for percent, row in rows.items():
                truth = 10 + NormalDist().inv_cdf(percent / 100)
                row.pooled.add(stats.percentile_interval(apart.ravel(), percent), truth)
                row.kit.add(estimates.latency(load, percent), truth)
        yield from rows.values()


def show(repeats: int = REPEATS) -> bool:
    """Print how often both ways hold the truth; whether the kit's does where it gives an interval."""
    print(f"{'loads, 95 % intervals that hold the truth':42} {'all samples at once':>22} {'between windows':>22}")
    good = True
    for rows in (queues(repeats), chains(repeats)):
        for row in rows:
            print(f"{row.name:42} {str(row.pooled):>22} {str(row.kit):>22}{'' if row.holds else '   TOO FEW'}")
            good &= row.holds
    return good
