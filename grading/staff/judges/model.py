"""What is right in part model, of choices and numbers that are worked out: judges over the student's own record."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Judge, Number, fitting, one
from grading.checks.model import (
    CHOOSE,
    COMPILED,
    EAGER,
    ENGINES,
    NOTHING_PRUNED,
    PROVIDERS,
    PRUNE,
    SMALLER,
    came_back,
    distilled,
)
from grading.checks.options import accurate, as_fast, batches, in_turn, measured, meeting, more_accurate, rate
from snippets.decide import cost
from snippets.decide.choose import GPU_PROVIDERS
from snippets.decide.targets import target
from snippets.kernel.layers import DEPTHWISE, POINTWISE
from snippets.measure.latency import compare
from snippets.retrain import gain
from snippets.stats import accuracy_loss, break_even, front

CPU_OPTIONS = {
    "onnx-all": "graph/onnx-all",
    "dynamic": "quantize/dynamic",
    "aggressive": "quantize/aggressive",
    "conservative": "quantize/conservative",
    "openvino": "providers/openvino",
    **{
        name: f"providers/{name}"
        for name in (
            "onnx-streams",
            "openvino-streams",
            "openvino-bf16",
            "openvino-bf16-streams",
            "aggressive-streams",
            "openvino-aggressive",
            "openvino-aggressive-streams",
            "conservative-streams",
            "openvino-conservative",
            "openvino-conservative-streams",
        )
    },
}
NETWORKS = ("mobilenet-half", "resnet", "transformer", "embedding")
CPU_OPTIONS |= {name: f"smaller/{name}" for name in (*NETWORKS, "fp16")}
CPU_OPTIONS |= {"qat": "int8/qat"}
CPU_OPTIONS |= {"channels-50": "prune/channels-50"}
PRUNED = {"onnx-all": "graph/onnx-all", **{name: f"prune/{name}" for name in ("zeros-50", "zeros-80", "channels-50")}}
CPU_OPTIONS |= {"student": "distill/student"}
# What the notebook that decides is called, and was called before there were those of smaller networks and training.
CHOOSING = ("7_choose", "6_choose", "5_choose")
# Files whose sizes differ by less are of one size: nobody waits for 2 % of a download.
SAME_SIZE = 0.05


def photos_at_once(evidence: Evidence) -> Number:
    """Photos from which a search waits for arithmetic: twice the operations a byte at which both limits are equal."""

    def best(*names: str) -> float:
        steps = ("kernel/limits", "kernel/limits-after")
        return max(float(evidence.samples(step, name).max()) for step in steps for name in names)

    # All threads can do no less than one of them did, whoever disturbed them.
    computing, reading = best("float32_per_s", "one_thread_per_s"), best("memory_per_s")
    if computing <= 0 or reading <= 0:
        raise NotMeasured("kernel/limits", "positive rates")
    how = "Operations a second over bytes a second; each photo does 2 operations with every 4 bytes of the catalogue."
    return Number(2 * computing / reading, how, 0.15)


def without_slow_depthwise(evidence: Evidence) -> Number:
    """Time of all layers if the depthwise ones did as many operations a second as the 1x1 ones."""
    step = "kernel/layers"
    times, flop = evidence.samples(step, "milliseconds"), evidence.samples(step, "flop")
    kinds = evidence.field(step, "kinds")
    if len(kinds) != times.size or times.size != flop.size:
        raise NotMeasured(step, "milliseconds of each layer")
    how = "Take the depthwise time out, and put in their operations over the rate of the 1x1 layers."
    slow, fast = (np.array([kind == name for kind in kinds]) for name in (DEPTHWISE, POINTWISE))
    if not slow.any() or not fast.any() or times[fast].sum() <= 0:
        return Number(float(times.sum()), how)
    rate = flop[fast].sum() / times[fast].sum()
    return Number(float(times[~slow].sum() + flop[slow].sum() / rate), how)


def overlapping_intervals(_: Evidence) -> Choices:
    """Intervals that overlap widely do not rank two models."""
    return one("these images cannot tell; evaluate more of them", "Look at how far the two intervals overlap.")


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


def _histogram(evidence: Evidence, level: str) -> dict[str, int]:
    entry = evidence.field("graph/levels", level)
    counts = entry.get("histogram") if isinstance(entry, dict) else None
    if not isinstance(counts, dict):
        raise NotMeasured("graph/levels", f"histogram of level {level}")
    return {str(name): int(count) for name, count in counts.items()}


def vanished(evidence: Evidence) -> Number:
    """Per cent of the nodes that level basic removes that do not depend on the image."""
    counts = {}
    for level in ("none", "basic"):
        entry = evidence.field("graph/levels", level)
        if not isinstance(entry, dict):
            raise NotMeasured("graph/levels", f"counts of level {level}")
        counts[level] = int(entry["nodes"]), int(entry["constant_nodes"])
    (nodes, constant), (kept, still_constant) = counts["none"], counts["basic"]
    if nodes <= kept:
        raise NotMeasured("graph/levels", "nodes that went")
    share = 100 * (constant - still_constant) / (nodes - kept)
    how = "Divide the constant nodes that went by the sum of all that went from none to basic."
    return Number(share, how, 2.0, absolute=True)


def folded(evidence: Evidence) -> Choices:
    """Operation types of the question that are in the graph at level none and gone at basic."""
    before, after = _histogram(evidence, "none"), _histogram(evidence, "basic")
    asked = ("BatchNormalization", "Expand", "Cast", "Conv", "Clip", "Add")
    return Choices(
        frozenset(name for name in asked if before.get(name, 0) and not after.get(name, 0)),
        "Compare the counts of levels none and basic in your own list.",
    )


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


def meets_cpu_target(evidence: Evidence) -> Choices:
    """Engines for a CPU under the target; where a limit lies within an interval the samples do not decide."""
    engines = measured(evidence, PROVIDERS, {name: ENGINES[name] for name in ("cpu", "openvino")})
    right, close = meeting(evidence, engines, target("server CPU", evidence.record.machine), PROVIDERS)
    return fitting(right, close, "none of them", "Hold median and throughput of each engine against both limits.")


def own_prices(evidence: Evidence) -> bool:
    """Whether the notebook that decides read a price table of the course's own, which did not come with the record."""
    return any((evidence.record.parameters.get(name) or {}).get("prices") for name in CHOOSING)


