"""A node on the CPU is allowed if it only computes shapes; one that handles images there is an error that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from snippets.engine import export, graph, placement, providers
from snippets.errors import ProviderError
from snippets.model.mobilenet import mobilenet_v2

CUDA = "CUDAExecutionProvider"
SHAPE_ARITHMETIC = {"Shape", "Gather", "Squeeze", "Unsqueeze", "Concat", "Reshape", "Slice"}


@pytest.fixture(scope="module")
def fp32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.manual_seed(0)
    return export.export_onnx(mobilenet_v2(5, width=0.35).eval(), tmp_path_factory.mktemp("onnx") / "fp32.onnx")


@pytest.fixture
def asks_for_its_batch(tmp_path: Path) -> Path:
    """A classifier whose flatten computes the batch's size while it runs, as exporters write a view."""
    path = tmp_path / "view.onnx"
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"], name="pool"),
        helper.make_node("Shape", ["mean"], ["shape"], name="shape"),
        helper.make_node("Gather", ["shape", "first"], ["batch"], name="batch"),
        helper.make_node("Concat", ["batch", "rest"], ["flat_shape"], axis=0, name="concat"),
        helper.make_node("Reshape", ["mean", "flat_shape"], ["logits"], name="view"),
    ]
    made = helper.make_graph(
        nodes,
        "view",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(np.array([0]), "first"), numpy_helper.from_array(np.array([-1]), "rest")],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def as_on_a_gpu(events: list[dict[str, Any]], *left: str) -> list[dict[str, Any]]:
    """The profile that a GPU would have written: what returns floats ran there, except the operations `left` behind."""
    for event in events:
        returned = [kind for entry in event.get("args", {}).get("output_type_shape", ()) for kind in entry]
        if "float" in returned and event["args"]["op_name"] not in left:
            event["args"]["provider"] = CUDA
    return events


def profile(path: Path) -> list[dict[str, Any]]:
    return placement.events_of(path, providers.session_options(1, "all"), [placement.CPU])


def test_the_exported_graph_asks_for_no_shape(fp32: Path, tmp_path: Path) -> None:
    levels = graph.optimize(fp32, tmp_path / "graph", threads=1)
    for level in ("basic", "extended", "all"):
        assert not SHAPE_ARITHMETIC & levels[level]["histogram"].keys()


def test_all_of_the_exported_graph_may_run_on_a_gpu(fp32: Path) -> None:
    found = placement.judge(as_on_a_gpu(profile(fp32)))
    assert found.nodes.keys() == {CUDA} and not found.allowed and not found.refused


def test_shape_arithmetic_on_the_cpu_is_allowed_and_named(asks_for_its_batch: Path) -> None:
    found = placement.judge(as_on_a_gpu(profile(asks_for_its_batch)))
    assert found.allowed == ("Shape (shape)", "Gather (batch)", "Concat (concat)") and not found.refused
    assert found.facts()["nodes"] == {placement.CPU: 3, CUDA: 2}
    assert found.facts()["allowed_on_cpu"] == ["Shape (shape)", "Gather (batch)", "Concat (concat)"]


def test_what_handles_images_on_the_cpu_is_refused_by_name(
    asks_for_its_batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = as_on_a_gpu(profile(asks_for_its_batch), "GlobalAveragePool")
    monkeypatch.setattr(providers, "events_of", lambda *_: events)
    assert providers.placement(asks_for_its_batch, "cuda")["refused_on_cpu"] == ["GlobalAveragePool (pool)"]
    with pytest.raises(ProviderError, match=r"1 of the 5 nodes of view.onnx on the CPU: GlobalAveragePool \(pool\)"):
        providers.require_placement(asks_for_its_batch, "cuda", "all")


def test_a_provider_that_takes_nothing_was_not_got(asks_for_its_batch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = as_on_a_gpu(profile(asks_for_its_batch))
    monkeypatch.setattr(providers, "events_of", lambda *_: events)
    with pytest.raises(ProviderError, match="'tensorrt' was asked for and took no node of view.onnx"):
        providers.require_placement(asks_for_its_batch, "tensorrt", "all")


def test_many_whole_numbers_are_no_shape() -> None:
    def node(kind: str, shape: list[int]) -> dict[str, Any]:
        args = {"provider": placement.CPU, "op_name": "Cast", "output_type_shape": [{kind: shape}]}
        return {"cat": "Node", "name": "cast_kernel_time", "args": args}

    assert placement.judge([node("int64", [4])]).allowed == ("Cast (cast)",)
    assert placement.judge([node("int64", [1, 3, 224, 224])]).refused == ("Cast (cast)",)
    assert placement.judge([node("float", [4])]).refused == ("Cast (cast)",)


def test_tensorrt_is_built_for_every_batch_at_once(fp32: Path) -> None:
    assert providers.profile_shapes(fp32) == {
        "trt_profile_min_shapes": "input:1x3x224x224",
        "trt_profile_opt_shapes": "input:8x3x224x224",
        "trt_profile_max_shapes": "input:64x3x224x224",
    }
