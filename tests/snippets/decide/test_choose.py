"""An option carries what was measured of it, and a case takes the engines that run on its hardware."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from snippets.decide import choose
from snippets.decide.cost import Prices
from snippets.decide.targets import Target
from snippets.measure.latency import Latency
from snippets.stats import Estimate, scaled

PRICES = Prices("USD", 1.0, 0.036, 3.6, 0.1, 100.0)


def option(provider: str = "cpu", p50: float = 10.0, threads: int = 2) -> choose.Option:
    """An option that classifies 100 images a second, nine of ten rightly."""
    measured = {
        "throughput": {"batch_ms": np.full(9, 80.0), "batch": 8, "provider": provider, "threads": threads},
        "accuracy": {"predictions": np.r_[np.zeros(9), 1], "labels": np.zeros(10)},
        "size": {"bytes": 2_400_000},
    }
    return choose.option("one", measured, Latency.burst([p50] * 9), PRICES)


def test_an_option_is_read_from_its_four_measurements() -> None:
    one = option()
    assert (one.p50_ms.value, one.images_per_s.value, one.accuracy.value, one.size_mb) == (10.0, 100.0, 0.9, 2.4)
    # 10,000 s for a million images, on two cores at 0.036 an hour.
    assert one.cost_per_million.value == pytest.approx(10_000 / 3600 * 2 * 0.036)


# 10,000 s for a million images: a GPU costs 0.001 a second, a core 0.00001.
@pytest.mark.parametrize(
    ("provider", "threads", "price"),
    [("cuda", 4, 10.0), ("tensorrt", 1, 10.0), ("cpu", 1, 0.1), ("cpu", 4, 0.4), ("openvino", 2, 0.2)],
)
def test_a_gpu_is_paid_once_and_cores_each(provider: str, threads: int, price: float) -> None:
    assert option(provider, threads=threads).cost_per_million.value == pytest.approx(price)


def test_an_option_is_priced_by_any_function_of_rate_rent_and_use() -> None:
    asked = []

    def own(images_per_s: float, per_hour: float, utilization: float) -> float:
        asked.append((images_per_s, per_hour, utilization))
        return 100 / images_per_s

    one = choose.priced(option(threads=2), PRICES, own)
    assert asked[0] == (100.0, 0.072, 1.0) and one.cost_per_million.value == 1.0
    idle = choose.priced(replace(one, images_per_s=Estimate(100.0, 0.0, 200.0)), PRICES, own)
    assert idle.cost_per_million == Estimate(1.0, 0.5, float("inf"))


def test_an_option_serves_the_case_whose_hardware_it_runs_on() -> None:
    one = option("cuda")
    assert choose.runs_on(one, "server GPU") and not choose.runs_on(one, "server CPU")
    assert choose.runs_on(option(), "end-user device")


def test_what_keeps_an_option_from_a_target_is_said() -> None:
    target = Target("t", "h", p50_ms_below=5.0)
    assert str(choose.judge(option(p50=10.0), target)) == "missed: p50 10.00 ms, not below 5"
    assert choose.judge(option(p50=4.0), target).met


def test_a_device_is_not_judged_by_the_latency_of_a_server() -> None:
    assert choose.judge(option(p50=99.0), Target(choose.DEVICE, "h", p50_ms_below=5.0, size_mb_below=5.0)).met


def rated(name: str, batch_ms: list[float], blocks_ms: list[float], right: int, size: int) -> choose.Option:
    """An option with these samples, a block a round, that names `right` of 100 images rightly."""
    measured = {
        "throughput": {"batch_ms": np.array(batch_ms), "batch": 8, "provider": "cpu", "threads": 1},
        "accuracy": {"predictions": np.r_[np.zeros(right), np.ones(100 - right)], "labels": np.zeros(100)},
        "size": {"bytes": size},
    }
    return choose.option(name, measured, Latency(np.array(blocks_ms), np.arange(len(blocks_ms)), "choose"), PRICES)


# Batches of 8 in 80 ms to 82, or in 81 to 83, overlap; 100 ms does not.
QUICK = rated("quick", [80, 81, 82] * 3, [4.0, 4.1] * 10, 90, 2_000_000)
LIKE_IT = rated("like it", [81, 82, 83] * 3, [4.01, 4.1] * 10, 90, 2_000_000)
SLOW = rated("slow", [100] * 9, [8.0, 8.2] * 10, 70, 9_000_000)


def test_one_is_cheaper_faster_or_more_accurate_only_beyond_chance() -> None:
    assert choose.cheaper(QUICK, SLOW) and not choose.cheaper(QUICK, LIKE_IT)
    assert choose.faster(QUICK, SLOW) and not choose.faster(QUICK, LIKE_IT)
    assert choose.more_accurate(QUICK, SLOW) and not choose.more_accurate(QUICK, LIKE_IT)
    assert choose.smaller(QUICK, SLOW) and not choose.smaller(QUICK, LIKE_IT)


def in_rounds(option: choose.Option, *batch_ms: float) -> choose.Option:
    """The option with batches of 8 in so many ms, one a round."""
    step = {
        "batch_ms": np.array(batch_ms),
        "batch": 8,
        "rounds": np.arange(len(batch_ms)),
        "group": "providers/batches",
    }
    batches = Latency.of(step)
    rate = batches.images_per_s()
    return replace(option, batches=batches, images_per_s=rate, cost_per_million=Estimate(1000 / rate.value, 0.0, 99.0))


def test_what_took_turns_with_batches_is_cheaper_by_its_rounds() -> None:
    # 80 ms against 88 in each round, twice as long in two of them: 10 % dearer, though the intervals overlap widely.
    a, b = in_rounds(QUICK, 80, 160, 80, 160, 80), in_rounds(LIKE_IT, 88, 176, 88, 176, 88)
    assert choose.cheaper(a, b) and not choose.cheaper(b, a)
    # The rent of a second counts too: at 20 % more of it, the faster one is the dearer one.
    dear = replace(a, cost_per_million=scaled(a.cost_per_million, 1.2))
    assert choose.cheaper(b, dear) and not choose.cheaper(dear, b)
    # In rounds that say now this, now that, nothing is decided.
    assert not choose.cheaper(in_rounds(QUICK, 80, 99, 80), b)


def test_a_front_names_what_it_cannot_decide() -> None:
    options = {one.name: one for one in (QUICK, LIKE_IT, SLOW)}
    found = choose.front(options, lambda one: one.p50_ms.value, choose.faster)
    assert (found.names, found.undecided) == (("quick",), ("like it",))


def test_what_loses_more_than_five_points_is_not_accurate() -> None:
    # 90 of 100 is the best: 85 may stay, 84 may not.
    options = {str(right): rated(str(right), [80] * 9, [4.0] * 9, right, 1) for right in (90, 85, 84)}
    assert set(choose.accurate(options)) == {"90", "85"}
