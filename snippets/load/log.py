"""What the clients of a load test note of their requests, and what a window of it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from snippets.errors import ServerError


class Request(NamedTuple):
    """One request: when it started (or should have) and ended, by the same clock in seconds; its error or empty; and
    what was read from its answer (None of a failure, or where nothing is read)."""

    started: float
    ended: float
    error: str
    read: Mapping[str, float] | None = None


class Log:
    """Requests noted by many threads; `list.append` is atomic in CPython."""

    def __init__(self) -> None:
        self._rows: list[Request] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, request: Request) -> None:
        """Note a request that has ended."""
        self._rows.append(request)

    def rows(self) -> list[Request]:
        """The requests noted until now."""
        return list(self._rows)

    def answered_since(self, moment: float) -> int:
        """How many of the noted requests ended at `moment` or later."""
        return len(self._ends_since(moment))

    def first_end_since(self, moment: float) -> float | None:
        """When the first of the noted requests ended that did so at `moment` or later; None before there is one."""
        return min(self._ends_since(moment), default=None)

    def _ends_since(self, moment: float) -> list[float]:
        return [row.ended for row in self.rows() if row.ended >= moment]


def summary(rows: Sequence[Request], opened: float, seconds: float, batch: int) -> dict[str, Any]:
    """Samples of a window that opened at `opened`: latency_ms, started_s, ok; rates per second, failures, errors."""
    rows = sorted(rows, key=lambda row: row[:2])
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
        **_read(rows),
    }


def _read(rows: Sequence[Request]) -> dict[str, np.ndarray]:
    """What was read from the answers, by name, one value a row: NaN where there was no answer."""
    names = sorted({name for row in rows for name in row.read or ()})
    return {name: np.array([(row.read or {}).get(name, np.nan) for row in rows], dtype=np.float64) for name in names}


def require_answers(result: Mapping[str, Any], whom: str) -> None:
    """Raise ServerError, with the commonest reason, if every request of a load failed: that measured nothing."""
    if result["failures"] and not np.any(result["ok"]):
        reason = next(iter(result["errors"]), "no answer in time")
        raise ServerError(
            f"All {result['failures']} requests to {whom} failed: {reason}. Look into the server's log, then run this"
            " step again."
        )


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
