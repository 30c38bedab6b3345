"""Cloud or edge: the total delay of a prediction against the network's round-trip time, and where the two cross."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from snippets.errors import ServerError, UsageError
from snippets.measure.latency import Latency, difference


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


def crossover(edge: Latency, server: Latency, *, sending_ms: float = 0.0) -> Crossover:
    """The round-trip time at which cloud and edge have the same median delay, with the interval of the difference."""
    found = difference(edge, server)
    return Crossover(found.value - sending_ms, found.low - sending_ms, found.high - sending_ms)


def crossover_ms(edge_ms: float, server_ms: float) -> float:
    """The round trip in ms above which the device is sooner with nothing to send; 0 where it is on any network."""
    return max(0.0, edge_ms - server_ms)


def told(low_ms: float, high_ms: float) -> str:
    """Who answers sooner, from the 95 % interval of a crossover."""
    if high_ms <= 0:
        return "the device answers sooner on every network"
    if low_ms <= 0:
        return f"whether the cloud is ever sooner is not decided; beyond a round trip of {high_ms:.2g} ms it is not"
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
