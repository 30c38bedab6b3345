"""Searching for an int8 file that keeps an accuracy criterion, at the least effort.

Ranges are calibrated on the training split, candidates are judged on the validation split; the evaluation
split is for the report only, so that the accuracy reported is not the one that was searched for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import stats
from snippets.quantize import quantizer, rounding
from snippets.quantize.quantizer import Candidate

if TYPE_CHECKING:
    from snippets.data.datasets import Split
    from snippets.record.run import Run

ROUNDING_ERROR = 1e-9


@dataclass(frozen=True)
class Trial:
    """One candidate tried: its file, and what it lost on the validation split, a fraction."""

    candidate: Candidate
    file: Path
    bytes: int
    loss: stats.Estimate
    coverage: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Network:
    """A float32 file ready for the quantizer, and what `calibration.calibrate` found about its activations."""

    file: Path
    calibrated: dict[str, Any]


@dataclass(frozen=True)
class Judging:
    """What candidates are made from and judged by.

    `plain`, `equalized`: the network as it is, and with channels of like size (None: it has no place for that);
    `reference`: the float32 model's predictions on the same validation images (see evaluate.subset with `limit`; 0
    takes all); `data`: the fingerprint of the images.
    """

    plain: Network
    equalized: Network | None
    validation: Split
    reference: np.ndarray
    data: str
    limit: int
    threads: int

    def network(self, candidate: Candidate) -> Network:
        """The network that a candidate begins with."""
        return self.equalized if candidate.equalized and self.equalized is not None else self.plain


def ladder(
    sensitive: Sequence[str], *, equalizable: bool, whole: bool = True, overflowing: bool = False
) -> list[Candidate]:
    """Candidates from plain quantization over one remedy at a time to several; last, nearly everything in float32.

    `sensitive`: names of layers, those that 8 bits hurt most first (snippets.quantize.sensitivity): they go back to
    float32 first. `equalizable`: whether the network has channels to equalize. Not `whole`: one of each kind.
    `overflowing`: the processor may overflow with 8-bit weights (machine.host.int8_overflows), so 7 bits are tried; on
    others they would give half of the steps away for nothing.
    """
    rungs = [Candidate("one scale a tensor", per_channel=False), Candidate("a scale a channel")]
    if whole:
        rungs += [
            Candidate("QOperator format", format="QOperator"),
            Candidate("convolutions only", operators=("Conv",)),
        ]
    if overflowing:
        rungs.append(Candidate("7-bit weights", reduce_range=True))
    rungs += [Candidate("typical ranges", typical=True), Candidate("corrected biases", corrected=True)]
    if whole:
        rungs.append(Candidate("typical ranges, corrected biases", typical=True, corrected=True))
    for count in (2, 4, 8) if whole else (2,):
        if count < len(sensitive):
            rungs.append(Candidate(f"{count} sensitive layers in float32", exclude=tuple(sensitive[:count])))
    if equalizable:
        rungs += [
            Candidate("equalized channels", equalized=True),
            Candidate("equalized, corrected biases", equalized=True, corrected=True),
        ]
        if overflowing:
            rungs.append(Candidate("equalized, 7-bit weights", equalized=True, reduce_range=True))
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

    `stop_within`: stop after the first that keeps this criterion beyond doubt (None: try all). `progress` wraps the
    candidates, for a progress bar. Raises ModelError where one cannot be quantized.
    """
    trials = []
    for candidate in progress(candidates):
        network = judging.network(candidate)
        result = run.step(
            f"quantize/search/{candidate.file_name}",
            _try,
            run.models / "search",
            candidate,
            judging,
            inputs={
                "network": network.file,
                "calibrated": network.calibrated,
                "candidate": candidate,
                "data": judging.data,
                "limit": judging.limit,
                "threads": judging.threads,
            },
        )
        trials.append(
            Trial(
                candidate,
                result["file"],
                result["bytes"],
                stats.accuracy_loss(result["predictions"], judging.reference, result["labels"]),
                result["coverage"],
            )
        )
        if stop_within is not None and verdict(trials[-1].loss, stop_within) == "kept":
            break
    return trials


def make(candidate: Candidate, network: Network, into: Path) -> Path:
    """Write the candidate's int8 file from its network, with the biases corrected where it says so."""
    if not candidate.corrected:
        return quantizer.quantize_statically(network.file, network.calibrated, candidate, into)
    with tempfile.TemporaryDirectory(prefix="corrected.") as folder:
        corrected = rounding.correct_biases(
            network.file,
            network.calibrated["means"],
            Path(folder) / "corrected.onnx",
            per_channel=candidate.per_channel,
            bits=candidate.weight_bits,
        )
        return quantizer.quantize_statically(corrected, network.calibrated, candidate, into)


def _try(folder: Path, candidate: Candidate, judging: Judging) -> dict[str, Any]:
    from snippets.engine.providers import session
    from snippets.model import evaluate

    folder.mkdir(parents=True, exist_ok=True)
    file = make(candidate, judging.network(candidate), folder / candidate.file_name)
    model = session(file, threads=judging.threads)
    judged = evaluate.accuracy_step(model, judging.validation, "validation", limit=judging.limit)
    coverage = quantizer.coverage(judging.plain.file, file)
    return {"file": file, "bytes": file.stat().st_size, "coverage": coverage, **judged}


def verdict(loss: stats.Estimate, criterion: float) -> str:
    """Whether a loss is within a criterion: "kept" or "broken" where its whole interval is, else "not decided"."""
    if loss.high <= criterion + ROUNDING_ERROR:
        return "kept"
    return "broken" if loss.low > criterion + ROUNDING_ERROR else "not decided"


def choose(trials: Sequence[Trial], criterion: float) -> Trial | None:
    """The first candidate that keeps the criterion beyond doubt; else the first whose estimate does. None if none."""
    sure = [trial for trial in trials if verdict(trial.loss, criterion) == "kept"]
    fitting = [trial for trial in trials if trial.loss.value <= criterion + ROUNDING_ERROR]
    return next(iter(sure or fitting), None)
