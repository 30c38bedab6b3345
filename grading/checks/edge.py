"""What became of part edge's predictions: judges over the student's own record.

What is worked out is judged in grading/staff/judges/edge.py, which no student's copy of the kit holds.
"""

from __future__ import annotations

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Judge, Number, longest, one
from grading.checks.options import as_fast
from snippets.edge import soak
from snippets.edge.device import VARIANTS
from snippets.measure.latency import Latency, compare

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


def at_best_threads(evidence: Evidence, variant: str) -> Latency:
    """Latencies at the number of threads with the lowest median."""
    return min(_by_threads(evidence, variant).values(), key=lambda one: one.p50().value)


def fastest_variant(evidence: Evidence) -> Choices:
    """The lowest median, each at its best threads; in an older record, of those that took turns call by call."""
    if evidence.has(TURNS):
        found = {variant: Latency.burst(evidence.samples(TURNS, variant), TURNS) for variant in VARIANTS}
    else:
        found = {variant: at_best_threads(evidence, variant) for variant in VARIANTS}
    return as_fast(found, "Compare the medians of the models, each with the threads that served it best.")


def thread_gain(evidence: Evidence) -> Number:
    """Median with one thread over median with the most."""
    medians = _by_threads(evidence, "fp32")
    gain = medians[min(medians)].p50().value / medians[max(medians)].p50().value
    return Number(gain, "Divide the median of one thread by that of most.", 0.2)


def longest_phase(evidence: Evidence) -> Choices:
    """The phase with the largest median."""
    medians = {phase.replace("_", " "): evidence.p(COLD, 50, f"{phase}_ms") for phase in PHASES}
    return longest(medians, "Compare the medians of the four phases.")


def trend(evidence: Evidence) -> soak.Trend:
    """How the latencies of the soak changed. Raises NotMeasured."""
    evidence.samples(SOAK)
    try:
        return soak.trend(evidence.result(SOAK))
    except (KeyError, ValueError, IndexError, TypeError):
        raise NotMeasured(SOAK, "samples over time") from None


def soak_trend(evidence: Evidence) -> Choices:
    """Slower, steady or faster, by the medians of the first and the last fifth; what their intervals allow, too."""
    found = trend(evidence)
    close = set(soak.undecided(evidence.result(SOAK)))
    if abs(abs(found.change) - soak.NOTABLE) < 0.01:
        close |= {"steady", found.verdict}
    return one(found.verdict, "Compare the medians of the first and the last fifth.", *close)


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


def in_browser(evidence: Evidence, where: str, variant: str) -> Latency:
    """Latencies in the page (`where`: wasm) or beside it (native), with the most threads that were measured."""
    start = f"browser/{where}-{variant}-threads-"
    names = evidence.named(start, "/latency")
    if not names:
        raise NotMeasured(f"{start}1/latency")
    return evidence.latency(max(names, key=lambda name: _threads_of(name, start)))


def _threads_of(name: str, start: str) -> int:
    threads = name.removeprefix(start).removesuffix("/latency")
    return int(threads) if threads.isdecimal() else 0


def times_in_browser(evidence: Evidence) -> Number:
    """Browser over native, round by round."""
    ratio = compare(in_browser(evidence, "wasm", "fp32"), in_browser(evidence, "native", "fp32")).ratio.value
    return Number(ratio, "Divide fp32's median in the browser by its native one.", 0.2)


def int8_in_browser(evidence: Evidence) -> Choices:
    """Whether int8 is faster in the page, round by round; both where the samples cannot tell."""
    found = compare(in_browser(evidence, "wasm", "fp32"), in_browser(evidence, "wasm", "conservative"))
    close = () if found.verdict in ("a", "b") else ("faster", "slower")
    right = "faster" if found.ratio.value > 1 else "slower"
    return one(right, "Compare the medians of fp32 and conservative in the browser.", *close)


JUDGES: dict[str, Judge] = {
    "edge.latency.fastest": fastest_variant,
    "edge.threads.gain": thread_gain,
    "edge.cold.phase": longest_phase,
    "edge.soak.trend": soak_trend,
    "edge.crossover.guess": crossover,
    "edge.browser.slower": times_in_browser,
    "edge.browser.int8": int8_in_browser,
}
