"""From measurements to a decision: each variant as an option with its figures and its price, judged by a target."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from snippets import stats
from snippets.decide import cost
from snippets.decide.targets import DEVICE, Target, Verdict
from snippets.measure.latency import Latency, compare

GPU_PROVIDERS = ("cuda", "tensorrt", "rocm", "migraphx")
# What an option may lose against the most accurate one that was measured before it is out of the question.
MAX_LOSS = 0.05


@dataclass(frozen=True)
class Option:
    """One way to serve, with what was measured of it. `cost_per_million` is on a server, in the table's currency."""

    name: str
    provider: str
    threads: int
    p50_ms: stats.Estimate
    images_per_s: stats.Estimate
    accuracy: stats.Estimate
    size_bytes: int
    cost_per_million: stats.Estimate
    latency: Latency = field(repr=False, compare=False)
    batches: Latency = field(repr=False, compare=False)
    predictions: np.ndarray = field(repr=False, compare=False)
    labels: np.ndarray = field(repr=False, compare=False)

    @property
    def size_mb(self) -> float:
        """Size of the file in MB of 10^6 bytes."""
        return self.size_bytes / 1e6


def option(name: str, measured: Mapping[str, Any], latency: Latency, prices: cost.Prices) -> Option:
    """An option from what variants.Bench.compared returned (throughput, accuracy, size), and its latencies.

    Both times were taken in turn with other options: they are compared round by round.
    """
    batch = measured["throughput"]
    batches = Latency.of(batch)
    scored = measured["accuracy"]
    one = Option(
        name,
        batch["provider"],
        batch["threads"],
        latency.p50(),
        batches.images_per_s(),
        stats.accuracy(scored["predictions"], scored["labels"]),
        measured["size"]["bytes"],
        stats.Estimate(math.nan, math.nan, math.nan),
        latency,
        batches,
        np.asarray(scored["predictions"]),
        np.asarray(scored["labels"]),
    )
    return priced(one, prices)


def priced(
    one: Option, prices: cost.Prices, per_million: Callable[[float, float, float], float] = cost.per_million
) -> Option:
    """An option with its price: `per_million` of images a second, of what its hardware costs an hour (a GPU, or a core
    for each thread), and of the share of the time in which it is busy."""
    per_hour = prices.per_gpu_hour if one.provider in GPU_PROVIDERS else one.threads * prices.per_core_hour

    def price(images_per_s: float) -> float:
        return per_million(images_per_s, per_hour, prices.utilization)

    rate = one.images_per_s
    highest = price(rate.low) if rate.low > 0 else math.inf
    return replace(one, cost_per_million=stats.Estimate(price(rate.value), price(rate.high), highest))


def runs_on(one: Option, case: str) -> bool:
    """Whether an option is a candidate for a case (a target's name): GPU engines for the GPU, all others for a CPU."""
    return (one.provider in GPU_PROVIDERS) == (case == "server GPU")


def judge(one: Option, target: Target) -> Verdict:
    """Whether the option meets a target on the figures of this machine.

    A device's latency is left out: it is not measured on a server.
    """
    held = replace(target, p50_ms_below=None) if target.name == DEVICE else target
    verdict = held.judge(p50_ms=one.p50_ms, images_per_s=one.images_per_s, size_mb=one.size_mb)
    assert verdict is not None  # an option knows all that a target may ask for
    return verdict


def accurate(options: Mapping[str, Option]) -> dict[str, Option]:
    """Those that lose at most MAX_LOSS against the most accurate of them."""
    best = max(one.accuracy.value for one in options.values())
    return {name: one for name, one in options.items() if one.accuracy.value >= best - MAX_LOSS - 1e-9}


def feasible(options: Mapping[str, Option], target: Target) -> tuple[list[str], list[str]]:
    """Names of the options for this case that meet its target, and of those not decided; most accurate first.

    On a device, where only the size is asked for, they must be accurate too.
    """
    candidates = accurate(options) if target.name == DEVICE else dict(options)
    ordered = sorted(
        (one for one in candidates.values() if runs_on(one, target.name)), key=lambda one: -one.accuracy.value
    )
    verdicts = {one.name: judge(one, target) for one in ordered}
    met = [name for name, verdict in verdicts.items() if verdict.met]
    return met, [name for name, verdict in verdicts.items() if verdict.open]


Figure = Callable[[Option], float]
Clearly = Callable[[Option, Option], bool]


def cheaper(a: Option, b: Option) -> bool:
    """Whether a costs less than b beyond chance: by their batches round by round, or else by the two intervals."""
    if a.batches.rounds is None or a.batches.group != b.batches.group:
        return a.cost_per_million.high < b.cost_per_million.low
    ratio = compare(a.batches, b.batches).ratio
    # What a second costs differs, as threads and processors do.
    rent = a.cost_per_million.value * a.images_per_s.value / (b.cost_per_million.value * b.images_per_s.value)
    return stats.verdict(stats.scaled(ratio, rent)).verdict == "a"


def faster(a: Option, b: Option) -> bool:
    """Whether a is faster than b, compared round by round."""
    return compare(a.latency, b.latency).verdict == "a"


def smaller(a: Option, b: Option) -> bool:
    """Whether a's file is smaller: sizes have no interval."""
    return a.size_bytes < b.size_bytes


def more_accurate(a: Option, b: Option) -> bool:
    """Whether a is more accurate than b on the same images, beyond the interval of the difference."""
    return stats.accuracy_loss(b.predictions, a.predictions, a.labels).low > 0


def front(options: Mapping[str, Option], figure: Figure, clearly: Clearly) -> stats.Front:
    """The front of a figure that is to be small, `clearly` telling when it is smaller, and accuracy."""
    return stats.front(
        {name: (figure(one), one.accuracy.value) for name, one in options.items()},
        lambda a, b: clearly(options[a], options[b]),
        lambda a, b: more_accurate(options[a], options[b]),
    )