def unbeaten_networks(evidence: Evidence) -> Choices:
    """Networks that no other one beats in latency and accuracy; undecided ones may be named."""
    options = {"onnx-all": CPU_OPTIONS["onnx-all"], **{name: CPU_OPTIONS[name] for name in NETWORKS}}
    right, undecided = _unbeaten(evidence, options, SMALLER)
    return Choices(
        right,
        "Go through the pairs: one is beaten by another that is as good in both and surely better in one.",
        undecided,
    )


def rate_of_resnet(evidence: Evidence) -> Number:
    """Multiplications a second of the residual network over those of the narrow MobileNetV2."""
    names = ("resnet", "mobilenet-half")
    times = in_turn(evidence, SMALLER, {name: f"smaller/{name}" for name in names})
    wide, narrow = (
        evidence.number(f"smaller/{name}/export", "multiply_adds") / times[name].p50().value for name in names
    )
    if narrow <= 0:
        raise NotMeasured("smaller/mobilenet-half/export", "multiply_adds")
    return Number(wide / narrow, "Divide each network's multiplications by its median, then one rate by the other.")


def recovered_share(evidence: Evidence) -> Number:
    """Per cent of the right answers that 4 bits lost which training brought back; within 10 %, or a point."""
    if evidence.has("int8/qat-4bit/absent"):
        return Number(0.0, "Your network could not be trained: answer 0.", 1.0, absolute=True)
    share = 100 * came_back(evidence).value
    if math.isnan(share):
        return Number(0.0, "4 bits lost nothing on these images: answer 0.", 1.0, absolute=True)
    how = "Divide (qat-4bit - static-4bit) by (onnx-all - static-4bit), all three in right answers."
    return Number(share, how, max(0.1 * abs(share), 1.0), absolute=True)


def sparse_kernel(evidence: Evidence) -> Number:
    """Per cent of the dense kernels' rate at which one that skips zeros is as fast as half of the channels."""
    if evidence.has(NOTHING_PRUNED):
        return Number(0.0, "Nothing was pruned here: answer 0.")
    times = in_turn(evidence, PRUNE, {name: PRUNED[name] for name in ("onnx-all", "channels-50")})
    all_of_them = evidence.number("prune/onnx-all/export", "multiply_adds")
    if all_of_them <= 0:
        raise NotMeasured("prune/onnx-all/export", "multiply_adds")
    needed = evidence.number("prune/zeros-80/export", "useful") / times["channels-50"].p50().value
    how = "Divide the multiplications that are not with zero by the time to beat, and that by the dense kernels' rate."
    return Number(100 * needed / (all_of_them / times["onnx-all"].p50().value), how)


