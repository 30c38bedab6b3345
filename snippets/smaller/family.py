"""The networks of `5_smaller` from the shipped weights to ONNX files that take turns: all steps are recorded.

files = family.files(run, data, how)            # by name, the last training steps taken
measured = family.measure(bench, fp32, files)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snippets.engine import export, graph
from snippets.engine.plan import Plan
from snippets.engine.variants import Bench
from snippets.model import evaluate
from snippets.smaller import half, weights

if TYPE_CHECKING:
    from torch import nn

    from snippets.data.datasets import Dataset
    from snippets.record.run import Run

GROUP = "smaller"
OTHERS = ("mobilenet-half", "resnet", "transformer")
EMBEDDING = weights.EMBEDDING
FP16 = "fp16"
NAMES = (*OTHERS, EMBEDDING, FP16)


@dataclass(frozen=True)
class Lesson:
    """How much is trained, by profile: `images` for the last steps, `epochs` over them, `head_images` for the head."""

    images: int
    epochs: int
    head_images: int


LESSONS = {"quick": Lesson(44, 1, 220), "full": Lesson(440, 1, 0)}


def trained(run: Run, name: str, data: Dataset, how: Plan) -> dict[str, Any]:
    """Step `smaller/<name>/train`: the last steps of one network, or the head on the frozen embedding.

    `file`: its weights in the run's models; else as `finish.finish` or `finish.adapt`; `start`: what it began with. For
    data with other classes than the shipped weights' the classifier begins anew.
    """
    lesson = LESSONS[how.profile]
    frozen = name == EMBEDDING
    count = lesson.head_images if frozen else lesson.images

    def train() -> dict[str, Any]:
        from snippets.smaller import finish

        split = data.split("training")
        rows = evaluate.subset(split.labels, count)
        pictures = finish.Pictures(split.images[rows], split.labels[rows])
        model, start = begin(name, data.classes)
        if frozen:
            found = finish.adapt(model, pictures, how.threads)
        else:
            found = finish.finish(model, pictures, lesson.epochs, how.threads)
        file = weights.save(model, run.models / f"{name}.safetensors", data.classes)
        return {**found, "file": file, "start": start}

    return run.step(
        f"{GROUP}/{name}/train",
        train,
        inputs={
            "weights": weights.path(name),
            "data": data.fingerprint,
            "classes": list(data.classes),
            "images": count,
            "epochs": 1 if frozen else lesson.epochs,
        },
    )


def exported(run: Run, name: str, data: Dataset, how: Plan) -> dict[str, Any]:
    """Step `smaller/<name>/export`: `file` (ONNX), `bytes`, `parameters`, and `multiply_adds` for one image."""
    file = trained(run, name, data, how)["file"]

    def make() -> dict[str, Any]:
        model = weights.load(name, file)
        path = export.export_onnx(model, run.models / f"{name}.onnx")
        return {
            "file": path,
            "bytes": path.stat().st_size,
            "parameters": sum(one.numel() for one in model.parameters()),
            "multiply_adds": graph.multiply_adds(path),
        }

    return run.step(f"{GROUP}/{name}/export", make, inputs={"weights": file})


def in_float16(run: Run, fp32: Path) -> dict[str, Any]:
    """Step `smaller/fp16/convert`: `file`, models/fp16.onnx, and the bytes of its weights by type.

    As half.weight_bytes: `weights` as they lie in the file, `loaded` as ONNX Runtime computes with them on this CPU.
    """

    def convert() -> dict[str, Any]:
        path = half.to_float16(fp32, run.models / "fp16.onnx")
        found = half.weight_bytes(path, run.models)
        return {"file": path, "weights": found["file"], "loaded": found["loaded"]}

    return run.step(f"{GROUP}/{FP16}/convert", convert, inputs={"model": fp32})


def files(run: Run, fp32: Path, data: Dataset, how: Plan, progress: Callable[[Any], Any] = iter) -> dict[str, Path]:
    """ONNX files by name: the other networks, the embedding with its head, the run's own network in float16."""
    found = {name: exported(run, name, data, how)["file"] for name in progress((*OTHERS, EMBEDDING))}
    return {**found, FP16: in_float16(run, fp32)["file"]}


def measure(
    bench: Bench, fp32: Path, found: Mapping[str, Path], meanwhile: Callable[[int], object] = lambda number: None
) -> dict[str, dict[str, Any]]:
    """Throughput, accuracy and size by name, as Bench.compared; `onnx-all` is the run's own network."""
    variants = {name: bench.file(f"{GROUP}/{name}", path) for name, path in found.items()}
    return bench.compared(GROUP, {"onnx-all": bench.file("graph/onnx-all", fp32), **variants}, meanwhile)


def begin(name: str, classes: tuple[str, ...]) -> tuple[nn.Module, str]:
    """The shipped network for these classes, and what of it is new, in words."""
    from snippets.smaller import networks

    shipped = weights.load(name)
    if weights.labels(weights.path(name)) == classes:
        return shipped, "the shipped weights"
    model = networks.NETWORKS["resnet" if name == EMBEDDING else name](len(classes))
    weights.take_features(model, shipped)
    return model.eval(), "the shipped features, with a new classifier"
