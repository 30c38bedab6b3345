"""Parts of a network put in 8 bits one at a time: those that 8 bits hurt most come first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from snippets.quantize import sensitivity
from tests.snippets.onnx_files import save_onnx

# Scale 12.7 / 127 = 0.1: 0.04 is lost. Scale 12.7 / 127 = 0.1: 3.0 is kept.
HURT, UNHURT = [12.7, 0.04], [12.7, 3.0]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Two layers, each a weighted sum of two channels: x -> Conv kept -> Conv hurt -> y."""

    def weights(rows: list[list[float]]) -> np.ndarray:
        return np.array(rows, dtype=np.float32)[:, :, None, None]

    nodes = [
        helper.make_node("Conv", ["x", "kept"], ["a"], name="kept"),
        helper.make_node("Conv", ["a", "hurt"], ["y"], name="hurt"),
    ]
    stored = {"kept": weights([UNHURT, UNHURT]), "hurt": weights([HURT])}
    return save_onnx(tmp_path / "n.onnx", nodes, stored, ("N", 2, 1, 1), ("N", 1, 1, 1))


def test_the_part_whose_weights_are_lost_comes_first_with_its_error(network: Path) -> None:
    ranges = {"tensors": [], "low": [], "high": []}
    inputs = np.ones((1, 2, 1, 1), dtype=np.float32)
    errors = sensitivity.scan(network, ranges, inputs, {"a": ("kept",), "b": ("hurt",)}, 1)
    # Channel values 15.7; logits 15.7 x 12.74 true, 15.7 x 12.7 with the small weight lost: relative (0.04 / 12.74)^2.
    assert list(errors) == ["b", "a"]
    assert errors["b"] == pytest.approx((0.04 / 12.74) ** 2, rel=0.01) and errors["a"] == pytest.approx(0.0, abs=1e-10)


def test_what_a_part_reads_passes_through_8_bits_of_its_range(network: Path) -> None:
    # The range 0 to 255 has steps of 1: inputs of 0.4 are rounded to 0, so that all of the logits is lost.
    ranges = {"tensors": ["x"], "low": [0.0], "high": [255.0]}
    errors = sensitivity.scan(network, ranges, np.full((1, 2, 1, 1), 0.4, np.float32), {"a": ("kept",)}, 1)
    assert errors["a"] == pytest.approx(1.0)


def test_fine_parts_are_layers_and_coarse_ones_end_where_nothing_is_cut_off(float_model: Path) -> None:
    assert list(sensitivity.parts(float_model, fine=True).values()) == [("pointwise",), ("depthwise",), ("classifier",)]
    assert len(sensitivity.parts(float_model, fine=False)) == 3


def test_a_rectified_convolution_belongs_to_the_part_of_the_one_that_reads_it(network: Path, tmp_path: Path) -> None:
    model = onnx.load(network)
    model.graph.node[1].input[0] = "b"
    model.graph.node.insert(1, helper.make_node("Relu", ["a"], ["b"], name="cut"))
    onnx.save(model, tmp_path / "cut.onnx")
    assert sensitivity.parts(tmp_path / "cut.onnx", fine=False) == {"block 0": ("kept", "hurt")}
