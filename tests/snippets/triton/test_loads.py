"""Loads on a real Triton: the times add up, and each setting does what the lab says that it does.

How long the models here take is a parameter (they sleep), so what must come out is known, on however busy a machine.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snippets.errors import ServerError
from snippets.load import queueing
from snippets.load.options import LoadOptions
from snippets.triton import loads
from snippets.triton.config import DynamicBatching, InstanceGroup, Resource
from snippets.triton.server import TritonServer
from tests.snippets.triton.triton_models import NUMBERS, doubler

MS = 20.0
MOST_PER_S = 1000 / MS  # what one instance can do, one request at a time


@pytest.fixture
def under_load(triton_server: TritonServer, tmp_path: Path):
    """Deploy the model that takes MS for each execution with these settings, and measure it for a second."""

    def measure(load: LoadOptions, **config: Any) -> dict[str, Any]:
        triton_server.deploy(doubler(tmp_path, parameters={"ms": str(MS)}, **config))
        result = loads.put_under_load(triton_server, "double", NUMBERS, replace(load, seconds=1.0))
        assert result["failures"] == 0
        return result

    return measure


def test_the_split_of_a_request_adds_up_to_what_the_client_saw(under_load) -> None:
    one, eight = (under_load(LoadOptions(clients=clients)) for clients in (1, 8))
    assert one["compute_ms"] >= MS and eight["queue_ms"] > 2 * eight["compute_ms"] > one["queue_ms"]
    # One instance that takes 20 ms: at most 50 a second, and eight in the loop wait for one another.
    assert max(one["requests_per_s"], eight["requests_per_s"]) <= 55
    assert np.median(eight["latency_ms"]) > 100
    assert one["server_ms"] + one["client_ms"] == pytest.approx(one["latency_ms"].mean())
    assert len(one["util_s"]) == len(one["util_cpu"]) == len(one["util_server"]) > 0
    assert one["util_memory_mb"].max() > 10


def test_a_neighbour_is_under_load_during_the_whole_window(triton_server: TritonServer, tmp_path: Path) -> None:
    for name in ("light", "heavy"):
        triton_server.deploy(doubler(tmp_path, name, parameters={"ms": "5"}))
    result = loads.beside(
        triton_server,
        "light",
        NUMBERS,
        LoadOptions(clients=1, seconds=0.5, warm_up_s=0.2),
        loads.Neighbour("heavy", NUMBERS, 2),
    )
    assert result["model"] == "light" and result["failures"] == result["neighbour_failures"] == 0
    assert result["neighbour_rps"] > 0 and len(result["neighbour_latency_ms"]) > 0


def test_batching_serves_many_clients_with_few_executions(under_load) -> None:
    off = under_load(LoadOptions(clients=8))
    on = under_load(LoadOptions(clients=8), batching=DynamicBatching())
    assert set(off["batches"]) == {"1"} and on["mean_batch"] > 2
    assert off["requests_per_s"] < 1.1 * MOST_PER_S < on["requests_per_s"]
    assert on["queue_ms"] < off["queue_ms"]


def test_instances_share_the_queue(under_load) -> None:
    one, four = (under_load(LoadOptions(clients=8), instances=(InstanceGroup(count),)) for count in (1, 4))
    assert one["requests_per_s"] < 1.1 * MOST_PER_S < four["requests_per_s"]
    assert four["queue_ms"] < one["queue_ms"]


def test_beyond_its_capacity_the_server_falls_behind_and_batching_moves_that_point(under_load) -> None:
    offered = LoadOptions(offered_rps=2 * MOST_PER_S)
    off, on = under_load(offered), under_load(offered, batching=DynamicBatching())
    assert queueing.falls_behind(off) and off["completed_rps"] < 1.1 * MOST_PER_S < on["completed_rps"]
    assert off["queue_ms"] > off["compute_ms"] and np.median(off["latency_ms"]) > np.median(on["latency_ms"])


def test_a_token_lets_one_instance_work_at_a_time(triton_server: TritonServer, tmp_path: Path) -> None:
    def neighbour(**group: Any) -> float:
        instances = (InstanceGroup(4, **group),)
        triton_server.deploy(doubler(tmp_path, "heavy", parameters={"ms": str(MS)}, instances=instances))
        triton_server.deploy(doubler(tmp_path, "light"))
        return loads.beside(
            triton_server,
            "light",
            NUMBERS,
            LoadOptions(clients=1, seconds=1.0),
            loads.Neighbour("heavy", NUMBERS, 4),
        )["neighbour_rps"]

    assert neighbour(resources=(Resource("work", 1),), priority=1000) < 1.1 * MOST_PER_S < neighbour()


def test_a_load_or_a_neighbour_whose_every_request_fails_is_no_measurement(
    triton_server: TritonServer, tmp_path: Path
) -> None:
    triton_server.deploy(doubler(tmp_path, "light"))
    wrong = {"x": np.zeros((1, 5), dtype=np.float32)}  # the model takes four numbers
    short = LoadOptions(clients=1, seconds=0.3, warm_up_s=0.1)
    with pytest.raises(ServerError, match=r"All \d+ requests to `light` failed: .*shape"):
        loads.put_under_load(triton_server, "light", wrong, short)
    with pytest.raises(ServerError, match=r"All \d+ requests to the neighbour `light` failed"):
        loads.beside(triton_server, "light", NUMBERS, short, loads.Neighbour("light", wrong, 1))
