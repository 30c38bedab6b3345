"""Time is summed by operation type, without the first runs of each node."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snippets.engine.op_profile import by_operation, time_by_operation
from tests.snippets.servers import save_toy_onnx


def event(node: str, operation: str, us: float) -> dict:
    return {"cat": "Node", "name": f"{node}_kernel_time", "dur": us, "args": {"op_name": operation}}


def test_events_are_summed_by_type_slowest_first() -> None:
    runs = [event("a", "Conv", 999.0), event("b", "Clip", 999.0)]
    runs += [event("a", "Conv", 100.0), event("b", "Clip", 300.0)] + [
        event("a", "Conv", 300.0),
        event("b", "Clip", 500.0),
    ]
    found = by_operation([*runs, {"cat": "Session", "name": "model_run", "dur": 9e9}], runs=2, skip=1)
    assert found["milliseconds"] == {"Clip": 0.4, "Conv": 0.2} and list(found["milliseconds"]) == ["Clip", "Conv"]
    assert found["nodes"] == {"Conv": 1, "Clip": 1} and found["total_ms"] == 0.4 + 0.2


def test_a_real_profile_names_the_operations_of_the_graph(tmp_path: Path) -> None:
    batch = np.zeros((1, 3, 224, 224), dtype=np.float32)
    found = time_by_operation(save_toy_onnx(tmp_path / "toy.onnx"), batch, threads=1, level="none", runs=3)
    assert set(found["milliseconds"]) == {"GlobalAveragePool", "Flatten", "Gemm"} and found["runs"] == 3
