"""Statistics of measured samples, always computed from the raw samples and never from a summary.

Intervals of percentiles come from order statistics (Hahn and Meeker, "Statistical Intervals", 1991,
section 5.2): they assume nothing about the shape of the distribution, which for latencies is skewed and
has outliers. Intervals of proportions are Wilson's (1927). Needs numpy only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its confidence interval; an end the samples cannot bound is infinite."""

    value: float
    low: float
    high: float

    @property
    def relative_width(self) -> float:
        """Width of the interval as a fraction of the value (0.05: five per cent from end to end)."""
        return (self.high - self.low) / abs(self.value) if self.value else math.inf

    @property
    def bounded(self) -> bool:
        """Whether the samples bound the value from both sides."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def excludes(self, value: float) -> bool:
        """Whether the samples say that it is not this value: it lies outside an interval with two ends."""
        return self.bounded and not self.low <= value <= self.high


@dataclass(frozen=True)
class Comparison:
    """Verdict on two variants: `ratio` is time of a over time of b (below 1: a is faster).

    `verdict` is "a", "b" (the faster one), "same" (the whole interval lies within the margin) or
    "undecided" (the samples allow both; do not rank them).
    """

    ratio: Estimate
    margin: float
    verdict: str

    @property
    def ranked(self) -> bool:
        """Whether one of the two may be called faster."""
        return self.verdict in ("a", "b")


def as_samples(samples: ArrayLike) -> Floats:
    """Samples as a flat float64 array; ValueError when there are none or one of them is not finite."""
    values = np.asarray(samples, dtype=np.float64).ravel()
    if values.size == 0:
        raise ValueError("no samples: nothing was measured")
    if not np.isfinite(values).all():
        raise ValueError("a sample is not a finite number: the measurement is broken")
    return values


def percentile(samples: ArrayLike, percent: float) -> float:
    """Percentile with linear interpolation between the two nearest samples (numpy's default)."""
    return float(np.percentile(as_samples(samples), percent))


def good_ms(load: Mapping[str, Any]) -> Floats:
    """Latencies in ms, float64 (n,), of the requests of a `load` step that were answered; empty if none was."""
    return np.asarray(load["latency_ms"], dtype=np.float64)[np.asarray(load["ok"], dtype=bool)]


def good_percentile(load: Mapping[str, Any], percent: float) -> float:
    """Percentile of `good_ms`, in ms; nan when no request was answered."""
    good = good_ms(load)
    return percentile(good, percent) if good.size else math.nan


@lru_cache(maxsize=4096)
def _ranks(count: int, fraction: float, confidence: float) -> tuple[int, int]:
    """Ranks (1-based, 0 and count + 1 mean unbounded) enclosing the quantile with that confidence."""
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, count + 1)))))
    k = np.arange(count + 1)
    log_pmf = logs[count] - logs[k] - logs[count - k] + k * math.log(fraction) + (count - k) * math.log1p(-fraction)
    cdf = np.cumsum(np.exp(log_pmf))
    tail = (1.0 - confidence) / 2.0
    # P(X_(r) > quantile) = P(Binomial <= r - 1): the largest r for which that stays within the tail.
    low = int(np.searchsorted(cdf, tail, side="right"))
    # P(X_(s) < quantile) = P(Binomial >= s): the smallest s for which that stays within the tail.
    high = int(np.searchsorted(cdf, 1.0 - tail, side="left")) + 1
    return low, min(high, count + 1)


def percentile_interval(samples: ArrayLike, percent: float, confidence: float = 0.95) -> Estimate:
    """Percentile and its distribution-free interval. Few samples leave an end infinite (p99 of 100)."""
    ordered = np.sort(as_samples(samples))
    low, high = _ranks(int(ordered.size), percent / 100.0, confidence)
    return Estimate(
        float(np.percentile(ordered, percent)),
        float(ordered[low - 1]) if low >= 1 else -math.inf,
        float(ordered[high - 1]) if high <= ordered.size else math.inf,
    )


def percentile_or_none(samples: ArrayLike, percent: float, confidence: float = 0.95) -> Estimate | None:
    """Percentile and its interval, or None where the samples are too few to bound it from both sides.

    At 95 % confidence the median takes 6 samples, the p95 72, the p99 368: below that it is not a figure to report.
    """
    found = percentile_interval(samples, percent, confidence)
    return found if found.bounded else None


