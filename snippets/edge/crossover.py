"""Cloud or edge: the total delay of a prediction against the network's round-trip time, and where the two cross."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from snippets import stats
from snippets.errors import ServerError, UsageError

BOOTSTRAPS = 400


@dataclass(frozen=True)
class Crossover:
    """Round-trip time in ms from which the edge answers sooner, with its 95 % interval.

    A negative value: the edge is faster than the server alone, so it wins on any network.
    """

    rtt_ms: float
    low_ms: float
    high_ms: float


def upload_ms(photo_bytes: float, upload_mbps: float) -> float:
    """Time to send `photo_bytes` over an uplink of `upload_mbps` megabits a second, in ms."""
    if upload_mbps <= 0 or photo_bytes < 0:
        raise UsageError("The uplink needs a speed above 0 Mbit/s and the photo a size of at least 0 bytes.")
    return photo_bytes * 8 / (upload_mbps * 1e6) * 1e3


def cloud_total_ms(rtt_ms: np.ndarray | float, server_ms: float, sending_ms: float = 0.0) -> np.ndarray:
    """What the user waits for a prediction from the cloud: one round trip, sending the photo, the server's work."""
    return np.asarray(rtt_ms, dtype=np.float64) + sending_ms + server_ms


def crossover(edge_ms: np.ndarray, server_ms: np.ndarray, *, sending_ms: float = 0.0, seed: int = 0) -> Crossover:
    """The round-trip time at which cloud and edge have the same median delay.

    `edge_ms` and `server_ms` are latency samples (float64 (n,)). The interval is a percentile bootstrap of the
    difference of the two medians (B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993).
    """
    edge, server = np.asarray(edge_ms, dtype=np.float64), np.asarray(server_ms, dtype=np.float64)
    dice = np.random.default_rng(seed)
    differences = np.array(
        [
            np.median(dice.choice(edge, edge.size)) - np.median(dice.choice(server, server.size))
            for _ in range(BOOTSTRAPS)
        ]
    )
    low, high = np.percentile(differences, [2.5, 97.5])
    middle = stats.percentile(edge, 50) - stats.percentile(server, 50)
    return Crossover(middle - sending_ms, float(low) - sending_ms, float(high) - sending_ms)


def told(low_ms: float, high_ms: float) -> str:
    """Who answers sooner, from the 95 % interval of a crossover."""
    if high_ms <= 0:
        return "the device answers sooner on every network"
    if low_ms <= 0:
        return f"whether the cloud is ever sooner is not decided; beyond a round trip of {high_ms:.1f} ms it is not"
    known = f"the crossing is known to {high_ms - low_ms:.1f} ms"
    return f"the cloud answers sooner on a near network, the device on a far one; {known}"


def round_trips_ms(
    host: str, port: int, count: int = 20, pause_s: float = 0.05, pause: Callable[[float], None] = time.sleep
) -> np.ndarray:
    """Round-trip times to a server in ms, float64 (count,): how long a TCP connection takes to be accepted.

    Opening a connection takes exactly one round trip and no work of the application behind it.
    Raises ServerError if the server cannot be reached.
    """
    times = []
    for _ in range(count):
        began = time.perf_counter()
        try:
            with socket.create_connection((host, port), timeout=5):
                times.append((time.perf_counter() - began) * 1e3)
        except OSError as error:
            raise ServerError(
                f"{host}:{port} cannot be reached ({error}). Check the address, or give a round-trip time by parameter."
            ) from None
        pause(pause_s)
    return np.array(times)
