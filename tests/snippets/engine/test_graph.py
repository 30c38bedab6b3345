"""What a graph holds is read from it: operations, constant work, and the first steps of an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from snippets.engine import graph
from tests.snippets.onnx_files import save_onnx
from tests.snippets.servers import save_toy_onnx


@pytest.fixture
def model() -> onnx.ModelProto:
    """x -> Conv (its weights still to be cast) -> Clip -> a fused and a NCHWc convolution."""
    weights = numpy_helper.from_array(np.zeros((3, 3, 1, 1), dtype=np.float16), "half")
    nodes = [
        helper.make_node("Cast", ["half"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["x", "weights"], ["a"]),
        helper.make_node("Clip", ["a"], ["b"]),
        helper.make_node("FusedConv", ["b", "weights"], ["c"], domain="com.microsoft"),
        helper.make_node("Conv", ["c", "weights"], ["y"], domain="com.microsoft.nchwc"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, 8, 8]) for name in ("x", "y")]
    return helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], [weights]))


def test_operations_are_counted_by_the_name_that_a_person_reads(model: onnx.ModelProto) -> None:
    assert graph.histogram(model) == {"Cast": 1, "Conv": 1, "Clip": 1, "FusedConv": 1, "Conv (NCHWc)": 1}


def test_work_on_weights_alone_is_constant(model: onnx.ModelProto) -> None:
    assert [node.op_type for node in graph.constant_nodes(model)] == ["Cast"]


def test_a_trunk_walks_with_the_image_and_names_the_constant_work_beside_it(model: onnx.ModelProto) -> None:
    steps = graph.trunk(model)
    assert [(step.label, step.kind) for step in steps] == [
        ("Conv", "convolution"),
        ("Clip", "activation"),
        ("FusedConv", "fused"),
        ("Conv (NCHWc)", "layout"),
    ]
    assert [step.constant_inputs for step in steps] == [("Cast",), (), ("Cast",), ("Cast",)]


def test_a_trunk_ends_before_the_convolution_that_is_one_too_many(model: onnx.ModelProto) -> None:
    assert [step.label for step in graph.trunk(model, convolutions=1)] == ["Conv", "Clip"]


def test_changes_leave_out_what_stayed() -> None:
    assert graph.changes({"Conv": 3, "Clip": 2}, {"Conv": 3, "Relu": 1}) == {"Clip": -2, "Relu": 1}


def event(node: str, operation: str, us: float) -> dict:
    return {"cat": "Node", "name": f"{node}_kernel_time", "dur": us, "args": {"op_name": operation}}


def test_events_are_summed_by_type_slowest_first() -> None:
    runs = [event("a", "Conv", 999.0), event("b", "Clip", 999.0)]
    runs += [event("a", "Conv", 100.0), event("b", "Clip", 300.0)] + [
        event("a", "Conv", 300.0),
        event("b", "Clip", 500.0),
    ]
    found = graph.by_operation([*runs, {"cat": "Session", "name": "model_run", "dur": 9e9}], runs=2, skip=1)
    assert found["milliseconds"] == {"Clip": 0.4, "Conv": 0.2} and list(found["milliseconds"]) == ["Clip", "Conv"]
    assert found["nodes"] == {"Conv": 1, "Clip": 1} and found["total_ms"] == 0.4 + 0.2


def test_a_real_profile_names_the_operations_of_the_graph(tmp_path: Path) -> None:
    batch = np.zeros((1, 3, 224, 224), dtype=np.float32)
    found = graph.time_by_operation(save_toy_onnx(tmp_path / "toy.onnx"), batch, threads=1, level="none", runs=3)
    assert set(found["milliseconds"]) == {"GlobalAveragePool", "Flatten", "Gemm"} and found["runs"] == 3


def test_multiplications_are_counted_by_hand(tmp_path: Path) -> None:
    """A convolution of 3x3 from 4 to 8 channels in 2 groups on 6x6 places, then 8 -> 5."""
    nodes = [
        helper.make_node("Conv", ["input", "kernel"], ["maps"], group=2, pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["maps"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "matrix"], ["logits"]),
    ]
    values = {"kernel": np.zeros((8, 2, 3, 3), np.float32), "matrix": np.zeros((8, 5), np.float32)}
    path = save_onnx(tmp_path / "net.onnx", nodes, values, ("N", 4, 6, 6), ("N", 5))
    # Each of 8 x 36 numbers takes 2 x 3 x 3 multiplications, each of 5 logits takes 8.
    assert graph.multiply_adds(path) == 8 * 36 * 18 + 5 * 8


def test_products_of_matrices_are_counted_for_each_row(tmp_path: Path) -> None:
    """4 channels on 2x3 places: each place times 4 -> 4, then every place's 4 numbers times every other's."""
    nodes = [
        helper.make_node("Reshape", ["input", "shape"], ["channels"]),
        helper.make_node("Transpose", ["channels"], ["places"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["places", "matrix"], ["query"]),
        helper.make_node("MatMul", ["query", "channels"], ["pairs"]),
        helper.make_node("ReduceMean", ["pairs", "axis"], ["logits"], keepdims=0),
    ]
    values = {"shape": np.array([0, 4, 6]), "matrix": np.zeros((4, 4), np.float32), "axis": np.array([1])}
    path = save_onnx(tmp_path / "net.onnx", nodes, values, ("N", 4, 2, 3), ("N", 6))
    # 6 places x 4 numbers x 4 multiplications, and 6 x 6 pairs x 4.
    assert graph.multiply_adds(path) == 6 * 4 * 4 + 6 * 6 * 4
