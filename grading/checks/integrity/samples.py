"""Whether times look measured: what hardware does to samples and a generator of random numbers does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from grading.checks.evidence import Evidence
from grading.checks.integrity.shapes import is_carried_over

MIN_SAMPLES = 5
MANY_SAMPLES = 20
MIN_ARRAYS = 8
"""So many arrays of many samples tell what their distribution is like."""
Arrays = Sequence[tuple[str, np.ndarray]]
PAGE = "browser/wasm-"
"""Steps that a browser's page timed, by a clock that its browser made coarse."""
COARSEST_MS = 5.0
TICKS = 100
"""Calls that last fewer ticks of a page's clock are timed together."""


def times_of(evidence: Evidence) -> list[tuple[str, np.ndarray]]:
    """Name and samples of each array of times that a step measured, in ms, flat, whatever their type."""
    found = []
    for name in evidence.steps:
        if is_carried_over(name):
            continue
        for _, result in evidence.measured(name):
            for field in ("latency_ms", "batch_ms") if isinstance(result, Mapping) else ():
                values = result.get(field)
                if isinstance(values, list) and values:
                    values = np.array([x for x in values if isinstance(x, int | float)], dtype=np.float64)
                if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.size:
                    samples = values.ravel().astype(np.float64)
                    if np.isfinite(samples).all():
                        found.append((f"{name} {field}", samples))
    return found


def is_of_load(name: str) -> bool:
    """Whether times are those of a load: there a queue makes them rise or fall in order."""
    return name.split(" ")[0].endswith(("/load", "/loadgen"))


def page_tick_ms(evidence: Evidence) -> float:
    """How far apart the clock of the run's page tells times, in ms, as the page said; 0 where there was no page."""
    facts = evidence.loaded("browser/facts") if evidence.has("browser/facts") else None
    tick = facts.get("resolution_ms") if isinstance(facts, Mapping) else None
    good = isinstance(tick, int | float) and not isinstance(tick, bool) and 0 < tick <= COARSEST_MS
    return float(tick) if good else 0.0  # type: ignore[arg-type]


