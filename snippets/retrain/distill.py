"""A small network that learns from labels, and from a teacher's logits: every student of every seed a recorded step.

    lesson = distill.Lesson(run, fp32, data, how)
    lesson.teacher()                      # its logits, computed once
    students = lesson.students()          # by (source, seed): predictions and labels
    file = lesson.exported()["file"]      # the best student with a teacher, as an ONNX file
    measured = distill.measure(bench, fp32, file)

The teacher is an ONNX file, the run's own network: nothing but its logits is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.data.image import preprocess
from snippets.engine import export, graph
from snippets.engine.plan import Plan
from snippets.engine.variants import Bench
from snippets.model import evaluate
from snippets.retrain.gain import SEEDS, SOURCES, TEACHER

if TYPE_CHECKING:
    from snippets.data.datasets import Dataset
    from snippets.record.run import Run
    from snippets.retrain.student import Pictures, Recipe

GROUP = "distill"
STUDENT = "student"
TEMPERATURE = 4.0
WEIGHT = 0.9
"""How much of a student's loss is the teacher's; the rest is the labels'."""
EVALUATED = 660
"""Evaluation images on which students are compared: so small a network needs little for them, in any profile."""
VALIDATED = 330


@dataclass(frozen=True)
class Effort:
    """How much is learnt: from `images` labelled pictures, in `steps` of a batch each."""

    images: int
    steps: int


EFFORTS = {"quick": Effort(220, 60), "full": Effort(220, 600)}


