"""Timing one thing by itself: a monotonic clock, a warm-up until steady, trials until the median is known.

What is compared with something else is timed in blocks, in turn with it (snippets.measure.blocks).

Every function keeps and returns the raw samples; snippets.stats says what they mean. The clock can be
replaced (tests measure functions that advance a clock of their own). Needs numpy only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snippets import stats

Clock = Callable[[], int]
Call = Callable[[], Any]


@dataclass(frozen=True)
class Effort:
    """How hard to measure: the width the median's 95 % interval must reach, and the bounds on trying.

    `width` is a fraction of the median, from end to end. Times in seconds, counts in calls.
    """

    width: float
    trials_min: int
    trials_max: int
    seconds_max: float
    warmup_window: int = 5
    warmup_max: int = 60
    warmup_seconds_max: float = 2.0
    steady_within: float = 0.05


EFFORTS = {
    "quick": Effort(width=0.05, trials_min=20, trials_max=120, seconds_max=0.6, warmup_seconds_max=0.5),
    "full": Effort(width=0.02, trials_min=100, trials_max=1000, seconds_max=3.0, warmup_seconds_max=1.0),
}
BATCH_EFFORTS = {
    "quick": Effort(
        width=0.10,
        trials_min=6,
        trials_max=20,
        seconds_max=1.0,
        warmup_window=1,
        warmup_max=2,
        warmup_seconds_max=0.8,
        steady_within=0.15,
    ),
    "full": Effort(
        width=0.05,
        trials_min=6,
        trials_max=60,
        seconds_max=3.0,
        warmup_window=1,
        warmup_max=8,
        warmup_seconds_max=1.0,
        steady_within=0.10,
    ),
}


def effort(profile: str, batches: bool = False) -> Effort:
    """The effort of a profile ("quick" or "full"), for single samples or for whole batches."""
    table = BATCH_EFFORTS if batches else EFFORTS
    if profile not in table:
        raise ValueError(f"profile {profile!r}: choose one of {', '.join(table)}")
    return table[profile]


def timed_ms(call: Call, clock: Clock = time.perf_counter_ns) -> float:
    """Duration of one call in milliseconds."""
    start = clock()
    call()
    return (clock() - start) / 1e6


def warm_up(call: Call, how: Effort, clock: Clock = time.perf_counter_ns) -> tuple[list[float], bool]:
    """Call until two windows in a row have medians within `steady_within`, or the bounds are reached.

    Returns the warm-up times in ms (the first is the cold call) and whether it became steady.
    """
    times: list[float] = []
    window = how.warmup_window
    start = clock()
    while len(times) < how.warmup_max:
        times.append(timed_ms(call, clock))
        if len(times) >= 2 * window:
            before = float(np.median(times[-2 * window : -window]))
            now = float(np.median(times[-window:]))
            if abs(now - before) <= how.steady_within * before:
                return times, True
        if (clock() - start) / 1e9 > how.warmup_seconds_max:
            break
    return times, False


def sample(call: Call, how: Effort, clock: Clock = time.perf_counter_ns) -> tuple[np.ndarray, bool]:
    """Times in ms, float64 (n,), until the median's interval is narrow enough or a bound is reached.

    The second value says whether the stated width was reached. `trials_min` calls are always made.
    """
    times: list[float] = []
    start = clock()
    check_at = how.trials_min
    while len(times) < how.trials_max:
        times.append(timed_ms(call, clock))
        if len(times) < check_at:
            continue
        if stats.median(times).relative_width <= how.width:
            return np.array(times), True
        if (clock() - start) / 1e9 > how.seconds_max:
            break
        check_at = len(times) + max(1, how.trials_min // 4)
    return np.array(times), stats.median(times).relative_width <= how.width


def latency_step(
    call: Call, how: Effort, *, provider: str, threads: int, clock: Clock = time.perf_counter_ns
) -> dict[str, Any]:
    """Latency of single-sample calls, as the result of a recorded `latency` step.

    `latency_ms` float64 (n,) raw and in order; `warmup_ms` the calls before; `steady` and `reached` say
    whether the warm-up settled and the stated `width` was reached.
    """
    times, known = _burst(call, how, clock)
    return {"latency_ms": times, **known, "batch": 1, "threads": threads, "provider": provider}


def throughput_step(
    call: Call, batch: int, how: Effort, *, provider: str, threads: int, clock: Clock = time.perf_counter_ns
) -> dict[str, Any]:
    """Times of calls that each take a batch of `batch` images, as the result of a `throughput` step."""
    times, known = _burst(call, how, clock)
    return {"batch_ms": times, **known, "batch": batch, "threads": threads, "provider": provider}


def _burst(call: Call, how: Effort, clock: Clock) -> tuple[np.ndarray, dict[str, Any]]:
    warmup, steady = warm_up(call, how, clock)
    times, reached = sample(call, how, clock)
    return times, {"warmup_ms": np.array(warmup), "steady": steady, "reached": reached, "width": how.width}


def cycle(call: Callable[[np.ndarray], Any], inputs: Sequence[np.ndarray] | np.ndarray) -> Call:
    """A call without arguments that walks through `inputs` in turn, so that no input is special."""
    position = -1

    def next_call() -> Any:
        nonlocal position
        position = (position + 1) % len(inputs)
        return call(inputs[position])

    return next_call
