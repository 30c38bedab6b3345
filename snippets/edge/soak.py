"""A soak: the same work without a pause for minutes, while the board's temperature and clock are watched."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snippets import stats
from snippets.edge.board import Board
from snippets.errors import UsageError

# The first and the last part of a soak that are compared with each other.
WINDOW = 0.2
# What a board may tell of itself while it works.
QUANTITIES = ("temperature_c", "clock_mhz", "power_w")
# Below this change of the median nothing is claimed: clocks and neighbours move it by as much.
NOTABLE = 0.05
# Stretches of a fifth that count as one observation each: calls one after another are alike.
STRETCHES = 5


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
    origin = clock()
    watch = _Watch(board or Board(), every_s, lambda: clock() - origin)
    started: list[float] = []
    latencies: list[float] = []
    with watch:
        while (now := clock()) - origin < seconds:
            call()
            started.append(now - origin)
            latencies.append((clock() - now) * 1e3)
    return {
        "latency_ms": np.array(latencies),
        "started_s": np.array(started),
        "seconds": seconds,
        **watch.result(),
    }


class _Watch:
    """Reads a board every `every_s` seconds from the beginning of a `with` block to its end; `now_s`: the time."""

    def __init__(self, board: Board, every_s: float, now_s: Callable[[], float]) -> None:
        self._board, self._every_s, self._now_s = board, every_s, now_s
        self._rows: list[tuple[float, dict[str, float], str]] = []
        self._absent: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="board")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._rows.append(self._look())
            if self._stop.wait(self._every_s):
                return

    def _look(self) -> tuple[float, dict[str, float], str]:
        board = self._board
        values = {}
        readings = (board.temperature_c(), board.clock_mhz(), board.power_w())
        for name, reading in zip(QUANTITIES, readings, strict=True):
            if reading.value is None:
                self._absent[name] = reading.reason
            values[name] = float("nan") if reading.value is None else reading.value
        throttling = board.throttling()
        if throttling.now is None:
            self._absent["limits"] = throttling.reason
        return self._now_s(), values, ", ".join(throttling.now or ())

    def result(self) -> dict[str, Any]:
        """What the board told, by name: see `soak`."""
        moments, values, limits = zip(*self._rows, strict=True)
        return {
            "board_s": np.array(moments),
            **{name: np.array([row[name] for row in values]) for name in QUANTITIES},
            "limits": list(limits),
            "absent": self._absent,
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


def fifths(samples: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Latencies in ms of the first and the last fifth of a soak."""
    started, latency = np.asarray(samples["started_s"]), np.asarray(samples["latency_ms"])
    seconds = float(samples["seconds"])
    late = latency[started >= (1 - WINDOW) * seconds]
    # One very long call can leave the last fifth empty: then the last call stands for it.
    return latency[started < WINDOW * seconds], late if late.size else latency[-1:]


def medians(samples: Mapping[str, Any]) -> tuple[stats.Estimate, stats.Estimate]:
    """Median latency in ms of the first and of the last fifth; their 95 % intervals are those between stretches."""

    def estimate(part: np.ndarray) -> stats.Estimate:
        stretches = [np.median(stretch) for stretch in np.array_split(part, STRETCHES) if stretch.size]
        return stats.between_replications(stretches, float(np.median(part)))

    first, last = fifths(samples)
    return estimate(first), estimate(last)


def undecided(samples: Mapping[str, Any]) -> tuple[str, ...]:
    """The verdicts that the intervals of the two medians allow (see `medians`): one where they decide it."""
    first, last = medians(samples)
    if not (first.bounded and last.bounded):
        return (trend(samples).verdict,)
    low = last.low / first.high - 1
    high = last.high / first.low - 1 if first.low > 0 else math.inf
    allowed = {"faster": low <= -NOTABLE, "steady": low < NOTABLE and high > -NOTABLE, "slower": high >= NOTABLE}
    return tuple(verdict for verdict, may in allowed.items() if may)


def trend(samples: Mapping[str, Any]) -> Trend:
    """Median latency of the first and the last fifth of a soak, and what the board said meanwhile.

    `change` is last / first - 1. A change under 5 % is "steady". `limited` names what slowed the clock at any
    reading; None where the board does not tell, as is `temperature_rise_c` (mean of the readings in the same fifths).
    """
    seconds = float(samples["seconds"])
    first, last = (float(np.median(part)) for part in fifths(samples))
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
