"""What is right in part system, of choices and numbers that are worked out: judges over the student's own record."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Judge, Met, Number, longest, one
from grading.checks.system import (
    GRID,
    SHARES,
    between_windows,
    cold_start_s,
    good_ms,
    of_successes,
    outage,
    p50,
    rate,
    times_the_latency,
    times_the_rate,
)
from snippets import stats
from snippets.forecast import foretold
from snippets.load import estimates, queueing
from snippets.serve.stages import STAGES
from snippets.simulate.calibrated import Figures, server_of

NO_SETTING = "none meets the bound"
# The matrix of the search for similar photos: 16,384 x 1,280 numbers of 4 bytes.
MATRIX_GB = 16_384 * 1_280 * 4 / 1e9


def stage_ms(evidence: Evidence, name: str, stage: str) -> float:
    """Mean time that the successes of a load of the endpoint spent in one of its stages. Raises NotMeasured."""
    field = f"{stage}_ms"
    values = np.asarray(evidence.field(name, field), dtype=np.float64).ravel()
    return float(np.nanmean(of_successes(evidence, name, values, field)))


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


def omission(evidence: Evidence) -> Number:
    """Mean latency from when requests were due over that from their sending, of the open loop that is too much."""
    name = "generator/open-150/yours"
    due, sending = (evidence.samples(name, field) for field in ("from_due_ms", "from_sending_ms"))
    if due.shape != sending.shape or not due.size or not sending.mean() > 0:
        raise NotMeasured(name, "from_sending_ms")
    return Number(float(due.mean() / sending.mean()), "Divide the two means of that row.", 0.05)


def queue_share(evidence: Evidence) -> Number:
    """Share of the mean time in the server that is queueing, in per cent."""
    name = "triton/pytorch-16/load"
    queue, compute = evidence.number(name, "queue_ms"), evidence.number(name, "compute_ms")
    if queue < 0 or compute <= 0:
        raise NotMeasured(name, "compute_ms")
    return Number(
        100 * queue / (queue + compute), "Divide the queue by the sum of queue and computing.", 3, absolute=True
    )


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


def described(evidence: Evidence) -> Met:
    """A description that Triton loaded, and which halves of its target its load meets; where the interval reaches a
    bound, it is met."""
    name = "config/mine/written"
    by, text = evidence.field(name, "by"), str(evidence.field(name, "text"))
    if by != "you":
        return Met("", 0.0, "Triton has not loaded a description of yours.")
    pairs = {n: (f"config/mine-{n}/load", f"config/plain-{n}/load") for n in (1, 32)}
    gain, wait = times_the_rate(evidence, *pairs[32]), times_the_latency(evidence, *pairs[1])
    halves = {
        f"32 clients get {gain.value:.2f} times as many answers": max(gain.high, gain.value) >= TWICE,
        f"one client waits {wait.value:.2f} times as long": min(wait.low, wait.value) <= HALF_AS_LONG_AGAIN,
    }
    told = "; ".join(f"{half} ({'met' if met else 'not met'})" for half, met in halves.items())
    return Met(text, (1 + sum(halves.values())) / 3, f"Triton loaded it; {told}.")


TWICE, HALF_AS_LONG_AGAIN = 2.0, 1.5
"""The target that system.batching.config states."""
BATCHER = {"one by one": "off-8", "no delay": "delay-0-8", "5 ms": "delay-5-8", "20 ms": "delay-20-8"}


def best_delay(evidence: Evidence) -> Choices:
    """The setting of the endpoint's batcher with most answers per second; those that may be as fast are right, too."""
    names = {label: f"batcher/{name}/load" for label, name in BATCHER.items()}
    rates = {label: rate(evidence, name) for label, name in names.items()}
    best = max(rates, key=lambda label: rates[label])
    close = [
        label
        for label, value in rates.items()
        if value >= 0.97 * rates[best] or times_the_rate(evidence, names[label], names[best]).high >= 1
    ]
    return one(best, "Look for the most answers per second among the four settings.", *close)


def longest_wait(evidence: Evidence) -> Number:
    """For how long a server may wait for eight instead of running two batches of four: 2 T(4) - T(8), ms."""
    name = "calibrate/similar/served"
    sent, periods = evidence.samples(name, "rows_sent"), evidence.samples(name, "period_ms")
    if sent.shape != periods.shape or periods.min() <= 0 or 1 not in sent:
        raise NotMeasured(name, "period_ms")
    evidence.number(name, "crowd_period_ms")
    model = server_of(evidence.result(name), cores=1)
    value = 2 * model.of_requests(4) - model.of_requests(8)
    # The notebook prints S(b) to a tenth of a millisecond: what that hides may not cost points.
    return Number(
        value,
        "Eight answers take two batches of four, or the wait and one batch of eight.",
        max(0.1 * abs(value), 0.1),
        absolute=True,
    )


