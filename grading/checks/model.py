"""What is right in part model: judges over the student's own record."""

from __future__ import annotations

import math
from collections.abc import Iterable

from grading.checks.evidence import Evidence, Missing, front
from grading.checks.judging import Choices, Judge, Number, fastest, one
from snippets.decide import cost
from snippets.decide.targets import Target, target
from snippets.stats import accuracy_loss, break_even

CPU_OPTIONS = {
    "onnx-all": "graph/onnx-all",
    "dynamic": "quantize/dynamic",
    "aggressive": "quantize/aggressive",
    "conservative": "quantize/conservative",
    "openvino": "providers/openvino",
}
ENGINES = {
    "cpu": "graph/onnx-all",
    "openvino": "providers/openvino",
    "cuda": "providers/cuda",
    "tensorrt": "providers/tensorrt",
}
LEVELS = ("none", "basic", "extended", "all")
EAGER, COMPILED = "baseline/eager/latency", "baseline/compiled/latency"
CLOSE = 0.05
MAX_LOSS = 0.05


def images_per_s(evidence: Evidence, variant: str) -> float:
    """Throughput of the largest batch that was timed. Raises Missing."""
    steps = evidence.named(f"{variant}/throughput")
    if not steps:
        raise Missing(f"{variant}/throughput")
    return evidence.images_per_s(max(steps, key=lambda name: evidence.number(name, "batch")))


def measured(evidence: Evidence, variants: dict[str, str]) -> dict[str, str]:
    """Those of `variants` (name to step prefix) whose latency was measured. Raises Missing for none."""
    found = {name: prefix for name, prefix in variants.items() if evidence.has(f"{prefix}/latency")}
    if not found:
        raise Missing(f"{next(iter(variants.values()))}/latency")
    return found


def against(figures: Iterable[tuple[float | None, float, bool]]) -> tuple[bool, bool]:
    """Whether all limits are met, and whether a figure lies within 5 % of its limit.

    `figures`: (limit or None, figure, True where the figure must lie below the limit).
    """
    met, close = True, False
    for limit, figure, below in figures:
        if limit is not None:
            met &= figure < limit if below else figure >= limit
            close |= abs(figure / limit - 1) < CLOSE
    return met, close


def meeting(evidence: Evidence, variants: dict[str, str], wanted: Target) -> tuple[set[str], set[str]]:
    """Names that meet a server's target (median and throughput), and names too close to it to tell."""
    right, close = set(), set()
    for name, prefix in variants.items():
        met, near = against(
            [
                (wanted.p50_ms_below, evidence.p50(f"{prefix}/latency"), True),
                (wanted.images_per_s_at_least, images_per_s(evidence, prefix), False),
            ]
        )
        if near:
            close.add(name)
        elif met:
            right.add(name)
    return right, close


# 1_baseline


def eager(evidence: Evidence) -> Number:
    """Median of eager PyTorch."""
    return Number(evidence.p50(EAGER), "The median of baseline/eager/latency.", 0.5)


def overlapping_intervals(_: Evidence) -> Choices:
    """Intervals that overlap widely do not rank two models."""
    return one("these images cannot tell; evaluate more of them", "Look at how far the two intervals overlap.")


def compile_gain(evidence: Evidence) -> Number:
    """Median eager over median compiled."""
    return Number(evidence.p50(EAGER) / evidence.p50(COMPILED), "Divide the medians.", 0.2)


def compiling_pays(evidence: Evidence) -> Number:
    """Compile time over the saving of each request; 0 where nothing was compiled, or compiling saves nothing."""
    if evidence.has("baseline/compiled/absent"):
        return Number(0.0, "PyTorch was not compiled here: answer 0.")
    paid_ms = 1000 * evidence.number("baseline/compiled/compile", "seconds")
    slow, fast = evidence.p50(EAGER), evidence.p50(COMPILED)
    requests = break_even(paid_ms, slow, fast)
    if math.isinf(requests):
        return Number(0.0, "Compiled, a request takes no less time in your run, so compiling never pays: answer 0.")
    # The notebook prints medians to a hundredth of a millisecond: what that hides may not cost points.
    return Number(
        requests,
        "Divide the compile time by the difference of the two medians, in the same unit.",
        max(0.1, 0.01 / (slow - fast)),
    )


