"""How sure the figures of a load are: from the differences between its windows, never from its samples as if these did
not depend on each other.

A request that finds a long queue is followed by one that finds nearly the same: intervals from pooled samples promise
95 % and hold 45 % (the median of a queue at 80 % load; benchmarks/interval_coverage.py). Windows that lie apart do not
know of each other. Where even they cannot tell, because a queue remembers for longer than a window lasts, or grows as
long as the load lasts, no interval is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from snippets import stats
from snippets.load import queueing
from snippets.load.windows import parts
from snippets.stats import Estimate

Load = Mapping[str, Any]
LEAST_WINDOWS = 3
TAIL_SAMPLES = {90: 64, 95: 130, 99: 662}
"""How many samples a percentile wants before it is told: with so many, two or more lie above the true one with 99 %
confidence (MLPerf's early stopping, in its inference policies: 64 for p90, 662 for p99)."""
REMEMBERED = {50: 2.0, 95: 10.0, 99: 100.0}
"""For how many times a queue's memory a window must last, by percentile: the farther out, the rarer the crowds that
make it. (Found by simulation; benchmarks/interval_coverage.py holds them to their promise.)"""


def rate(load: Load) -> Estimate:
    """Rows answered per second and their interval; of an open loop, those answered within the windows."""
    return _given(load, _rate(load), [_rate(one) for one in parts(load)], 50)


def latency(load: Load, percent: int) -> Estimate | None:
    """A percentile of the good answers, ms, and its interval; None where the samples are too few to know it."""
    good = stats.good_ms(load)
    if good.size < max(1, TAIL_SAMPLES.get(percent, 1)):
        return None
    each = [stats.good_percentile(one, percent) for one in parts(load)]
    return _given(load, stats.percentile(good, percent), each, percent)


def neighbour_rate(load: Load) -> Estimate:
    """Requests per second that a neighbour got answered meanwhile, and their interval."""
    return _given(load, load["neighbour_rps"], [one["neighbour_rps"] for one in parts(load)], 50)


def mean_latency(load: Load) -> Estimate:
    """The mean of the good answers, ms, and its interval."""
    return _given(load, _mean(load), [_mean(one) for one in parts(load)], 95)


def times_the_rate(load: Load, base: Load) -> Estimate:
    """How many times the rows per second of `base` a load answered, and the interval of that: window by window, as far
    as the two took turns, so that what slowed both down does not count."""
    return _ratio(load, base, _rate, 50)


def times_the_latency(load: Load, base: Load, percent: int = 50) -> Estimate:
    """How many times the latency of `base` at that percentile, as `times_the_rate`."""
    return _ratio(load, base, lambda one: stats.good_percentile(one, percent), percent)


def settled(load: Load, percent: int) -> bool:
    """Whether windows of this load say how sure a percentile is: there are some, nothing piled up in them, and, in an
    open loop, they last much longer than the queue remembers."""
    windows = parts(load)
    if len(windows) < LEAST_WINDOWS or queueing.falls_behind(load):
        return False
    return "offered_rps" not in load or windows[0]["seconds"] >= REMEMBERED.get(percent, 10.0) * _memory_s(load)


def _memory_s(load: Load) -> float:
    """For how long a queue remembers a crowd, s: 2 S / (1 - busy)^2 for requests that each take S, of a server that is
    `busy` a share of the time (relaxation time of M/D/1 in heavy traffic, as of a reflected Brownian motion)."""
    batch = max(float(load.get("mean_batch", 1.0)), 1.0)
    taken_s = float(load.get("compute_ms", np.min(stats.good_ms(load), initial=math.inf))) / 1e3
    busy = load["arrivals"] / load["seconds"] * taken_s / batch / max(1, load.get("instances", 1))
    return 2 * taken_s / (1 - busy) ** 2 if busy < 1 else math.inf


def _rate(load: Load) -> float:
    batch = load.get("batch", 1)
    if "completed_rps" in load:
        return float(load["completed_rps"]) * batch
    return float(np.count_nonzero(load["ok"])) * batch / load["seconds"]


def _mean(load: Load) -> float:
    good = stats.good_ms(load)
    return float(np.mean(good)) if good.size else math.nan


def _given(load: Load, value: float, each: Sequence[float], percent: int) -> Estimate:
    """A figure of a load with its interval between windows, if these say how sure `percent` is."""
    return _between(value, each if settled(load, percent) else [])


def _ratio(load: Load, base: Load, of: Callable[[Load], float], percent: int) -> Estimate:
    value = of(load) / of(base) if of(base) else math.inf
    ours, theirs = ([of(one) for one in parts(each)] for each in (load, base))
    known = settled(load, percent) and settled(base, percent) and len(ours) == len(theirs)
    if not known or not all(one > 0 for one in theirs):
        return _between(value, [])
    return _between(value, [a / b for a, b in zip(ours, theirs, strict=True)])


def _between(value: float, each: Sequence[float]) -> Estimate:
    """A positive value with the interval between windows (on a logarithmic scale), unbounded where there is none."""
    if not each or not all(math.isfinite(one) and one > 0 for one in (value, *each)):
        return Estimate(value, -math.inf, math.inf)
    logs = stats.between_replications(np.log(each), math.log(value))
    return Estimate(value, math.exp(logs.low), math.exp(logs.high))
