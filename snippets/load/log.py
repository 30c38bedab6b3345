"""What the clients of a load test note of their requests, and what a window of it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Request(NamedTuple):
    """One request: when it started (or should have) and ended, by the same clock in seconds; its error or empty."""

    started: float
    ended: float
    error: str


class Log:
    """Requests noted by many threads; `list.append` is atomic in CPython."""

    def __init__(self) -> None:
        self._rows: list[Request] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, started: float, ended: float, error: str) -> None:
        """Note a request that has ended."""
        self._rows.append(Request(started, ended, error))

    def rows(self) -> list[Request]:
        """The requests noted until now."""
        return list(self._rows)

    def answered_since(self, moment: float) -> int:
        """How many of the noted requests ended at `moment` or later."""
        return sum(row.ended >= moment for row in self.rows())


def summary(rows: Sequence[Request], opened: float, seconds: float, batch: int) -> dict[str, Any]:
    """Samples of a window that opened at `opened`: latency_ms, started_s, ok; rates per second, failures, errors."""
    rows = sorted(rows)
    ok = np.array([not row.error for row in rows], dtype=bool)
    started = np.array([row.started for row in rows], dtype=np.float64)
    ended = np.array([row.ended for row in rows], dtype=np.float64)
    errors = Counter(row.error for row in rows if row.error)
    return {
        "latency_ms": (ended - started) * 1e3,
        "started_s": started - opened,
        "ok": ok,
        "seconds": seconds,
        "requests_per_s": float(ok.sum() / seconds),
        "samples_per_s": float(ok.sum() * batch / seconds),
        "failures": int((~ok).sum()),
        "errors": dict(errors.most_common(5)),
    }


def mean_in_flight(rows: Sequence[Request], opened: float, closed: float) -> float:
    """How many requests were under way between two moments, averaged over time."""
    under_way_s = sum(max(0.0, min(row.ended, closed) - max(row.started, opened)) for row in rows)
    return under_way_s / (closed - opened)


def time_average(moments_s: np.ndarray, values: np.ndarray) -> float:
    """Average over time of `values` [m] seen at the ascending `moments_s` [m], whatever the gaps (trapezoids); of a
    single value itself, of none 0."""
    if len(values) < 2:
        return float(values.sum())
    return float(np.trapezoid(values, moments_s) / (moments_s[-1] - moments_s[0]))