def unbeaten_pruned(evidence: Evidence) -> Choices:
    """Pruned networks, and the whole one, that none of them beats in latency, accuracy and download."""
    if evidence.has(NOTHING_PRUNED):
        return one("nothing was pruned here", "Nothing was pruned in this run.")
    times = in_turn(evidence, PRUNE, PRUNED)
    correct = {name: evidence.accuracy(f"{prefix}/accuracy") for name, prefix in PRUNED.items()}
    download = {name: evidence.number(f"prune/{name}/export", "zip_bytes") for name in PRUNED}

    def sure(a: str, b: str) -> bool:
        return (
            download[a] < download[b]
            or compare(times[a], times[b]).verdict == "a"
            or more_accurate(evidence, PRUNED[a], PRUNED[b])
        )

    def may_beat(a: str, b: str) -> bool:
        return not sure(b, a) and (sure(a, b) or correct[a] > correct[b])

    def beats(a: str, b: str) -> bool:
        no_slower = times[a].p50().value <= times[b].p50().value or compare(times[a], times[b]).verdict == "same"
        return sure(a, b) and no_slower and correct[a] >= correct[b] and download[a] <= download[b]

    def any_other(name: str, does: Callable[[str, str], bool]) -> bool:
        return any(does(other, name) for other in PRUNED if other != name)

    may_be = frozenset(name for name in PRUNED if any_other(name, may_beat))
    return Choices(
        frozenset(PRUNED) - may_be - {name for name in PRUNED if any_other(name, beats)},
        "Go through the pairs: one is beaten by another that is nowhere worse and surely better in one of the three.",
        frozenset(name for name in may_be if not any_other(name, beats)),
    )


def softened(evidence: Evidence) -> Number:
    """How many times as probable as its second the teacher's first dish is, for the photo shown, at the temperature."""
    step = "distill/teacher/logits"
    logits = np.asarray(evidence.field(step, "logits"))
    first, second = gain.two_largest(logits)[gain.example(logits)]
    warm = evidence.number(step, "temperature")
    if warm <= 0:
        raise NotMeasured(step, "temperature above 0")
    return Number(
        gain.favour(float(first - second), warm),
        "The sum below both probabilities is the same: exp of the difference of the two logits over the temperature.",
    )


def reach_of_seeds(evidence: Evidence) -> Number:
    """Half the width of the interval of the mean gain over the seeds, in points."""
    mean = gain.over_seeds(distilled(evidence))
    points = 100 * (mean.high - mean.low) / 2
    # Accuracies are printed to a hundredth of a point; who rounds them to a tenth is off by a quarter at most.
    return Number(
        points,
        "4.30 times the standard deviation of the three differences (divided by 2, not 3) over the root of 3.",
        max(0.1 * points, 0.25),
        absolute=True,
    )


def million(evidence: Evidence) -> Number:
    """Cost of a million predictions with onnx-all, from its throughput and the price table."""
    how = "Million / (throughput x utilization) seconds, as hours, x threads x price for a core and hour."
    if own_prices(evidence):  # a table of the course's own did not come with the record; what it gave did
        priced = evidence.field("choose/front", "priced")
        if not isinstance(priced, dict) or not isinstance(priced.get("onnx-all"), list):
            raise NotMeasured("choose/front", "price of onnx-all")
        return Number(float(priced["onnx-all"][0]), how)
    threads = int(evidence.number(batches(evidence, "onnx-all", CPU_OPTIONS["onnx-all"]), "threads"))
    images_per_s = rate(evidence, "onnx-all", CPU_OPTIONS["onnx-all"]).value
    return Number(cost.per_million_cpu(images_per_s, threads, cost.load_prices()), how)


def _unbeaten(
    evidence: Evidence, options: dict[str, str], group: str = CHOOSE
) -> tuple[frozenset[str], frozenset[str]]:
    """Options that no other beats in latency and accuracy, and those of which the samples do not decide it.

    Latencies are those in the turns of `group`.
    """
    times = in_turn(evidence, group, options)
    correct = {name: evidence.accuracy(f"{prefix}/accuracy") for name, prefix in options.items()}
    found = front(
        {name: (times[name].p50().value, correct[name]) for name in options},
        lambda a, b: compare(times[a], times[b]).verdict == "a",
        lambda a, b: more_accurate(evidence, options[a], options[b]),
    )
    return frozenset(found.names), frozenset(found.undecided)


