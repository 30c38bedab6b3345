"""What the times of a variant say, from its blocks; the one result that tables, charts, judges and reports read.

Samples of one block resemble each other more than those of two: caches, clock and neighbours change slowly. An
interval from the spread *within* a burst of calls is therefore too narrow. Here each block counts as one observation,
its median, and the interval is Student's, on logarithms, from the spread *between* blocks (A. Georges, D. Buytaert,
L. Eeckhout, "Statistically Rigorous Java Performance Evaluation", OOPSLA 2007). Blocks resemble their neighbours too,
over seconds and minutes, so the interval is widened by what such a drift hides (`MEMORY`). Two variants are compared by
the ratios of the blocks of the same round: there the drift falls out. Steps of records made before blocks are read as
what they are: one burst, with the interval of its order statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from snippets import stats
from snippets.stats import Comparison, Estimate

# Blocks of a normal machine that must be left for the slow ones to be put aside.
ENOUGH = 3
# Hurst exponent of a model's speed on a shared machine: medians of successive blocks were correlated 0.51, those five
# and twenty blocks apart 0.32 and 0.09 (0.8 gives 0.52, 0.25, 0.14). The canary does not tell: while the machine is in
# its normal state, its times and the model's are not correlated. benchmarks/interval_coverage.py tries it on real runs.
MEMORY = 0.8


@dataclass(frozen=True)
class Latency:
    """Latencies of one variant in ms, float64 (n,), with the round of each sample, int (n,); no rounds: one burst.

    Of whole batches: the time of a batch over its images, so that batches of different sizes can be compared, and
    `images_per_s` is the throughput.
    `group`: in whose turns they were taken; rounds of one group can be compared pair by pair. `slow`: rounds in which
    the machine stayed slow; `repeated`: blocks thrown away because it was.
    """

    ms: np.ndarray
    rounds: np.ndarray | None = None
    group: str = ""
    slow: frozenset[int] = frozenset()
    repeated: int = 0

    @classmethod
    def of(cls, step: Mapping[str, Any]) -> Latency:
        """From the result of a `latency` step or a `throughput` step (times of batches), with blocks or without.

        ValueError for samples that are none, and for a batch of no images.
        """
        if "latency_ms" in step:
            ms = stats.as_samples(step["latency_ms"])
        else:
            if step["batch"] < 1:
                raise ValueError(f"a batch of {step['batch']} images")
            ms = stats.as_samples(step["batch_ms"]) / step["batch"]
        rounds = step.get("rounds")
        if rounds is None:
            return cls(ms)
        numbers = np.asarray(rounds, dtype=np.int64).ravel()
        if numbers.shape != ms.shape:
            raise ValueError(f"{ms.size} samples of {numbers.size} rounds")
        slow = frozenset(int(number) for number in np.asarray(step.get("slow", []), dtype=np.int64).ravel())
        return cls(ms, numbers, str(step.get("group", "")), slow, int(step.get("repeated", 0)))

    @classmethod
    def burst(cls, ms: ArrayLike, turns: str = "") -> Latency:
        """Samples without blocks; `turns`: the step in which they took turns call by call, as records once did."""
        return cls(stats.as_samples(ms), None, turns)

    @property
    def blocks(self) -> dict[str, Any]:
        """Rounds of the samples and the slow ones among them, to be recorded beside `ms`; empty for a burst."""
        return {} if self.rounds is None else {"rounds": self.rounds, "slow": sorted(self.slow)}

    @cached_property
    def medians(self) -> dict[int, float]:
        """Median of each block in ms, by round; empty for a burst."""
        if self.rounds is None:
            return {}
        return {int(number): float(np.median(self.ms[self.rounds == number])) for number in np.unique(self.rounds)}

    @property
    def counted(self) -> dict[int, float]:
        """Those of `medians` that count: without the slow ones, where enough others are left."""
        good = {number: value for number, value in self.medians.items() if number not in self.slow}
        return good if len(good) >= ENOUGH else self.medians

    def p50(self, confidence: float = 0.95) -> Estimate:
        """The median latency in ms with its interval: between blocks, or of a burst, within it."""
        if self.rounds is None:
            return stats.median(self.ms, confidence)
        return stats.between_blocks(list(self.counted.values()), confidence, MEMORY)

    def images_per_s(self, confidence: float = 0.95) -> Estimate:
        """Images per second, one after the other (or batch after batch): 1000 / `p50`, with its interval."""
        time_ms = self.p50(confidence)
        high = 1000 / time_ms.low if time_ms.low > 0 else float("inf")
        return Estimate(1000 / time_ms.value, max(0.0, 1000 / time_ms.high), high)

    def percentile(self, percent: float, confidence: float = 0.95) -> Estimate | None:
        """A percentile of all samples with its interval; None where they are too few to bound it.

        Samples of one block are alike, so that they count for fewer than they are (`stats.clustered`).
        """
        if self.rounds is None:
            return stats.percentile_or_none(self.ms, percent, confidence)
        return stats.clustered(
            [self.ms[self.rounds == number] for number in self.counted], percent, confidence=confidence
        )


def shared_rounds(latencies: Sequence[Latency]) -> list[int]:
    """Rounds in which all took part, in order; where enough are left, without those that were slow for one of them."""
    common = set.intersection(*(set(one.medians) for one in latencies))
    good = common.difference(*(one.slow for one in latencies))
    return sorted(good if len(good) >= ENOUGH else common)


def compare(a: Latency, b: Latency, *, margin: float = 0.02, confidence: float = 0.99) -> Comparison:
    """Which of two is faster, or that the samples cannot tell; the ratio is time of a over time of b.

    Of one group: round by round, by those in which the machine was not slow for either, where they are enough. Else by
    the two medians' intervals.
    """
    if a.rounds is not None and b.rounds is not None and a.group == b.group:
        used = shared_rounds([a, b])
        if len(used) >= 2:
            ratios = [a.medians[number] / b.medians[number] for number in used]
            return stats.verdict(stats.between_blocks(ratios, confidence), margin)
    if a.rounds is None and b.rounds is None:
        paired = bool(a.group) and a.group == b.group and a.ms.size == b.ms.size
        return stats.compare(a.ms, b.ms, paired=paired, margin=margin, confidence=confidence)
    return stats.verdict(stats.ratio(a.p50(confidence), b.p50(confidence)), margin)


def difference(a: Latency, b: Latency) -> Estimate:
    """Median of a less median of b in ms, with the 95 % interval that follows from theirs, taken as independent.

    A single number, such as one that was given, is taken as exact. The method is MOVER (G. Y. Zou, A. Donner,
    "Construction of confidence limits about effect measures", 2008).
    """
    first, second = (
        Estimate(float(one.ms[0]), float(one.ms[0]), float(one.ms[0])) if one.ms.size == 1 else one.p50()
        for one in (a, b)
    )
    value = first.value - second.value
    low = value - float(np.hypot(first.value - first.low, second.high - second.value))
    high = value + float(np.hypot(first.high - first.value, second.value - second.low))
    return Estimate(value, low, high)


def assemble(turns: Iterable[Mapping[str, Any]], group: str, samples: str = "latency_ms") -> dict[str, dict[str, Any]]:
    """The results of a group's rounds, put together: the content of each variant's `latency` step, by variant.

    {"latency_ms": float64 (n,), "rounds": int64 (n,), "group", "slow": rounds, "repeated": blocks thrown away}; a
    variant may be missing from a round. `turns`: results of blocks.take_round, each round once; `samples`: the name of
    their times, "batch_ms" in a `throughput` step.
    """
    found: dict[str, list[tuple[int, np.ndarray, bool, int]]] = {}
    for one in turns:
        for name, times in one["blocks_ms"].items():
            entry = int(one["round"]), np.asarray(times), name in one["slow"], int(one["repeated"].get(name, 0))
            found.setdefault(name, []).append(entry)
    return {
        name: {
            samples: np.concatenate([times for _, times, _, _ in blocks]),
            "rounds": np.repeat([number for number, *_ in blocks], [times.size for _, times, _, _ in blocks]),
            "group": group,
            "slow": [number for number, _, slow, _ in blocks if slow],
            "repeated": sum(repeated for *_, repeated in blocks),
        }
        for name, blocks in found.items()
    }


def told(latencies: Iterable[Latency]) -> str:
    """In words, how the blocks were taken and how the machine behaved meanwhile."""
    all_ = [one for one in latencies if one.rounds is not None]
    blocks, slow = sum(len(one.medians) for one in all_), sum(len(one.slow) for one in all_)
    repeated = sum(one.repeated for one in all_)
    text = f"{blocks} blocks in turn; {repeated or 'none'} repeated because the machine was slow just then"
    if not slow:
        return text + ", none kept that was"
    aside = all(len(one.medians) - len(one.slow) >= ENOUGH for one in all_)
    return text + f", {slow} kept although it stayed slow" + (" (put aside)" if aside else "")
