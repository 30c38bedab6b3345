"""Other weights in the same graph answer as the module that they come from; zeros are counted where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from snippets.engine import graph
from snippets.engine.export import export_onnx
from snippets.engine.providers import session
from snippets.errors import ModelError
from snippets.model.mobilenet import mobilenet_v2
from snippets.retrain import channels, stored


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Path]:
    """A narrow MobileNetV2 of three classes, and its file."""
    torch.manual_seed(0)
    model = mobilenet_v2(3, 0.25).eval()
    return model, export_onnx(model, tmp_path_factory.mktemp("whole") / "fp32.onnx")


def state(model: torch.nn.Module) -> dict[str, np.ndarray]:
    """The weights by name, without the counts of batches."""
    return {name: one.numpy() for name, one in model.state_dict().items() if one.ndim}


def test_a_network_with_fewer_channels_answers_from_the_whole_networks_graph(whole, tmp_path: Path) -> None:
    model, fp32 = whole
    small = channels.without(model, [torch.randn(2, 3, 64, 64)], 0.5)
    path = stored.refilled(fp32, state(small), tmp_path / "small.onnx")
    images = np.random.default_rng(0).standard_normal((2, 3, 224, 224)).astype(np.float32)
    with torch.inference_mode():
        expected = small(torch.from_numpy(images)).numpy()
    assert np.abs(session(path)(images) - expected).max() < 1e-4
    assert graph.multiply_adds(path) < 0.75 * graph.multiply_adds(fp32)


def test_weights_that_the_file_does_not_hold_are_named(whole, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no weights elsewhere\.weight"):
        stored.refilled(whole[1], {"elsewhere.weight": np.zeros(1)}, tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def small_file(path: Path) -> Path:
    """A 1x1 convolution of 2 x 3 weights, 2 of them zero, on 4x4 places, with a bias of zeros."""
    weights = np.array([[1, 0, 2], [0, 3, 4]], dtype=np.float32).reshape(2, 3, 1, 1)
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["y"])]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "small",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 4, 4])],
            [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.zeros(2, np.float32), "b")],
        )
    )
    onnx.save(model, path)
    return path


def test_zeros_are_counted_among_weights_and_not_among_biases(tmp_path: Path) -> None:
    assert stored.counted(small_file(tmp_path / "small.onnx")) == {"weights": 6, "zeros": 2}


def test_a_multiplication_by_zero_is_told_from_the_others(tmp_path: Path) -> None:
    """Six weights at 16 places, four of them no zero."""
    path = small_file(tmp_path / "small.onnx")
    assert graph.multiply_adds(path) == 96 and graph.multiply_adds(path, zeros=False) == 64


def test_zeros_take_next_to_nothing_once_they_are_zipped(tmp_path: Path) -> None:
    dense = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    sparse = dense.copy()
    sparse[:8000] = 0
    for name, values in (("dense", dense), ("sparse", sparse)):
        (tmp_path / name).write_bytes(values.tobytes())
    assert stored.zip_bytes(tmp_path / "dense") > 36_000
    assert 7_000 < stored.zip_bytes(tmp_path / "sparse") < 8_400