def server_cpu(evidence: Evidence) -> Choices:
    """Accurate options that meet the target (where none does, all accurate ones) and that no other of them beats."""
    options = measured(evidence, CHOOSE, CPU_OPTIONS)
    right, close = meeting(evidence, options, target("server CPU", evidence.record.machine), CHOOSE)
    how = (
        "Look which options meet both limits (where none does, at all), then which of the accurate ones no other "
        "beats in latency and accuracy."
    )
    kept = accurate(evidence, options)
    sure = {name: prefix for name, prefix in kept.items() if name in right}
    open_ones = {name: prefix for name, prefix in kept.items() if name in close}
    best, undecided = _unbeaten(evidence, sure or open_ones or kept)
    if sure and open_ones:  # they may meet it, too
        undecided |= frozenset().union(*_unbeaten(evidence, {**sure, **open_ones})) & open_ones.keys()
    return Choices(best, how, undecided)


def gpu_pays(evidence: Evidence) -> Number:
    """Predictions an hour from which a rented GPU's hour is cheaper than those predictions on the CPU."""
    how = "Divide the price of a GPU's hour by what one prediction costs with onnx-all."
    if own_prices(evidence):
        per_hour = evidence.number("choose/front", "per_gpu_hour")  # the course's own table, as the notebook read it
    else:
        per_hour = cost.load_prices().per_gpu_hour
    return Number(per_hour / (million(evidence).value / 1e6), how)


def server_gpu(evidence: Evidence) -> Choices:
    """A GPU engine that meets the target, else the fastest that was measured; none where there is no GPU."""
    how = "Choose among what your own run measured on a GPU."
    everything = measured(evidence, CHOOSE, CPU_OPTIONS | ENGINES)
    engines = {name: prefix for name, prefix in ENGINES.items() if name in everything and name in GPU_PROVIDERS}
    if not engines:
        return one("not measured here", how)
    right, close = meeting(evidence, engines, target("server GPU", evidence.record.machine), CHOOSE)
    if right or close:
        return Choices(right, how, close)
    return as_fast(in_turn(evidence, CHOOSE, engines), how)


def phone(evidence: Evidence) -> Choices:
    """Files under the phone's size limit that are accurate and that no more accurate one of about their size beats."""
    limit = (target("end-user device").size_mb_below or 5.0) * 1e6
    names = ("onnx-all", "dynamic", "aggressive", "conservative", *NETWORKS, "fp16", "qat", "channels-50", "student")
    options = measured(evidence, CHOOSE, {name: CPU_OPTIONS[name] for name in names})
    size = {name: evidence.number(f"{prefix}/size", "bytes") for name, prefix in options.items()}
    good, small = accurate(evidence, options), {name: options[name] for name in options if size[name] < limit}
    kept = {name: prefix for name, prefix in small.items() if name in good} or small or good
    correct = {name: evidence.accuracy(f"{prefix}/accuracy") for name, prefix in kept.items()}

    def betters(name: str) -> list[str]:
        mine = size[name], correct[name]
        return [
            other
            for other in kept
            if size[other] <= mine[0] * (1 + SAME_SIZE)
            and correct[other] >= mine[1]
            and (correct[other] > mine[1] or size[other] * (1 + SAME_SIZE) < mine[0])
        ]

    def surely(other: str, name: str) -> bool:
        return size[other] * (1 + SAME_SIZE) < size[name] or more_accurate(evidence, kept[other], kept[name])

    return Choices(
        frozenset(name for name in kept if not betters(name)),
        "Take a file under the limit that loses at most 5 points and that no other of about its size beats.",
        frozenset(name for name in kept if betters(name) and not any(surely(other, name) for other in betters(name))),
    )


JUDGES: dict[str, Judge] = {
    "model.kernel.photos": photos_at_once,
    "model.kernel.depthwise": without_slow_depthwise,
    "model.baseline.interval": overlapping_intervals,
    "model.baseline.break_even": compiling_pays,
    "model.graph.vanished": vanished,
    "model.graph.constants": folded,
    "model.quantize.enough": images_enough,
    "model.providers.target": meets_cpu_target,
    "model.smaller.unbeaten": unbeaten_networks,
    "model.smaller.rate": rate_of_resnet,
    "model.retrain.recovered": recovered_share,
    "model.prune.kernel": sparse_kernel,
    "model.prune.unbeaten": unbeaten_pruned,
    "model.retrain.temperature": softened,
    "model.retrain.seeds": reach_of_seeds,
    "model.choose.cost": million,
    "model.choose.server_cpu": server_cpu,
    "model.choose.gpu_pays": gpu_pays,
    "model.choose.server_gpu": server_gpu,
    "model.choose.phone": phone,
}
