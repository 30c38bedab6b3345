"""From one short measurement of a service to the numbers of the model, and from these to predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snippets.simulate.server import Seen, Server
from snippets.stats import Estimate


def server_of(calibration: Mapping[str, Any], cores: int) -> Server:
    """The model of a service, from what `forecast.calibration` recorded of it, on a machine of so many cores.

    S(b) is the time from answer to answer while there is always another request of b rows waiting (`period_ms` [k] of
    `rows_sent` [k]); S(1) also what a lone client waits for the server. What it waits beyond that, `outside_ms`, is
    spent outside of the server, and what a request takes beyond a lone client's when they come far apart (`rested_ms`
    [m]), on waking up. A crowd of clients in a server that batches shares itself between two batches, one computed and
    one waiting: what these take beyond S(b) is the price of separate requests. Two instances that are never idle tell
    how much they slow each other down (`pair_period_ms`, from answer to answer of the two). The last two may be absent:
    then nothing is added for them. How unsteady the machine is show the windows of one kind (`each_ms` [kinds, rounds],
    from answer to answer); how single executions differ, a lone client's latencies within a round (`lone_round` [n]).
    """
    sent, periods = calibration["rows_sent"], calibration["period_ms"]
    times = {int(rows): float(ms) for rows, ms in zip(sent, periods, strict=True)}
    lone_ms, rested_ms = (np.asarray(calibration[name], dtype=np.float64) for name in ("lone_ms", "rested_ms"))
    client_ms = float(calibration["client_ms"])
    # Older calibrations lack what the server's statistics say of a lone client, and the rounds.
    overhead_ms = max(float(calibration.get("outside_ms", np.mean(lone_ms) - times[1])), client_ms)
    if "outside_ms" in calibration and (in_server := float(np.mean(lone_ms)) - overhead_ms) > 0:
        times[1] = (times[1] + in_server) / 2
    server = Server(
        times,
        overhead_ms,
        client_ms,
        rested_ms=max(float(np.mean(rested_ms)) - float(np.mean(lone_ms)), 0.0),
        cores=cores,
        # Two that do not feel each other answer twice as often.
        together=max(2 * float(calibration.get("pair_period_ms", 0.0)) / times[1], 1.0),
        spread=_spread(lone_ms - overhead_ms, np.asarray(calibration.get("lone_round", np.zeros(lone_ms.size)))),
        unsteady=_unsteady(np.asarray(calibration.get("each_ms", np.ones((1, 1))), dtype=np.float64)),
    )
    if "crowd_period_ms" not in calibration:
        return server
    half = int(calibration["crowd"]) // 2
    beyond = float(calibration["crowd_period_ms"]) * half - server.of_rows(half)
    return replace(server, request_ms=max(beyond / (half - 1), 0.0))


def _spread(service_ms: np.ndarray, rounds: np.ndarray) -> tuple[float, ...]:
    """Factors of single executions, in their order, each against the mean of its round."""
    kept = np.maximum(service_ms, 0.0)
    means = {number: float(kept[rounds == number].mean()) for number in np.unique(rounds)}
    if not all(means.values()):
        return (1.0,)
    return tuple((kept / np.array([means[number] for number in rounds])).tolist())


def _unsteady(each_ms: np.ndarray) -> float:
    """Standard deviation of the logarithm of the time from answer to answer, from round to round of one kind."""
    if each_ms.shape[1] < 2:
        return 0.0
    return float(np.sqrt(np.log(each_ms).var(axis=1, ddof=1).mean()))


@dataclass(frozen=True)
class Figures:
    """What a load is judged by: answers per second, and two percentiles of the latency in ms.

    Of predictions also `slower` and `faster`: what they would be if the machine were so much slower or faster than in
    the calibration as it is unsteady; None where that is not known.
    """

    requests_per_s: float
    p50_ms: float
    p95_ms: float
    slower: Figures | None = None
    faster: Figures | None = None

    def error(self, measured: Figures) -> Figures:
        """How far these predictions lie from what was measured, as shares of it (0.1: a tenth too much)."""
        rate, p50, p95 = (
            ours / theirs - 1 if theirs else math.inf
            for ours, theirs in zip(self.values(), measured.values(), strict=True)
        )
        return Figures(rate, p50, p95)

    def ranges(self) -> tuple[Estimate, Estimate, Estimate]:
        """The three, each with the ends between which the machine's unsteadiness lets it lie (unbounded if unknown)."""
        if self.slower is None or self.faster is None:
            rate, p50, p95 = (Estimate(value, -math.inf, math.inf) for value in self.values())
            return rate, p50, p95
        each = zip(self.values(), self.slower.values(), self.faster.values(), strict=True)
        rate, p50, p95 = (Estimate(three[0], min(three), max(three)) for three in each)
        return rate, p50, p95

    def values(self) -> tuple[float, float, float]:
        """The three, in the order of the fields."""
        return self.requests_per_s, self.p50_ms, self.p95_ms


def predicted(seen: Seen) -> Figures:
    """The figures of a load that the model played."""
    return Figures(seen.requests_per_s, seen.percentile(50), seen.percentile(95))


def measured(load: Mapping[str, Any]) -> Figures:
    """The figures of a measured load: of its successes, and of an open loop those answered within the windows."""
    good = np.asarray(load["latency_ms"], dtype=np.float64)[np.asarray(load["ok"], dtype=bool)]
    rate = load.get("completed_rps", load["requests_per_s"])
    if not good.size:
        return Figures(float(rate), math.nan, math.nan)
    return Figures(float(rate), float(np.percentile(good, 50)), float(np.percentile(good, 95)))
