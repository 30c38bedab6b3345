"""What queueing theory says about a server, and when it is cheaper to keep one warm than to start it on demand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snippets.load.windows import parts

SECONDS_PER_HOUR = 3600.0
# What a growing number of requests under way must exceed to be called a trend: a share of the arrivals, and a number.
GROWN = 0.02
AT_RANDOM = 5.0


@dataclass(frozen=True)
class Little:
    """Little's law L = lambda x W held against a measurement (J. Little, 1961: no assumption on the arrivals).

    `seen`: mean number of requests in the system, counted; `expected`: arrivals per second times mean time spent.
    """

    seen: float
    expected: float

    @property
    def error(self) -> float:
        """|seen - expected| as a share of the expected."""
        return abs(self.seen - self.expected) / self.expected if self.expected else math.inf


def little(load: Mapping[str, Any]) -> Little:
    """Little's law for an open-loop load step: in_flight_mean counted every few milliseconds, against the arrivals
    per second times the mean latency of those that arrived in the window."""
    rate = load["arrivals"] / load["seconds"]
    mean_s = float(np.mean(load["latency_ms"])) / 1e3 if len(load["latency_ms"]) else 0.0
    return Little(float(load["in_flight_mean"]), rate * mean_s)


@dataclass(frozen=True)
class Capacity:
    """What a series of open-loop loads says of a server, in requests per second.

    `holds`: the largest load that it kept up with, all smaller ones included (0: not even the smallest).
    `saturated`: the largest rate at which it answered while it fell behind, or None if no load made it do so: then its
    capacity was not reached, and lies somewhere beyond `holds`.
    """

    holds: float
    saturated: float | None

    @property
    def reached(self) -> bool:
        """Whether some load was too much."""
        return self.saturated is not None

    @property
    def service_ms(self) -> float | None:
        """The time that a request takes of a server that is never idle, ms; None where it never was."""
        return 1e3 / self.saturated if self.saturated else None


def growth(load: Mapping[str, Any]) -> float:
    """By how many requests the number under way grew over a window: the slope of the least-squares line through the
    looks (sampled_in_flight at sampled_s), times `seconds`; 0 with fewer than two looks. Of several windows the
    mean."""
    return float(np.mean([_growth(one) for one in parts(load)]))


def _growth(window: Mapping[str, Any]) -> float:
    if "sampled_s" not in window:
        return 0.0
    moments, counts = (np.asarray(window[name], dtype=np.float64) for name in ("sampled_s", "sampled_in_flight"))
    if len(moments) < 2 or np.ptp(moments) == 0:
        return 0.0
    return float(np.polyfit(moments, counts, 1)[0] * window["seconds"])


def falls_behind(load: Mapping[str, Any]) -> bool:
    """Whether requests piled up: the number under way grew by more than GROWN of the arrivals of a window, and by more
    than AT_RANDOM, as many as the queue of a server that keeps up grows and shrinks by anyhow."""
    return growth(load) > max(AT_RANDOM, GROWN * load.get("arrivals", 0) / len(parts(load)))


def capacity(loads: Sequence[Mapping[str, Any]]) -> Capacity:
    """What one server did under these loads (see Capacity)."""
    behind = [load["completed_rps"] for load in loads if falls_behind(load)]
    saturated = float(max(behind)) if behind else None
    holds = 0.0
    for load in sorted(loads, key=lambda one: one["offered_rps"]):
        if not keeps_up(load, saturated):
            break
        holds = float(load["offered_rps"])
    return Capacity(holds, saturated)


def keeps_up(load: Mapping[str, Any], saturated: float | None) -> bool:
    """Whether the server can answer this load for as long as it lasts: nothing failed, it does not fall behind, and is
    offered less than the rate at which it is `saturated` (None: not known)."""
    return not load["failures"] and not falls_behind(load) and (saturated is None or load["offered_rps"] < saturated)


def md1_latency_ms(offered_rps: float, service_ms: float) -> float:
    """Mean latency of one server with constant service time and Poisson arrivals (M/D/1, Pollaczek-Khinchine);
    infinite from a utilization of 1 on."""
    busy = offered_rps * service_ms / 1e3
    return service_ms * (1 + busy / (2 * (1 - busy))) if busy < 1 else math.inf


def cold_s(cold: Mapping[str, Any]) -> float:
    """Seconds from asking for an unloaded model to its first answer: median of load_ms + first_ms of a cold step."""
    return float(np.median(np.asarray(cold["load_ms"]) + np.asarray(cold["first_ms"]))) / 1e3


def warm_break_even_per_hour(cold_s: float, penalty_s: float = 0.0) -> float:
    """Requests per hour above which keeping a model loaded is cheaper than unloading it between requests.

    Both are paid in seconds of server time: an hour kept warm costs 3600 s; each cold start costs the `cold_s` that
    the server is held for it, plus `penalty_s`, what the visitor's wait is worth. Holding the model for a while
    after each request does not move the point: with Poisson arrivals at rate k and any holding time w the cost per
    second is (1 - exp(-kw)) + k exp(-kw) (cold_s + penalty_s), which is below 1 exactly if
    k (cold_s + penalty_s) is.
    """
    return SECONDS_PER_HOUR / (cold_s + penalty_s)


def cost_per_hour(requests_per_hour: float, cold_s: float, hold_s: float, penalty_s: float = 0.0) -> float:
    """Server seconds per hour when the model is unloaded after `hold_s` without a request (Poisson arrivals)."""
    rate = requests_per_hour / SECONDS_PER_HOUR
    cold_share = math.exp(-rate * hold_s)
    return SECONDS_PER_HOUR * ((1 - cold_share) + rate * cold_share * (cold_s + penalty_s))


def cold_share(requests_per_hour: float, hold_s: float) -> float:
    """Share of requests that find the model unloaded (Poisson arrivals, held `hold_s` after each)."""
    return math.exp(-requests_per_hour / SECONDS_PER_HOUR * hold_s)
