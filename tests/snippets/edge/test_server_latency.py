"""The server's side is Part 1's fastest option, a number that was given, or the manager's target."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.edge import server_latency
from snippets.errors import UsageError
from snippets.record.run import open_run


def test_the_server_is_part_1s_fastest_single_sample_step() -> None:
    part_1 = open_run("model", run_id="quick")
    for name, factor in (("baseline/eager/latency", 9.0), ("providers/openvino/latency", 2.0)):
        part_1.step(
            name,
            lambda factor=factor: {"latency_ms": np.full(5, factor), "batch": 1, "threads": 2, "provider": "cpu"},
            inputs={},
        )
    found = server_latency.fastest_option("", 0.0)
    assert found["source"] == "Part 1, providers/openvino/latency" and np.median(found["latency_ms"]) == 2.0
    assert server_latency.fastest_option("", 7.5)["latency_ms"].tolist() == [7.5]


def test_without_part_1_the_managers_target_stands_in_and_says_so() -> None:
    found = server_latency.fastest_option("", 0.0)
    assert found["latency_ms"].tolist() == [3.0] and "target" in found["source"]
    with pytest.raises(UsageError):
        server_latency.fastest_option("", -1.0)
