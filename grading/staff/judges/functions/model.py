"""Expected values and cases of Part 1's coding questions on what was measured."""

from __future__ import annotations

import math
import random

from grading.staff.judges.functions.case import CASES_PER_TASK, Calls, Maker


def percentile(samples: list[float], percent: float) -> float:
    """Linear interpolation between the nearest ranks (definition 7 of Hyndman and Fan, 1996)."""
    ordered = sorted(samples)
    rank = (len(ordered) - 1) * percent / 100
    low, high = math.floor(rank), math.ceil(rank)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def break_even(fixed_ms: float, slow_ms: float, fast_ms: float) -> int | None:
    """Requests until the saving covers the one-time cost."""
    if fixed_ms <= 0:
        return 0
    return math.ceil(fixed_ms / (slow_ms - fast_ms) - 1e-9) if slow_ms > fast_ms else None


def _percentile_cases(rng: random.Random) -> Calls:
    cases: Calls = [(([rng.uniform(1, 9)], 95.0), "a single sample")]
    for percent in (0.0, 50.0, 95.0, 99.0, 100.0):
        cases.append((([rng.uniform(0.1, 50) for _ in range(rng.randint(2, 60))], percent), f"p{percent:g}"))
    while len(cases) < CASES_PER_TASK:
        cases.append(
            (([rng.expovariate(0.2) for _ in range(rng.randint(5, 200))], rng.uniform(1, 99)), "skewed samples")
        )
    return cases


def _break_even_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        ((rng.uniform(1, 9), 2.0, rng.uniform(2.5, 9)), "the fast way is slower"),
        ((rng.uniform(1, 9), 3.0, 3.0), "no saving"),
        ((0.0, 5.0, 1.0), "no cost"),
        ((30.0, 5.0, 2.0), "a whole number"),
    ]
    while len(cases) < CASES_PER_TASK:
        fast = rng.uniform(0.5, 10)
        cases.append(((rng.uniform(10, 60000), fast + rng.uniform(0.1, 20), fast), "ordinary numbers"))
    return cases


MAKERS: dict[str, Maker] = {
    "percentile": (percentile, _percentile_cases),
    "break_even": (break_even, _break_even_cases),
}
