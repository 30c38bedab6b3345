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
class Outcome:
    """One candidate tried: its file and what it lost on the validation split, as a fraction of the images."""

    candidate: Candidate
    file: Path
    bytes: int
    loss: stats.Estimate
    accuracy: stats.Estimate
    coverage: dict[str, dict[str, int]]


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
    prepared: Path,
    ranges: dict[str, Any],
    candidates: Sequence[Candidate],
    validation: Split,
    reference: np.ndarray,
    *,
    data: str,
    limit: int,
    threads: int,
    stop_within: float | None = None,
    progress: Callable[[Iterable[Candidate]], Iterable[Candidate]] = iter,
) -> list[Outcome]:
    """Quantize and judge candidates in order, each as a recorded step `quantize/search/<file>`.

    `reference`: predictions of the float32 model on the same validation images (see evaluate.subset with
    `limit`); `data`: the fingerprint of the images. `stop_within`: stop after the first candidate whose loss is at
    most this (None: try all). `progress` wraps the candidates, for a progress bar.
    """
    outcomes = []
    for candidate in progress(candidates):
        result = run.step(
            f"quantize/search/{candidate.file_name}",
            _try,
            run.models / "search",
            prepared,
            ranges,
            candidate,
            validation,
            limit,
            threads,
            inputs={
                "prepared": prepared,
                "low": ranges["low"],
                "high": ranges["high"],
                "candidate": candidate,
                "data": data,
                "limit": limit,
                "threads": threads,
            },
        )
        outcome = Outcome(
            candidate,
            result["file"],
            result["bytes"],
            stats.accuracy_loss(result["predictions"], reference, result["labels"]),
            stats.accuracy(result["predictions"], result["labels"]),
            result["coverage"],
        )
        outcomes.append(outcome)
        if stop_within is not None and within(outcome, stop_within):
            break
    return outcomes


def _try(
    folder: Path,
    prepared: Path,
    ranges: dict[str, Any],
    candidate: Candidate,
    validation: Split,
    limit: int,
    threads: int,
) -> dict[str, Any]:
    from snippets.engine.providers import session
    from snippets.model import evaluate

    folder.mkdir(parents=True, exist_ok=True)
    file = quantizer.static(prepared, ranges, candidate, folder / candidate.file_name)
    judged = evaluate.accuracy(session(file, threads=threads), validation, "validation", limit=limit)
    return {"file": file, "bytes": file.stat().st_size, "coverage": quantizer.coverage(prepared, file), **judged}


def within(outcome: Outcome, criterion: float) -> bool:
    """Whether the loss on the validation split is at most the criterion (rounding error aside)."""
    return outcome.loss.value <= criterion + 1e-9


def choose(outcomes: Sequence[Outcome], criterion: float) -> Outcome | None:
    """The smallest file whose loss is within the criterion; of equal ones the more accurate. None if there is none."""
    fitting = [outcome for outcome in outcomes if within(outcome, criterion)]
    return min(fitting, key=lambda outcome: (outcome.bytes, outcome.loss.value), default=None)