@dataclass(frozen=True)
class Lesson:
    """One run's students and their teacher `fp32`, an ONNX file for its classes. Methods return recorded steps."""

    run: Run
    fp32: Path
    data: Dataset
    how: Plan

    @property
    def effort(self) -> Effort:
        """How much is learnt in this profile."""
        return EFFORTS[self.how.profile]

    def teacher(self) -> dict[str, Any]:
        """Step `distill/teacher/logits`: of the training pictures `logits` float32 (images, classes) and `labels`.

        And `temperature`, by which the students' loss softens them.
        """

        def ask() -> dict[str, Any]:
            from snippets.engine.providers import session

            split = self.data.split("training")
            rows = evaluate.subset(split.labels, self.effort.images)
            model = session(self.fp32, threads=self.how.threads)
            parts = [
                model(preprocess(split.images[rows[start : start + self.how.batch]]))
                for start in range(0, len(rows), self.how.batch)
            ]
            return {
                "logits": np.concatenate(parts).astype(np.float32),
                "labels": split.labels[rows].astype(np.int64),
                "indices": rows.astype(np.int64),
                "split": "training",
                "temperature": TEMPERATURE,
            }

        return self.run.step(
            f"{GROUP}/{TEACHER}/logits",
            ask,
            inputs={
                "model": self.fp32,
                "data": self.data.fingerprint,
                "images": self.effort.images,
                "temperature": TEMPERATURE,
            },
        )

    def students(self, progress: Callable[[Any], Any] = iter) -> dict[tuple[str, int], dict[str, Any]]:
        """Results of the steps `distill/<source>-<seed>/accuracy`, by source and seed: `predictions` and `labels`.

        Each student is trained where it is not recorded yet: LABELS and TEACHER of one seed begin with the same weights
        and meet the same pictures in the same order.
        """
        return {(source, seed): self._classified(source, seed) for seed in progress(SEEDS) for source in SOURCES}

    def trained(self, source: str, seed: int) -> dict[str, Any]:
        """Step `distill/<source>-<seed>/train`: `file` (weights), `loss` float64 (steps,), `images`, `seconds`.

        And `validation_predictions` and `validation_labels` int64 (n,), by which one of several is chosen.
        """

        def train() -> dict[str, Any]:
            from safetensors.torch import save_file

            from snippets.retrain import student

            model, loss, seconds = student.learn(self._pictures, self._recipe(source), seed)
            file = self.run.models / f"{STUDENT}-{source}-{seed}.safetensors"
            save_file({name: each.contiguous() for name, each in model.state_dict().items()}, file)
            images, labels, _ = self._coarse("validation", VALIDATED)
            return {
                "file": file,
                "loss": loss,
                "images": len(self._pictures.labels),
                "seconds": seconds,
                "validation_predictions": student.classify(model, images),
                "validation_labels": labels,
            }

        return self.run.step(
            f"{GROUP}/{source}-{seed}/train",
            train,
            inputs={
                "data": self.data.fingerprint,
                "classes": list(self.data.classes),
                "effort": self.effort,
                "seed": seed,
                **({"teacher": self.fp32, "weight": WEIGHT, "temperature": TEMPERATURE} if source == TEACHER else {}),
            },
        )

    def exported(self) -> dict[str, Any]:
        """Step `distill/student/export`: the best of the teacher's students, by its validation images.

        `file` (ONNX), `seed`, `bytes`, `parameters`, and `multiply_adds` for one image.
        """
        found = {seed: self.trained(TEACHER, seed) for seed in SEEDS}
        seed = max(SEEDS, key=lambda one: _share(found[one]["validation_predictions"], found[one]["validation_labels"]))

        def make() -> dict[str, Any]:
            model = self._loaded(found[seed]["file"])
            path = export.export_onnx(model, self.run.models / f"{STUDENT}.onnx")
            return {
                "file": path,
                "seed": seed,
                "bytes": path.stat().st_size,
                "parameters": sum(one.numel() for one in model.parameters()),
                "multiply_adds": graph.multiply_adds(path),
            }

        return self.run.step(f"{GROUP}/{STUDENT}/export", make, inputs={"weights": found[seed]["file"]})

    def _classified(self, source: str, seed: int) -> dict[str, Any]:
        file = self.trained(source, seed)["file"]

        def classify() -> dict[str, Any]:
            from snippets.retrain import student

            images, labels, rows = self._coarse("evaluation", EVALUATED)
            predictions = student.classify(self._loaded(file), images)
            return {"predictions": predictions, "labels": labels, "indices": rows, "split": "evaluation"}

        return self.run.step(
            f"{GROUP}/{source}-{seed}/accuracy",
            classify,
            inputs={"weights": file, "data": self.data.fingerprint, "images": EVALUATED},
        )

    def _loaded(self, file: Path) -> Any:
        from safetensors.torch import load_file

        from snippets.retrain.student import Student

        model = Student(len(self.data.classes))
        model.load_state_dict(load_file(file))
        return model.eval()

    def _recipe(self, source: str) -> Recipe:
        from snippets.retrain.student import Recipe

        return Recipe(self.effort.steps, WEIGHT if source == TEACHER else 0.0, TEMPERATURE)

    @cached_property
    def _pictures(self) -> Pictures:
        from snippets.retrain.student import Pictures

        told = self.teacher()
        images, labels, _ = self._coarse("training", self.effort.images)
        return Pictures(images, labels, told["logits"])

    @cached_property
    def _kept(self) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        return {}

    def _coarse(self, name: str, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coarse pictures of a split, their labels and places, int64 (n,): made once."""
        from snippets.retrain import student

        if name not in self._kept:
            split = self.data.split(name)
            rows = evaluate.subset(split.labels, count).astype(np.int64)
            self._kept[name] = student.coarse(split.images[rows]), split.labels[rows].astype(np.int64), rows
        return self._kept[name]


def measure(
    bench: Bench, fp32: Path, file: Path, meanwhile: Callable[[int], object] = lambda number: None
) -> dict[str, dict[str, Any]]:
    """Throughput, accuracy and size of `onnx-all` and the student by name, as Bench.compared."""
    variants = {"onnx-all": bench.file("graph/onnx-all", fp32), STUDENT: bench.file(f"{GROUP}/{STUDENT}", file)}
    return bench.compared(GROUP, variants, meanwhile)


def predictions(students: Mapping[tuple[str, int], Mapping[str, Any]], source: str) -> list[np.ndarray]:
    """The predictions of one source's students, in the order of the seeds."""
    return [np.asarray(students[source, seed]["predictions"]) for seed in SEEDS]


def _share(predictions_: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(predictions_ == labels))
