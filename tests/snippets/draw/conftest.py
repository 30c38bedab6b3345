"""Charts are drawn without a screen, each test closes its own, and two loads are worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest

from snippets.load.windows import joined


@pytest.fixture(autouse=True)
def drawing() -> Iterator[None]:
    import matplotlib.pyplot as plt

    matplotlib.use("agg")
    yield
    plt.close("all")


@pytest.fixture
def load() -> dict[str, Any]:
    """A closed loop of two clients: four answers in 10, 20, 30 and 40 ms, and one failure after 1 ms."""
    return {
        "clients": 2,
        "latency_ms": np.array([10.0, 40.0, 1.0, 20.0, 30.0]),
        "ok": np.array([True, True, False, True, True]),
        "seconds": 2.0,
        "requests_per_s": 2.0,
        "samples_per_s": 2.0,
        "failures": 1,
        "queue_ms": 6.0,
        "compute_ms": 15.0,
        "client_ms": 4.0,
        "mean_batch": 1.5,
        "batches": {"1": 2, "2": 1},
        "util_s": np.array([0.0, 1.0]),
        "util_cpu": np.array([50.0, 60.0]),
        "util_server": np.array([40.0, 45.0]),
        "util_gpu": np.zeros((2, 1)),
        **{f"{stage}_ms": np.full(5, 2.0) for stage in ("decode", "preprocess", "inference", "postprocess")},
    }


@pytest.fixture
def repeated(load: dict[str, Any]) -> dict[str, Any]:
    """That load in three windows, in the second of which all went twice as fast and in the third half as fast."""
    load |= {"inferences": 4, "executions": 3, "server_requests": 4, "server_ms": 21.0, "errors": {}, "batch": 1}
    load["util_memory_mb"] = np.zeros(2)
    return joined([load | {"latency_ms": load["latency_ms"] * f, "seconds": 2.0 * f} for f in (1.0, 0.5, 2.0)])


@pytest.fixture
def open_load(load: dict[str, Any]) -> dict[str, Any]:
    """The same answers in an open loop at 2.5 requests a second, five of which arrived in the window of two seconds."""
    return {
        **load,
        "offered_rps": 2.5,
        "arrivals": 5,
        "completed_rps": 2.0,
        "in_flight_mean": 0.05,
        "sampled_s": np.array([0.0, 2.0]),
        "sampled_in_flight": np.array([1, 1]),
    }
