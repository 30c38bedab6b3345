"""What became of part system's predictions: judges over the student's own record.

What is worked out is judged in grading/staff/judges/system.py, which no student's copy of the kit holds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Judge, Number, banded, nearest, one
from snippets import stats
from snippets.load import estimates, queueing
from snippets.stats import Estimate
from snippets.teams.visitors import Hurt, hurt
from snippets.tokens.lab import by

GRID = {
    f"{n} instance{'s' * (n > 1)}, {t} thread{'s' * (t > 1)}": f"instances/{n}x{t}/load"
    for n in (1, 2, 4)
    for t in (1, 2)
}
SHARES = (30, 60, 80, 95, 130, 200)
TOKENS_ALONE = "tokens/alone"


def of_successes(evidence: Evidence, name: str, values: np.ndarray, field: str) -> np.ndarray:
    """Those of a load step's values, one a request, that belong to its successes. Raises NotMeasured for none."""
    ok = np.asarray(evidence.result(name).get("ok", np.ones(values.size)), dtype=bool).ravel()
    if ok.shape != values.shape or not ok.any():
        raise NotMeasured(name, field)
    return values[ok]


def good_ms(evidence: Evidence, name: str) -> np.ndarray:
    """Latencies of the successes of a load step, ms. Raises NotMeasured for none."""
    return of_successes(evidence, name, evidence.samples(name), "successes")


def p50(evidence: Evidence, name: str) -> float:
    """Median latency of the successes, ms."""
    return stats.percentile(good_ms(evidence, name), 50)


def rate(evidence: Evidence, name: str) -> float:
    """Photos (or rows) answered per second: successes x batch / seconds, recomputed."""
    seconds = evidence.number(name, "seconds")
    if seconds <= 0:
        raise NotMeasured(name, "seconds")
    return good_ms(evidence, name).size * evidence.number(name, "batch") / seconds


def times_the_rate(evidence: Evidence, name: str, base: str) -> Estimate:
    """Rows answered per second over those of `base`, with the interval between windows where there are some."""
    ratio = rate(evidence, name) / rate(evidence, base)
    return between_windows(evidence, ratio, estimates.times_the_rate, name, base)


def times_the_latency(evidence: Evidence, name: str, base: str, percent: int = 50) -> Estimate:
    """Latency over that of `base`, at that percentile, as `times_the_rate`."""
    ratio = stats.percentile(good_ms(evidence, name), percent) / stats.percentile(good_ms(evidence, base), percent)
    return between_windows(evidence, ratio, partial(estimates.times_the_latency, percent=percent), name, base)


def between_windows(
    evidence: Evidence, value: float, estimate: Callable[..., Estimate | None], *names: str
) -> Estimate:
    """`estimate` of the loads of these names, where all have windows and these say how sure it is; else `value`."""
    loads = [evidence.result(name) for name in names]
    known = estimate(*loads) if all("windows" in load for load in loads) else None
    return known if known is not None and known.bounded else Estimate(value, value, value)


# 1_endpoint


def endpoint_slower(evidence: Evidence) -> Number:
    """Median with 16 clients over median with one."""
    return Number(
        p50(evidence, "endpoint/onnx-16/load") / p50(evidence, "endpoint/onnx-1/load"), "Divide the medians.", 0.5
    )


def endpoint_rate_gain(evidence: Evidence) -> Choices:
    """Requests per second with 16 clients over those with one."""
    gain = times_the_rate(evidence, "endpoint/onnx-16/load", "endpoint/onnx-1/load")
    return banded(
        gain,
        (0.5, 2, 8),
        (
            "less than half as many",
            "between half and twice as many",
            "two to eight times as many",
            "more than eight times as many",
        ),
        "Divide the requests per second.",
    )


# 2_triton


def eight_clients(evidence: Evidence) -> Choices:
    """Answers per second of eight clients over those of one."""
    gain = times_the_rate(evidence, "triton/pytorch-8/load", "triton/pytorch-1/load")
    return nearest(
        gain,
        {"about the same": 1, "about twice as many": 2, "about eight times as many": 8},
        "Divide the answers per second.",
    )


def sixteen_clients(evidence: Evidence) -> Choices:
    """Median latency of sixteen clients over that of one."""
    factor = times_the_latency(evidence, "triton/pytorch-16/load", "triton/pytorch-1/load")
    return nearest(factor, {"about 1": 1, "about 4": 4, "about 16": 16, "about 256": 256}, "Divide the medians.")


def onnx_for_pytorch(evidence: Evidence) -> Choices:
    """Answers per second with ONNX Runtime over those with eager PyTorch, where the two took turns."""
    in_turn = "triton/pytorch-8-again/load"
    gain = times_the_rate(evidence, "triton/onnx-8/load", in_turn if evidence.has(in_turn) else "triton/pytorch-8/load")
    return banded(
        gain,
        (0.9, 1.1, 2),
        ("fewer", "about the same", "up to twice as many", "more than twice as many"),
        "Divide the answers per second.",
    )


