"""What is right in part system: judges over the student's own record."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Judge, Number, banded, longest, nearest, one
from snippets import stats
from snippets.load import estimates, queueing
from snippets.serve.stages import STAGES
from snippets.stats import Estimate

GRID = {
    f"{n} instance{'s' * (n > 1)}, {t} thread{'s' * (t > 1)}": f"instances/{n}x{t}/load"
    for n in (1, 2, 4)
    for t in (1, 2)
}
SHARES = (30, 60, 80, 95, 130, 200)
NO_SETTING = "none meets the bound"
# The matrix of the search for similar photos: 16,384 x 1,280 numbers of 4 bytes.
MATRIX_GB = 16_384 * 1_280 * 4 / 1e9


def _of_successes(evidence: Evidence, name: str, values: np.ndarray, field: str) -> np.ndarray:
    """Those of a load step's values, one a request, that belong to its successes. Raises NotMeasured for none."""
    ok = np.asarray(evidence.result(name).get("ok", np.ones(values.size)), dtype=bool).ravel()
    if ok.shape != values.shape or not ok.any():
        raise NotMeasured(name, field)
    return values[ok]


def good_ms(evidence: Evidence, name: str) -> np.ndarray:
    """Latencies of the successes of a load step, ms. Raises NotMeasured for none."""
    return _of_successes(evidence, name, evidence.samples(name), "successes")


def stage_ms(evidence: Evidence, name: str, stage: str) -> float:
    """Mean time that the successes of a load of the endpoint spent in one of its stages. Raises NotMeasured."""
    field = f"{stage}_ms"
    values = np.asarray(evidence.field(name, field), dtype=np.float64).ravel()
    return float(np.nanmean(_of_successes(evidence, name, values, field)))


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
    return _between_windows(evidence, ratio, estimates.times_the_rate, name, base)


def times_the_latency(evidence: Evidence, name: str, base: str, percent: int = 50) -> Estimate:
    """Latency over that of `base`, at that percentile, as `times_the_rate`."""
    ratio = stats.percentile(good_ms(evidence, name), percent) / stats.percentile(good_ms(evidence, base), percent)
    return _between_windows(evidence, ratio, partial(estimates.times_the_latency, percent=percent), name, base)


def _between_windows(
    evidence: Evidence, value: float, estimate: Callable[..., Estimate | None], *names: str
) -> Estimate:
    """`estimate` of the loads of these names, where all have windows and these say how sure it is; else `value`."""
    loads = [evidence.result(name) for name in names]
    known = estimate(*loads) if all("windows" in load for load in loads) else None
    return known if known is not None and known.bounded else Estimate(value, value, value)


# 1_endpoint


def errors_as_success(_: Evidence) -> Choices:
    """A 200 hides a failure from whoever does not read the body; it slows nothing down."""
    return Choices(
        frozenset(
            {
                "a load test counts failures as (very fast) successes",
                "monitoring shows no errors",
                "the app may show the message as if it were a prediction",
            }
        ),
        "Think of each reader of the status code, and of what the endpoint does for other photos.",
    )


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


def longest_stage(evidence: Evidence) -> Choices:
    """The stage with the largest mean; transport is what the client waited beyond the stages."""
    name = "endpoint/pytorch-16/load"
    requests = evidence.samples(name).size
    for stage in STAGES:
        if np.size(evidence.field(name, f"{stage}_ms")) != requests:
            raise NotMeasured(name, f"{stage}_ms")
    stages = {stage: stage_ms(evidence, name, stage) for stage in STAGES}
    stages["transport"] = float(good_ms(evidence, name).mean()) - sum(stages.values())
    return longest(stages, "Compare the lengths of the pieces of that bar.")


