"""Prints of samples: what copies are found by, however they were scaled or shifted."""

from __future__ import annotations

from typing import Any

import numpy as np

from grading.checks.evidence import Evidence
from snippets.files import sha256_bytes


def sample_prints(evidence: Evidence) -> tuple[str, ...]:
    """Hashes of the order of size of each array of times: equal for copies of samples, scaled or shifted too."""
    found = set()
    for name in evidence.steps:
        for values in _arrays_ms(evidence.loaded(name)):
            if np.unique(values[:200]).size >= 20:
                order = np.argsort(values[:200], kind="stable").astype(np.int16)
                found.add(sha256_bytes(order.tobytes())[:16])
    return tuple(sorted(found))


def _arrays_ms(result: Any) -> list[np.ndarray]:
    """A result's arrays of milliseconds, flat."""
    items = result.items() if isinstance(result, dict) else ()
    return [
        value.ravel()
        for name, value in items
        if name.endswith("_ms") and isinstance(value, np.ndarray) and value.dtype.kind == "f"
    ]
