"""Someone's ONNX file becomes the kit's, with its tensor names and any batch size, or is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from snippets.data import image
from snippets.engine import export, providers
from snippets.errors import ModelError
from snippets.record.run import open_run
from tests.snippets.servers import save_toy_onnx


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """The toy classifier with other names for its input and output."""
    path = save_toy_onnx(tmp_path / "theirs.onnx")
    model = onnx.load(path)
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = {"input": "pixels", "logits": "scores"}.get(name, name)
    model.graph.input[0].name, model.graph.output[0].name = "pixels", "scores"
    onnx.save(model, path)
    return path


def test_a_taken_over_file_has_the_kits_names_and_the_same_answers(theirs: Path, tmp_path: Path) -> None:
    batch = np.random.default_rng(0).random((2, 3, 224, 224), dtype=np.float32)
    ours = export.adopt_onnx(theirs, tmp_path / "models" / "fp32.onnx")
    graph = onnx.load(ours).graph
    assert (graph.input[0].name, graph.output[0].name) == (export.INPUT, export.OUTPUT)
    assert np.array_equal(providers.session(ours, threads=1)(batch), providers.session(theirs, threads=1)(batch))
    assert export.count_classes(ours) == 11


def test_a_file_that_takes_pixels_answers_as_preprocessing_and_the_file_do(tmp_path: Path) -> None:
    toy = save_toy_onnx(tmp_path / "toy.onnx")
    fused = export.from_pixels(toy, tmp_path / "new" / "pixels.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    found = providers.session(fused, threads=1)(pixels)
    np.testing.assert_allclose(found, providers.session(toy, threads=1)(image.preprocess(pixels)), atol=1e-5)
    onnx.checker.check_model(onnx.load(fused))


def test_a_file_that_is_no_image_classifier_is_refused_with_what_it_takes(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("two eggs")
    with pytest.raises(ModelError, match="text.onnx is not a readable ONNX model"):
        export.adopt_onnx(tmp_path / "text.onnx", tmp_path / "fp32.onnx")
    with pytest.raises(ModelError, match="no ONNX file"):
        export.adopt_onnx(tmp_path / "gone.onnx", tmp_path / "fp32.onnx")


def test_an_onnx_file_is_recorded_without_a_difference_to_pytorch(theirs: Path) -> None:
    run = open_run("model", run_id="t")
    found = export.ensure_export(run, str(theirs))
    assert found["largest_difference"] is None and found["classes"] == 11 and found["source"] == "theirs.onnx"
    assert export.ensure_fp32(run, str(theirs)) == found["file"] == run.models / "fp32.onnx"


def test_weights_for_other_classes_are_refused(theirs: Path) -> None:
    with pytest.raises(ModelError, match="11 classes apart but the data has 2"):
        export.ensure_export(open_run("model", run_id="t"), str(theirs), ["egg", "soup"])
    with pytest.raises(ModelError, match="no weights file"):
        export.ensure_export(open_run("model", run_id="t"), "gone.pth")
