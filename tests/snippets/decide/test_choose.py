"""An option's price is that of what it runs on: one GPU, or as many cores as it had threads."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.decide import choose
from snippets.decide.cost import Prices

PRICES = Prices(
    "USD", utilization=0.5, per_core_hour=0.036, per_gpu_hour=3.6, per_gb_delivered=0.1, predictions_per_download=100
)


def option(provider: str, threads: int) -> choose.Option:
    """32 photos in 32 ms: 1000 a second."""
    return choose.option(
        "x",
        {
            "latency": {"latency_ms": np.full(9, 2.0), "provider": provider, "threads": threads},
            "throughput": {"batch_ms": np.full(9, 32.0), "batch": 32},
            "accuracy": {"predictions": np.array([1, 1, 1, 0]), "labels": np.ones(4)},
            "size": {"bytes": 9_100_000},
        },
        PRICES,
    )


# 1000 a second half of the time: a million takes 2000 s.
@pytest.mark.parametrize(
    ("provider", "threads", "price"),
    [
        ("cuda", 4, 2.0),
        ("tensorrt", 1, 2.0),  # 3.6 an hour are 0.001 a second
        ("cpu", 1, 0.02),
        ("cpu", 4, 0.08),
        ("openvino", 2, 0.04),
    ],
)  # 0.036 an hour and core are 0.00001 a second
def test_a_gpu_is_paid_once_and_cores_each(provider: str, threads: int, price: float) -> None:
    assert option(provider, threads).cost_per_million == pytest.approx(price)


def test_an_option_carries_what_was_measured() -> None:
    one = option("cpu", 2)
    assert (one.p50_ms.value, one.images_per_s.value, one.accuracy.value, one.size_mb) == (2.0, 1000, 0.75, 9.1)