def ceiling(evidence: Evidence) -> Number:
    """What one copy of the model can answer in a second if nothing else takes any time."""
    name = "endpoint/onnx-1/load"
    mean_ms = stage_ms(evidence, name, "inference")
    if not mean_ms > 0:
        raise NotMeasured(name, "inference_ms")
    # The notebook prints this time to a tenth of a millisecond: what that hides may not cost points.
    return Number(1000 / mean_ms, "Divide a second by the time of one inference.", max(0.05, 0.06 / mean_ms))


def endpoint_rate(evidence: Evidence) -> Number:
    """Successes over seconds."""
    return Number(rate(evidence, "endpoint/onnx-1/load"), "Divide the successes by the length of the window.", 0.05)


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


def queue_share(evidence: Evidence) -> Number:
    """Share of the mean time in the server that is queueing, in per cent."""
    name = "triton/pytorch-16/load"
    queue, compute = evidence.number(name, "queue_ms"), evidence.number(name, "compute_ms")
    if queue < 0 or compute <= 0:
        raise NotMeasured(name, "compute_ms")
    return Number(
        100 * queue / (queue + compute), "Divide the queue by the sum of queue and computing.", 3, absolute=True
    )


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


def mean_batch(evidence: Evidence) -> Number:
    """Rows over executions, from the server's batch statistics."""
    batches = evidence.field("batching/on-32/load", "batches")
    if not isinstance(batches, dict) or not batches:
        raise NotMeasured("batching/on-32/load", "batches")
    executions = sum(int(count) for count in batches.values())
    rows = sum(int(size) * int(count) for size, count in batches.items())
    if executions <= 0:
        raise NotMeasured("batching/on-32/load", "executions")
    return Number(rows / executions, "Divide the rows by the executions.", 0.05)


def memory_rate(evidence: Evidence) -> Number:
    """Gigabytes of the search's matrix that are fetched in a second: one matrix an execution."""
    executions_per_s = rate(evidence, "batching/on-32/load") / mean_batch(evidence).value
    return Number(
        executions_per_s * MATRIX_GB,
        "Divide the answers per second by the mean batch, and multiply by the matrix's size.",
    )


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


def best_setting(evidence: Evidence) -> Choices:
    """Most answers per second among the settings whose p95 is within the manager's bound.

    One whose p95 may lie on either side of the bound, and one that may be as fast as the best, are right too.
    """
    parameters = evidence.record.parameters.get("4_instances") or {}
    bound_ms = float(parameters.get("p95_target_ms", 100.0))
    how = "Look at p95 first, then for the most answers per second among the settings that are left."
    rates, near, undecided = {}, set(), set()
    for label, name in GRID.items():
        if not evidence.has(name):
            raise NotMeasured(name)
        p95 = stats.percentile(good_ms(evidence, name), 95)
        if p95 <= bound_ms:
            rates[label] = rate(evidence, name)
        known = _between_windows(evidence, p95, partial(estimates.latency, percent=95), name)
        if known.low < bound_ms < known.high:
            undecided.add(label)
        if abs(p95 / bound_ms - 1) < 0.02:
            near.add(label)
    if not rates:
        return one(NO_SETTING, how, *near, *undecided)
    best = max(rates, key=lambda label: rates[label])
    close = [
        label
        for label, value in rates.items()
        if value >= 0.97 * rates[best] or times_the_rate(evidence, GRID[label], GRID[best]).high >= 1
    ]
    return one(best, how, *close, *undecided)


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


def may_wait(_: Evidence) -> Choices:
    """What nobody waits for: 32 photos at 5 a second take over 6 s to come together."""
    return Choices(
        frozenset({"tagging last year's archive", "the nightly search for duplicates"}),
        "Work out how long 32 photos take to come together, and ask who waits meanwhile.",
    )


