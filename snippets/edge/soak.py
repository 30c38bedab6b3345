"""A soak: the same work without a pause for minutes, while the board's temperature and clock are watched."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snippets.edge.board import Board
from snippets.errors import UsageError

# The first and the last part of a soak that are compared with each other.
WINDOW = 0.2
# Below this change of the median nothing is claimed: clocks and neighbours move it by as much.
NOTABLE = 0.05


def soak(
    call: Callable[[], Any],
    seconds: float,
    *,
    board: Board | None = None,
    every_s: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Call `call` over and over for `seconds`; read the board every `every_s` seconds beside it.

    Returns raw samples: `latency_ms` and `started_s` float64 (n,), one for each call; `board_s`, `temperature_c`,
    `clock_mhz` and `power_w` float64 (m,), NaN where not told; `limits` (what slowed the clock at each reading, text);
    and `absent`: for each quantity that the board does not tell, the reason.
    """
    if seconds <= 0 or every_s <= 0:
        raise UsageError("A soak takes a positive number of seconds and reads the board at positive intervals.")
    board = board or Board()
    rows: list[tuple[float, float, float, float, str]] = []
    absent: dict[str, str] = {}
    stop = threading.Event()
    origin = clock()

    def watch() -> None:
        while True:
            values = []
            for name, reading in (
                ("temperature_c", board.temperature_c()),
                ("clock_mhz", board.clock_mhz()),
                ("power_w", board.power_w()),
            ):
                if reading.value is None:
                    absent[name] = reading.reason
                values.append(float("nan") if reading.value is None else reading.value)
            throttling = board.throttling()
            if throttling.now is None:
                absent["limits"] = throttling.reason
            rows.append((clock() - origin, *values, ", ".join(throttling.now or ())))  # type: ignore[arg-type]
            if stop.wait(every_s):
                return

    watcher = threading.Thread(target=watch, daemon=True, name="board")
    watcher.start()
    started: list[float] = []
    latencies: list[float] = []
    try:
        while (now := clock()) - origin < seconds:
            call()
            started.append(now - origin)
            latencies.append((clock() - now) * 1e3)
    finally:
        stop.set()
        watcher.join()
    times, temperatures, clocks, powers, limits = zip(*rows, strict=True)
    return {
        "latency_ms": np.array(latencies),
        "started_s": np.array(started),
        "seconds": seconds,
        "board_s": np.array(times),
        "temperature_c": np.array(temperatures),
        "clock_mhz": np.array(clocks),
        "power_w": np.array(powers),
        "limits": list(limits),
        "absent": absent,
    }


@dataclass(frozen=True)
class Trend:
    """The start of a soak against its end; `verdict` is "slower", "faster" or "steady"."""

    first_ms: float
    last_ms: float
    change: float
    temperature_rise_c: float | None
    limited: tuple[str, ...] | None
    verdict: str


def trend(samples: Mapping[str, Any]) -> Trend:
    """Median latency of the first and the last fifth of a soak, and what the board said meanwhile.

    `change` is last / first - 1. A change under 5 % is "steady". `limited` names what slowed the clock at any
    reading; None where the board does not tell, as is `temperature_rise_c` (mean of the readings in the same fifths).
    """
    started = np.asarray(samples["started_s"])
    latency = np.asarray(samples["latency_ms"])
    seconds = float(samples["seconds"])
    early, late = started < WINDOW * seconds, started >= (1 - WINDOW) * seconds
    # One very long call can leave the last fifth empty: then the last call stands for it.
    first = float(np.median(latency[early]))
    last = float(np.median(latency[late])) if late.any() else float(latency[-1])
    change = last / first - 1
    verdict = "steady" if abs(change) < NOTABLE else "slower" if change > 0 else "faster"
    limits = None
    if "limits" not in samples["absent"]:
        limits = tuple(sorted({name for text in samples["limits"] for name in text.split(", ") if name}))
    return Trend(first, last, change, _rise(samples, seconds), limits, verdict)


def _rise(samples: Mapping[str, Any], seconds: float) -> float | None:
    times, values = np.asarray(samples["board_s"]), np.asarray(samples["temperature_c"])
    early = values[(times < WINDOW * seconds) & np.isfinite(values)]
    late = values[(times >= (1 - WINDOW) * seconds) & np.isfinite(values)]
    return float(late.mean() - early.mean()) if early.size and late.size else None


def over_time(samples: Mapping[str, Any], buckets: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middle (s), median and p95 latency (ms) of up to `buckets` equal stretches of a soak, for a plot."""
    started, latency = np.asarray(samples["started_s"]), np.asarray(samples["latency_ms"])
    edges = np.linspace(0, float(samples["seconds"]), buckets + 1)
    index = np.clip(np.searchsorted(edges, started, side="right") - 1, 0, buckets - 1)
    full = [bucket for bucket in range(buckets) if (index == bucket).any()]
    middle = (edges[:-1] + edges[1:])[full] / 2
    return (
        middle,
        np.array([np.median(latency[index == bucket]) for bucket in full]),
        np.array([np.percentile(latency[index == bucket], 95) for bucket in full]),
    )
