"""What a record of Part 1 says of the ways to run its model, as judges compare them: by intervals, not by values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, one
from snippets.decide.choose import MAX_LOSS
from snippets.decide.targets import Target, Verdict
from snippets.stats import Estimate, accuracy_loss, compare, median, throughput

# What an engine is called where it takes turns with others.
IN_TURN = {"cpu": "onnx-all"}


def rate(evidence: Evidence, variant: str) -> Estimate:
    """Images per second of the largest batch that was timed. Raises NotMeasured."""
    steps = evidence.named(f"{variant}/throughput")
    if not steps:
        raise NotMeasured(f"{variant}/throughput")
    largest = max(steps, key=lambda name: evidence.number(name, "batch"))
    return throughput(evidence.samples(largest, "batch_ms"), int(evidence.number(largest, "batch")))


def in_turn(evidence: Evidence, turns: str, variants: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Latencies in ms of `variants` (name to step prefix), round by round from the step `turns`.

    A record without that step has those that were measured one after the other. Raises NotMeasured for neither.
    """
    if evidence.has(turns):
        named = {name: IN_TURN.get(name, name) for name in variants}
        return {name: evidence.samples(turns, field) for name, field in named.items()}
    return {name: evidence.samples(f"{prefix}/latency") for name, prefix in variants.items()}


def together(times: Mapping[str, np.ndarray]) -> bool:
    """Whether the latencies were taken round by round, so that they may be compared in pairs: equally many of each."""
    return len({values.size for values in times.values()}) == 1


def as_fast(times: Mapping[str, np.ndarray], how: str) -> Choices:
    """The variant with the lowest median; those that the samples do not rank behind it are right too."""
    best = min(times, key=lambda name: float(np.median(times[name])))
    near = [name for name in times if compare(times[best], times[name], paired=together(times)).verdict != "a"]
    return one(best, how, *near)


def measured(evidence: Evidence, variants: dict[str, str]) -> dict[str, str]:
    """Those of `variants` (name to step prefix) whose latency was measured. Raises NotMeasured for none."""
    found = {name: prefix for name, prefix in variants.items() if evidence.has(f"{prefix}/latency")}
    if not found:
        raise NotMeasured(f"{next(iter(variants.values()))}/latency")
    return found


def verdict(evidence: Evidence, name: str, prefix: str, wanted: Target, turns: str) -> Verdict:
    """How the variant stands to a server's target (median and throughput), by the intervals of its samples."""
    held = wanted.judge(
        p50_ms=median(in_turn(evidence, turns, {name: prefix})[name]), images_per_s=rate(evidence, prefix)
    )
    if held is None:
        raise NotMeasured(f"{prefix}/size")
    return held


def meeting(
    evidence: Evidence, variants: dict[str, str], wanted: Target, turns: str
) -> tuple[frozenset[str], frozenset[str]]:
    """Names that meet a server's target, and names of which the samples allow both."""
    verdicts = {name: verdict(evidence, name, prefix, wanted, turns) for name, prefix in variants.items()}
    return (
        frozenset(name for name, held in verdicts.items() if held.met),
        frozenset(name for name, held in verdicts.items() if held.open),
    )


def accurate(evidence: Evidence, options: Mapping[str, str]) -> dict[str, str]:
    """Options (name to step prefix) that lose at most MAX_LOSS against the most accurate of them."""
    accuracy = {name: evidence.accuracy(f"{prefix}/accuracy") for name, prefix in options.items()}
    least = max(accuracy.values()) - MAX_LOSS - 1e-9
    return {name: prefix for name, prefix in options.items() if accuracy[name] >= least}


def more_accurate(evidence: Evidence, a: str, b: str) -> bool:
    """Whether variant a is more accurate than b beyond chance, image by image."""
    ours, theirs = (evidence.field(f"{prefix}/accuracy", "predictions") for prefix in (a, b))
    if np.shape(ours) != np.shape(theirs):
        return False
    return accuracy_loss(theirs, ours, evidence.field(f"{a}/accuracy", "labels")).low > 0
