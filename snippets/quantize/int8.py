"""The quantized models of Part 1 from start to end: prepare, calibrate, search, choose, put in place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.data.image import preprocess
from snippets.engine.graph import read_model
from snippets.engine.plan import Plan
from snippets.machine.host import cpu_facts, int8_overflows
from snippets.model import evaluate, foreign_onnx
from snippets.quantize import calibration, equalize, own_layers, quantizer, search, sensitivity
from snippets.quantize.quantizer import Candidate
from snippets.quantize.search import Network, Trial

if TYPE_CHECKING:
    from snippets.data.datasets import Dataset
    from snippets.record.run import Run

STRICT = "conservative"
CRITERIA = {"aggressive": 0.05, STRICT: 0.01}


@dataclass(frozen=True)
class Int8:
    """What the search found. `files` holds dynamic, and aggressive and conservative where one was found."""

    files: dict[str, Path]
    chosen: dict[str, Trial]
    trials: list[Trial]
    reference: np.ndarray

    def elsewhere(self, how: Plan) -> dict[str, Path]:
        """The static files, by name, that are worth trying on other engines, too.

        Where one candidate serves both criteria, only under the stricter one's name; in a plan without the whole ladder
        only the most accurate.
        """
        by_candidate = {trial.candidate: name for name, trial in self.chosen.items()}
        names = list(by_candidate.values())
        return {name: self.files[name] for name in (names if how.whole_ladder else names[-1:])}


def already(path: Path) -> str:
    """Why a network is not quantized here, in words: its numbers are 8-bit integers. Empty where they are not."""
    if not foreign_onnx.is_quantized(read_model(path)):
        return ""
    return (
        "The weights that you gave are a network in int8 already, so there is nothing to quantize here: its size, "
        "accuracy and latency are those of the other notebooks. To quantize it yourself, give the float32 network "
        "that it was made from."
    )


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


def calibrated(run: Run, ready: Path, data: Dataset, how: Plan, name: str = "calibration") -> dict[str, Any]:
    """Step `quantize/<name>`: what images of the training split teach about a network's activations."""

    def teach() -> dict[str, Any]:
        train = data.split("train")
        images = quantizer.calibration_images(train.images, train.labels, how.calibration)
        return calibration.calibrate(ready, images)

    return run.step(
        f"quantize/{name}", teach, inputs={"network": ready, "data": data.fingerprint, "images": how.calibration}
    )


def equalized(run: Run, fp32: Path) -> dict[str, Any]:
    """Step `quantize/equalize`: models/equalized.onnx, or `file` None where there is nothing to equalize."""
    ready = prepared(run, fp32)
    return run.step(
        "quantize/equalize",
        lambda: equalize.equalize(ready, run.models / "equalized.onnx"),
        inputs={"prepared": ready},
    )


def sensitivity_of(run: Run, fp32: Path, data: Dataset, how: Plan) -> dict[str, Any]:
    """Step `quantize/sensitivity`: `parts` of the network, their `errors` alone in 8 bits, and their `layers`.

    All three are lists, the worst part first: a record does not keep the order of a mapping. Parts are single layers
    where the whole ladder is climbed, else blocks.
    """
    ready = prepared(run, fp32)
    ranges = calibrated(run, ready, data, how)

    def scan() -> dict[str, Any]:
        train = data.split("train")
        inputs = preprocess(quantizer.calibration_images(train.images, train.labels, how.scan_images))
        cut = sensitivity.parts(ready, fine=how.whole_ladder)
        errors = sensitivity.scan(ready, ranges, inputs, cut, how.threads)
        return {
            "parts": list(errors),
            "errors": list(errors.values()),
            "layers": [list(cut[name]) for name in errors],
        }

    return run.step(
        "quantize/sensitivity",
        scan,
        inputs={"prepared": ready, "data": data.fingerprint, "images": how.scan_images, "fine": how.whole_ladder},
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


def processor(run: Run) -> dict[str, Any]:
    """Step `quantize/processor`: `flags` of the CPU that int8 depends on, and whether its products may overflow.

    Recorded, so that a replay climbs the same ladder on any machine.
    """

    def look() -> dict[str, Any]:
        cpu = cpu_facts()
        return {"flags": cpu["flags"], "overflows": int8_overflows(cpu)}

    return run.step("quantize/processor", look, inputs={})


def ladder(run: Run, fp32: Path, data: Dataset, how: Plan) -> list[Candidate]:
    """The candidates of this run: the layers that go back to float32 are those that its scan found."""
    layers = sensitivity_of(run, fp32, data, how)["layers"]
    sensitive = [layer for part in layers for layer in part]
    return search.ladder(
        sensitive,
        equalizable=equalized(run, fp32)["file"] is not None,
        whole=how.whole_ladder,
        overflowing=processor(run)["overflows"],
    )


def ensure(
    run: Run, fp32: Path, data: Dataset, how: Plan, progress: Callable[[Iterable[Any]], Iterable[Any]] = iter
) -> Int8:
    """The three int8 files of the run, made and searched for once (all steps are recorded).

    Where a student's own function chose layers for float32, that candidate is tried too, and is the conservative one if
    its estimate keeps that criterion.
    None for a network that is in int8 already.
    """
    if already(fp32):
        return Int8({}, {}, [], reference(run, fp32, data, how))
    ready, level, expected = prepared(run, fp32), equalized(run, fp32)["file"], reference(run, fp32, data, how)
    judging = search.Judging(
        Network(ready, calibrated(run, ready, data, how)),
        Network(level, calibrated(run, level, data, how, "calibration-equalized")) if level else None,
        data.split("validation"),
        expected,
        data.fingerprint,
        how.validation,
        how.threads,
    )
    trials = search.search(
        run,
        ladder(run, fp32, data, how),
        judging,
        stop_within=None if how.whole_ladder else min(CRITERIA.values()),
        progress=progress,
    )
    own = own_layers.candidate(run)
    mine = [] if own is None else search.search(run, [own], judging)
    files, chosen = {"dynamic": dynamic(run, fp32)}, {}
    for name, criterion in CRITERIA.items():
        best = search.choose(trials, criterion)
        if name == STRICT:
            best = search.choose(mine, criterion) or best
        if best is not None:
            chosen[name] = best
            files[name] = put(run, name, best.file)
    return Int8(files, chosen, [*trials, *mine], expected)


def put(run: Run, name: str, file: Path) -> Path:
    """Step `quantize/<name>/choose`: the chosen candidate as models/<name>.onnx."""
    target = run.models / f"{name}.onnx"

    def copy() -> dict[str, Any]:
        shutil.copyfile(file, target)
        return {"file": target, "candidate": file.stem}

    return run.step(f"quantize/{name}/choose", copy, inputs={"candidate": file})["file"]
