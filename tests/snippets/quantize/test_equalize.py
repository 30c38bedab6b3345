"""Channels between two convolutions get ranges of like size, and the network computes what it computed before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from snippets.engine.providers import session
from snippets.quantize import equalize
from tests.snippets.onnx_files import save_onnx

# Two channels: the first is written with weights up to 8 and read with 0.5, the second with 0.5 and 2.
FIRST = np.array([[8.0, -4.0], [0.25, 0.5]], dtype=np.float32)
SECOND = np.array([[0.5, 1.0], [-0.25, 2.0]], dtype=np.float32)
SHAPE = ("N", 2, 4, 4)


@pytest.fixture
def linear(tmp_path: Path) -> Path:
    """Two layers with a residual addition between: x -> Conv a -> (Conv r + a) -> Conv y."""
    nodes = [
        helper.make_node("Conv", ["x", "first", "bias"], ["a"]),
        helper.make_node("Conv", ["a", "side"], ["r"]),
        helper.make_node("Add", ["a", "r"], ["sum"]),
        helper.make_node("Conv", ["sum", "second"], ["y"]),
    ]
    weights = {
        "first": FIRST[:, :, None, None],
        "bias": np.array([1.0, -1.0], dtype=np.float32),
        "side": 0.1 * np.eye(2, dtype=np.float32)[:, :, None, None],
        "second": SECOND[:, :, None, None],
    }
    return save_onnx(tmp_path / "linear.onnx", nodes, weights, SHAPE, SHAPE)


def test_factors_make_what_is_written_and_what_is_read_equally_large() -> None:
    # sqrt(8 / 0.5) = 4: 8 / 4 = 2 = 0.5 x 4. sqrt(0.5 / 2) = 0.5: 0.5 / 0.5 = 1 = 2 x 0.5.
    assert equalize.factors(np.array([8.0, 0.5]), np.array([0.5, 2.0])) == pytest.approx([4.0, 0.5])


def test_a_channel_without_weights_keeps_its_size() -> None:
    assert equalize.factors(np.array([0.0, 4.0]), np.array([1.0, 0.0])).tolist() == [1.0, 1.0]


def test_the_outputs_stay_and_the_channels_become_alike(linear: Path, tmp_path: Path) -> None:
    found = equalize.equalize(linear, tmp_path / "even.onnx")
    inputs = np.random.default_rng(0).normal(size=(3, 2, 4, 4)).astype(np.float32)
    assert np.allclose(session(linear)(inputs), session(found["file"])(inputs), atol=1e-5)
    # Written: 8 and 0.5 (16 to 1). Divided by 4 and 0.5, as worked out above: 2 and 1 (2 to 1).
    assert found["uneven_before"] == pytest.approx([16.0]) and found["uneven_after"] == pytest.approx([2.0])


def test_all_that_additions_join_is_one_place(linear: Path) -> None:
    (place,) = equalize.streams(onnx.load(linear).graph)
    assert set(place.tensors) == {"a", "r", "sum"} and len(place.writers) == 2 and len(place.readers) == 2


@pytest.mark.parametrize("between", ["Clip", "Relu"])
def test_nothing_is_equalized_across_an_activation(tmp_path: Path, between: str) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["a"]),
        helper.make_node(between, ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["y"]),
    ]
    weights = {"first": FIRST[:, :, None, None], "second": SECOND[:, :, None, None]}
    path = save_onnx(tmp_path / "cut.onnx", nodes, weights, SHAPE, SHAPE)
    assert equalize.equalize(path, tmp_path / "even.onnx")["file"] is None and not (tmp_path / "even.onnx").exists()


def test_unevenness_is_the_largest_over_the_smallest_that_is_used() -> None:
    assert equalize.unevenness(np.array([2.0, 0.0, 6.0])) == 3.0
    assert equalize.unevenness(np.zeros(2)) == 1.0
