"""What to ask of a record of part model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from grading.checks.evidence import Evidence
from grading.checks.model import COMPILED, EAGER, LEVELS, distilled
from grading.staff.exemplars import digits
from grading.staff.judges.model import own_prices
from grading.staff.viva import functions
from grading.staff.viva.oral import Oral, Template, about, faster, first_of, pairs, plain, tail
from snippets.decide import cost
from snippets.retrain import gain
from snippets.stats import break_even

GROUP = "Part 1"
COMPILE = "baseline/compiled/compile"


def _sizes(evidence: Evidence) -> Iterator[tuple[int]]:
    for step in evidence.named("baseline/eager/throughput"):
        batch = int(evidence.number(step, "batch"))
        if batch > 1:
            yield (batch,)


def _batch(evidence: Evidence, batch: int) -> Oral:
    steps = {int(evidence.number(step, "batch")): step for step in evidence.named("baseline/eager/throughput")}
    alone, together = (evidence.images_per_s(steps[size]) for size in (1, batch))
    return Oral(
        f"Eager PyTorch in batches of {batch}: how many images a second, and how many times as many as one by one?",
        f"{about(together, 'images a second')}, {about(together / alone, 'times as many')}.",
        (together, together / alone),
        (),
        (steps[1], steps[batch]),
        "Who pays for that, and how?",
    )


def _compiling(evidence: Evidence) -> Oral:
    seconds, eager, compiled = evidence.number(COMPILE, "seconds"), evidence.p50(EAGER), evidence.p50(COMPILED)
    text = "How long did compiling take, and after how many requests has it paid for itself on your machine?"
    then = "Would you compile in a process that is started for each request?"
    if compiled >= eager:
        told = f"{about(seconds, 's')}; never: {digits(compiled)} ms compiled, {digits(eager)} ms eager."
        return Oral(text, told, (seconds,), ("never",), (COMPILE, EAGER, COMPILED), then)
    requests = break_even(1000 * seconds, eager, compiled)
    told = (
        f"{about(seconds, 's')}, {about(requests, 'requests')}: {digits(eager)} ms eager, {digits(compiled)} compiled."
    )
    return Oral(text, told, (seconds, requests), (), (COMPILE, EAGER, COMPILED), then)


def _level_pairs(evidence: Evidence) -> Iterator[tuple[str, str]]:
    yield from pairs(level for level in LEVELS if evidence.has(f"graph/onnx-{level}/latency"))


def _levels(evidence: Evidence, before: str, after: str) -> Oral:
    slow, fast = (evidence.p50(f"graph/onnx-{level}/latency") for level in (before, after))
    return Oral(
        f"How many milliseconds did the graph's optimizations from level {before} to {after} take off the median?",
        f"{digits(slow - fast)} ms: from {about(slow, 'ms')} to {about(fast, 'ms')}.",
        (slow - fast, slow, fast),
        (),
        (f"graph/onnx-{before}/latency", f"graph/onnx-{after}/latency"),
        "Which nodes went, or changed, between the two?",
    )


def _profiles(evidence: Evidence) -> Iterator[tuple[str]]:
    yield from ((step,) for step in evidence.named("quantize/profile-"))


def _operation(evidence: Evidence, step: str) -> Oral | None:
    times = {str(name): float(ms) for name, ms in evidence.field(step, "milliseconds").items()}
    first = first_of(times)
    if first is None:
        return None
    share = 100 * times[first] / sum(times.values())
    return Oral(
        f"In your profile of {step.removeprefix('quantize/profile-')}, which operation took most time, and what share "
        "of the whole?",
        f"{first}, {share:.0f} % (within 5 points): {digits(times[first])} of {digits(sum(times.values()))} ms.",
        (share,),
        (first,),
        (step,),
        "What is the second, and where does it come from?",
    )


def _in_turn(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Pairs that took turns; in older records, that ran the same kind of file."""
    for group in ("choose", "providers", "quantize", "prune"):
        steps = [step for step in evidence.named(f"{group}/", "/latency") if "/rejected/" not in step]
        yield from pairs(steps)


def _rates(evidence: Evidence) -> Iterator[tuple[str]]:
    for step in (*evidence.named("providers/"), *evidence.named("graph/")):
        if "/throughput" in step and evidence.result(step).get("provider") in ("cpu", "openvino"):
            yield (step,)


def _price(evidence: Evidence, step: str) -> Oral | None:
    if own_prices(evidence):
        return None  # a course's own table did not come with the record
    per_s, threads = evidence.images_per_s(step), int(evidence.number(step, "threads"))
    dollars = cost.per_million_cpu(per_s, threads, cost.load_prices())
    batch = f"batches of {evidence.number(step, 'batch'):g}"
    return Oral(
        f"{plain(step)} in {batch}: how many images a second, and what do a million predictions cost at that rate?",
        f"{about(per_s, 'images a second')}, {about(dollars, cost.load_prices().currency)} with {threads} threads.",
        (per_s, dollars),
        (),
        (step,),
        "What does the price not contain?",
    )


def _pruned(evidence: Evidence) -> Iterator[tuple[str]]:
    for step in evidence.named("prune/zeros-", "/export"):
        yield (step,)


def _zeros(evidence: Evidence, step: str) -> Oral:
    whole = "prune/onnx-all/export"
    name = step.split("/")[1]
    zipped, file = (evidence.number(step, field) / 1e6 for field in ("zip_bytes", "bytes"))
    useful = 100 * evidence.number(step, "useful") / evidence.number(whole, "multiply_adds")
    return Oral(
        f"How large is the file of {name}, how large zipped, and how many per cent of its multiplications count?",
        f"{about(file, 'MB')}, {about(zipped, 'MB')}, {useful:.0f} % (within 5 points).",
        (file, zipped, useful),
        (),
        (step, whole),
        "Why is it as slow as before, and what would have to be different for it to be faster?",
    )


