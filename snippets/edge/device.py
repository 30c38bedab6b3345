"""What a model costs on the device: latency by number of threads, accuracy on its photos, and the manager's verdict.

Needs numpy and onnxruntime only, as a Raspberry Pi has no more. Photos are uint8 (N,224,224,3), decoded elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import stats
from snippets.data import image
from snippets.decide.targets import DEVICE, Target, Verdict, target
from snippets.engine.turns import RULES, Entrant, Turns
from snippets.errors import RecordError
from snippets.measure import calls
from snippets.measure.latency import Latency
from snippets.record.read import Record

if TYPE_CHECKING:
    from snippets.record.run import Run

VARIANTS = ("fp32", "dynamic", "aggressive", "conservative")
MAX_THREADS = 4
GROUP = "edge"
# Different photos that one latency measurement walks through: enough that none is special, few enough for the memory.
PHOTOS_TIMED = 16


def thread_counts(cores: int) -> list[int]:
    """1, 2, 3, 4 threads: as many as the run's machine has cores, since more than that only take turns."""
    return list(range(1, min(MAX_THREADS, cores) + 1))


def classifier(model: Path, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """The ONNX file as a function from float32 (N,3,224,224) to logits (N,C), on the CPU with `threads` threads."""
    from snippets.engine import providers

    return providers.session(model, "cpu", threads=threads)


def turns(
    run: Run, models: Mapping[str, Path], photos: Callable[[], np.ndarray], fingerprint: str, *, profile: str
) -> Turns:
    """The models in turn, each with every number of threads: the entrants `<model>-threads-<number>` of group `edge`.

    They answer single photos, already preprocessed; `photos` is asked for them when there is something to measure, and
    `fingerprint` is theirs.
    """

    def entrant(variant: str, model: Path, threads: int) -> Entrant:
        def load() -> Callable[[], Any]:
            inputs = image.preprocess(photos()[:PHOTOS_TIMED])
            return calls.cycle(classifier(model, threads), [inputs[i : i + 1] for i in range(len(inputs))])

        name = f"{GROUP}/{variant}-threads-{threads}"
        return Entrant(name, load, "cpu", threads, {"model": model, "photos": fingerprint})

    entrants = {
        f"{variant}-threads-{threads}": entrant(variant, model, threads)
        for threads in thread_counts(run.record().cores())
        for variant, model in models.items()
    }
    return Turns(run, GROUP, entrants, RULES[profile])


def preprocessing(photos: np.ndarray, *, profile: str) -> dict[str, Any]:
    """A `latency` step: preprocessing alone, which every prediction needs before the network runs."""
    call = calls.cycle(image.preprocess, [photos[i : i + 1] for i in range(min(PHOTOS_TIMED, len(photos)))])
    return calls.latency_step(call, calls.effort(profile), provider="cpu", threads=1)


def classify(model: Path, photos: np.ndarray, labels: np.ndarray, *, threads: int) -> dict[str, Any]:
    """An `accuracy` step: the class that the model gives to each photo, one photo at a time."""
    predict = classifier(model, threads)
    predictions = [int(predict(image.preprocess(photos[i]))[0].argmax()) for i in range(len(photos))]
    return {"predictions": np.array(predictions, dtype=np.int64), "labels": labels, "split": "evaluation"}


@dataclass(frozen=True)
class Row:
    """One model on this device. `p95_ms` is None where the samples are too few; `lost`: accuracy against fp32's."""

    variant: str
    size_mb: float
    threads: int
    p50: stats.Estimate
    p95_ms: stats.Estimate | None
    accuracy: stats.Estimate
    lost: stats.Estimate
    verdict: Verdict


def verdicts(record: Record, wanted: Target | None = None) -> list[Row]:
    """One row for each model of the run, with its fastest number of threads, from the record's samples alone."""
    wanted = wanted or target(DEVICE)
    rows = []
    reference = record.result("edge/fp32/accuracy")["predictions"]
    for variant in VARIANTS:
        if f"kit/{variant}/size" not in record.names():
            continue
        size_mb = record.result(f"kit/{variant}/size")["bytes"] / 1e6
        threads, latency = fastest_threads(record, variant)
        p50 = latency.p50()
        checked = record.result(f"edge/{variant}/accuracy")
        verdict = wanted.judge(p50_ms=p50, size_mb=size_mb)
        assert verdict is not None  # a device is asked for latency and size only
        rows.append(
            Row(
                variant,
                size_mb,
                threads,
                p50,
                latency.percentile(95),
                stats.accuracy(checked["predictions"], checked["labels"]),
                stats.accuracy_loss(checked["predictions"], reference, checked["labels"]),
                verdict,
            )
        )
    return rows


def by_threads(record: Record, variant: str) -> dict[int, Latency]:
    """Latencies of one model, by number of threads."""
    prefix = f"{GROUP}/{variant}-threads-"
    found = {}
    for name in record.names():
        if name.startswith(prefix) and name.endswith("/latency"):
            threads = int(name.removeprefix(prefix).removesuffix("/latency"))
            found[threads] = Latency.of(record.result(name))
    if not found:
        raise RecordError(f"The record holds no latency of {variant} on a device. Run notebooks/edge/1_latency first.")
    return dict(sorted(found.items()))


def fastest_threads(record: Record, variant: str) -> tuple[int, Latency]:
    """The number of threads with the lowest median latency, and its latencies."""
    found = by_threads(record, variant)
    best = min(found, key=lambda threads: found[threads].p50().value)
    return best, found[best]
