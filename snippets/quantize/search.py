"""Searching for the smallest int8 file that keeps an accuracy criterion.

Ranges are calibrated on the training split, candidates are judged on the validation split; the evaluation
split is for the report only, so that the accuracy reported is not the one that was searched for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import stats
from snippets.quantize import quantizer
from snippets.quantize.quantizer import Candidate

if TYPE_CHECKING:
    from snippets.data.datasets import Split
    from snippets.record.run import Run


@dataclass(frozen=True)
class Trial:
    """One candidate tried: its file and what it lost on the validation split, as a fraction of the images."""

    candidate: Candidate
    file: Path
    bytes: int
    loss: stats.Estimate
    accuracy: stats.Estimate
    coverage: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Judging:
    """What candidates are made from and judged by.

    `prepared`: the float32 file; `ranges`: of its activations, as `quantizer.calibrate` found them; `reference`: the
    float32 model's predictions on the same validation images (see evaluate.subset with `limit`; 0 takes all);
    `data`: the fingerprint of the images.
    """

    prepared: Path
    ranges: dict[str, Any]
    validation: Split
    reference: np.ndarray
    data: str
    limit: int
    threads: int


def ladder(prepared: Path, whole: bool = True) -> list[Candidate]:
    """Candidates from the boldest (all in int8, one scale a tensor) to the most careful (late layers only).

    First the ways to quantize everything, then fewer operator types, then fewer layers: early layers see
    the widest ranges and hold few of the weights, so they go back to float32 first. Not `whole`: one
    candidate of each kind, for a rehearsal in little time.
    """
    layers = quantizer.convolutions(prepared)
    names = [name for name, _, _ in layers]
    depthwise = tuple(name for name, _, groups in layers if groups > 1)
    rungs = [Candidate("all, per tensor", per_channel=False)]
    if whole:
        rungs.append(Candidate("all, per tensor, 7-bit weights", per_channel=False, reduce_range=True))
        rungs += [
            Candidate("all, QOperator", format="QOperator"),
            Candidate("all"),
            Candidate("all, 7-bit weights", reduce_range=True),
            Candidate("Conv only", operators=("Conv",)),
        ]
        if depthwise:
            rungs.append(Candidate("all but depthwise", exclude=depthwise))
    for share in (0.1, 0.25, 0.5, 0.75) if whole else (0.5,):
        first = tuple(names[: round(share * len(names))])
        if first:
            rungs.append(Candidate(f"all but the first {len(first)} convolutions", exclude=first, reduce_range=True))
    rungs.append(Candidate("classifier only", operators=("Gemm", "MatMul")))
    return rungs


def search(
    run: Run,
    candidates: Sequence[Candidate],
    judging: Judging,
    *,
    stop_within: float | None = None,
    progress: Callable[[Iterable[Candidate]], Iterable[Candidate]] = iter,
) -> list[Trial]:
    """Quantize and judge candidates in order, each as a recorded step `quantize/search/<file>`.

    `stop_within`: stop after the first candidate whose loss is at most this (None: try all). `progress` wraps the
    candidates, for a progress bar. Raises ModelError where one cannot be quantized.
    """
    trials = []
    for candidate in progress(candidates):
        result = run.step(
            f"quantize/search/{candidate.file_name}",
            _try,
            run.models / "search",
            candidate,
            judging,
            inputs={
                "prepared": judging.prepared,
                "low": judging.ranges["low"],
                "high": judging.ranges["high"],
                "candidate": candidate,
                "data": judging.data,
                "limit": judging.limit,
                "threads": judging.threads,
            },
        )
        trial = Trial(
            candidate,
            result["file"],
            result["bytes"],
            stats.accuracy_loss(result["predictions"], judging.reference, result["labels"]),
            stats.accuracy(result["predictions"], result["labels"]),
            result["coverage"],
        )
        trials.append(trial)
        if stop_within is not None and within(trial, stop_within):
            break
    return trials


def _try(folder: Path, candidate: Candidate, judging: Judging) -> dict[str, Any]:
    from snippets.engine.providers import session
    from snippets.model import evaluate

    folder.mkdir(parents=True, exist_ok=True)
    file = quantizer.quantize_statically(judging.prepared, judging.ranges, candidate, folder / candidate.file_name)
    model = session(file, threads=judging.threads)
    judged = evaluate.accuracy_step(model, judging.validation, "validation", limit=judging.limit)
    coverage = quantizer.coverage(judging.prepared, file)
    return {"file": file, "bytes": file.stat().st_size, "coverage": coverage, **judged}


def within(trial: Trial, criterion: float) -> bool:
    """Whether the loss on the validation split is at most the criterion (rounding error aside)."""
    return trial.loss.value <= criterion + 1e-9


def choose(trials: Sequence[Trial], criterion: float) -> Trial | None:
    """The smallest file whose loss is within the criterion; of equal ones the more accurate. None if there is none."""
    fitting = [trial for trial in trials if within(trial, criterion)]
    return min(fitting, key=lambda trial: (trial.bytes, trial.loss.value), default=None)
