"""Work and traffic of layers, from shapes that can be counted on paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from snippets.kernel import layers


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """8 x 8 pixels of 4 channels: depthwise 3x3, 1x1 to 6 channels, 3x3 without padding to 2, and 72 numbers to 5."""
    weights = {"a": (4, 1, 3, 3), "b": (6, 4, 1, 1), "c": (2, 6, 3, 3), "d": (72, 5)}
    nodes = [
        helper.make_node("Conv", ["input", "a"], ["1"], "one", group=4, pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["1", "b"], ["2"], "two"),
        helper.make_node("Conv", ["2", "c"], ["3"], "three"),
        helper.make_node("Flatten", ["3"], ["4"]),
        helper.make_node("Gemm", ["4", "d"], ["logits"], "four"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 4, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 5])],
        [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights.items()],
    )
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_operations_and_bytes_by_hand(network: Path) -> None:
    # Weights x places x 2, and 4 bytes for each number of weights, input and output:
    # 36 x 64 x 2 = 4,608, 36 + 256 + 256 = 548; 24 x 64 x 2 = 3,072, 24 + 256 + 384 = 664;
    # 108 x 36 x 2 = 7,776, 108 + 384 + 72 = 564; 360 x 2 = 720, 360 + 72 + 5 = 437.
    assert layers.layers(network) == [
        layers.Layer("one", "depthwise", 4608, 4 * 548),
        layers.Layer("two", "1x1", 3072, 4 * 664),
        layers.Layer("three", "other convolution", 7776, 4 * 564),
        layers.Layer("four", "fully connected", 720, 4 * 437),
    ]


def test_each_layer_is_timed(network: Path) -> None:
    found = layers.timed(network, np.zeros((1, 4, 8, 8), np.float32), threads=1, runs=5)
    assert found["milliseconds"].shape == (4,) and (found["milliseconds"] >= 0).all()
    assert found["kinds"] == ["depthwise", "1x1", "other convolution", "fully connected"]


STEP = {
    "names": ["a", "b", "c"],
    "kinds": ["1x1", "depthwise", "1x1"],
    "flop": np.array([8e6, 1e6, 2e6]),
    "bytes": np.array([1e6, 1e6, 4e6]),
    "milliseconds": np.array([0.5, 1.0, 0.25]),
}


def test_sums_by_kind() -> None:
    assert layers.by_kind(STEP) == {
        "depthwise": {"layers": 1, "flop": 1e6, "bytes": 1e6, "milliseconds": 1.0},
        "1x1": {"layers": 2, "flop": 10e6, "bytes": 5e6, "milliseconds": 0.75},
    }


def test_points_of_a_roofline() -> None:
    points, kinds = layers.points(STEP)
    # 8 million operations in half a millisecond are 16 billion a second; 8 for each byte.
    assert points["a"][0] == 8 and points["a"][1].value == pytest.approx(16) and not points["a"][1].bounded
    assert kinds == {"a": "1x1", "b": "depthwise", "c": "1x1"}
