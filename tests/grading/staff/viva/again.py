"""What is right, worked out a second time: from a step's plain result, with Python's own arithmetic, not the kit's.

AGAIN has a function for each template: (raw, the variant's words) -> numbers and names, in the order of the answer.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from statistics import fmean, geometric_mean, median, stdev
from typing import Any

Raw = Callable[[str], dict[str, Any]]
Key = tuple[list[float], list[str]]


def raw_of(record: Any) -> Raw:
    """Results by step: lists in place of arrays, the newest step of a name, and windows behind one another."""

    def plain(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else value

    def result(name: str) -> dict[str, Any]:
        steps = [step for step in record.steps if step.name == name]
        windows = [step for step in steps if "window" in step.inputs]
        if not windows:
            return {key: plain(value) for key, value in steps[-1].result.items()}
        results = [{key: plain(value) for key, value in step.result.items()} for step in windows]
        whole = dict(results[0])
        for key, value in whole.items():
            each = [one[key] for one in results]
            if isinstance(value, list):
                whole[key] = [item for part in each for item in part]
            elif key == "seconds":
                whole[key] = sum(each)
            elif key == "batches":
                counts: Counter[Any] = Counter()
                for one in each:
                    counts.update(one)
                whole[key] = dict(counts)
            elif key in ("queue_ms", "compute_ms"):
                weights = [one["server_requests"] for one in results]
                whole[key] = sum(a * b for a, b in zip(each, weights, strict=True)) / sum(weights)
        return whole

    return result


def percentile(values: list[float], percent: float) -> float:
    """Between the two nearest ranks."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def middle(step: Mapping[str, Any], field: str = "latency_ms") -> float:
    """The median; of blocks the geometric mean of their medians, without slow ones where three others are left."""
    if "rounds" not in step:
        return median(step[field])
    blocks = defaultdict(list)
    for number, value in zip(step["rounds"], step[field], strict=True):
        blocks[number].append(value)
    good = {number: values for number, values in blocks.items() if number not in step.get("slow", [])}
    return geometric_mean(median(values) for values in (good if len(good) >= 3 else blocks).values())


def good(step: Mapping[str, Any], field: str = "latency_ms") -> list[float]:
    """Of the requests that were answered."""
    return [value for value, ok in zip(step[field], step["ok"], strict=True) if ok]


def rate(step: Mapping[str, Any]) -> float:
    """Photos or rows answered a second."""
    return len(good(step)) * step["batch"] / step["seconds"]


def images(step: Mapping[str, Any]) -> float:
    """Images a second of batches that were timed."""
    return 1000 * step["batch"] / middle(step, "batch_ms")