# 3_batching


def batching_gain(evidence: Evidence) -> Choices:
    """Answers per second with dynamic batching over those without."""
    gain = times_the_rate(evidence, "batching/on-32/load", "batching/off-32/load")
    return banded(
        gain,
        (1.5, 2.5),
        ("about the same", "about twice as many", "three times as many or more"),
        "Divide the answers per second.",
    )


def delay_for_one(evidence: Evidence) -> Choices:
    """What a queue delay of 10 ms does to a lone client's median."""
    before, after = (p50(evidence, f"batching/{name}-1/load") for name in ("on", "on-waits-10-ms"))
    names = ("shorter", "about the same", "longer by up to 10 ms", "longer by far more than 10 ms")
    slack = max(1.0, 0.05 * before)
    added, limits = after - before, (-slack, slack, 13.0)

    def band(x: float) -> str:
        return names[sum(x >= limit for limit in limits)]

    return one(band(added), "Subtract the medians of the lone client.", band(added - slack), band(added + slack))


def classifier_gain(evidence: Evidence) -> Choices:
    """Answers per second of the classifier with batching over those without."""
    gain = times_the_rate(evidence, "batching/food-on/load", "batching/food-off/load")
    return banded(
        gain, (0.85, 1.6), ("fewer", "about the same", "at least twice as many"), "Divide the answers per second."
    )


# 4_instances


def instances_or_threads(evidence: Evidence) -> Choices:
    """Two instances with a thread each against one with two threads."""
    ratio = times_the_rate(evidence, "instances/2x1/load", "instances/1x2/load")
    return banded(
        ratio,
        (0.95, 1.05),
        ("one instance with two threads", "no difference", "two instances with one thread each"),
        "Compare the answers per second.",
    )


def too_many(evidence: Evidence) -> Choices:
    """Four instances with two threads against the best of the others."""
    rates = {label: rate(evidence, name) for label, name in GRID.items() if evidence.has(name)}
    most = rates.pop("4 instances, 2 threads", None)
    if most is None or not rates:
        raise NotMeasured("instances/4x2/load")
    best = max(rates, key=lambda label: rates[label])
    return banded(
        times_the_rate(evidence, "instances/4x2/load", GRID[best]),
        (0.95, 1.05),
        ("lower", "about the same", "higher"),
        "Compare the answers per second.",
    )


def neighbour_slowdown(evidence: Evidence) -> Choices:
    """p95 of the light model beside the heavy one over its p95 alone."""
    return banded(
        times_the_latency(evidence, "neighbour/shared/load", "neighbour/alone/load", 95),
        (1.1, 1.5, 3),
        ("not at all", "up to 1.5", "1.5 to 3", "more than 3"),
        "Divide the p95 of the two arrangements.",
    )


# 5_online_and_batch


def offline_gain(evidence: Evidence) -> Choices:
    """Samples per second of batches of 32 over those one by one."""
    batched, single = (evidence.number(f"online/offline-{size}/loadgen", "samples_per_s") for size in (32, 1))
    return banded(
        batched / single,
        (0.9, 1.5, 3),
        ("fewer", "about the same", "two to three times as many", "more than three times as many"),
        "Divide the samples per second.",
    )


def where_it_bends(evidence: Evidence) -> Choices:
    """The smallest measured share at which the median is more than twice that of a lone request.

    Where it is the first above 100 %, the bend lies somewhere between 95 % and it: both choices are right.
    """
    alone = p50(evidence, "online/alone/load")
    ratios = [p50(evidence, f"online/off-{share}/load") / alone for share in SHARES]
    bands = ("below 50 %", "50 to 80 %", "50 to 80 %", "80 to 100 %", "only above 100 %", "only above 100 %")

    def band(limit: float) -> str:
        return next((name for name, ratio in zip(bands, ratios, strict=True) if ratio > limit), bands[-1])

    between = ["80 to 100 %"] if ratios[SHARES.index(130)] > 2 and band(2.0) == "only above 100 %" else []
    return one(band(2.0), "Compare the medians with that of a lone request.", band(1.8), band(2.2), *between)


def fell_behind(evidence: Evidence, name: str) -> bool:
    """Whether requests piled up under the load of this step. Raises NotMeasured."""
    try:
        return queueing.falls_behind(evidence.result(name))
    except (KeyError, ValueError, TypeError):
        raise NotMeasured(name, "requests under way") from None


def bursts(evidence: Evidence) -> Choices:
    """Median of random arrivals over that of evenly spaced ones, at one rate. Where the server fell behind with one of
    them, its latency is no property of the arrivals, and nothing is decided."""
    loads = ("online/random/load", "online/even/load")
    bands = ("about as long", "up to twice as long", "more than twice as long")
    found = banded(times_the_latency(evidence, *loads), (1.15, 2), bands, "Divide the medians of the two.")
    if not any(fell_behind(evidence, name) for name in loads):
        return found
    return one(*found.right, "The server fell behind with one of them.", *bands)


