"""What queueing theory says about a server, and when it is cheaper to keep one warm than to start it on demand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SECONDS_PER_HOUR = 3600.0


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


def keeps_up(load: Mapping[str, Any], share: float = 0.9) -> bool:
    """Whether the server answered, within the window, at least `share` of what arrived in it, and failed none."""
    return load["failures"] == 0 and load["completed_rps"] * load["seconds"] >= share * load["arrivals"]


def knee(loads: Sequence[Mapping[str, Any]]) -> float:
    """The largest offered load (requests/s) with which the server still keeps up, all smaller ones included;
    0 if it does not even keep up with the smallest."""
    best = 0.0
    for load in sorted(loads, key=lambda one: one["offered_rps"]):
        if not keeps_up(load):
            break
        best = float(load["offered_rps"])
    return best


def md1_latency_ms(offered_rps: float, service_ms: float) -> float:
    """Mean latency of one server with constant service time and Poisson arrivals (M/D/1, Pollaczek-Khinchine);
    infinite from a utilization of 1 on."""
    busy = offered_rps * service_ms / 1e3
    return service_ms * (1 + busy / (2 * (1 - busy))) if busy < 1 else math.inf


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
