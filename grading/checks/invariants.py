"""Relations that hold for every measured step, whatever the machine: recomputed, not believed.

Each relation looks at the fields that a step's result has and returns problems in words; a relation whose fields
are absent says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

import numpy as np

from grading.checks.integrity.shapes import is_carried_over
from snippets.record.read import Step

MIN_SAMPLES = 5
LITTLE_TOLERANCE = 0.3
Relation = Callable[[Mapping[str, Any]], Iterator[str]]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_finite(times: Any) -> TypeGuard[np.ndarray]:
    return isinstance(times, np.ndarray) and times.dtype.kind == "f" and bool(np.isfinite(times).all())


def assembled(result: Mapping[str, Any]) -> bool:
    """Whether a step's samples are those of a group's rounds, put together: the rounds' steps measured them."""
    return isinstance(result.get("group"), str) and isinstance(result.get("rounds"), np.ndarray)


def times_are_real(result: Mapping[str, Any]) -> Iterator[str]:
    """Latencies and batch times are positive and finite."""
    for name in ("latency_ms", "batch_ms"):
        samples = result.get(name)
        if not isinstance(samples, np.ndarray):
            continue
        if not samples.size:
            continue
        if samples.dtype.kind not in "fiu" or not np.isfinite(samples).all():
            yield f"{name} holds values that are no finite numbers"
        elif samples.min() <= 0:
            yield f"{name} holds times that are not positive"


def blocks_are_real(result: Mapping[str, Any]) -> Iterator[str]:
    """The blocks of a round are positive, finite times of variants that took part; the slow ones are among them."""
    blocks = result.get("blocks_ms")
    if not isinstance(blocks, Mapping):
        return
    for name, times in blocks.items():
        if not _is_finite(times):
            yield f"the block of {name} holds values that are no finite numbers"
        elif not times.size or times.min() <= 0:
            yield f"the block of {name} holds no times, or some that are not positive"
    if not set(result.get("slow") or ()) <= set(blocks):
        yield "a block is called slow that was not taken"


def rounds_match_samples(result: Mapping[str, Any]) -> Iterator[str]:
    """Every sample that was taken in blocks belongs to a round."""
    rounds = result.get("rounds")
    for name in ("latency_ms", "batch_ms"):
        samples = result.get(name)
        if isinstance(samples, np.ndarray) and isinstance(rounds, np.ndarray) and samples.shape != rounds.shape:
            yield f"{name} and rounds are of different length"


def summaries_match_samples(result: Mapping[str, Any]) -> Iterator[str]:
    """A stored percentile, mean or rate is what its samples give, and p50 <= p95 <= p99."""
    samples = result.get("latency_ms")
    if isinstance(samples, np.ndarray) and samples.size and samples.dtype.kind in "fiu":
        for percent in (50, 95, 99):
            stored = _number(result.get(f"p{percent}_ms"))
            real = float(np.percentile(samples, percent))
            if stored is not None and abs(stored - real) > 1e-3 * max(abs(real), 1e-3):
                yield f"p{percent}_ms is {stored:.4g}, but the samples give {real:.4g}"
    ordered = [value for percent in (50, 95, 99) if (value := _number(result.get(f"p{percent}_ms"))) is not None]
    if ordered != sorted(ordered):
        yield "p50, p95 and p99 are not in order"


def rates_match_counts(result: Mapping[str, Any]) -> Iterator[str]:
    """A load step's rate is its successes over its seconds, and its failures are counted."""
    ok, seconds, rate = result.get("ok"), _number(result.get("seconds")), _number(result.get("requests_per_s"))
    if not isinstance(ok, np.ndarray) or not ok.size or not seconds:
        return
    if rate is not None and abs(rate - np.count_nonzero(ok) / seconds) > 0.01 * rate + 0.01:
        yield f"requests_per_s is {rate:.4g}, but {np.count_nonzero(ok)} answers came in {seconds:.4g} s"
    failures = _number(result.get("failures"))
    if failures is not None and failures < np.count_nonzero(~ok.astype(bool)):
        yield "failures are fewer than the samples that failed"
    samples = result.get("latency_ms")
    if isinstance(samples, np.ndarray) and samples.shape != ok.shape:
        yield "latency_ms and ok are of different length"


def littles_law(result: Mapping[str, Any]) -> Iterator[str]:
    """In a closed loop, requests per second times mean latency is the number of clients (Little's law)."""
    clients, rate, samples = result.get("clients"), _number(result.get("requests_per_s")), result.get("latency_ms")
    if not isinstance(clients, int) or not rate or not isinstance(samples, np.ndarray) or samples.size < 100:
        return
    if result.get("failures"):
        return
    inside = rate * float(np.mean(samples)) / 1e3
    if abs(inside - clients) > LITTLE_TOLERANCE * clients:
        yield f"{clients} clients, but rate x latency says {inside:.2f} requests were in flight (Little's law)"


def batches_add_up(result: Mapping[str, Any]) -> Iterator[str]:
    """The server's batch statistics sum to its inferences and executions."""
    batches, inferences = result.get("batches"), _number(result.get("inferences"))
    if not isinstance(batches, Mapping) or not batches or inferences is None:
        return
    try:
        counts = {int(size): int(number) for size, number in batches.items()}
    except (TypeError, ValueError):
        yield "the batch statistics are no counts"
        return
    total = sum(size * number for size, number in counts.items())
    if total != inferences:
        yield f"the batch statistics sum to {total} inferences, but {inferences:.0f} are recorded"
    executions = _number(result.get("executions"))
    if executions is not None and sum(counts.values()) != executions:
        yield "the batch statistics do not sum to the executions"


