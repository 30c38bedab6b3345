"""Expected values and cases of Part 1's coding questions on what was measured."""

from __future__ import annotations

import math
import random
import statistics
from typing import Any

from grading.staff.judges.functions.case import CASES_PER_TASK, Calls, Maker


def percentile(samples: list[float], percent: float) -> float:
    """Linear interpolation between the nearest ranks (definition 7 of Hyndman and Fan, 1996)."""
    ordered = sorted(samples)
    rank = (len(ordered) - 1) * percent / 100
    low, high = math.floor(rank), math.ceil(rank)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def block_interval(medians: list[float], t: float, widening: float) -> list[float]:
    """Geometric mean and Student's interval on logarithms."""
    logs = [math.log(one) for one in medians]
    half = t * widening * statistics.stdev(logs) / math.sqrt(len(logs))
    return [math.exp(statistics.fmean(logs) + shift) for shift in (0.0, -half, half)]


def paired_comparison(a_ms: list[float], b_ms: list[float], t: float, margin: float) -> list[Any]:
    """The ratios' interval, and on which side of the margin it lies."""
    middle, low, high = block_interval([a / b for a, b in zip(a_ms, b_ms, strict=True)], t, 1.0)
    if high < 1 - margin:
        return [middle, low, high, "a"]
    if low > 1 + margin:
        return [middle, low, high, "b"]
    return [middle, low, high, "same" if low >= 1 - margin and high <= 1 + margin else "undecided"]


def break_even(fixed_ms: float, slow_ms: float, fast_ms: float) -> int | None:
    """Requests until the saving covers the one-time cost."""
    if fixed_ms <= 0:
        return 0
    return math.ceil(fixed_ms / (slow_ms - fast_ms) - 1e-9) if slow_ms > fast_ms else None


def cost_per_million(images_per_s: float, per_hour: float, utilization: float) -> float:
    """Hours of rent that a million predictions take, times the price of one."""
    return 1e6 / images_per_s / 3600 / utilization * per_hour


def _percentile_cases(rng: random.Random) -> Calls:
    cases: Calls = [(([rng.uniform(1, 9)], 95.0), "a single sample")]
    for percent in (0.0, 50.0, 95.0, 99.0, 100.0):
        cases.append((([rng.uniform(0.1, 50) for _ in range(rng.randint(2, 60))], percent), f"p{percent:g}"))
    while len(cases) < CASES_PER_TASK:
        cases.append(
            (([rng.expovariate(0.2) for _ in range(rng.randint(5, 200))], rng.uniform(1, 99)), "skewed samples")
        )
    return cases


def _medians(rng: random.Random, count: int, middle: float, spread: float) -> list[float]:
    return [middle * math.exp(rng.gauss(0, spread)) for _ in range(count)]


def _interval_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        (([7.5] * 4, 3.18, 1.9), "blocks that are all alike"),
        ((_medians(rng, 2, 5.0, 0.1), 12.7, 1.0), "two blocks"),
        ((_medians(rng, 5, 0.02, 0.1), 2.78, 2.1), "times far below a millisecond"),
        ((_medians(rng, 5, 900.0, 1.5), 2.78, 1.0), "blocks that differ much"),
    ]
    while len(cases) < CASES_PER_TASK:
        medians = _medians(rng, rng.randint(3, 15), rng.uniform(1, 40), rng.uniform(0.005, 0.2))
        cases.append(((medians, rng.uniform(2.1, 4.5), rng.uniform(1, 3)), "ordinary blocks"))
    return cases


def _comparison_cases(rng: random.Random) -> Calls:
    cases: Calls = []
    kinds = (
        (1.5, 0.02, "b is faster"),
        (0.6, 0.02, "a is faster"),
        (1.0, 0.001, "as good as the same"),
        (1.03, 0.08, "too few rounds to tell"),
        (1.015, 0.0005, "a difference within the margin"),
        (1.05, 0.004, "a small difference, well known"),
    )
    while len(cases) < CASES_PER_TASK:
        ratio, spread, about = kinds[len(cases) % len(kinds)]
        count = rng.randint(4, 12)
        # Rounds differ by far more than the two variants: who compares without pairs is wrong.
        b = _medians(rng, count, rng.uniform(2, 20), 0.4)
        a = [one * ratio * math.exp(rng.gauss(0, spread)) for one in b]
        cases.append(((a, b, rng.uniform(2.2, 4.0), 0.02), about))
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


def _cost_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        ((rng.uniform(10, 900), rng.uniform(0.02, 4), 1.0), "a machine that is always busy"),
        ((rng.uniform(10, 900), 0.0, 0.4), "a machine that costs nothing"),
        ((rng.uniform(0.05, 0.9), rng.uniform(0.02, 4), 0.3), "less than an image a second"),
    ]
    while len(cases) < CASES_PER_TASK:
        cases.append(((rng.uniform(5, 9000), rng.uniform(0.02, 40), rng.uniform(0.05, 0.9)), "ordinary numbers"))
    return cases


MAKERS: dict[str, Maker] = {
    "percentile": (percentile, _percentile_cases),
    "block_interval": (block_interval, _interval_cases),
    "paired_comparison": (paired_comparison, _comparison_cases),
    "break_even": (break_even, _break_even_cases),
    "cost_per_million": (cost_per_million, _cost_cases),
}
