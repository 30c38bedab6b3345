"""What is right in part edge: judges over the student's own record."""

from __future__ import annotations

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Judge, Number, fitting, longest, one
from grading.checks.options import as_fast
from snippets.decide.targets import target
from snippets.edge import soak
from snippets.edge.device import DEVICE, VARIANTS
from snippets.measure.latency import Latency

PHASES = ("process", "libraries", "model", "first_inference")
TURNS = "edge/all/ranking"
COLD = "cold/fp32/start"
SOAK = "soak/all/soak"


def _by_threads(evidence: Evidence, variant: str) -> dict[int, Latency]:
    """Latencies by number of threads."""
    names = evidence.named(f"edge/{variant}-threads-", "/latency")
    if not names:
        raise NotMeasured(f"edge/{variant}-threads-1/latency")
    return {int(name.split("-threads-")[1].split("/")[0]): evidence.latency(name) for name in names}


def _best(evidence: Evidence, variant: str) -> Latency:
    """Latencies at the number of threads with the lowest median."""
    return min(_by_threads(evidence, variant).values(), key=lambda one: one.p50().value)


def fastest_variant(evidence: Evidence) -> Choices:
    """The lowest median, each at its best threads; in an older record, of those that took turns call by call."""
    if evidence.has(TURNS):
        found = {variant: Latency.burst(evidence.samples(TURNS, variant), TURNS) for variant in VARIANTS}
    else:
        found = {variant: _best(evidence, variant) for variant in VARIANTS}
    return as_fast(found, "Compare the medians of the models, each with the threads that served it best.")


def thread_gain(evidence: Evidence) -> Number:
    """Median with one thread over median with the most."""
    medians = _by_threads(evidence, "fp32")
    gain = medians[min(medians)].p50().value / medians[max(medians)].p50().value
    return Number(gain, "Divide the median of one thread by that of most.", 0.2)


def meets_targets(evidence: Evidence) -> Choices:
    """Variants under both targets; where a limit lies within an interval the samples do not decide."""
    limits = target(DEVICE)
    right, close = set(), set()
    for variant in VARIANTS:
        size_mb = evidence.number(f"kit/{variant}/size", "bytes") / 1e6
        verdict = limits.judge(p50_ms=_best(evidence, variant).p50(), size_mb=size_mb)
        if verdict is not None and verdict.met:
            right.add(variant)
        elif verdict is not None and verdict.open:
            close.add(variant)
    how = "Look up median and size of each model in your table, and hold them against both targets."
    return fitting(right, close, "none", how)


def longest_phase(evidence: Evidence) -> Choices:
    """The phase with the largest median."""
    medians = {phase.replace("_", " "): evidence.p(COLD, 50, f"{phase}_ms") for phase in PHASES}
    return longest(medians, "Compare the medians of the four phases.")


def first_wait(evidence: Evidence) -> Number:
    """Sum of the phases' medians."""
    return Number(
        sum(evidence.p(COLD, 50, f"{phase}_ms") for phase in PHASES),
        "Add the medians of the four phases of cold/fp32/start.",
    )


def worth(evidence: Evidence) -> Number:
    """How many steady predictions fit into the first user's wait, by medians."""
    return Number(
        first_wait(evidence).value / evidence.p(COLD, 50, "steady_ms"),
        "Add the medians of the four phases, and divide the sum by the median of a steady prediction.",
    )


def _memory(evidence: Evidence) -> np.ndarray:
    """Memory in MB, a row a start, a column a phase."""
    memory = np.asarray(evidence.field(COLD, "rss_mb"), dtype=np.float64)
    if memory.ndim != 2 or memory.shape[1] < 2 or not memory.size or not np.isfinite(memory).all():
        raise NotMeasured(COLD, "rss_mb")
    return memory


def growth(evidence: Evidence) -> Number:
    """By how many times the size of the file the process grows from its libraries to the first answer, by medians."""
    memory = np.median(_memory(evidence), axis=0)
    size_mb = evidence.number("kit/fp32/size", "bytes") / 1e6
    if size_mb <= 0:
        raise NotMeasured("kit/fp32/size", "bytes")
    return Number(
        float(memory[-1] - memory[PHASES.index("libraries")]) / size_mb,
        "Subtract the memory with the libraries from that after the first answer, and divide by the size of the file.",
    )


def resident(evidence: Evidence) -> Number:
    """Median of the last column of rss_mb (memory after the first inference)."""
    return Number(float(np.median(_memory(evidence)[:, -1])), "Take the median of rss_mb after the last phase.")


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


def _side(evidence: Evidence, side: str) -> float:
    """Median latency in ms of one side of the crossing."""
    step = "cloud/all/crossover"
    samples = evidence.samples(step, f"{side}_ms")
    rounds = evidence.result(step).get(f"{side}_rounds")
    if rounds is None or not np.size(rounds):
        return float(np.median(samples))
    slow = evidence.field(step, f"{side}_slow")
    try:
        return Latency.of({"latency_ms": samples, "rounds": rounds, "slow": slow}).p50().value
    except (ValueError, TypeError):
        raise NotMeasured(step, f"{side}_rounds") from None


def crossover(evidence: Evidence) -> Number:
    """Median of the device less median of the server, ms."""
    value = _side(evidence, "edge") - _side(evidence, "server")
    return Number(value, "Subtract the server's median from the device's.", max(0.1 * abs(value), 0.5), absolute=True)


JUDGES: dict[str, Judge] = {
    "edge.latency.fastest": fastest_variant,
    "edge.threads.gain": thread_gain,
    "edge.latency.targets": meets_targets,
    "edge.cold.phase": longest_phase,
    "edge.cold.worth": worth,
    "edge.cold.wait": first_wait,
    "edge.memory.growth": growth,
    "edge.memory.resident": resident,
    "edge.soak.trend": soak_trend,
    "edge.soak.change": soak_change,
    "edge.energy.cost": energy,
    "edge.crossover.guess": crossover,
    "edge.crossover.value": crossover,
}