def median(samples: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Median and its interval (fewer than 6 samples cannot bound it at 95 %)."""
    return percentile_interval(samples, 50.0, confidence)


def proportion(successes: int, count: int, confidence: float = 0.95) -> Estimate:
    """A proportion and its Wilson score interval, e.g. an accuracy over `count` images."""
    if count <= 0:
        raise ValueError("a proportion of nothing: no images were evaluated")
    from statistics import NormalDist

    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    share = successes / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    # At 0 and 1 the ends are exact; rounding must not push them past the value.
    return Estimate(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)))


def accuracy(predictions: ArrayLike, labels: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Share of predictions equal to their label, with its interval; both (N,) integers."""
    predicted, expected = np.asarray(predictions).ravel(), np.asarray(labels).ravel()
    if predicted.shape != expected.shape:
        raise ValueError(f"{predicted.size} predictions for {expected.size} labels")
    return proportion(int((predicted == expected).sum()), int(expected.size), confidence)


def accuracy_loss(
    predictions: ArrayLike, reference: ArrayLike, labels: ArrayLike, confidence: float = 0.95
) -> Estimate:
    """Accuracy of `reference` minus that of `predictions` on the same images, with its interval.

    The images are paired, so only those on which the two differ matter (McNemar): the interval is far narrower than
    that of two separate accuracies. It is Wald's with half an image added to each of the four cells (Agresti and Min,
    Statistics in Medicine 24, 2005), so that few images on which they differ, or none, prove no more than they can.
    """
    from statistics import NormalDist

    expected = np.asarray(labels).ravel()
    ours = np.asarray(predictions).ravel() == expected
    theirs = np.asarray(reference).ravel() == expected
    count = int(expected.size)
    if count == 0:
        raise ValueError("no images were evaluated")
    lost, gained = int((theirs & ~ours).sum()), int((ours & ~theirs).sum())
    middle = (lost - gained) / (count + 2)
    spread = math.sqrt(lost + gained + 1 - middle * (lost - gained)) / (count + 2)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * spread
    return Estimate((lost - gained) / count, max(middle - half, -1.0), min(middle + half, 1.0))


def recovered(
    predictions: ArrayLike, worse: ArrayLike, reference: ArrayLike, labels: ArrayLike, confidence: float = 0.95
) -> Estimate:
    """Share of the accuracy between `worse` and `reference` that `predictions` have, all on the same images.

    0: none of it came back; 1: all; beyond: more than `reference`. Its interval is Fieller's for a ratio of two paired
    means (E. C. Fieller, "Some problems in interval estimation", 1954). Where the images leave open whether `worse` is
    worse at all, nothing bounds the share; it is nan where `worse` lost nothing.
    """
    from statistics import NormalDist

    expected = np.asarray(labels).ravel()
    if expected.size == 0:
        raise ValueError("no images were evaluated")
    ours, low, high = (np.asarray(each).ravel() == expected for each in (predictions, worse, reference))
    gained, lost = ours.astype(float) - low, high.astype(float) - low
    back, between = float(gained.mean()), float(lost.mean())
    if between <= 0:
        return Estimate(math.nan, -math.inf, math.inf)
    share, z = back / between, NormalDist().inv_cdf(0.5 + confidence / 2)
    (of_back, both), (_, of_between) = np.cov(gained, lost, bias=True) / expected.size
    doubt = z**2 * of_between / between**2
    if doubt >= 1:
        return Estimate(share, -math.inf, math.inf)
    # The shares s for which the mean of gained - s x lost is within z standard errors of zero.
    middle = (share - z**2 * both / between**2) / (1 - doubt)
    root = middle**2 - (share**2 - z**2 * of_back / between**2) / (1 - doubt)
    half = math.sqrt(max(root, 0.0))
    return Estimate(share, middle - half, middle + half)


def compare(
    a_ms: ArrayLike, b_ms: ArrayLike, *, paired: bool = False, margin: float = 0.02, confidence: float = 0.99
) -> Comparison:
    """Which of two variants is faster, or that these samples cannot tell.

    For samples without blocks, as older records hold them (else snippets.measure.latency.compare).
    `paired`: a_ms[i] and b_ms[i] were measured next to each other, so the ratio is taken pair by pair and drift of the
    machine cancels; else it is that of the two medians (`ratio`). `margin` as for `verdict`.
    """
    a, b = as_samples(a_ms), as_samples(b_ms)
    if (a <= 0).any() or (b <= 0).any():
        raise ValueError("a time of zero or less: the clock is broken")
    if paired:
        if a.size != b.size:
            raise ValueError(f"paired samples must be equally many: {a.size} and {b.size}")
        logs = median(np.log(a / b), confidence)
        return verdict(Estimate(math.exp(logs.value), math.exp(logs.low), math.exp(logs.high)), margin)
    return verdict(ratio(median(a, confidence), median(b, confidence)), margin)


def verdict(ratio: Estimate, margin: float = 0.02) -> Comparison:
    """What the interval of a ratio of times (a over b) says: a variant is faster only beyond `margin`."""
    if ratio.high < 1.0 - margin:
        faster = "a"
    elif ratio.low > 1.0 + margin:
        faster = "b"
    elif ratio.low >= 1.0 - margin and ratio.high <= 1.0 + margin:
        faster = "same"
    else:
        faster = "undecided"
    return Comparison(ratio, margin, faster)


def ratio(a: Estimate, b: Estimate) -> Estimate:
    """a over b from the ends of their intervals: wider than need be, never narrower. Both are positive."""
    low = max(0.0, a.low) / b.high
    return Estimate(a.value / b.value, low, a.high / b.low if b.low > 0 else math.inf)


def between_blocks(values: ArrayLike, confidence: float = 0.95, memory: float = 0.5) -> Estimate:
    """Geometric mean of positive values, such as medians of blocks, with Student's interval on logarithms.

    `memory`: 0.5 for independent values, up to 1 for those that drift (`drift_factor`). A single value bounds nothing:
    its interval is from 0 to infinity. ValueError for a value of zero or less.
    """
    found = as_samples(values)
    if (found <= 0).any():
        raise ValueError("a time of zero or less: the clock is broken")
    logs = between_replications(np.log(found), confidence=confidence)
    half = (logs.high - logs.value) * (drift_factor(int(found.size), memory) if found.size > 1 else 1.0)
    # The end of an interval may lie beyond the largest number.
    high = math.exp(logs.value + half) if logs.value + half < 700 else math.inf
    return Estimate(math.exp(logs.value), math.exp(logs.value - half), high)


def drift_factor(count: int, memory: float) -> float:
    """How many times wider than Student's the interval of a mean of `count` values has to be where they drift.

    `memory` is the Hurst exponent H: the variance of a mean of n successive values falls as n^(2H - 2) instead of 1/n,
    whatever their distance in time, so that n values also spread less about their own mean than about the true one
    (J. Beran, "Statistics for Long-Memory Processes", 1994, sections 1.1 and 8.2). 1 for independent values (H = 0.5),
    2.1 and 2.4 for 5 and 10 values with H = 0.8. ValueError for fewer than two values or an H outside 0.5 to 1.
    """
    if count < 2 or not 0.5 <= memory < 1:
        raise ValueError(f"{count} values with a memory of {memory}: at least 2, and 0.5 to below 1")
    # The mean varies by n^(2H - 2) of what a value does, and the values show (1 - n^(2H - 2)) n / (n - 1) of it.
    return math.sqrt((count - 1) / (count ** (2 - 2 * memory) - 1))


def between_replications(replications: ArrayLike, centre: float | None = None, confidence: float = 0.95) -> Estimate:
    """Mean of one value a replication, float64 (n,), and its Student's t interval: n - 1 degrees of freedom.

    `centre`: an estimate from all replications together (a percentile of their pooled samples), about which they are
    taken to spread instead (sectioning: Asmussen and Glynn, "Stochastic Simulation", 2007, III.5). A single replication
    says nothing about the next one: its interval is infinite.
    """
    values = as_samples(replications)
    middle = float(values.mean()) if centre is None else centre
    if values.size < 2:
        return Estimate(middle, -math.inf, math.inf)
    degrees = int(values.size) - 1
    half = student(degrees, confidence) * math.sqrt(float(((values - middle) ** 2).sum()) / degrees / values.size)
    return Estimate(middle, middle - half, middle + half)


@lru_cache(maxsize=1024)
def student(freedom: int, confidence: float = 0.95) -> float:
    """The t for which Student's distribution with `freedom` degrees lies within -t and t with that probability.

    The probability is a finite sum (Abramowitz and Stegun, 26.7.3 and 26.7.4), solved for t by halving.
    """

    def within(t: float) -> float:
        angle = math.atan(t / math.sqrt(freedom))
        sine, cosine = math.sin(angle), math.cos(angle)
        odd = freedom % 2 == 1
        term = cosine if odd else 1.0
        total = term if freedom > 1 else 0.0
        for k in range(2 if odd else 1, freedom - 1, 2):
            term *= cosine * cosine * k / (k + 1)
            total += term
        return 2 / math.pi * (angle + sine * total) if odd else sine * total

    low, high = 0.0, 1.0
    while within(high) < confidence:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle) < confidence else (low, middle)
    return high


