"""Relations between the steps of a run, and between the fields of one, that any machine keeps: relations, no times.

What `invariants` lists makes a record contradict itself. These are remarks: whoever changes one number and leaves the
others is seen by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from grading.checks.evidence import Evidence
from grading.checks.integrity.shapes import is_carried_over
from snippets.engine.turns import INFIX as TURNS
from snippets.files import canonical, sha256_text
from snippets.record.read import Step
from snippets.record.values import describe_input

OVERLAP_S = 2e-5
"""How far one request may seem to begin before another has ended: two threads read the clock in turn."""
FASTEST_BATCH, SLOWEST_BATCH = 0.004, 100.0
"""Time of an image in a batch over that of an image alone: a GPU takes hundreds at once; a machine may be held up."""


def broken_relations(evidence: Evidence) -> list[str]:
    """What the run's steps say against each other; empty if they fit."""
    found = []
    for name in evidence.steps:
        for step, result in evidence.measured(name):
            if isinstance(result, Mapping):
                found += [f"step {name!r}: {problem}" for problem in _within(step, result)]
    return [*found, *_labels(evidence), *_batches(evidence)]


def _within(step: Step, result: Mapping[str, Any]) -> Iterator[str]:
    yield from _named_for_its_inputs(step, result)
    if step.name.endswith("/load"):
        yield from _one_at_a_time(result)
        yield from _phases_fit(result)
        yield from _server_fits_client(result)
    elif step.name.endswith("/soak"):
        yield from _one_after_another(result)
    elif TURNS in step.name:
        yield from _canary(result)


def _named_for_its_inputs(step: Step, result: Mapping[str, Any]) -> Iterator[str]:
    """A step's key is that of its inputs; what was put together from rounds names its samples among them."""
    key = getattr(step, "key", None)
    if key is not None and key != sha256_text(canonical([step.name, step.inputs])):
        yield "its inputs are not those that it was measured with"
    for field in ("latency_ms", "batch_ms"):
        told, samples = step.inputs.get(field), result.get(field)
        if not isinstance(told, Mapping) or "$array" not in told or not isinstance(samples, np.ndarray):
            continue
        if told != describe_input(samples, field):
            yield f"its {field} are not the samples that it was put together from"


def _times(result: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray] | None:
    """When each request started and ended, in s, in the order of their starts."""
    started, latency = result.get("started_s"), result.get("latency_ms")
    if not (isinstance(started, np.ndarray) and isinstance(latency, np.ndarray)) or started.shape != latency.shape:
        return None
    if started.dtype.kind != "f" or latency.dtype.kind not in "fiu" or not started.size:
        return None
    order = np.argsort(started, kind="stable")
    return started[order], started[order] + latency[order] / 1e3


def _one_at_a_time(result: Mapping[str, Any]) -> Iterator[str]:
    """In a closed loop never more requests are under way than there are clients."""
    clients, times = result.get("clients"), _times(result)
    if not isinstance(clients, int) or times is None or times[0].size <= clients:
        return
    started, ended = times
    # With so many clients, the k-th request begins after all but `clients - 1` of the earlier ones have ended.
    earlier = np.sort(ended)
    over = sum(
        k - int(np.searchsorted(earlier, start + OVERLAP_S, side="right")) >= clients for k, start in enumerate(started)
    )
    if over:
        yield f"{over} requests were sent while {clients} others, as many as there are clients, were under way"


def _phases_fit(result: Mapping[str, Any]) -> Iterator[str]:
    """What the server did for most requests lasted no longer than the client waited.

    A thread that waits for a processor when it reads the clock makes a few look longer.
    """
    latency = result.get("latency_ms")
    names = ("decode_ms", "preprocess_ms", "queue_ms", "inference_ms", "postprocess_ms")
    phases = [result[name] for name in names if isinstance(result.get(name), np.ndarray)]
    if not isinstance(latency, np.ndarray) or not phases or any(one.shape != latency.shape for one in phases):
        return
    over = int(np.count_nonzero(np.sum(phases, axis=0) > latency * 1.001 + 0.01))
    if over > latency.size / 2:
        yield f"for {over} requests the server took longer than the client waited"


