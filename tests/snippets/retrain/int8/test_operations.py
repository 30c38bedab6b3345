"""Each operation does in torch what ONNX Runtime does, and what cannot be trained is said in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import helper

from snippets.engine.providers import session
from snippets.retrain.int8.operations import OPERATIONS, attributes_of, untrainable
from tests.snippets.onnx_files import save_onnx
from tests.snippets.retrain.conftest import Small

IMAGES = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)
WEIGHT = np.random.default_rng(1).standard_normal((4, 3, 3, 3)).astype(np.float32)
MATRIX = np.random.default_rng(2).standard_normal((192, 5)).astype(np.float32)


def node(kind: str, *constants: str, **attributes: Any) -> Any:
    return helper.make_node(kind, ["input", *constants], ["output"], **attributes)


CASES: dict[str, tuple[Any, dict[str, np.ndarray], int]] = {
    "a stride and padding": (node("Conv", "w", strides=[2, 2], pads=[1, 1, 1, 1]), {"w": WEIGHT}, 4),
    "padding on two sides only": (node("Conv", "w", strides=[2, 2], pads=[0, 0, 1, 1]), {"w": WEIGHT}, 4),
    "a bias and dilation": (node("Conv", "w", "b", dilations=[2, 2]), {"w": WEIGHT, "b": np.ones(4, np.float32)}, 4),
    "largest of each window": (node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), {}, 4),
    "cut off at six": (
        node("Clip", "low", "high"),
        {"low": np.array(0, np.float32), "high": np.array(0.5, np.float32)},
        4,
    ),
    "a mean over the picture": (node("ReduceMean", axes=[2, 3], keepdims=0), {}, 2),
    "a mean that keeps its places": (node("GlobalAveragePool"), {}, 4),
    "another shape": (node("Reshape", "shape"), {"shape": np.array([0, -1])}, 2),
    "rows of all numbers": (node("Flatten"), {}, 2),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operation_does_what_onnx_runtime_does(tmp_path: Path, name: str) -> None:
    one, constants, sides = CASES[name]
    file = save_onnx(tmp_path / "one.onnx", [one], constants, ("N", 3, 8, 8), tuple("abcd"[:sides]))
    run = OPERATIONS[one.op_type](attributes_of(one), {} if one.op_type == "Conv" else constants)
    weights = [torch.from_numpy(each) for each in constants.values()] if one.op_type == "Conv" else []
    found = run(torch.from_numpy(IMAGES), *weights).numpy()
    assert np.abs(found - session(file, threads=1, level="none")(IMAGES)).max() < 1e-5


def test_a_product_of_matrices_is_one_with_or_without_a_transposed_weight() -> None:
    rows = torch.from_numpy(IMAGES.reshape(2, -1))
    expected = rows.numpy() @ MATRIX
    weight, bias = torch.from_numpy(MATRIX), torch.ones(5)
    for transposed, given in ((1, weight.T), (0, weight)):
        found = OPERATIONS["Gemm"]({"transB": transposed}, {})(rows, given, bias).numpy()
        assert np.abs(found - expected - 1).max() < 1e-4
    assert np.abs(OPERATIONS["MatMul"]({}, {})(rows, weight).numpy() - expected).max() < 1e-4


def test_a_network_of_known_operations_can_be_trained(small: Small) -> None:
    assert untrainable(small.prepared) == ""


REFUSED = {
    "operations that cannot be trained here: Erf, Sqrt": ([node("Erf"), node("Sqrt")], {}),
    "no weights that could be trained": ([node("Relu")], {}),
    "adds constants": ([node("Conv", "w"), node("Add", "b")], {"w": WEIGHT, "b": np.ones(1, np.float32)}),
    "depend on the image": ([node("Conv", "w"), node("MatMul", "input")], {"w": WEIGHT}),
    "a Conv of an unusual kind": ([node("Conv", "w", auto_pad="SAME_UPPER")], {"w": WEIGHT}),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_trained_is_said_in_words(tmp_path: Path, reason: str) -> None:
    nodes, constants = REFUSED[reason]
    for number, one in enumerate(nodes):
        one.output[0] = f"output{number}" if number < len(nodes) - 1 else "logits"
    file = save_onnx(tmp_path / "odd.onnx", nodes, constants, ("N", 3, 8, 8), ("a",))
    assert reason in untrainable(file)
