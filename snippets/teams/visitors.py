"""What a fault did to the visitors of a model that made no mistake, from their samples alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LATE, LATE_MS = 10.0, 100.0
"""Late is who waited longer than LATE times the median of those before the fault, and LATE_MS at least."""


@dataclass(frozen=True)
class Hurt:
    """Of `visitors`, how many got an error (`failed`) or their answer `late`; and the longest time in which nobody was
    answered in time, `outage_ms`."""

    visitors: int
    failed: int
    late: int
    outage_ms: float


def hurt(seen: Mapping[str, Any]) -> Hurt:
    """Read it from a step of `isolation.measure`: latency_ms, started_s, ok [n], fault_s, seconds.

    The outage is the longest gap between answers in time, the ends of the window among them.
    """
    ok, waited = np.asarray(seen["ok"], dtype=bool), np.asarray(seen["latency_ms"], dtype=np.float64)
    came = np.asarray(seen["started_s"], dtype=np.float64)
    ended = came + waited / 1e3
    before = waited[ok & (ended < seen["fault_s"])]
    limit = max(LATE_MS, LATE * float(np.median(before))) if before.size else LATE_MS
    in_time = ok & (waited <= limit)
    moments = np.sort(ended[in_time])
    last = max(float(seen["seconds"]), float(moments[-1]) if moments.size else 0.0)
    gaps = np.diff(np.concatenate(([0.0], moments, [last])))
    return Hurt(len(ok), int((~ok).sum()), int((ok & ~in_time).sum()), 1e3 * float(gaps.max()))