def forecast_of(evidence: Evidence, step: str) -> tuple[dict[str, Figures], dict[str, dict[str, Any]]]:
    """A recorded forecast, and those of its loads that were measured then: by their names. Raises NotMeasured."""
    for field in foretold.FIELDS:
        evidence.samples(step, field)
    said = foretold.read(evidence.result(step))
    loads = {name: evidence.result(f"{name}/load") for name in said if evidence.has(f"{name}/load")}
    return {name: said[name] for name in loads}, loads


def memory_rate(evidence: Evidence) -> Number:
    """Gigabytes of the search's matrix that are fetched in a second: one matrix an execution."""
    executions_per_s = rate(evidence, "batching/on-32/load") / mean_batch(evidence).value
    return Number(
        executions_per_s * MATRIX_GB,
        "Divide the answers per second by the mean batch, and multiply by the matrix's size.",
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
        known = between_windows(evidence, p95, partial(estimates.latency, percent=95), name)
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


def warm_pays(evidence: Evidence) -> Number:
    """Requests an hour from which keeping the model warm is cheaper.

    A record that prices the wait by the cold start (`penalty_s`), and not by the second, was asked that way.
    """
    parameters = evidence.record.parameters.get("5_online_and_batch") or {}
    cold_s = cold_start_s(evidence)
    penalty_s = float(parameters.get("penalty_s", float(parameters.get("wait_price", 10.0)) * cold_s))
    return Number(
        queueing.warm_break_even_per_hour(cold_s, penalty_s),
        "3600 divided by the seconds that a cold start costs, the visitor's wait included.",
    )


def gets_past(_: Evidence) -> Choices:
    """What one look at the answers to the example cannot see."""
    return Choices(
        frozenset(
            {
                "a version that is worse than the old one on dark photos, of which the example has none",
                "a version that needs ten times as long for a photo",
                "memory that grows with each request",
            }
        ),
        "Think of what the self-test compares, with what, when, and how often.",
    )


AS_LONG, AS_MANY = 0.8, 2.0
"""The targets that system.cards.numbers states."""


def own_cards(evidence: Evidence) -> Met:
    """Cards that the platform made services of, and which of the teams' targets they meet; where the interval reaches a
    bound, it is met."""
    name = "cards/mine/written"
    by, text = evidence.field(name, "by"), str(evidence.field(name, "text"))
    if by != "you":
        return Met("", 0.0, "The platform has not made services of cards of yours.")
    wait = times_the_latency(evidence, "cards/photos-own/load", "cards/photos-plain/load")
    gain = times_the_rate(evidence, "cards/sorter-own/load", "cards/sorter-plain/load")
    targets = {
        f"photos waits {wait.value:.2f} times as long": min(wait.low, wait.value) <= AS_LONG,
        f"sorter gets {gain.value:.2f} times as many answers": max(gain.high, gain.value) >= AS_MANY,
    }
    told = "; ".join(f"{target} ({'met' if met else 'not met'})" for target, met in targets.items())
    return Met(text, (1 + sum(targets.values())) / 3, f"Both services were made; {told}.")


DAY_MS = 24 * 3600 * 1e3


def crashes_a_day(evidence: Evidence) -> Number:
    """How many outages as long as the measured one make up a thousandth of a day."""
    outage_ms = outage(evidence, "isolation/one-process-crash/outage").outage_ms
    return Number(
        0.001 * DAY_MS / outage_ms,
        "Divide a thousandth of a day by the time without an answer in time, in one unit.",
    )


PHOTO_MB = 224 * 224 * 3 * 4 / 1e6


def handover(evidence: Evidence) -> Number:
    """Milliseconds for each megabyte that goes from one model of the ensemble to the other."""
    more_ms = p50(evidence, "pipeline/ensemble/load") - p50(evidence, "pipeline/one-model/load")
    value = more_ms / PHOTO_MB
    how = (
        "Subtract the median of one model from that of the ensemble, and divide by the megabytes of a photo's numbers."
    )
    return Number(value, how, max(0.1 * abs(value), 0.3), absolute=True)


JUDGES: dict[str, Judge] = {
    "system.endpoint.errors": errors_as_success,
    "system.endpoint.dominates": longest_stage,
    "system.endpoint.ceiling": ceiling,
    "system.endpoint.rate": endpoint_rate,
    "system.generator.omission": omission,
    "system.triton.queue_share": queue_share,
    "system.batching.pays": longest_wait,
    "system.batching.memory": memory_rate,
    "system.batching.sizes": mean_batch,
    "system.batcher.delay": best_delay,
    "system.batching.config": described,
    "system.instances.choice": best_setting,
    "system.online.batch32": may_wait,
    "system.online.headroom": headroom,
    "system.online.capacity": capacity,
    "system.cold.break_even": warm_pays,
    "system.gate.escapes": gets_past,
    "system.cards.numbers": own_cards,
    "system.isolation.crashes": crashes_a_day,
    "system.pipeline.handover": handover,
}
