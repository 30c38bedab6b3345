"""Whether the times of a run's steps are those of a clock. A real one is read at moments that nobody chooses.

Between the end of one step and the beginning of the next something is written to disk; so is something between the two
readings of the clock of date and time and the two of the clock that measures. How long that takes differs from step to
step. Measured on runs of a laptop's and a server's processor: at least 16 us, and its 10th and 90th percentiles differ
by a factor of more than two.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import pairwise

import numpy as np

from snippets.record.run import Record

MIN_STEPS = 8
AT_ONCE_S = 4e-6
"""What no file is written in, with room for a clock that counts microseconds."""
CONSTANT_S = 4e-6


def made_up_times(record: Record) -> list[str]:
    """Why the times of the steps are not those of a clock; empty if they may be."""
    if len(record.steps) < MIN_STEPS:
        return []
    seconds = np.array([step.seconds for step in record.steps])
    found = _rounded(seconds)
    try:
        times = [tuple(map(datetime.fromisoformat, (step.started_utc, step.ended_utc))) for step in record.steps]
        gaps = np.array([(later[0] - earlier[1]).total_seconds() for earlier, later in pairwise(times)])
        beside = np.array([(ended - started).total_seconds() for started, ended in times]) - seconds
    except (ValueError, TypeError):
        return found  # told by the record itself
    if len({moment.microsecond % 1000 for pair in times for moment in pair}) < len(times) / 2:
        return found  # a clock of date and time that ticks in milliseconds tells no more
    return found + _gaps(gaps) + _beside(beside)


def _rounded(seconds: np.ndarray) -> list[str]:
    for unit, called, share in ((1e3, "milliseconds", 0.1), (1e6, "microseconds", 0.6)):
        scaled = seconds * unit
        whole = int(np.count_nonzero(np.abs(scaled - np.round(scaled)) < 1e-4 * unit / 1e6))
        if whole >= max(3, share * len(seconds)):
            return [f"{whole} of {len(seconds)} steps lasted a whole number of {called}"]
    return []


def _gaps(gaps: np.ndarray) -> list[str]:
    together = int(np.count_nonzero(np.abs(gaps) <= AT_ONCE_S))
    if together >= max(3, 0.1 * len(gaps)):
        return [f"{together} steps begin in the microsecond in which the one before them ended"]
    (gap, often), *_ = Counter(np.round(gaps, 6).tolist()).most_common(1)
    if often >= max(4, 0.2 * len(gaps)):
        return [f"{often} steps begin exactly {gap:g} s after the one before them"]
    return []


def _beside(beside: np.ndarray) -> list[str]:
    low, middle, high = np.percentile(beside, [10, 50, 90])
    if middle <= AT_ONCE_S:
        return ["the steps' times leave no time to write them down"]
    if high - low <= CONSTANT_S:
        return [f"every step took the same {1e3 * middle:.3f} ms to write down"]
    return []
