"""Quantization-aware training of the part's own network: pairs of int8 files that differ in nothing but the training.

    reason = qat.missing(bench, fp32)                   # why there are none, in words
    files = qat.files(bench, fp32, food)                # {"static": ..., "qat": ...}, or none
    measured = qat.measure(bench, fp32, files, meanwhile=turns.take)
    scores = qat.scores(bench, fp32, files | qat.files(bench, fp32, food, bits=4))
    back = qat.came_back(scores, bits=4)                # which share of what rounding lost

Both files of a pair are one graph in the same format, with the same ranges for the activations. With fewer than 8 bits
a weight is kept in a byte all the same: accuracy is that of so many bits, size and latency are not. All steps are
recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import stats
from snippets.data.image import preprocess
from snippets.engine.plan import Plan
from snippets.engine.variants import Bench, Variant
from snippets.errors import ModelError
from snippets.model import evaluate
from snippets.quantize import int8, quantizer
from snippets.retrain.int8.lesson import LESSONS
from snippets.retrain.int8.operations import untrainable

if TYPE_CHECKING:
    from snippets.data.datasets import Dataset
    from snippets.record.run import Run

GROUP = "int8"
FLOAT, STATIC, QAT = "onnx-all", "static", "qat"
BITS = (8, 4)
COMPARED = 8
"""Pictures on which the network that was trained and its file are compared."""


def names(bits: int = 8) -> tuple[str, str]:
    """What the two files with so many bits a weight are called: quantized after training, and trained."""
    return (STATIC, QAT) if bits == 8 else (f"{STATIC}-{bits}bit", f"{QAT}-{bits}bit")


def missing(bench: Bench, fp32: Path) -> str:
    """Why the network is not trained for int8, in words, recorded as `int8/qat/absent` and so on; empty where it is."""
    known = bench.run.has(f"{GROUP}/{QAT}/train") and bench.run.mode != "fresh"
    reason = "" if known else absence(bench.run, fp32)
    return [bench.missing(f"{GROUP}/{names(bits)[1]}", reason, "train") for bits in BITS][0]


def absence(run: Run, fp32: Path) -> str:
    """Why this network cannot be trained for int8 here, in words; empty where it can."""
    if reason := int8.already(fp32):
        return reason
    if not find_spec("torch"):
        return "PyTorch is not installed (pip install torch)"
    try:
        return untrainable(int8.prepared(run, fp32))
    except ModelError as error:
        return str(error)


def files(bench: Bench, fp32: Path, data: Dataset, bits: int = 8) -> dict[str, Path]:
    """Both files with so many bits a weight by name, made once; none where the network is not trained (`missing`)."""
    if missing(bench, fp32):
        return {}
    made = static(bench.run, fp32, data, bench.plan, bits), trained(bench.run, fp32, data, bench.plan, bits)["file"]
    return dict(zip(names(bits), made, strict=True))


def static(run: Run, fp32: Path, data: Dataset, how: Plan, bits: int = 8) -> Path:
    """Step `int8/static/convert`: models/static.onnx, quantized after training with a scale a channel; `bits` a weight.

    With 8 bits they are 7 where the processor could overflow (int8.processor).
    """
    name = names(bits)[0]
    ready = int8.prepared(run, fp32)
    ranges = int8.calibrated(run, ready, data, how)
    candidate = quantizer.Candidate(name, reduce_range=bits == 8 and int8.processor(run)["overflows"])

    def convert() -> dict[str, Any]:
        path = quantizer.quantize_statically(ready, ranges, candidate, run.models / f"{name}.onnx")
        if bits < 8:
            from snippets.retrain.int8.int8_graph import Int8Graph

            Int8Graph(path, ready, _top(bits)).write(path)
        return {"file": path, "bytes": path.stat().st_size, "bits": min(bits, candidate.weight_bits)}

    inputs = {"prepared": ready, "ranges": ranges, "candidate": candidate, "bits": bits}
    return run.step(f"{GROUP}/{name}/convert", convert, inputs=inputs)["file"]


def trained(run: Run, fp32: Path, data: Dataset, how: Plan, bits: int = 8) -> dict[str, Any]:
    """Step `int8/qat/train`: models/qat.onnx, the static file after training with fake quantization.

    `file`; `loss` float64 (steps,), the cross-entropy of each batch; `images`; `seconds`; and on some pictures how far
    the file's logits are from those of the network that was trained, as a share of the largest (`largest_difference`).
    """
    name, lesson = names(bits)[1], LESSONS[how.profile][bits]
    start, ready = static(run, fp32, data, how, bits), int8.prepared(run, fp32)

    def train() -> dict[str, Any]:
        from snippets.retrain.int8 import learning
        from snippets.retrain.int8.int8_graph import Int8Graph

        split = data.split("training")
        rows = evaluate.subset(split.labels, lesson.images)
        network = Int8Graph(start, ready, _top(bits))
        pictures = learning.Pictures(split.images[rows], split.labels[rows])
        learnt = learning.learn(network, pictures, lesson, how.threads)
        path = network.write(run.models / f"{name}.onnx")
        images = preprocess(split.images[rows[:COMPARED]])
        return {**learnt, "file": path, "largest_difference": learning.difference(network, path, images)}

    inputs = {"static": start, "data": data.fingerprint, "lesson": lesson}
    return run.step(f"{GROUP}/{name}/train", train, inputs=inputs)


def variants(bench: Bench, fp32: Path, found: Mapping[str, Path]) -> dict[str, Variant]:
    """The float32 file and the int8 files, to take turns one image at a time."""
    return {name: bench.file(f"{GROUP}/{name}", path) for name, path in {FLOAT: fp32, **found}.items()}


def measure(
    bench: Bench, fp32: Path, found: Mapping[str, Path], meanwhile: Callable[[int], object] = lambda number: None
) -> dict[str, dict[str, Any]]:
    """Throughput, accuracy and size by name, as Bench.compared; `onnx-all` is the run's own network.

    Nothing where `found` is empty.
    """
    if not found:
        return {}
    kept = variants(bench, fp32, found)
    return bench.compared(GROUP, {**kept, FLOAT: bench.file("graph/onnx-all", fp32)}, meanwhile)


def scores(bench: Bench, fp32: Path, found: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """The accuracy step of the float32 file and of each int8 file, by name."""
    own = bench.accuracy(bench.file("graph/onnx-all", fp32))
    return {FLOAT: own, **{name: bench.accuracy(bench.file(f"{GROUP}/{name}", path)) for name, path in found.items()}}


def right(score: Mapping[str, Any]) -> str:
    """How many images of an accuracy step were named rightly: "61 of 66 right"."""
    labels = np.asarray(score["labels"])
    return f"{int((np.asarray(score['predictions']) == labels).sum())} of {labels.size} right"


def lost(scored: Mapping[str, Mapping[str, Any]]) -> dict[str, stats.Estimate]:
    """By name, what each file lost in accuracy against float32, image by image, a fraction."""
    own = scored[FLOAT]
    return {
        name: stats.accuracy_loss(one["predictions"], own["predictions"], own["labels"])
        for name, one in scored.items()
        if name != FLOAT
    }


def came_back(scored: Mapping[str, Mapping[str, Any]], bits: int = 8) -> stats.Estimate:
    """The share of what so many bits lost that training brought back, image by image (stats.recovered)."""
    before, after = (scored[name]["predictions"] for name in names(bits))
    return stats.recovered(after, before, scored[FLOAT]["predictions"], scored[FLOAT]["labels"])


def _top(bits: int) -> int:
    """The largest integer of a weight of fewer bits; 0: as the file has it."""
    return 2 ** (bits - 1) - 1 if bits < 8 else 0