def clustered(blocks: Sequence[ArrayLike], percent: float, confidence: float = 0.95) -> Estimate | None:
    """A percentile of samples that come in blocks, whose samples are alike; None where they cannot bound it.

    The share of samples below it varies between blocks by more than chance: that design effect (L. Kish, "Survey
    Sampling", 1965, section 8.2) says how many independent samples they are worth, and the order statistics of so many
    give the interval (R. S. Woodruff, "Confidence intervals for medians and other position measures", 1952).
    """
    groups = [as_samples(block) for block in blocks]
    ordered = np.sort(np.concatenate(groups))
    value, fraction = float(np.percentile(ordered, percent)), percent / 100.0
    effect = 1.0
    if len(groups) > 1:
        shares = np.array([float((group < value).mean() + (group <= value).mean()) / 2 for group in groups])
        by_chance = fraction * (1 - fraction) * float(np.mean([1 / group.size for group in groups]))
        effect = max(1.0, float(shares.var(ddof=1)) / by_chance)
    worth = int(ordered.size / effect)
    low, high = _ranks(worth, fraction, confidence) if worth else (0, 1)
    if low < 1 or high > worth:
        return None
    first = int(ordered.size * (low - 1) / worth)
    last = min(ordered.size - 1, math.ceil(ordered.size * high / worth) - 1)
    return Estimate(value, min(value, float(ordered[first])), max(value, float(ordered[last])))


