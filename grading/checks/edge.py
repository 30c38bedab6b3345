"""What is right in part edge: judges over the student's own record."""

from __future__ import annotations

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Judge, Number, fastest, one
from snippets.decide.targets import target
from snippets.edge import soak
from snippets.edge.device import VARIANTS

PHASES = ("process", "libraries", "model", "first_inference")
COLD = "cold/fp32/start"
SOAK = "soak/all/soak"


def _by_threads(evidence: Evidence, variant: str) -> dict[int, float]:
    """Median latency in ms by number of threads."""
    names = evidence.named(f"edge/{variant}-threads-", "/latency")
    if not names:
        raise NotMeasured(f"edge/{variant}-threads-1/latency")
    return {int(name.split("-threads-")[1].split("/")[0]): evidence.p50(name) for name in names}


def fastest_variant(evidence: Evidence) -> Choices:
    """The variant with the lowest median at its best number of threads."""
    return fastest(
        {variant: min(_by_threads(evidence, variant).values()) for variant in VARIANTS},
        "Compare the medians in your table.",
    )


def thread_gain(evidence: Evidence) -> Number:
    """Median with one thread over median with the most."""
    medians = _by_threads(evidence, "fp32")
    gain = medians[min(medians)] / medians[max(medians)]
    return Number(gain, "Divide the median of one thread by that of most.", 0.2)


def meets_targets(evidence: Evidence) -> Choices:
    """Variants under both targets; within 5 % of a limit the samples do not decide."""
    limits = target("end-user device")
    latency_below, size_below = limits.p50_ms_below or 15.0, (limits.size_mb_below or 5.0) * 1e6
    right, close = set(), set()
    for variant in VARIANTS:
        use = max(
            min(_by_threads(evidence, variant).values()) / latency_below,
            evidence.number(f"kit/{variant}/size", "bytes") / size_below,
        )
        if use < 1:
            right.add(variant)
        if abs(use - 1) < 0.05:
            close.add(variant)
    return Choices(
        frozenset((right - close) or ({"none"} if not close else set())),
        "Look up median and size of each model in your table, and hold them against both targets.",
        frozenset(close | ({"none"} if close and not right - close else set())),
    )


def longest_phase(evidence: Evidence) -> Choices:
    """The phase with the largest median."""
    medians = {phase.replace("_", " "): -evidence.p(COLD, 50, f"{phase}_ms") for phase in PHASES}
    longest = min(medians, key=lambda phase: medians[phase])
    near = [phase for phase, value in medians.items() if value < medians[longest] * 0.95]
    return one(longest, "Compare the medians of the four phases.", *near)


def first_wait(evidence: Evidence) -> Number:
    """Sum of the phases' medians."""
    return Number(
        sum(evidence.p(COLD, 50, f"{phase}_ms") for phase in PHASES),
        "Add the medians of the four phases of cold/fp32/start.",
    )


def resident(evidence: Evidence) -> Number:
    """Median of the last column of rss_mb (memory after the first inference)."""
    memory = np.asarray(evidence.field(COLD, "rss_mb"), dtype=np.float64)
    if memory.ndim != 2 or not memory.size:
        raise NotMeasured(COLD, "rss_mb")
    return Number(float(np.median(memory[:, -1])), "Take the median of rss_mb after the last phase.")


def _trend(evidence: Evidence) -> soak.Trend:
    evidence.samples(SOAK)
    try:
        return soak.trend(evidence.result(SOAK))
    except (KeyError, ValueError, IndexError, TypeError):
        raise NotMeasured(SOAK, "samples over time") from None


def soak_trend(evidence: Evidence) -> Choices:
    """Slower, steady or faster, by the medians of the first and the last fifth."""
    found = _trend(evidence)
    close = {"steady", found.verdict} if abs(abs(found.change) - soak.NOTABLE) < 0.01 else set()
    return one(found.verdict, "Compare the medians of the first and the last fifth.", *close)


def soak_change(evidence: Evidence) -> Number:
    """Percent by which the last fifth's median differs from the first's."""
    return Number(
        100 * _trend(evidence).change,
        "Divide the last fifth's median by the first fifth's, less 1.",
        2.0,
        absolute=True,
    )


def energy(evidence: Evidence) -> Number:
    """Watt-hours of 1,000 predictions: power x median latency."""
    watts = evidence.number("soak/all/power", "power_w")
    return Number(
        watts * evidence.p50(SOAK) / 1e3 * 1000 / 3600,
        "Power in watts x median latency in seconds x 1000 predictions / 3600.",
    )


def crossover(evidence: Evidence) -> Number:
    """Median of the device less median of the server, ms."""
    edge = evidence.p("cloud/all/crossover", 50, "edge_ms")
    server = evidence.p("cloud/all/crossover", 50, "server_ms")
    value = edge - server
    return Number(value, "Subtract the server's median from the device's.", max(0.1 * abs(value), 0.5), absolute=True)


JUDGES: dict[str, Judge] = {
    "edge.latency.fastest": fastest_variant,
    "edge.threads.gain": thread_gain,
    "edge.latency.targets": meets_targets,
    "edge.cold.phase": longest_phase,
    "edge.cold.wait": first_wait,
    "edge.memory.resident": resident,
    "edge.soak.trend": soak_trend,
    "edge.soak.change": soak_change,
    "edge.energy.cost": energy,
    "edge.crossover.guess": crossover,
    "edge.crossover.value": crossover,
}