def _threads(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    medians = {step.split("-threads-")[1].split("/")[0]: middle(raw(step)) for step in steps}
    best = min(medians, key=lambda name: medians[name])
    return [medians[best]], [best]


def _faster(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    times = {step: middle(raw(step)) for step in words}
    quick, slow = sorted(words, key=lambda step: times[step])
    name = quick.split("/")[1]
    if "-threads-" in name:
        variant, count = name.split("-threads-")
        name = f"{variant}, {count} thread{'' if count == '1' else 's'}"
    return [times[slow] / times[quick]], [name]


def _tail(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    samples = raw(words[0])["latency_ms"]
    return [100 * (percentile(samples, 95) / median(samples) - 1)], []


PHASES = ("process", "libraries", "model", "first_inference")


def _phase(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw(f"cold/{words[0]}/start")
    medians = {phase: median(step[f"{phase}_ms"]) for phase in PHASES}
    longest = max(PHASES, key=lambda phase: medians[phase])
    return [medians[longest]], [longest.replace("_", " ")]


def _visit(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw(f"browser/wasm-{words[0]}/start")
    medians = {phase: median(step[f"{phase}_ms"]) for phase in ("fetch", "runtime", "model", "first_inference")}
    return [sum(medians.values())], [max(medians, key=lambda phase: medians[phase]).replace("_", " ")]


def _wait(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw(f"cold/{words[0]}/start")
    return [sum(median(step[f"{phase}_ms"]) for phase in PHASES) / median(step["steady_ms"])], []


def _memory(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    rows = raw(f"cold/{words[0]}/start")["rss_mb"]
    return [median(row[3] for row in rows), median(row[1] for row in rows)], []


def _soak(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw("soak/all/soak")
    both = list(zip(step["started_s"], step["latency_ms"], strict=True))
    early = median(ms for at, ms in both if at < 0.2 * step["seconds"])
    late = median(ms for at, ms in both if at >= 0.8 * step["seconds"])
    return [early, late, 100 * (late - early) / early], []


def _sooner(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw("cloud/all/crossover")
    by_server = median(step["server_ms"]) + int(words[0])
    by_device = median(step["edge_ms"])
    return [abs(by_server - by_device)], ["device" if by_device < by_server else "server"]


def _energy(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    seconds = int(words[0]) * median(raw("soak/all/soak")["latency_ms"]) / 1000
    return [raw("soak/all/power")["power_w"] * seconds / 3600], []


def _batch(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    alone, together = (images(raw(step)) for step in steps)
    return [together, together / alone], []


def _compile(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    seconds = raw("baseline/compiled/compile")["seconds"]
    saved = middle(raw("baseline/eager/latency")) - middle(raw("baseline/compiled/latency"))
    return ([seconds], ["never"]) if saved <= 0 else ([seconds, seconds * 1000 / saved], [])


def _levels(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    before, after = (middle(raw(f"graph/onnx-{level}/latency")) for level in words)
    return [before - after, before, after], []


def _operation(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    times = raw(words[0])["milliseconds"]
    name = max(times, key=lambda each: times[each])
    return [100 * times[name] / sum(times.values())], [name]


def _price(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    from snippets.decide.cost import load_prices

    step, prices = raw(words[0]), load_prices()
    hours = 1e6 / (images(step) * prices.utilization) / 3600
    return [images(step), hours * step["threads"] * prices.per_core_hour], []


def _distilled(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    def right(source: str, seed: int) -> float:
        step = raw(f"distill/{source}-{seed}/accuracy")
        return 100 * fmean(a == b for a, b in zip(step["predictions"], step["labels"], strict=True))

    points = [right("teacher", seed) - right("labels", seed) for seed in (1, 2, 3)]
    reach = 4.302652729911275 * stdev(points) / math.sqrt(3)
    return [fmean(points), reach], ["yes" if abs(fmean(points)) > reach else "no"]


def _zeros(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step, whole = raw(words[0]), raw("prune/onnx-all/export")
    return [step["bytes"] / 1e6, step["zip_bytes"] / 1e6, step["useful"] / whole["multiply_adds"] * 100], []


def _latency(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    few, many = (median(good(raw(f"{words[0]}-{clients}/load"))) for clients in words[1:])
    return [many / few], []


def _throughput(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    few, many = (rate(raw(f"{words[0]}-{clients}/load")) for clients in words[1:])
    return [many, many / few], []


def _stage(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw(words[0])
    stages = ("decode", "preprocess", "queue", "inference", "postprocess")
    means = {stage: fmean(v for v in good(step, f"{stage}_ms") if not math.isnan(v)) for stage in stages}
    longest = max(stages, key=lambda stage: means[stage])
    return [means[longest]], [longest]


def _queue(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw(words[0])
    return [100 * step["queue_ms"] / (step["queue_ms"] + step["compute_ms"])], []


def _mean_batch(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    sizes = [int(size) for size, count in raw(words[0])["batches"].items() for _ in range(int(count))]
    return [fmean(sizes)], []


def _delay(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    names = (f"batching/on-waits-10-ms-{words[0]}/load", f"batching/on-{words[0]}/load")
    return [median(good(raw(name))) for name in names], []


def _instances(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    def label(step: str) -> str:
        n, t = step.split("/")[1].split("x")
        return f"{n} instance{'' if n == '1' else 's'}, {t} thread{'' if t == '1' else 's'}"

    rates = {label(step): rate(raw(step)) for step in steps}
    less, more = sorted(rates, key=lambda name: rates[name])
    return [rates[more] / rates[less]], [more]


def _neighbour(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    alone, beside = (percentile(good(raw(f"neighbour/{name}/load")), 95) for name in ("alone", words[0]))
    return [beside, beside / alone], []


def _online(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    loaded = median(good(raw(f"online/off-{words[0]}/load")))
    return [loaded, loaded / median(good(raw("online/alone/load")))], []


def _forecast(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw(words[0])
    said = step["p95_ms"][step["loads"].index(words[1])]
    return [said, percentile(good(raw(f"{words[1]}/load")), 95)], []


def _cold(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw(words[0])
    cold = median(a + b for a, b in zip(step["load_ms"], step["first_ms"], strict=True))
    return [cold, cold / median(step["warm_ms"])], []


RUNGS = {"naive": "naive", "order": "loop order", "tiles": "tiles", "registers": "registers", "library": "the library"}


def _rungs(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    quick, slow = sorted(words, key=lambda rung: middle(raw(f"kernel/{rung}/latency")))
    return [middle(raw(f"kernel/{slow}/latency")) / middle(raw(f"kernel/{quick}/latency"))], [RUNGS[quick]]


def _search(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    wide, narrow = (middle(raw(f"search/{kind}-{words[0]}/latency")) for kind in ("float32", "int8"))
    return [wide / narrow], []


def _network(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    scored = raw(f"smaller/{words[0]}/accuracy")
    right = [a == b for a, b in zip(scored["predictions"], scored["labels"], strict=True)]
    return [raw(f"smaller/{words[0]}/export")["bytes"] / 1e6, 100 * fmean(right)], []


def _omission(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw(words[0])
    return [percentile(step[f"from_{since}_ms"], 95) for since in ("due", "sending")], []


def _outage(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    step = raw(words[0])
    visitors = list(zip(step["started_s"], step["latency_ms"], step["ok"], strict=True))
    usual = median(ms for came, ms, ok in visitors if ok and came + ms / 1e3 < step["fault_s"])
    good = sorted(came + ms / 1e3 for came, ms, ok in visitors if ok and ms <= max(100, 10 * usual))
    ends = [0.0, *good, max(step["seconds"], good[-1])]
    return [1e3 * max(b - a for a, b in zip(ends, ends[1:], strict=False))], []


def _way(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    times = []
    for name in (f"pipeline/{words[0]}/load", "pipeline/one-model/load"):
        step = raw(name)
        times.append(median(ms for ms, ok in zip(step["latency_ms"], step["ok"], strict=True) if ok))
    return [times[0], times[0] / times[1]], []


def _card(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    both = [raw(f"cards/{words[0]}-{card}/load") for card in ("plain", "own")]
    return [median(ms for ms, ok in zip(each["latency_ms"], each["ok"], strict=True) if ok) for each in both], []


def _retrained(raw: Raw, words: list[str], steps: tuple[str, ...]) -> Key:
    shares = []
    for name in ("static", "qat"):
        step = raw(f"int8/{name}-{words[0]}/accuracy")
        pairs = list(zip(step["predictions"], step["labels"], strict=True))
        shares.append(100 * sum(one == other for one, other in pairs) / len(pairs))
    return shares, []


AGAIN: dict[str, Callable[[Raw, list[str], tuple[str, ...]], Key]] = {
    "edge.threads": _threads,
    "edge.faster": _faster,
    "edge.tail": _tail,
    "edge.phase": _phase,
    "edge.wait": _wait,
    "edge.memory": _memory,
    "edge.soak": _soak,
    "edge.sooner": _sooner,
    "edge.energy": _energy,
    "model.rungs": _rungs,
    "model.search": _search,
    "model.network": _network,
    "edge.browser": _faster,
    "edge.visit": _visit,
    "model.batch": _batch,
    "model.compile": _compile,
    "model.levels": _levels,
    "model.operation": _operation,
    "model.faster": _faster,
    "model.retrained": _retrained,
    "model.price": _price,
    "model.distilled": _distilled,
    "model.tail": _tail,
    "model.zeros": _zeros,
    "system.latency": _latency,
    "system.throughput": _throughput,
    "system.stage": _stage,
    "system.queue": _queue,
    "system.omission": _omission,
    "system.batch": _mean_batch,
    "system.delay": _delay,
    "system.instances": _instances,
    "system.neighbour": _neighbour,
    "system.online": _online,
    "system.cold": _cold,
    "system.forecast": _forecast,
    "system.outage": _outage,
    "system.pipeline": _way,
    "system.cards": _card,
}
