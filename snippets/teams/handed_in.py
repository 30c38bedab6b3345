"""What the two teams hand in: a model file, and an example with the answers that they expect. Recorded steps.

- `photos`: the food classifier as ONNX, as Part 1 made it;
- `sorter`: a forest of decision trees in scikit-learn, on mean colours of 8 x 8 tiles: it knows far less, and
  answers on any processor.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from snippets.data.image import preprocess
from snippets.errors import ToolMissing
from snippets.files import replacing
from snippets.record.run import Run
from snippets.teams.models import onnx_engine, sklearn_engine
from snippets.teams.template import HandedIn

PHOTOS, SORTER = "photos", "sorter"
EXAMPLES = 4
TREES, DEPTH = 160, 10


def photos(run: Run, onnx: Path, classes: int) -> HandedIn:
    """The team of the network: its ONNX file, and an example made with it: step `platform/photos/handed-in`."""

    def made() -> dict[str, Any]:
        run_engine = onnx_engine.load(onnx, 1, "cpu")
        shown = preprocess(_evaluation()[0])
        return {"example": _example(run.models / "photos_example.npz", shown, run_engine(shown))}

    found = run.step("platform/photos/handed-in", made, inputs={"onnx": onnx, "examples": EXAMPLES})
    return HandedIn("ONNX", onnx, found["example"], classes)


def sorter(run: Run) -> HandedIn:
    """The team of the forest: trained here on the rehearsal set, with an example: step `platform/sorter/handed-in`.

    Its predictions and labels of the evaluation split are in the step. Raises ToolMissing without scikit-learn.
    """

    def made() -> dict[str, Any]:
        try:
            import joblib
            import sklearn
            from sklearn.ensemble import RandomForestClassifier
        except ImportError as error:
            raise ToolMissing(
                "scikit-learn, the second team's framework, is not installed. Run: pip install scikit-learn"
                " (constraints.txt names the version)."
            ) from error
        from snippets.data.datasets import dataset

        data = dataset("rehearsal")
        training, evaluation = data.split("training"), data.split("evaluation")
        forest = RandomForestClassifier(TREES, max_depth=DEPTH, random_state=0, n_jobs=1)
        forest.fit(sklearn_engine.features(np.asarray(training.images)), training.labels)
        path = run.models / "sorter.joblib"
        with replacing(path) as partial:
            joblib.dump(forest, partial, compress=3)
        answers = sklearn_engine.load(path, 1, "cpu")
        shown, _ = _evaluation()
        return {
            "model": path,
            "example": _example(run.models / "sorter_example.npz", shown, answers(shown)),
            "version": sklearn.__version__,
            "classes": len(data.classes),
            "predictions": answers(np.asarray(evaluation.images)).argmax(axis=1).astype(np.int64),
            "labels": evaluation.labels,
        }

    inputs = {"trees": TREES, "depth": DEPTH, "data": "rehearsal", "examples": EXAMPLES}
    found = run.step("platform/sorter/handed-in", made, inputs=inputs)
    return HandedIn("scikit-learn", found["model"], found["example"], found["classes"])


def _evaluation() -> tuple[np.ndarray, np.ndarray]:
    """The first of each of some classes: photos, uint8 (EXAMPLES,224,224,3), and their labels."""
    from snippets.data.datasets import dataset

    split = dataset("rehearsal").split("evaluation")
    _, firsts = np.unique(split.labels, return_index=True)
    chosen = np.sort(firsts)[:EXAMPLES]
    return np.asarray(split.images[chosen]), split.labels[chosen]


def _example(path: Path, shown: np.ndarray, expected: np.ndarray) -> Path:
    """Write photos and the probabilities expected of them as .npz; atomic."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, photos=shown, expected=expected)
    return path
