"""What became of part model's predictions: judges over the student's own record.

What is worked out is judged in grading/staff/judges/model.py, which no student's copy of the kit holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Judge, Number, one
from grading.checks.options import as_fast, in_turn, measured
from snippets.measure.latency import Latency, compare, shared_rounds
from snippets.retrain import gain
from snippets.stats import Estimate, between_replications, median, recovered

ENGINES = {
    "cpu": "graph/onnx-all",
    "openvino": "providers/openvino",
    "cuda": "providers/cuda",
    "tensorrt": "providers/tensorrt",
    "rocm": "providers/rocm",
    "migraphx": "providers/migraphx",
}
LEVELS = ("none", "basic", "extended", "all")
EAGER, COMPILED = "baseline/eager/latency", "baseline/compiled/latency"
# Whose turns decide what: the groups of snippets.engine.turns.
BASELINE, GRAPH, QUANTIZE, PROVIDERS, SMALLER = "baseline", "graph", "quantize", "providers", "smaller"
PRUNE, NOTHING_PRUNED = "prune", "prune/absent"
CHOOSE = "choose"
# More paired times than this are single calls, as older records have them, not blocks.
MANY = 15


# 0_kernel


def search_rate(evidence: Evidence) -> Number:
    """GFLOP/s of the search for one photo: two operations for each number of the catalogue."""
    inner, outer = catalogue_shape(evidence)
    flop = 2.0 * inner * outer
    return Number(flop / evidence.p50("search/float32-1/latency") / 1e6, "Operations over the median time.", 0.5)


def catalogue_shape(evidence: Evidence) -> tuple[int, int]:
    """Numbers of a photo, and stored photos. Raises NotMeasured."""
    found = evidence.loaded("search/catalogue") if evidence.has("search/catalogue") else None
    if not isinstance(found, list) or len(found) != 2 or not all(isinstance(one, int) and one > 0 for one in found):
        raise NotMeasured("search/catalogue", "shape")
    return found[0], found[1]


def order_gain(evidence: Evidence) -> Number:
    """Median of the naive product over that in the other order."""
    slow, fast = (evidence.p50(f"kernel/{name}/latency") for name in ("naive", "order"))
    return Number(slow / fast, "Divide the medians.", 0.3)


# 1_baseline


def eager(evidence: Evidence) -> Number:
    """Median of eager PyTorch."""
    return Number(evidence.p50(EAGER), "The median of baseline/eager/latency.", 0.5)


def compile_gain(evidence: Evidence) -> Number:
    """Median eager over median compiled."""
    return Number(evidence.p50(EAGER) / evidence.p50(COMPILED), "Divide the medians.", 0.2)


# 2_graph


def best_level(evidence: Evidence) -> Choices:
    """The step up in optimization that saves most milliseconds, round by round."""
    found = in_turn(evidence, GRAPH, {level: f"graph/onnx-{level}" for level in LEVELS})
    times = _by_round(found)
    saved = {
        f"{before} -> {after}": times[before] - times[after]
        for before, after in zip(LEVELS[:-1], LEVELS[1:], strict=True)
    }
    best = max(saved, key=lambda name: float(np.median(saved[name])))
    near = [name for name, values in saved.items() if not _surely_above_zero(saved[best] - values)]
    return one(best, "Subtract each level's median from that of the level before.", *near)


def _by_round(latencies: Mapping[str, Latency]) -> dict[str, np.ndarray]:
    """Times in ms that may be compared place by place: medians of the rounds in common, or samples taken in turn."""
    if all(one.rounds is not None for one in latencies.values()):
        used = shared_rounds(list(latencies.values()))
        return {name: np.array([one.medians[number] for number in used]) for name, one in latencies.items()}
    count = min(one.ms.size for one in latencies.values())
    return {name: one.ms[:count] for name, one in latencies.items()}


def _surely_above_zero(differences: np.ndarray) -> bool:
    """Whether the middle of paired differences is above zero with 99 % confidence.

    A few blocks: by Student's t of their mean; many single calls: by the order statistics of their median.
    """
    middle = median if differences.size > MANY else between_replications
    return middle(differences, confidence=0.99).low > 0


# 3_quantize


def dynamic_is(evidence: Evidence) -> Choices:
    """Dynamic int8 against float32, in turn: beyond a tenth one is faster; where the interval holds a tenth, both."""
    found = in_turn(evidence, QUANTIZE, {"dynamic": "quantize/dynamic", "onnx-all": "graph/onnx-all"})
    return _against_float32(found["dynamic"], found["onnx-all"])


def _against_float32(one_ms: Latency, float32_ms: Latency, called: str = "float32") -> Choices:
    ratio = compare(one_ms, float32_ms).ratio
    names = {value: _as_fast_as(called, value) for value in (ratio.value, ratio.low, ratio.high)}
    near = ["about the same"] if abs(ratio.value - 1) <= 0.2 else []
    return one(names[ratio.value], "Compare the two medians.", *names.values(), *near)


def _as_fast_as(called: str, ratio: float) -> str:
    if abs(ratio - 1) <= 0.1:
        return "about the same"
    return f"faster than {called}" if ratio < 1 else f"slower than {called}"


def conservative_size(evidence: Evidence) -> Number:
    """Size of the conservative file in MB."""
    return Number(evidence.number("quantize/conservative/size", "bytes") / 1e6, "The size of the file.", 0.2)


# 4_providers


def fastest_engine(evidence: Evidence) -> Choices:
    """The engine with the lowest median among those that took turns."""
    return as_fast(
        in_turn(evidence, PROVIDERS, measured(evidence, PROVIDERS, ENGINES)),
        "Compare the medians of the engines that are here.",
    )


# 5_smaller


def width_gain(evidence: Evidence) -> Number:
    """How many times as fast the narrow network is, round by round."""
    found = in_turn(evidence, SMALLER, {name: f"smaller/{name}" for name in ("onnx-all", "mobilenet-half")})
    ratio = compare(found["onnx-all"], found["mobilenet-half"]).ratio
    return Number(ratio.value, "Divide the medians.", 0.2)


def float16_is(evidence: Evidence) -> Choices:
    """Float16 against float32, in turn: beyond a tenth one is faster; where the interval holds a tenth, both."""
    found = in_turn(evidence, SMALLER, {name: f"smaller/{name}" for name in ("onnx-all", "fp16")})
    return _against_float32(found["fp16"], found["onnx-all"])


# 6_retrain, training for int8

SHARES = {
    "less than a quarter": (-math.inf, 0.25),
    "a quarter to three quarters": (0.25, 0.75),
    "more than three quarters": (0.75, math.inf),
}


def came_back(evidence: Evidence) -> Estimate:
    """The share of what 4 bits a weight lost that training brought back, image by image. Raises NotMeasured."""
    places = ("int8/qat-4bit/accuracy", "int8/static-4bit/accuracy", "graph/onnx-all/accuracy")
    ours, worse, reference = (np.asarray(evidence.field(place, "predictions")) for place in places)
    labels = np.asarray(evidence.field(places[0], "labels"))
    if not labels.size or not ours.shape == worse.shape == reference.shape == labels.shape:
        raise NotMeasured(places[0], "predictions of the same images")
    return recovered(ours, worse, reference, labels)


def share_back(evidence: Evidence) -> Choices:
    """How much of the loss came back; every choice that the interval of the share allows."""
    how = "Divide the right answers that training added by those that 4 bits lost."
    if evidence.has("int8/qat-4bit/absent"):
        return Choices(frozenset(), "This network could not be trained: any guess is as good.", frozenset(SHARES))
    share = came_back(evidence)
    right = [name for name, (low, high) in SHARES.items() if low < share.value <= high]
    near = [name for name, (low, high) in SHARES.items() if share.low <= high and share.high >= low]
    return Choices(frozenset(right), how, frozenset(near) - frozenset(right))


# 6_retrain, pruning


def zeros_are(evidence: Evidence) -> Choices:
    """The network of four fifths zeros against the whole one, in turn; anything where nothing was pruned."""
    if evidence.has(NOTHING_PRUNED):
        names = ("faster than onnx-all", "about the same", "slower than onnx-all")
        return Choices(frozenset(names), "Nothing was pruned here.")
    found = in_turn(evidence, PRUNE, {name: f"prune/{name}" for name in ("onnx-all", "zeros-80")})
    return _against_float32(found["zeros-80"], found["onnx-all"], "onnx-all")


def channels_gain(evidence: Evidence) -> Number:
    """How many times as fast the network with half of the channels is, round by round; 1 where nothing was pruned."""
    if evidence.has(NOTHING_PRUNED):
        return Number(1.0, "Nothing was pruned here: 1.", 0.2)
    found = in_turn(evidence, PRUNE, {name: f"prune/{name}" for name in ("onnx-all", "channels-50")})
    return Number(compare(found["onnx-all"], found["channels-50"]).ratio.value, "Divide the medians.", 0.2)


# 6_retrain, distillation


def distilled(evidence: Evidence) -> tuple[Estimate, ...]:
    """What the teacher brought for each seed, as a share of the images, from the predictions of all students.

    Raises NotMeasured, also where they did not all classify the same images.
    """
    steps = {source: [f"distill/{source}-{seed}/accuracy" for seed in gain.SEEDS] for source in gain.SOURCES}
    labels = evidence.field(steps[gain.LABELS][0], "labels")
    for step in (*steps[gain.LABELS], *steps[gain.TEACHER]):
        if not np.array_equal(evidence.field(step, "labels"), labels):
            raise NotMeasured(step, "labels that are those of the others")
    taught, alone = (
        [evidence.field(step, "predictions") for step in steps[source]] for source in (gain.TEACHER, gain.LABELS)
    )
    return gain.by_seed(taught, alone, labels)


def teacher_gain(evidence: Evidence) -> Number:
    """Points of accuracy that the teacher brought, the mean of the seeds."""
    mean = gain.over_seeds(distilled(evidence))
    return Number(100 * mean.value, "Subtract the accuracies seed by seed, and take the mean.", 1.0, absolute=True)


JUDGES: dict[str, Judge] = {
    "model.kernel.search": search_rate,
    "model.kernel.order": order_gain,
    "model.baseline.eager": eager,
    "model.baseline.compile": compile_gain,
    "model.graph.winner": best_level,
    "model.quantize.dynamic": dynamic_is,
    "model.quantize.criteria": conservative_size,
    "model.providers.fastest": fastest_engine,
    "model.smaller.width": width_gain,
    "model.smaller.fp16": float16_is,
    "model.retrain.share": share_back,
    "model.prune.zeros": zeros_are,
    "model.prune.channels": channels_gain,
    "model.retrain.teacher": teacher_gain,
}
