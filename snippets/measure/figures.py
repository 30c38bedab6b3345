"""The figures of a comparison, from the medians of blocks, as students write them: the kit's versions of those
functions, and what puts any version in its place.

`snippets.measure.latency` says where the method comes from; `middle` and `compared` give what `Latency.p50` and
`latency.compare` give, by a function of plain numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from snippets import stats
from snippets.measure.latency import MEMORY, Latency, compare, shared_rounds
from snippets.stats import Comparison, Estimate

Function = Callable[..., Any]


def block_interval(medians: Sequence[float], t: float, widening: float) -> list[float]:
    """[middle, low, high] of the medians of two blocks or more: their geometric mean, and Student's interval on
    logarithms, `widening` times as wide for blocks that resemble their neighbours."""
    logs = np.log(np.asarray(medians, dtype=np.float64))
    half = t * widening * float(logs.std(ddof=1)) / math.sqrt(logs.size)
    return [math.exp(float(logs.mean()) + shift) for shift in (0.0, -half, half)]


def paired_comparison(a_ms: Sequence[float], b_ms: Sequence[float], t: float, margin: float) -> list[Any]:
    """[ratio, low, high, verdict] of a over b from the medians of the same rounds; verdicts as stats.verdict."""
    ratios = np.asarray(a_ms, dtype=np.float64) / np.asarray(b_ms, dtype=np.float64)
    ends = block_interval(ratios.tolist(), t, 1.0)
    return [*ends, stats.verdict(Estimate(*ends), margin).verdict]


def break_even(fixed_ms: float, slow_ms: float, fast_ms: float) -> int | None:
    """Whole requests after which a one-time cost has paid for itself; None when it never does."""
    if fixed_ms <= 0:
        return 0
    requests = stats.break_even(fixed_ms, slow_ms, fast_ms)
    return math.ceil(requests - 1e-9) if math.isfinite(requests) else None


def middle(one: Latency, interval: Function = block_interval, confidence: float = 0.95) -> Estimate:
    """The median latency in ms, as `one.p50()`, whose blocks' medians `interval` puts together.

    Of a burst, or of a single block, there is nothing to put together: then it is the kit's.
    """
    medians = list(one.counted.values())
    if len(medians) < 2:
        return one.p50(confidence)
    t, widening = stats.student(len(medians) - 1, confidence), stats.drift_factor(len(medians), MEMORY)
    return Estimate(*interval(medians, t, widening))


def tail(one: Latency, percent: float, percentile: Function = stats.percentile) -> Estimate | None:
    """A percentile of the blocks that count by `percentile`, with the kit's interval; None for too few samples."""
    found = one.percentile(percent)
    if found is None:
        return None
    samples = one.ms if one.rounds is None else one.ms[np.isin(one.rounds, list(one.counted))]
    return replace(found, value=percentile(samples, percent))


def compared(
    a: Latency, b: Latency, comparison: Function = paired_comparison, margin: float = 0.02, confidence: float = 0.99
) -> Comparison:
    """Which of two is faster, as `latency.compare`, with `comparison` for the rounds in which both took part.

    Without two such rounds it is the kit's.
    """
    used = shared_rounds([a, b]) if a.group == b.group and a.medians and b.medians else []
    if len(used) < 2:
        return compare(a, b, margin=margin, confidence=confidence)
    t = stats.student(len(used) - 1, confidence)
    ratio, low, high, verdict = comparison(
        [a.medians[number] for number in used], [b.medians[number] for number in used], t, margin
    )
    return Comparison(Estimate(ratio, low, high), margin, verdict)
