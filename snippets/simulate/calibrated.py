"""From one short measurement of a service to the numbers of the model, and from these to predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snippets.simulate.server import Seen, Server

# As many single executions as stand for how different they are.
FACTORS = 200


def server_of(calibration: Mapping[str, Any], cores: int) -> Server:
    """The model of a service, from what `forecast.calibration` recorded of it, on a machine of so many cores.

    S(b) is the time from answer to answer while there is always another request of b rows waiting (`period_ms` [k] of
    `rows_sent` [k]). What a lone client sees beyond S(1) is spent outside of the server, and what a request takes
    beyond that when they come far apart (`rested_ms` [m]), on waking up. A crowd of clients in a server that batches
    shares itself between two batches, one computed and one waiting: what these take beyond S(b) is the price of
    separate requests. Two instances that are never idle tell how much they slow each other down (`pair_period_ms`, from
    answer to answer of the two). The last two may be absent: then nothing is added for them.
    """
    sent, periods = calibration["rows_sent"], calibration["period_ms"]
    times = {int(rows): float(ms) for rows, ms in zip(sent, periods, strict=True)}
    lone_ms, rested_ms = (np.asarray(calibration[name], dtype=np.float64) for name in ("lone_ms", "rested_ms"))
    client_ms = float(calibration["client_ms"])
    overhead_ms = max(float(np.mean(lone_ms)) - times[1], client_ms)
    factors = np.maximum(lone_ms - overhead_ms, 0.0)
    kept = np.quantile(factors, (np.arange(FACTORS) + 0.5) / FACTORS) if factors.any() else np.ones(1)
    server = Server(
        times,
        overhead_ms,
        client_ms,
        rested_ms=max(float(np.mean(rested_ms)) - float(np.mean(lone_ms)), 0.0),
        cores=cores,
        # Two that do not feel each other answer twice as often.
        together=max(2 * float(calibration.get("pair_period_ms", 0.0)) / times[1], 1.0),
        spread=tuple(kept / kept.mean()),
    )
    if "crowd_period_ms" not in calibration:
        return server
    half = int(calibration["crowd"]) // 2
    beyond = float(calibration["crowd_period_ms"]) * half - server.of_rows(half)
    return replace(server, request_ms=max(beyond / (half - 1), 0.0))


@dataclass(frozen=True)
class Figures:
    """What a load is judged by: answers per second, and two percentiles of the latency in ms."""

    requests_per_s: float
    p50_ms: float
    p95_ms: float

    def error(self, measured: Figures) -> Figures:
        """How far these predictions lie from what was measured, as shares of it (0.1: a tenth too much)."""
        return Figures(
            *(
                ours / theirs - 1 if theirs else math.inf
                for ours, theirs in zip(self.values(), measured.values(), strict=True)
            )
        )

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