# 2_graph


def _histogram(evidence: Evidence, level: str) -> dict[str, int]:
    entry = evidence.field("graph/levels", level)
    counts = entry.get("histogram") if isinstance(entry, dict) else None
    if not isinstance(counts, dict):
        raise Missing("graph/levels", f"histogram of level {level}")
    return {str(name): int(count) for name, count in counts.items()}


def best_level(evidence: Evidence) -> Choices:
    """The step up in optimization that saves most milliseconds."""
    medians = [evidence.p50(f"graph/onnx-{level}/latency") for level in LEVELS]
    saved = {
        f"{before} -> {after}": medians[k] - medians[k + 1]
        for k, (before, after) in enumerate(zip(LEVELS[:-1], LEVELS[1:], strict=True))
    }
    best = max(saved, key=lambda name: saved[name])
    near = [name for name, value in saved.items() if value > saved[best] - CLOSE * medians[0]]
    return one(best, "Subtract each level's median from that of the level before.", *near)


def folded(evidence: Evidence) -> Choices:
    """Operation types of the question that are in the graph at level none and gone at basic."""
    before, after = _histogram(evidence, "none"), _histogram(evidence, "basic")
    asked = ("BatchNormalization", "Expand", "Cast", "Conv", "Clip", "Add")
    return Choices(
        frozenset(name for name in asked if before.get(name, 0) and not after.get(name, 0)),
        "Compare the counts of levels none and basic in your own list.",
    )


def fused_clips(evidence: Evidence) -> Number:
    """Clip nodes at level basic less those at level extended."""
    gone = _histogram(evidence, "basic").get("Clip", 0) - _histogram(evidence, "extended").get("Clip", 0)
    return Number(
        float(gone), "Subtract the count of Clip at level extended from that at level basic.", 0.4, absolute=True
    )


# 3_quantize


def dynamic_is(evidence: Evidence) -> Choices:
    """Dynamic int8 against float32, by medians."""
    ratio = evidence.p50("quantize/dynamic/latency") / evidence.p50("graph/onnx-all/latency")
    verdict = (
        "about the same" if abs(ratio - 1) <= 0.1 else ("faster than float32" if ratio < 1 else "slower than float32")
    )
    return one(verdict, "Compare the two medians.", *(["about the same"] if abs(ratio - 1) <= 0.2 else []))


def conservative_size(evidence: Evidence) -> Number:
    """Size of the conservative file in MB."""
    return Number(evidence.number("quantize/conservative/size", "bytes") / 1e6, "The size of the file.", 0.2)


def images_enough(evidence: Evidence) -> Number:
    """Validation images that would narrow a loss's interval to half a point on either side."""
    step = "quantize/search/a-scale-a-channel.onnx"
    predictions, labels = evidence.field(step, "predictions"), evidence.field(step, "labels")
    loss = accuracy_loss(predictions, evidence.field("quantize/reference", "predictions"), labels)
    points = 100 * (loss.high - loss.low) / 2
    # The ends of the interval are printed to a tenth of a point, so half its width is known to a twentieth.
    return Number(
        len(labels) * (points / 0.5) ** 2,
        "Half the width shrinks with the square root of the number of images.",
        max(0.15, 2 * 0.05 / points) if points else 0.15,
    )


# 4_providers


def fastest_engine(evidence: Evidence) -> Choices:
    """The engine with the lowest median among those measured."""
    return fastest(
        {name: evidence.p50(f"{prefix}/latency") for name, prefix in measured(evidence, ENGINES).items()},
        "Compare the medians of the engines that are here.",
    )


def meets_cpu_target(evidence: Evidence) -> Choices:
    """Engines for a CPU under the target; within 5 % of a limit the samples do not decide."""
    engines = measured(evidence, {name: ENGINES[name] for name in ("cpu", "openvino")})
    right, close = meeting(evidence, engines, target("server CPU"))
    none = {"none of them"}
    return Choices(
        frozenset(right or (set() if close else none)),
        "Hold median and throughput of each engine against both limits.",
        frozenset(close | (none if close and not right else set())),
    )