def _server_fits_client(result: Mapping[str, Any]) -> Iterator[str]:
    """In a closed loop the server counts what the clients sent, but for what is under way at the window's ends, and
    takes less time for a request than they wait."""
    latency, ok, clients = result.get("latency_ms"), result.get("ok"), result.get("clients")
    counted, server_ms = result.get("server_requests"), result.get("server_ms")
    if not isinstance(latency, np.ndarray) or not isinstance(ok, np.ndarray) or not latency.size:
        return
    if not isinstance(clients, int) or "neighbour" in result:
        return
    if isinstance(counted, int):
        answers, at_ends = int(np.count_nonzero(ok)), 0.2 * ok.size + 2 * clients
        if not answers - at_ends <= counted <= ok.size + at_ends:
            yield f"the server counted {counted} requests, the clients {answers} answers"
    if isinstance(server_ms, float) and ok.all() and server_ms > 1.2 * float(latency.mean()) + 0.5:
        yield f"the server took {server_ms:.4g} ms for a request, but clients waited {latency.mean():.4g} ms"


def _one_after_another(result: Mapping[str, Any]) -> Iterator[str]:
    """A single caller begins its next call when the last one has ended, and a moment after."""
    times = _times(result)
    if times is None or times[0].size < 2:
        return
    started, ended = times
    between = started[1:] - ended[:-1]
    if (over := int(np.count_nonzero(between < -OVERLAP_S))) > 0:
        yield f"{over} calls begin before the call before them has ended"
    elif np.median(np.abs(between)) < 5e-9:
        yield "its calls follow each other without any time between them"


def _canary(result: Mapping[str, Any]) -> Iterator[str]:
    """The best canary of the run so far is no slower than those of this round."""
    canary, best = result.get("canary_ms"), result.get("best_canary_ms")
    if not isinstance(canary, np.ndarray) or canary.dtype.kind != "f" or not canary.size:
        return
    if isinstance(best, float) and best > float(canary.min()) * (1 + 1e-9):
        yield "its best canary is slower than one of the round"


def _labels(evidence: Evidence) -> Iterator[str]:
    """All variants are asked for the same images: of as many images of a split the labels are the same."""
    seen: dict[tuple[str, int], tuple[str, np.ndarray]] = {}
    for name in evidence.steps:
        result = evidence.loaded(name)
        if not name.endswith("/accuracy") or not isinstance(result, Mapping):
            continue
        labels, split = result.get("labels"), str(result.get("split", ""))
        if not isinstance(labels, np.ndarray):
            continue
        first = seen.setdefault((split, labels.size), (name, labels))
        if not np.array_equal(first[1], labels):
            yield f"step {name!r}: its images are not those of {first[0]}"


def _batches(evidence: Evidence) -> Iterator[str]:
    """An image in a batch takes no small fraction of an image alone, and not many times as long."""
    for name in evidence.steps:
        variant = name.rpartition("/")[0]
        alone = evidence.loaded(f"{variant}/latency") if evidence.has(f"{variant}/latency") else None
        whole = evidence.loaded(name)
        if "/throughput" not in name or is_carried_over(name) or not isinstance(whole, Mapping):
            continue
        if not isinstance(alone, Mapping) or whole.get("threads") != alone.get("threads"):
            continue
        single, batch_ms, batch = alone.get("latency_ms"), whole.get("batch_ms"), whole.get("batch")
        if not isinstance(single, np.ndarray) or not isinstance(batch_ms, np.ndarray) or not isinstance(batch, int):
            continue
        if not single.size or not batch_ms.size or batch < 1 or not np.median(single) > 0:
            continue
        ratio = float(np.median(batch_ms)) / batch / float(np.median(single))
        if not FASTEST_BATCH <= ratio <= SLOWEST_BATCH:
            yield f"step {name!r}: an image in its batches takes {ratio:.3g} times as long as one alone"