def _tails(evidence: Evidence) -> Iterator[tuple[str]]:
    for group in ("graph", "quantize", "providers"):
        yield from ((step,) for step in evidence.named(f"{group}/", "/latency") if step.count("/") == 2)


RUNGS = {
    "naive": "naive",
    "order": "loop order",
    "tiles": "tiles",
    "registers": "registers",
    "library": "the library",
}
SEARCH = re.compile(r"search/float32-(\d+)/latency")


def _rung_pairs(evidence: Evidence) -> Iterator[tuple[str, str]]:
    yield from pairs(rung for rung in RUNGS if evidence.has(f"kernel/{rung}/latency"))


def _rungs(evidence: Evidence, a: str, b: str) -> Oral | None:
    times = {rung: evidence.p50(f"kernel/{rung}/latency") for rung in (a, b)}
    quick = first_of(times, smallest=True)
    if quick is None:
        return None
    factor = max(times.values()) / min(times.values())
    return Oral(
        f"On your ladder, one thread: which is faster, {RUNGS[a]} or {RUNGS[b]}, and by what factor?",
        f"{RUNGS[quick]}, {about(factor, 'times')}: "
        + ", ".join(f"{RUNGS[rung]} {digits(ms)} ms" for rung, ms in times.items()),
        (factor,),
        (RUNGS[quick],),
        (f"kernel/{a}/latency", f"kernel/{b}/latency"),
        "What does the processor do otherwise, with the same multiplications?",
    )


def _searches(evidence: Evidence) -> Iterator[tuple[str]]:
    found = filter(None, map(SEARCH.fullmatch, evidence.steps))
    yield from ((one[1],) for one in found if evidence.has(f"search/int8-{one[1]}/latency"))


def _search(evidence: Evidence, photos: str) -> Oral:
    steps = tuple(f"search/{kind}-{photos}/latency" for kind in ("float32", "int8"))
    wide, narrow = (evidence.p50(step) for step in steps)
    return Oral(
        f"The search for {photos} photo{'s' * (photos != '1')} at once: how many times as fast was it in int8 as in "
        "float32?",
        f"{about(wide / narrow, 'times')}: {digits(wide)} ms in float32, {digits(narrow)} ms in int8.",
        (wide / narrow,),
        (),
        steps,
        "Which of the two limits of the roofline explains that?",
    )


def _networks(evidence: Evidence) -> Iterator[tuple[str]]:
    for step in evidence.named("smaller/", "/export"):
        yield (step.split("/")[1],)


def _network(evidence: Evidence, name: str) -> Oral:
    steps = (f"smaller/{name}/export", f"smaller/{name}/accuracy")
    size_mb, score = evidence.number(steps[0], "bytes") / 1e6, 100 * evidence.accuracy(steps[1])
    return Oral(
        f"{name}: how large is its file, and what share of the evaluation images did it get right?",
        f"{about(size_mb, 'MB')}, {score:.0f} % (within 5 points).",
        (size_mb, score),
        (),
        steps,
        "Would you put it on the phone? What speaks against it?",
    )


def _distilled(evidence: Evidence) -> Oral:
    points = [100 * one.value for one in distilled(evidence)]
    mean = gain.over_seeds(distilled(evidence))
    reach = 100 * (mean.high - mean.value)
    told = {True: "yes", False: "no"}[not mean.low <= 0 <= mean.high]
    return Oral(
        "How many points of accuracy did learning from the teacher bring, on average over your three seeds, how far "
        "does its interval reach to either side, and do the seeds decide?",
        f"{100 * mean.value:+.1f} points, {reach:.1f} to either side (each within half a point): {told}. By seed: "
        f"{', '.join(f'{each:+.1f}' for each in points)}.",
        (100 * mean.value, reach),
        (told,),
        tuple(f"distill/{source}-{seed}/accuracy" for source in gain.SOURCES for seed in gain.SEEDS),
        "What would more photos change about that, and what would more seeds?",
    )


def _retrained(evidence: Evidence, bits: str) -> Oral:
    steps = [f"int8/{name}-{bits}/accuracy" for name in ("static", "qat")]
    static, trained = (evidence.accuracy(step) for step in steps)
    images = np.size(evidence.field(steps[0], "labels"))
    return Oral(
        f"With {bits[0]} bits a weight: what share of the images was named rightly before training, and after?",
        f"{about(100 * static, '%')} before, {about(100 * trained, '%')} after, of {images}.",
        (100 * static, 100 * trained),
        (),
        tuple(steps),
        "Which of the weights' values could the training not change, and what did it change instead?",
    )


TEMPLATES: Mapping[str, Template] = {
    each.name: each
    for each in (
        functions.template("model"),
        Template("model.rungs", _rung_pairs, _rungs),
        Template("model.search", _searches, _search),
        Template("model.batch", _sizes, _batch),
        Template("model.compile", lambda evidence: [()], _compiling),
        Template("model.levels", _level_pairs, _levels),
        Template("model.operation", _profiles, _operation),
        Template("model.faster", _in_turn, lambda evidence, a, b: faster(evidence, a, b, GROUP)),
        Template("model.retrained", lambda evidence: [("4bit",)], _retrained),
        Template("model.price", _rates, _price),
        Template("model.network", _networks, _network),
        Template("model.zeros", _pruned, _zeros),
        Template("model.distilled", lambda evidence: [()], _distilled),
        Template("model.tail", _tails, lambda evidence, step: tail(evidence, step, GROUP)),
    )
}
