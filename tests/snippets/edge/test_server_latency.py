"""The server's side is the same model in Part 1, a number that was given, or the manager's target."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.edge import server_latency
from snippets.errors import UsageError
from snippets.record.run import open_run


@pytest.mark.parametrize(
    ("variant", "step", "median_ms"),
    [("fp32", "graph/onnx-all/latency", 9.0), ("aggressive", "quantize/aggressive/latency", 4.0)],
)
def test_the_server_runs_the_model_of_the_device_and_not_its_fastest(variant: str, step: str, median_ms: float) -> None:
    part_1 = open_run("model", run_id="quick")
    for name, ms in (
        ("graph/onnx-all/latency", 9.0),
        ("quantize/aggressive/latency", 4.0),
        ("providers/openvino/latency", 2.0),
    ):
        part_1.step(
            name,
            lambda ms=ms: {"latency_ms": np.full(5, ms), "batch": 1, "threads": 2, "provider": "cpu"},
            inputs={},
        )
    found = server_latency.same_model("", variant, 0.0)
    assert found["source"] == f"Part 1, {step}" and np.median(found["latency_ms"]) == median_ms
    assert server_latency.same_model("", variant, 7.5)["latency_ms"].tolist() == [7.5]


def test_the_last_comparison_of_part_1_counts_with_its_blocks() -> None:
    part_1 = open_run("model", run_id="quick")
    about = {"batch": 1, "threads": 2, "provider": "cpu"}
    part_1.step("graph/onnx-all/latency", lambda: {"latency_ms": np.full(5, 9.0), **about}, inputs={})
    blocks = {"latency_ms": np.array([4.0, 4.0, 5.0]), "rounds": np.array([1, 2, 3]), "group": "choose", "slow": [3]}
    part_1.step("choose/onnx-all/latency", lambda: {**blocks, **about}, inputs={})
    found = server_latency.same_model("", "fp32", 0.0)
    assert found["source"] == "Part 1, choose/onnx-all/latency"
    assert found["rounds"].tolist() == [1, 2, 3] and found["slow"] == [3]


@pytest.mark.parametrize("part_1", [False, True])
def test_without_that_model_in_part_1_the_managers_target_stands_in_and_says_so(part_1: bool) -> None:
    if part_1:
        open_run("model", run_id="quick").step("graph/onnx-all/latency", lambda: {"latency_ms": np.full(5, 9.0)})
    found = server_latency.same_model("", "aggressive", 0.0)
    assert found["latency_ms"].tolist() == [3.0] and "aggressive was not measured" in found["source"]
    with pytest.raises(UsageError):
        server_latency.same_model("", "aggressive", -1.0)
