"""What a record of Part 1 says of the ways to run its model, as judges compare them: by intervals, not by values.

`as_fast` ranks latencies of any part.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, one
from snippets.decide.choose import MAX_LOSS
from snippets.decide.targets import Target, Verdict
from snippets.measure.latency import Latency, compare
from snippets.stats import Estimate, accuracy_loss

# What an engine is called where it takes turns with others.
IN_TURN = {"cpu": "onnx-all"}
# Where the batches of all ways to run the model take turns, and what this group is called.
BATCHES, BATCHES_GROUP = "providers", "providers/batches"
# Where those of other networks, and of the network trained for int8, do.
SMALLER_BATCHES = "smaller/batches"
OTHER_BATCHES = (SMALLER_BATCHES, "int8/batches", "prune/batches", "distill/batches")


def batches(evidence: Evidence, name: str, prefix: str) -> str:
    """The step with an option's batches in turn with those of the others. Raises NotMeasured.

    In older records, which have none, the largest batch that was timed by itself.
    """
    of_group = f"{BATCHES}/{IN_TURN.get(name, name)}/throughput"
    for step in evidence.named(of_group):
        if evidence.result(step).get("group") == BATCHES_GROUP:
            return step
    steps = [
        step
        for step in evidence.named(f"{prefix}/throughput")
        if evidence.result(step).get("group", SMALLER_BATCHES) in OTHER_BATCHES
    ]
    if not steps:
        raise NotMeasured(of_group)
    return max(steps, key=lambda step: evidence.number(step, "batch"))


def rate(evidence: Evidence, name: str, prefix: str) -> Estimate:
    """Images per second of an option, from its `batches`. Raises NotMeasured."""
    return evidence.batches(batches(evidence, name, prefix)).images_per_s()


def in_turn(evidence: Evidence, group: str, variants: Mapping[str, str]) -> dict[str, Latency]:
    """Latencies of `variants` (name to step prefix) in the turns of `group`.

    Records made before there were blocks have turns call by call (`<group>/ranking`), or only each variant by itself.
    Raises NotMeasured for none of these.
    """
    named = {name: IN_TURN.get(name, name) for name in variants}
    blocks = {name: in_group(evidence, group, named[name], prefix) for name, prefix in variants.items()}
    if all(blocks.values()):
        return {name: evidence.latency(str(step)) for name, step in blocks.items()}
    turns = f"{group}/ranking"
    if evidence.has(turns):
        return {name: Latency.burst(evidence.samples(turns, field), turns) for name, field in named.items()}
    return {name: evidence.latency(f"{prefix}/latency") for name, prefix in variants.items()}


def in_group(evidence: Evidence, group: str, name: str, prefix: str) -> str | None:
    """The step with a variant's latency in the turns of `group`, under that name or its own; None if it has none."""
    for step in (f"{group}/{name}/latency", f"{prefix}/latency"):
        if evidence.has(step) and evidence.result(step).get("group") == group:
            return step
    return None


def as_fast(latencies: Mapping[str, Latency], how: str) -> Choices:
    """The variant with the lowest median; those that the samples do not rank behind it are right too."""
    best = min(latencies, key=lambda name: latencies[name].p50().value)
    near = [name for name in latencies if compare(latencies[best], latencies[name]).verdict != "a"]
    return one(best, how, *near)


def measured(evidence: Evidence, group: str, variants: Mapping[str, str]) -> dict[str, str]:
    """Those of `variants` (name to step prefix) whose latency was measured, in the turns of `group` or by themselves.

    Where the group has turns, only who took part in them. Raises NotMeasured for none.
    """
    in_blocks = {
        name: prefix for name, prefix in variants.items() if in_group(evidence, group, IN_TURN.get(name, name), prefix)
    }
    found = in_blocks or {name: prefix for name, prefix in variants.items() if evidence.has(f"{prefix}/latency")}
    if not found:
        raise NotMeasured(f"{next(iter(variants.values()))}/latency")
    return found


def verdict(evidence: Evidence, name: str, prefix: str, wanted: Target, group: str) -> Verdict:
    """How the variant stands to a server's target (median and throughput), by the intervals of its samples."""
    held = wanted.judge(
        p50_ms=in_turn(evidence, group, {name: prefix})[name].p50(), images_per_s=rate(evidence, name, prefix)
    )
    if held is None:
        raise NotMeasured(f"{prefix}/size")
    return held


def meeting(
    evidence: Evidence, variants: dict[str, str], wanted: Target, group: str
) -> tuple[frozenset[str], frozenset[str]]:
    """Names that meet a server's target, and names of which the samples allow both."""
    verdicts = {name: verdict(evidence, name, prefix, wanted, group) for name, prefix in variants.items()}
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
