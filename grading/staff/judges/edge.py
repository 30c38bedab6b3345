"""What is right in part edge, of choices and numbers that are worked out: judges over the student's own record."""

from __future__ import annotations

import numpy as np

from grading.checks.edge import COLD, PHASES, SOAK, at_best_threads, crossover, in_browser, trend
from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Judge, Number, fitting
from snippets.decide.targets import target
from snippets.edge.browser.page import PHASES as PAGE_PHASES
from snippets.edge.device import DEVICE, VARIANTS

SERVER_MS = 300.0
"""What a server takes for a photo, all included, in the question of when the browser pays."""


def meets_targets(evidence: Evidence) -> Choices:
    """Variants under both targets; where a limit lies within an interval the samples do not decide."""
    limits = target(DEVICE)
    right, close = set(), set()
    for variant in VARIANTS:
        size_mb = evidence.number(f"kit/{variant}/size", "bytes") / 1e6
        verdict = limits.judge(p50_ms=at_best_threads(evidence, variant).p50(), size_mb=size_mb)
        if verdict is not None and verdict.met:
            right.add(variant)
        elif verdict is not None and verdict.open:
            close.add(variant)
    how = "Look up median and size of each model in your table, and hold them against both targets."
    return fitting(right, close, "none", how)


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


def soak_change(evidence: Evidence) -> Number:
    """Percent by which the last fifth's median differs from the first's."""
    return Number(
        100 * trend(evidence).change,
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


def pays(evidence: Evidence) -> Number:
    """Photos with which a first visit to the page and a server of SERVER_MS cost the same wait; 0 where there are none.

    The first answer lies in the first visit's sum: sum + (n - 1) x warm = n x SERVER_MS.
    """
    start = "browser/wasm-fp32/start"
    visit = sum(evidence.p(start, 50, f"{phase}_ms") for phase in PAGE_PHASES)
    warm = in_browser(evidence, "wasm", "fp32").p50().value
    photos = (visit - warm) / (SERVER_MS - warm) if warm < SERVER_MS else 0.0
    return Number(
        max(0.0, photos),
        "Add the first visit's medians: sum + (n - 1) x a warm photo = n x 300 ms; solve for n.",
        max(0.15 * photos, 0.5),
        absolute=True,
    )


JUDGES: dict[str, Judge] = {
    "edge.latency.targets": meets_targets,
    "edge.cold.worth": worth,
    "edge.cold.wait": first_wait,
    "edge.memory.growth": growth,
    "edge.memory.resident": resident,
    "edge.soak.change": soak_change,
    "edge.energy.cost": energy,
    "edge.crossover.value": crossover,
    "edge.browser.pays": pays,
}