def predictions_are_labels(result: Mapping[str, Any]) -> Iterator[str]:
    """Predictions and labels are paired class numbers, and a stored accuracy is theirs."""
    predictions, labels = result.get("predictions"), result.get("labels")
    if not isinstance(predictions, np.ndarray) or not isinstance(labels, np.ndarray):
        return
    if predictions.shape != labels.shape or not labels.size:
        yield "predictions and labels do not pair"
        return
    if predictions.dtype.kind not in "iu" or labels.dtype.kind not in "iu" or min(predictions.min(), labels.min()) < 0:
        yield "predictions or labels are no class numbers"
    stored, real = _number(result.get("accuracy")), float(np.mean(predictions == labels))
    if stored is not None and min(abs(stored - real), abs(stored / 100 - real)) > 1e-3:
        yield f"accuracy is {stored:.4g}, but the predictions give {real:.4g}"


def sizes_are_positive(result: Mapping[str, Any]) -> Iterator[str]:
    """A file's size in bytes is positive."""
    size = _number(result.get("bytes"))
    if size is not None and size <= 0:
        yield "bytes is not positive"


def zeros_are_there(result: Mapping[str, Any]) -> Iterator[str]:
    """A pruned file has as many zeros among its weights as it is said to have, and no zip is larger than its file."""
    weights, zeros, share = (_number(result.get(name)) for name in ("weights", "zeros", "share"))
    if weights and zeros is not None and share is not None and zeros / weights < share - 0.01:
        yield f"{zeros / weights:.3f} of the weights are zero, not {share:g}"
    size, zipped = (_number(result.get(name)) for name in ("bytes", "zip_bytes"))
    if size and zipped is not None and not 0 < zipped <= 1.01 * size:
        yield f"{zipped:.0f} bytes are no zip of {size:.0f}"


RELATIONS: tuple[Relation, ...] = (
    times_are_real,
    blocks_are_real,
    rounds_match_samples,
    summaries_match_samples,
    rates_match_counts,
    littles_law,
    batches_add_up,
    predictions_are_labels,
    sizes_are_positive,
    zeros_are_there,
)


def busy_s(result: Mapping[str, Any]) -> float:
    """Seconds that a step's samples alone must have taken, given how many ran at once."""
    if assembled(result):
        return 0.0
    blocks = result.get("blocks_ms")
    if isinstance(blocks, Mapping):
        return sum(float(np.sum(times)) / 1e3 for times in blocks.values() if _is_finite(times))
    total = longest = 0.0
    for name in ("latency_ms", "batch_ms", "warmup_ms"):
        samples = result.get(name)
        if _is_finite(samples):
            total += float(samples.sum()) / 1e3
            longest = max(longest, float(samples.max(initial=0)) / 1e3)
    at_once = 1.0
    for name in ("clients", "max_clients", "in_flight_mean", "neighbour_clients"):
        at_once = max(at_once, _number(result.get(name)) or 1.0)
    if "clients" not in result and {"offered_rps", "loadgen"} & set(result):
        return longest  # an open loop, or a pile handed over at once: nothing bounds how many were under way
    if "started_s" in result:
        return total / (2 * at_once) if "clients" in result else longest
    return total / at_once


def not_of_its_rounds(result: Any, turns: Mapping[str, Any]) -> str | None:
    """Why an assembled `latency` or `throughput` step is not what its group's rounds measured; None if it is.

    `turns`: results of all steps of turns by name. Older rounds of the same numbers may have been measured anew since.
    """
    if not isinstance(result, Mapping) or not assembled(result):
        return None
    group = result["group"]
    times = result.get("latency_ms", result.get("batch_ms"))
    if np.shape(result["rounds"]) != np.shape(times):
        return None  # told by rounds_match_samples
    for number in np.unique(result["rounds"]):
        one = turns.get(f"{group}/turns-{number}")
        blocks = one.get("blocks_ms") if isinstance(one, Mapping) else None
        if not isinstance(blocks, Mapping):
            return f"round {number} of {group} was not measured"
        samples = np.asarray(times)[result["rounds"] == number]
        if not any(np.array_equal(samples, times) for times in blocks.values()):
            return f"its samples of round {number} are not those of {group}/turns-{number}"
    return None


def too_few(result: Any) -> list[str]:
    """Whether a step has too few samples to say anything. That is poor measuring, not a contradiction.

    A window of load may be filled by a single large batch; it only must not be empty.
    """
    if not isinstance(result, Mapping):
        return []
    least = 1 if "ok" in result else MIN_SAMPLES
    return [
        f"{name} holds {samples.size} samples; measure at least {least}"
        for name in ("latency_ms", "batch_ms")
        if isinstance(samples := result.get(name), np.ndarray) and samples.size < least
    ]


def problems(step: Step, result: Any) -> list[str]:
    """What is wrong with a step's `result`; empty if nothing is."""
    if not isinstance(result, Mapping):
        return []
    found = [problem for relation in RELATIONS for problem in relation(result)]
    if not is_carried_over(step.name) and (least := busy_s(result)) > step.seconds * 1.02 + 0.05:
        found.append(f"its samples alone take {least:.2f} s, but the step lasted {step.seconds:.2f} s")
    return found
