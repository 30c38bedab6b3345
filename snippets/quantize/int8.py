"""The quantized models of Part 1 from start to end: prepare, calibrate, search, choose, put in place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.engine.plan import Plan
from snippets.model import evaluate
from snippets.quantize import quantizer, search
from snippets.quantize.search import Trial

if TYPE_CHECKING:
    from snippets.data.datasets import Dataset
    from snippets.record.run import Run

CRITERIA = {"aggressive": 0.05, "conservative": 0.01}


@dataclass(frozen=True)
class Int8:
    """What the search found. `files` holds dynamic, and aggressive and conservative where one was found."""

    files: dict[str, Path]
    chosen: dict[str, Trial]
    trials: list[Trial]
    ranges: dict[str, Any]
    reference: np.ndarray


def prepared(run: Run, fp32: Path) -> Path:
    """Step `quantize/prepare`: the float32 file, folded and with shapes, as the quantizer wants it."""
    return run.step(
        "quantize/prepare",
        lambda: {"file": quantizer.prepare(fp32, run.models / "prepared.onnx")},
        inputs={"model": fp32},
    )["file"]


def dynamic(run: Run, fp32: Path) -> Path:
    """Step `quantize/dynamic/convert`: models/dynamic.onnx."""
    ready = prepared(run, fp32)
    return run.step(
        "quantize/dynamic/convert",
        lambda: {"file": quantizer.quantize_dynamically(ready, run.models / "dynamic.onnx")},
        inputs={"prepared": ready},
    )["file"]


def calibration(run: Run, fp32: Path, data: Dataset, how: Plan) -> dict[str, Any]:
    """Step `quantize/calibration`: ranges of all activations over images of the training split."""
    ready = prepared(run, fp32)

    def calibrated() -> dict[str, Any]:
        train = data.split("train")
        return quantizer.calibrate(ready, quantizer.calibration_images(train.images, train.labels, how.calibration))

    return run.step(
        "quantize/calibration",
        calibrated,
        inputs={"prepared": ready, "data": data.fingerprint, "images": how.calibration},
    )


def reference(run: Run, fp32: Path, data: Dataset, how: Plan) -> np.ndarray:
    """Step `quantize/reference`: predictions of the float32 model on the validation images."""
    from snippets.engine.providers import session

    return run.step(
        "quantize/reference",
        lambda: evaluate.accuracy_step(
            session(fp32, threads=how.threads), data.split("validation"), "validation", limit=how.validation
        ),
        inputs={"model": fp32, "data": data.fingerprint, "limit": how.validation},
    )["predictions"]


def ensure(
    run: Run, fp32: Path, data: Dataset, how: Plan, progress: Callable[[Iterable[Any]], Iterable[Any]] = iter
) -> Int8:
    """The three int8 files of the run, made and searched for once (all steps are recorded)."""
    ready, ranges, expected = prepared(run, fp32), calibration(run, fp32, data, how), reference(run, fp32, data, how)
    judging = search.Judging(
        ready, ranges, data.split("validation"), expected, data.fingerprint, how.validation, how.threads
    )
    trials = search.search(
        run,
        search.ladder(ready, how.whole_ladder),
        judging,
        progress=progress,
        stop_within=None if how.whole_ladder else CRITERIA["conservative"],
    )
    files, chosen = {"dynamic": dynamic(run, fp32)}, {}
    for name, criterion in CRITERIA.items():
        best = search.choose(trials, criterion)
        if best is not None:
            chosen[name] = best
            files[name] = put(run, name, best.file)
    return Int8(files, chosen, trials, ranges, expected)


def put(run: Run, name: str, file: Path) -> Path:
    """Step `quantize/<name>/choose`: the chosen candidate as models/<name>.onnx."""
    target = run.models / f"{name}.onnx"

    def copy() -> dict[str, Any]:
        shutil.copyfile(file, target)
        return {"file": target, "candidate": file.stem}

    return run.step(f"quantize/{name}/choose", copy, inputs={"candidate": file})["file"]
