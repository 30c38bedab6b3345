"""Two small teams on a real Triton: a network that is the photo's mean colour, and a tree that looks at tiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.tree import DecisionTreeClassifier

from snippets.record.run import open_run
from snippets.teams.handed_in import PHOTOS, SORTER
from snippets.teams.lab import TeamsLab
from snippets.teams.models import onnx_engine, sklearn_engine
from snippets.teams.template import HandedIn


def mean_colour(path: Path) -> Path:
    """Write the network logits = the photo's mean times (1, 2, 3)."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
            helper.make_node("Mul", ["column", "factors"], ["logits"]),
        ],
        "mean",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [
            numpy_helper.from_array(np.array([1]), "one"),
            numpy_helper.from_array(np.array([[1, 2, 3]], dtype=np.float32), "factors"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network's file."""
    return mean_colour(tmp_path_factory.mktemp("photos") / "network.onnx")


@pytest.fixture(scope="session")
def teams(tmp_path_factory: pytest.TempPathFactory, network: Path) -> dict[str, HandedIn]:
    """What the two teams hand in."""
    folder = tmp_path_factory.mktemp("teams")
    rng = np.random.default_rng(3)
    ready = rng.random((2, 3, 224, 224), dtype=np.float32)
    example = folder / "photos.npz"
    np.savez(example, photos=ready, expected=onnx_engine.load(network, 1, "cpu")(ready))
    pixels = rng.integers(0, 255, (6, 224, 224, 3), dtype=np.uint8)
    tree = DecisionTreeClassifier(random_state=0).fit(sklearn_engine.features(pixels), [0, 1, 0, 1, 0, 1])
    joblib.dump(tree, folder / "sorter.joblib")
    other = folder / "sorter.npz"
    answers = sklearn_engine.load(folder / "sorter.joblib", 1, "cpu")(pixels[:2])
    np.savez(other, photos=pixels[:2], expected=answers)
    return {
        PHOTOS: HandedIn("ONNX", network, example, 3),
        SORTER: HandedIn("scikit-learn", folder / "sorter.joblib", other, 2),
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, teams: dict[str, HandedIn]) -> Iterator[TeamsLab]:
    """A lab with these teams and an embedded Triton of its own."""
    run = open_run("system", notebook="6_platform", run_id="t", runs=tmp_path_factory.mktemp("runs"), profile="tiny")
    with TeamsLab(run) as opened:
        opened.teams = teams  # in the place of those that are trained
        yield opened