def break_even(fixed_cost_ms: float, slow_ms: float, fast_ms: float) -> float:
    """Number of requests after which a one-time cost has paid for itself; infinite when it never does."""
    saved = slow_ms - fast_ms
    return math.inf if saved <= 0 else fixed_cost_ms / saved


@dataclass(frozen=True)
class Front:
    """Options worth a choice. `names`: beaten by none; `undecided`: beaten, but by less than the intervals decide."""

    names: tuple[str, ...]
    undecided: tuple[str, ...]


def front(
    points: Mapping[str, tuple[float, float]],
    clear_x: Callable[[str, str], bool],
    clear_y: Callable[[str, str], bool],
) -> Front:
    """The Pareto front: first coordinate to be small, second to be large. Sorted by the first.

    A point is beaten by one that is at least as good in both and better in one. `clear_x(a, b)` and `clear_y(a, b)` say
    whether a is better than b beyond what chance may do: a point that none of its betters clearly beats is undecided.
    """

    def betters(name: str) -> list[str]:
        x, y = points[name]
        return [other for other, (ox, oy) in points.items() if ox <= x and oy >= y and (ox < x or oy > y)]

    names, undecided = [], []
    for name in sorted(points, key=lambda name: points[name][0]):
        beaten_by = betters(name)
        if not beaten_by:
            names.append(name)
        elif not any(clear_x(other, name) or clear_y(other, name) for other in beaten_by):
            undecided.append(name)
    return Front(tuple(names), tuple(undecided))


def show(estimate: Estimate, digits: int = 2) -> str:
    """An estimate as text, such as "8.70 (8.61 to 8.83)"; an end without a bound shows as a question mark."""
    ends = [f"{end:.{digits}f}" if math.isfinite(end) else "?" for end in (estimate.low, estimate.high)]
    return f"{estimate.value:.{digits}f} ({ends[0]} to {ends[1]})"


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """An estimate in another unit: a fraction as per cent, seconds as milliseconds."""
    return Estimate(estimate.value * factor, estimate.low * factor, estimate.high * factor)