def cold_start_s(evidence: Evidence) -> float:
    """Median seconds from the load of the PyTorch classifier to its first answer. Raises NotMeasured."""
    name = "online/food-pytorch/cold"
    load, first = evidence.samples(name, "load_ms"), evidence.samples(name, "first_ms")
    if load.shape != first.shape:
        raise NotMeasured(name, "first_ms")
    return float(np.median(load + first)) / 1e3


def cold_ratio(evidence: Evidence) -> Choices:
    """Cold start over a warm request, medians."""
    factor = cold_start_s(evidence) * 1e3 / evidence.p("online/food-pytorch/cold", 50, "warm_ms")
    return banded(factor, (4, 30), ("about twice", "about 10 times", "more than 30 times"), "Divide the medians.")


# 6_platform


def outage(evidence: Evidence, name: str) -> Hurt:
    """What a fault did to the good model's visitors. Raises NotMeasured."""
    waited, came = (evidence.samples(name, field) for field in ("latency_ms", "started_s"))
    ok = np.asarray(evidence.field(name, "ok"), dtype=bool).ravel()
    if not waited.shape == came.shape == ok.shape:
        raise NotMeasured(name, "visitors")
    told = {field: evidence.number(name, field) for field in ("fault_s", "seconds")}
    return hurt({"latency_ms": waited, "started_s": came, "ok": ok, **told})


def crash_outage(evidence: Evidence) -> Number:
    """For how long nobody was answered in time after a crash in the same process."""
    found = outage(evidence, "isolation/one-process-crash/outage")
    return Number(found.outage_ms, "Take the longest time without an answer in time.", 0.2)


def loaded_without_test(evidence: Evidence) -> Choices:
    """How many of the spoiled versions were loaded where nothing tried them."""
    name = "platform/gate/loads"
    rows = [each for each in evidence.field(name, "loads") if not each["self_test"]]
    if len(rows) != 3:
        raise NotMeasured(name, "loads")
    counts = ("none", "one", "two", "all three")
    return one(
        counts[sum(not row["refused"] for row in rows)], "Count the versions that were loaded without self-test."
    )


def ensemble_longer(evidence: Evidence) -> Choices:
    """Median of the ensemble over that of one model."""
    return banded(
        times_the_latency(evidence, "pipeline/ensemble/load", "pipeline/one-model/load"),
        (1.1, 1.5),
        ("by less than a tenth", "by a tenth to a half", "by more than a half"),
        "Divide the medians.",
    )


# 7_tokens


def at_count(evidence: Evidence, step: str, key: str, value: str, count: int) -> float:
    """The middle of column `value` of a step of the language model where its column `key` is `count`. Raises
    NotMeasured."""
    found = {key: evidence.samples(step, key), value: evidence.samples(step, value)}
    if found[key].shape != found[value].shape or count not in found[key]:
        raise NotMeasured(step, f"{value} at {key} {count}")
    return by(found, key, value)[count].value


def longer_prompt(evidence: Evidence) -> Number:
    """Time to the first token after 256 tokens over that after 64."""
    long, short = (at_count(evidence, TOKENS_ALONE, "prompt", "first_ms", length) for length in (256, 64))
    return Number(long / short, "Divide the time to the first token at 256 by that at 64.", 0.2)


def company(evidence: Evidence) -> Number:
    """Tokens a second of eight sequences over those of one."""
    many, one = (at_count(evidence, "tokens/together", "sequences", "per_s", count) for count in (8, 1))
    return Number(many / one, "Divide the tokens a second of eight sequences by those of one.", 0.2)


JUDGES: dict[str, Judge] = {
    "system.endpoint.latency": endpoint_slower,
    "system.endpoint.throughput": endpoint_rate_gain,
    "system.triton.throughput": eight_clients,
    "system.triton.latency": sixteen_clients,
    "system.triton.engine": onnx_for_pytorch,
    "system.batching.throughput": batching_gain,
    "system.batching.delay": delay_for_one,
    "system.batching.classifier": classifier_gain,
    "system.instances.best": instances_or_threads,
    "system.instances.too_many": too_many,
    "system.neighbour.slowdown": neighbour_slowdown,
    "system.online.offline_gain": offline_gain,
    "system.online.knee": where_it_bends,
    "system.online.bursts": bursts,
    "system.cold.ratio": cold_ratio,
    "system.gate.loaded": loaded_without_test,
    "system.isolation.outage": crash_outage,
    "system.pipeline.ensemble": ensemble_longer,
    "system.tokens.prompt": longer_prompt,
    "system.tokens.company": company,
}