# 5_choose


def million(evidence: Evidence) -> Number:
    """Cost of a million predictions with onnx-all, from its throughput and the price table."""
    how = "Million / (throughput x utilization) seconds, as hours, x threads x price for a core and hour."
    own_table = (evidence.record.parameters.get("5_choose") or {}).get("prices")
    if own_table:  # a table of the course's own did not come with the record; what it gave did
        priced = evidence.field("choose/front", "priced")
        if not isinstance(priced, dict) or not isinstance(priced.get("onnx-all"), list):
            raise Missing("choose/front", "price of onnx-all")
        return Number(float(priced["onnx-all"][0]), how)
    threads = int(evidence.number("graph/onnx-all/latency", "threads"))
    return Number(cost.per_million_cpu(images_per_s(evidence, "graph/onnx-all"), threads, cost.load_prices()), how)


def server_cpu(evidence: Evidence) -> Choices:
    """Any option that meets the target; where none does, those not dominated in latency and accuracy."""
    options = measured(evidence, CPU_OPTIONS)
    right, close = meeting(evidence, options, target("server CPU"))
    how = "Look which options meet both limits; where none does, which of the accurate ones is fastest."
    if right or close:
        return Choices(frozenset(right), how, frozenset(close))
    accuracy = {name: evidence.accuracy(f"{prefix}/accuracy") for name, prefix in options.items()}
    least = max(accuracy.values()) - MAX_LOSS - 1e-9
    points = {
        name: (evidence.p50(f"{options[name]}/latency"), -value) for name, value in accuracy.items() if value >= least
    }
    quickest = min(point[0] for point in points.values())
    near = {name for name, point in points.items() if point[0] <= quickest * (1 + CLOSE)}
    return Choices(frozenset(front(points)), how, frozenset(near))


def server_gpu(evidence: Evidence) -> Choices:
    """A GPU engine that meets the target, else the fastest that was measured; none where there is no GPU."""
    how = "Choose among what your own run measured on a GPU."
    engines = {name: ENGINES[name] for name in ("cuda", "tensorrt") if evidence.has(f"{ENGINES[name]}/latency")}
    if not engines:
        evidence.result("graph/onnx-all/latency")
        return one("not measured here", how)
    right, close = meeting(evidence, engines, target("server GPU"))
    if right or close:
        return Choices(frozenset(right), how, frozenset(close))
    return fastest({name: evidence.p50(f"{prefix}/latency") for name, prefix in engines.items()}, how)


def phone(evidence: Evidence) -> Choices:
    """Files under the phone's size limit that are not dominated in size and accuracy."""
    limit = (target("end-user device").size_mb_below or 5.0) * 1e6
    names = ("onnx-all", "dynamic", "aggressive", "conservative")
    options = measured(evidence, {name: CPU_OPTIONS[name] for name in names})
    points = {
        name: (evidence.number(f"{prefix}/size", "bytes"), -evidence.accuracy(f"{prefix}/accuracy"))
        for name, prefix in options.items()
    }
    fitting = {name: point for name, point in points.items() if point[0] < limit} or points
    return Choices(
        frozenset(front(fitting)), "Take a file under the limit that no other file beats in size and accuracy."
    )


JUDGES: dict[str, Judge] = {
    "model.baseline.eager": eager,
    "model.baseline.interval": overlapping_intervals,
    "model.baseline.compile": compile_gain,
    "model.baseline.break_even": compiling_pays,
    "model.graph.winner": best_level,
    "model.graph.constants": folded,
    "model.graph.fused": fused_clips,
    "model.quantize.dynamic": dynamic_is,
    "model.quantize.criteria": conservative_size,
    "model.quantize.enough": images_enough,
    "model.providers.fastest": fastest_engine,
    "model.providers.target": meets_cpu_target,
    "model.choose.cost": million,
    "model.choose.server_cpu": server_cpu,
    "model.choose.server_gpu": server_gpu,
    "model.choose.phone": phone,
}
