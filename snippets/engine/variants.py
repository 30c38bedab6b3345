"""The variants of Part 1, each measured the same way: latency, throughput, accuracy, size.

Steps are named `<notebook>/<variant>/<what>`. A notebook that needs a figure of an earlier one calls the same
function: measured already, the step replays; otherwise it is measured now. So every notebook runs alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import measure
from snippets.errors import UsageError
from snippets.machine.host import thread_count
from snippets.model import evaluate

if TYPE_CHECKING:
    from snippets.data.datasets import Split
    from snippets.record.run import Run

Logits = Callable[[np.ndarray], np.ndarray]
# Inputs that latencies walk through: several, so that no single picture stays in the caches.
PICTURES = 8


@dataclass(frozen=True)
class Plan:
    """How much Part 1 measures. Counts of images: 0 takes the whole split. Variants are compared at size `batch`."""

    profile: str
    threads: int
    evaluation: int
    validation: int
    calibration: int
    batch: int
    batch_sizes: tuple[int, ...]
    torch_batch_sizes: tuple[int, ...]
    compiled_batch_sizes: tuple[int, ...]
    rounds: int
    whole_ladder: bool

    @property
    def latency(self) -> measure.Effort:
        """Effort for single-sample latency."""
        return measure.effort(self.profile)

    @property
    def batches(self) -> measure.Effort:
        """Effort for batch throughput."""
        return measure.effort(self.profile, batches=True)


PLANS = {
    "quick": Plan(
        "quick",
        0,
        evaluation=66,
        validation=198,
        calibration=22,
        batch=8,
        batch_sizes=(8,),
        torch_batch_sizes=(1, 8),
        compiled_batch_sizes=(1,),
        rounds=24,
        whole_ladder=False,
    ),
    "full": Plan(
        "full",
        0,
        evaluation=440,
        validation=0,
        calibration=110,
        batch=32,
        batch_sizes=(1, 8, 32, 64),
        torch_batch_sizes=(1, 4, 16, 32, 64),
        compiled_batch_sizes=(1, 32),
        rounds=120,
        whole_ladder=True,
    ),
}


def plan(profile: str, threads: int = 0, images: int = 0) -> Plan:
    """The plan of a profile, with threads pinned (0: one a core) and at most `images` evaluation images (0: its own).

    Raises UsageError for an unknown profile or negative counts.
    """
    if profile not in PLANS:
        raise UsageError(f"profile is {profile!r}; it is one of {', '.join(PLANS)}.")
    if threads < 0 or images < 0:
        raise UsageError(f"threads is {threads} and images is {images}; neither may be negative.")
    chosen = PLANS[profile]
    return replace(chosen, threads=thread_count(threads), evaluation=images or chosen.evaluation)


def pictures(split: Split, count: int = PICTURES) -> list[np.ndarray]:
    """`count` single preprocessed images of a split, each float32 (1,3,224,224), drawn with a fixed seed."""
    batch = evaluate.real_batch(split, count)
    return [batch[index : index + 1] for index in range(count)]


def measure_latency(
    run: Run, name: str, load: Callable[[], Logits], split: Split, how: Plan, *, provider: str, inputs: dict[str, Any]
) -> dict[str, Any]:
    """Step `<name>/latency`: one image at a time. `load` makes the model, only when there is something to measure."""
    return run.step(
        f"{name}/latency",
        lambda: measure.latency(
            measure.cycle(load(), pictures(split)), how.latency, provider=provider, threads=how.threads
        ),
        inputs={**inputs, "effort": how.latency, "threads": how.threads},
    )


def measure_throughput(
    run: Run,
    name: str,
    load: Callable[[], Logits],
    split: Split,
    how: Plan,
    *,
    provider: str,
    inputs: dict[str, Any],
    batch: int,
    classified: dict[int, np.ndarray] | None = None,
) -> dict[str, Any]:
    """Step `<name>/throughput-<batch>`: whole batches of one size (plain `throughput` for the plan's size).

    The evaluation images are gone through in turn. At the plan's size, `classified` is filled with the class numbers of
    the batches that were measured, so that `measure_accuracy` need not run them a second time.
    """

    def timed() -> dict[str, Any]:
        model, batches = load(), evaluate.whole_batches(split, batch, how.evaluation)
        answers: dict[int, np.ndarray] = {}
        turn = count()

        def call() -> None:
            number = next(turn) % len(batches)
            answers[number] = model(batches[number])

        if not batches:
            images = evaluate.real_batch(split, batch)
            return measure.throughput(lambda: model(images), batch, how.batches, provider=provider, threads=how.threads)
        result = measure.throughput(call, batch, how.batches, provider=provider, threads=how.threads)
        if classified is not None and batch == how.batch:
            classified.update({number: np.asarray(logits).argmax(axis=1) for number, logits in answers.items()})
        return result

    what = "throughput" if batch == how.batch else f"throughput-{batch}"
    return run.step(
        f"{name}/{what}", timed, inputs={**inputs, "batch": batch, "effort": how.batches, "threads": how.threads}
    )


def measure_accuracy(
    run: Run,
    name: str,
    load: Callable[[], Logits],
    split: Split,
    how: Plan,
    *,
    inputs: dict[str, Any],
    batch: int = 0,
    classified: dict[int, np.ndarray] | None = None,
) -> dict[str, Any]:
    """Step `<name>/accuracy`: predictions on the evaluation split (as many images as the plan says).

    In batches of `batch`, or of the plan's size; then `classified` is what `measure_throughput` filled.
    """
    batch = batch or how.batch
    return run.step(
        f"{name}/accuracy",
        lambda: evaluate.accuracy(load(), split, "evaluation", limit=how.evaluation, batch=batch, known=classified),
        inputs={**inputs, "labels": split.labels, "limit": how.evaluation, "batch": batch},
    )


def measure_onnx(
    run: Run,
    name: str,
    path: Path,
    split: Split,
    how: Plan,
    *,
    provider: str = "cpu",
    level: str = "all",
    data: str = "",
) -> dict[str, Any]:
    """All four measurements of an ONNX file as the variant `name` ("graph/onnx-all").

    Returns {"latency", "throughput", "accuracy", "size"}: results of the recorded steps, `throughput` that at the
    plan's `batch`; the other batch sizes are timed at level "all" only. `data`: the data set's fingerprint.
    """
    from snippets.engine.providers import session

    loaded: list[Logits] = []

    def load() -> Logits:
        if not loaded:
            loaded.append(session(path, provider, threads=how.threads, level=level))
        return loaded[0]

    inputs = {"model": path, "provider": provider, "level": level, "data": data}
    found: dict[str, Any] = {"latency": measure_latency(run, name, load, split, how, provider=provider, inputs=inputs)}
    classified: dict[int, np.ndarray] = {}
    for batch in how.batch_sizes if level == "all" else (how.batch,):
        rate = measure_throughput(
            run, name, load, split, how, provider=provider, inputs=inputs, batch=batch, classified=classified
        )
        if batch == how.batch:
            found["throughput"] = rate
    found["accuracy"] = measure_accuracy(run, name, load, split, how, inputs=inputs, classified=classified)
    found["size"] = run.step(
        f"{name}/size", lambda: {"bytes": path.stat().st_size, "file": path}, inputs={"model": path}
    )
    return found


def note_absent(run: Run, name: str, reason: str) -> dict[str, Any]:
    """Step `<name>/absent`: that a variant could not be measured on this machine, and why."""
    return run.step(f"{name}/absent", lambda: {"reason": reason}, inputs={"reason": reason})


def interleaved(
    run: Run, name: str, load: dict[str, Callable[[], Logits]], split: Split, rounds: int, *, inputs: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Step `name`: several models timed in turn, round by round, so that they can be ranked. ms, (rounds,) each."""

    def timed() -> dict[str, Any]:
        images = pictures(split)
        calls = {key: measure.cycle(make(), images) for key, make in load.items()}
        for call in calls.values():
            measure.warm_up(call, measure.effort("quick"))
        return dict(measure.interleave(calls, rounds))

    return run.step(name, timed, inputs={**inputs, "rounds": rounds, "variants": list(load)})
