"""An option carries what was measured of it, and a case takes the engines that run on its hardware."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.decide import choose
from snippets.decide.cost import Prices
from snippets.decide.targets import Target

PRICES = Prices("USD", 1.0, 0.036, 3.6, 0.1, 100.0)


def option(provider: str = "cpu", p50: float = 10.0, threads: int = 2) -> choose.Option:
    """An option that classifies 100 images a second, nine of ten rightly."""
    measured = {
        "latency": {"latency_ms": np.full(9, p50), "provider": provider, "threads": threads},
        "throughput": {"batch_ms": np.full(9, 80.0), "batch": 8},
        "accuracy": {"predictions": np.r_[np.zeros(9), 1], "labels": np.zeros(10)},
        "size": {"bytes": 2_400_000},
    }
    return choose.option("one", measured, PRICES)


def test_an_option_is_read_from_its_four_measurements() -> None:
    one = option()
    assert (one.p50_ms.value, one.images_per_s.value, one.accuracy.value, one.size_mb) == (10.0, 100.0, 0.9, 2.4)
    # 10,000 s for a million images, on two cores at 0.036 an hour.
    assert one.cost_per_million == pytest.approx(10_000 / 3600 * 2 * 0.036)


# 10,000 s for a million images: a GPU costs 0.001 a second, a core 0.00001.
@pytest.mark.parametrize(
    ("provider", "threads", "price"),
    [("cuda", 4, 10.0), ("tensorrt", 1, 10.0), ("cpu", 1, 0.1), ("cpu", 4, 0.4), ("openvino", 2, 0.2)],
)
def test_a_gpu_is_paid_once_and_cores_each(provider: str, threads: int, price: float) -> None:
    assert option(provider, threads=threads).cost_per_million == pytest.approx(price)


def test_an_option_serves_the_case_whose_hardware_it_runs_on() -> None:
    one = option("cuda")
    assert choose.runs_on(one, "server GPU") and not choose.runs_on(one, "server CPU")
    assert choose.runs_on(option(), "end-user device")


def test_what_keeps_an_option_from_a_target_is_said() -> None:
    assert choose.misses(option(p50=10.0), Target("t", "h", p50_ms_below=5.0)) == ["p50 10.00 ms, not below 5"]
    assert choose.misses(option(p50=4.0), Target("t", "h", p50_ms_below=5.0)) == []