def looks_made(samples: np.ndarray, queued: bool = False, tick_ms: float = 0.0) -> str | None:
    """Why one array does not look measured; None if it may be.

    `queued`: it was taken under load. `tick_ms`: how far apart a page's clock tells times; 0 for the kit's own.
    """
    if samples.size < MIN_SAMPLES:
        return None
    distinct = np.unique(samples).size
    # A coarse clock has only so many values between the least time and the largest.
    possible = int(np.ptp(samples) / tick_ms) // 3 if tick_ms else samples.size
    if distinct < min(max(3, samples.size // 3), possible):
        return f"only {distinct} different values in {samples.size} samples"
    if not tick_ms and np.allclose(samples, np.round(samples, 3), rtol=0, atol=1e-9):
        return "the samples are rounded to microseconds, but the clock counts nanoseconds"
    if queued or samples.size < 2 * MIN_SAMPLES or possible < MIN_SAMPLES:
        return None
    steps = np.diff(samples)
    if np.all(steps >= 0) or np.all(steps <= 0):
        return "the samples are in order of size"
    if np.unique(np.round(np.diff(np.sort(samples)), 9)).size <= 2 and possible >= samples.size:
        return "the samples are evenly spaced"
    if samples.size >= 2 * MANY_SAMPLES and np.mean(steps**2) < 0.01 * samples.var():
        return "the samples follow a smooth curve"
    return None


def not_counted(arrays: Arrays, tick_ms: float = 0.0) -> list[str]:
    """Arrays of whole calls that no clock counted: the kit's counts nanoseconds, so that each is a whole number.

    A page's clock counts ticks of `tick_ms`. Samples that were multiplied, or had noise put on them, are none. Loads
    and soaks reckon with other clocks.
    """
    found = []
    for name, samples in arrays:
        step = name.split(" ")[0]
        if step.startswith(PAGE) and tick_ms:
            if not _counts_ticks(samples, tick_ms):
                found.append(f"{step}: the times are no whole ticks of the page's clock, {tick_ms:g} ms each")
        elif step.endswith("/latency") or "/throughput" in step:
            ns = samples * 1e6
            if np.mean(np.abs(ns - np.round(ns)) < 1e-3 + 1e-9 * np.abs(ns)) < 0.9:
                found.append(f"{step}: the times are no whole nanoseconds, which the clock counts")
    return found


def _counts_ticks(samples: np.ndarray, tick_ms: float) -> bool:
    """Whether most times are whole ticks, or, of calls that were timed together, whole ticks over their number.

    How many were together follows from how long one took; that is not recorded, so every number is tried that may be.
    """
    most = int(2 * TICKS * tick_ms / float(np.median(samples))) + 1
    for together in range(1, most + 1):
        ticks = samples * together / tick_ms
        # A time is kept to the nanosecond, and a browser's own figures are as far off.
        off = 2e-6 * together / tick_ms + 1e-9 * ticks
        if np.mean(np.abs(ticks - np.round(ticks)) <= off) >= 0.5:
            return True
    return False


def repeated(arrays: Arrays) -> list[str]:
    """Pairs of arrays that are equal, or one a multiple of the other, or nearly so."""
    found: list[str] = []
    seen: dict[bytes, str] = {}
    by_size: dict[int, list[tuple[str, np.ndarray]]] = {}
    for name, samples in arrays:
        if samples.size < MANY_SAMPLES or np.ptp(samples) == 0:
            continue
        if name.startswith(PAGE) and np.unique(samples).size < samples.size // 2:
            continue  # by a coarse clock many times are equal, and so are their ranks
        head = samples[:20] / samples[:20].mean()
        key = np.round(head, 7).tobytes()
        if key in seen:
            found.append(f"{name} repeats the samples of {seen[key]}")
        elif not is_of_load(name):
            by_size.setdefault(samples.size, []).append((name, _ranks(samples)))
        seen.setdefault(key, name)
    for group in by_size.values():
        for (first, a), (second, b) in combinations(group, 2):
            if a.size >= 2 * MANY_SAMPLES and float(a @ b) > 0.95:
                found.append(f"{second} rises and falls as {first} does")
    return found


def _ranks(samples: np.ndarray) -> np.ndarray:
    """Ranks, centred and of length one: the product of two is Spearman's correlation (without ties)."""
    ranks = np.argsort(np.argsort(samples)).astype(np.float64)
    ranks -= ranks.mean()
    return ranks / np.linalg.norm(ranks)


def drawn(arrays: Arrays) -> list[str]:
    """Why the arrays of a run, taken together, look drawn by a generator of random numbers; empty if they do not.

    Times have a floor and a long tail upwards (skewness above zero), and what disturbs one call disturbs the next
    (autocorrelation: of independent samples, size times its square is 1 on average). A quiet machine may lack one of
    these; a run that lacks both in most of its arrays was not measured.
    """
    usable = [samples for name, samples in arrays if samples.size >= MANY_SAMPLES and not is_of_load(name)]
    usable = [samples for samples in usable if samples.std() > 1e-12 * abs(samples.mean())]
    if len(usable) < MIN_ARRAYS:
        return []
    skewness = float(np.median([_skewness(samples) for samples in usable]))
    linked = float(np.mean([samples.size * _autocorrelation(samples) ** 2 for samples in usable]))
    if abs(skewness) < 0.25 and linked < 1.8:
        return [
            "in most steps the times lie as far below their mean as above it, and none has to do with the one before "
            f"it: so a generator of random numbers scatters them (median skewness {skewness:.2f})"
        ]
    return []


def _skewness(samples: np.ndarray) -> float:
    deviations = samples - samples.mean()
    return float(np.mean(deviations**3) / np.mean(deviations**2) ** 1.5)


def _autocorrelation(samples: np.ndarray) -> float:
    """Correlation of each sample's rank with the next one's: a single late one does not hide it."""
    ranks = _ranks(samples)
    return float(ranks[1:] @ ranks[:-1])


def unmeasured(evidence: Evidence) -> list[str]:
    """Why the samples of a run do not look measured; empty if they may be."""
    arrays = times_of(evidence)
    return [*_one_by_one(arrays, page_tick_ms(evidence)), *repeated(arrays), *drawn(arrays)]


def _one_by_one(arrays: Arrays, page_tick: float = 0.0) -> Iterator[str]:
    for name, samples in arrays:
        tick_ms = page_tick if name.startswith(PAGE) else 0.0
        # LoadGen hands a whole pile over at once: those times come in order, and in batches.
        if not name.split(" ")[0].endswith("/loadgen") and (reason := looks_made(samples, is_of_load(name), tick_ms)):
            yield f"{name.split(' ')[0]}: {reason}"
