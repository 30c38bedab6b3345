"""How a micro-batcher groups requests, on paper: moments of arrival, a largest batch, a delay, and a model of no time.

grouped.by_delay(micro_batches, (50, 200), (0, 5, 20), max_batch=8)    # mean batch and wait, by requests per second
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

REQUESTS = 400


@dataclass(frozen=True)
class Gathered:
    """What a setting gathers: rows of the mean batch, and how long the mean request waits for company, in ms."""

    batch: float
    wait_ms: float


def micro_batches(arrivals_ms: Sequence[float], max_batch: int, max_delay_ms: float) -> list[int]:
    """Sizes of the batches, in order, of requests that come at `arrivals_ms` (sorted).

    The first waiting request opens a batch. It closes when it holds `max_batch`, or when one comes later than
    `max_delay_ms` after it was opened, which opens the next.
    """
    sizes: list[int] = []
    opened_ms = 0.0
    for arrival_ms in arrivals_ms:
        if sizes and sizes[-1] < max_batch and arrival_ms - opened_ms <= max_delay_ms:
            sizes[-1] += 1
        else:
            opened_ms = arrival_ms
            sizes.append(1)
    return sizes


def gathered(arrivals_ms: np.ndarray, sizes: Sequence[int], max_batch: int, max_delay_ms: float) -> Gathered:
    """What batches of these sizes mean for their requests: a full one goes at once, another when its delay is over."""
    waits_ms = []
    for end, size in zip(np.cumsum(sizes), sizes, strict=True):
        members = arrivals_ms[end - size : end]
        leaves_ms = members[-1] if size == max_batch else members[0] + max_delay_ms
        waits_ms.append(leaves_ms - members)
    return Gathered(float(np.mean(sizes)), float(np.concatenate(waits_ms).mean()))


def by_delay(
    group: Callable[..., Sequence[int]], rates: Sequence[float], delays_ms: Sequence[float], max_batch: int
) -> dict[float, dict[float, Gathered]]:
    """By requests per second, which come at random, and by delay: what the batches that `group` makes gather.

    `group`: as `micro_batches`. The same arrivals for every delay, and every time.
    """
    found = {}
    for rate in rates:
        gaps_ms = np.random.default_rng(1).exponential(1000 / rate, REQUESTS)
        arrivals_ms = np.round(np.cumsum(gaps_ms), 3)
        found[rate] = {
            delay: gathered(arrivals_ms, group(arrivals_ms, max_batch, delay), max_batch, delay) for delay in delays_ms
        }
    return found