def _offered(evidence: Evidence, share: int) -> dict[str, Any]:
    name = f"online/off-{share}/load"
    fields = ("arrivals", "seconds", "failures", "completed_rps")
    load = {field: evidence.number(name, field) for field in fields}
    if load["seconds"] <= 0:
        raise NotMeasured(name, "seconds")
    looks = {field: evidence.samples(name, field) for field in ("sampled_s", "sampled_in_flight")}
    # Requests pile up within a window: the next one begins with an empty server.
    parts = evidence.result(name)["windows"] if len(evidence.parts(name)) > 1 else []
    if any(np.shape(one["sampled_s"]) != np.shape(one["sampled_in_flight"]) for one in (looks, *parts)):
        raise NotMeasured(name, "sampled_in_flight")
    return {**load, **looks, "windows": parts, "offered_rps": load["arrivals"] / load["seconds"]}


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


def capacity(evidence: Evidence) -> Number:
    """The largest load, as drawn, that the server keeps up with, smaller ones included."""
    found = queueing.capacity([_offered(evidence, share) for share in SHARES])
    return Number(
        found.holds, "Take the largest load up to which the number of requests in the server stays level.", 0.05
    )


def headroom(evidence: Evidence) -> Number:
    """The largest load that holds, in per cent of what the saturated server answers."""
    loads = [_offered(evidence, share) for share in SHARES]
    found = queueing.capacity(loads)
    most = found.saturated or max(load["completed_rps"] for load in loads)  # nothing was too much: what was answered
    if most <= 0:
        raise NotMeasured("online/off-200/load", "completed_rps")
    how = "Divide the largest load that still holds by what the server answers when it is never idle."
    return Number(100 * found.holds / most, how, 3.0, absolute=True)


def _cold_s(evidence: Evidence) -> float:
    name = "online/food-pytorch/cold"
    load, first = evidence.samples(name, "load_ms"), evidence.samples(name, "first_ms")
    if load.shape != first.shape:
        raise NotMeasured(name, "first_ms")
    return float(np.median(load + first)) / 1e3


def cold_ratio(evidence: Evidence) -> Choices:
    """Cold start over a warm request, medians."""
    factor = _cold_s(evidence) * 1e3 / evidence.p("online/food-pytorch/cold", 50, "warm_ms")
    return banded(factor, (4, 30), ("about twice", "about 10 times", "more than 30 times"), "Divide the medians.")


def warm_pays(evidence: Evidence) -> Number:
    """Requests an hour from which keeping the model warm is cheaper.

    A record that prices the wait by the cold start (`penalty_s`), and not by the second, was asked that way.
    """
    parameters = evidence.record.parameters.get("5_online_and_batch") or {}
    cold_s = _cold_s(evidence)
    penalty_s = float(parameters.get("penalty_s", float(parameters.get("wait_price", 10.0)) * cold_s))
    return Number(
        queueing.warm_break_even_per_hour(cold_s, penalty_s),
        "3600 divided by the seconds that a cold start costs, the visitor's wait included.",
    )


JUDGES: dict[str, Judge] = {
    "system.endpoint.errors": errors_as_success,
    "system.endpoint.latency": endpoint_slower,
    "system.endpoint.throughput": endpoint_rate_gain,
    "system.endpoint.dominates": longest_stage,
    "system.endpoint.ceiling": ceiling,
    "system.endpoint.rate": endpoint_rate,
    "system.triton.throughput": eight_clients,
    "system.triton.latency": sixteen_clients,
    "system.triton.queue_share": queue_share,
    "system.triton.engine": onnx_for_pytorch,
    "system.batching.throughput": batching_gain,
    "system.batching.delay": delay_for_one,
    "system.batching.memory": memory_rate,
    "system.batching.sizes": mean_batch,
    "system.batching.classifier": classifier_gain,
    "system.instances.best": instances_or_threads,
    "system.instances.too_many": too_many,
    "system.instances.choice": best_setting,
    "system.neighbour.slowdown": neighbour_slowdown,
    "system.online.offline_gain": offline_gain,
    "system.online.batch32": may_wait,
    "system.online.knee": where_it_bends,
    "system.online.headroom": headroom,
    "system.online.capacity": capacity,
    "system.cold.ratio": cold_ratio,
    "system.cold.break_even": warm_pays,
}
