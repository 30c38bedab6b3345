"""Cost per million predictions, the Pareto front, and the three cases of the manager."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snippets.decide import choose, cost
from snippets.decide.targets import target
from snippets.errors import UsageError
from snippets.measure.latency import Latency
from snippets.model import evaluate

TABLE = """
currency = "USD"
utilization = 0.5
[server-cpu]
per_core_hour = 0.04
[server-gpu]
per_gpu_hour = 3.6
[device]
per_gb_delivered = 0.1
predictions_per_download = 100
"""


@pytest.fixture
def prices(tmp_path: Path) -> cost.Prices:
    (tmp_path / "prices.toml").write_text(TABLE)
    return cost.load_prices(tmp_path / "prices.toml")


def test_rented_time_is_paid_for_whether_it_answers_or_not(prices: cost.Prices) -> None:
    # 2 cores at 0.04 an hour, busy half of the time with 1000 images/s: 500 images/s on average.
    assert cost.per_million_cpu(1000, 2, prices) == pytest.approx(0.08 / 3600 / 500 * 1e6)
    assert cost.per_million_gpu(1000, 1, prices) == pytest.approx(3.6 / 3600 / 500 * 1e6)
    # One image in 2 s of rented time, 2 million seconds at 3.6 an hour.
    assert cost.per_million_gpu(1, 1, prices) == pytest.approx(2000)


def test_a_throughput_of_nothing_has_no_cost(prices: cost.Prices) -> None:
    for images_per_s in (0, -1):
        with pytest.raises(ValueError, match="above zero"):
            cost.per_million_cpu(images_per_s, 1, prices)


def test_a_device_costs_its_download(prices: cost.Prices) -> None:
    # 10,000 downloads of 5 MB, 50 GB at 0.1 each.
    assert cost.per_million_device(5_000_000, prices) == pytest.approx(5, rel=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("utilization = 0.5", "utilization = 1.01", "utilization must be above 0"),
        ("utilization = 0.5", "utilization = 0", "utilization must be above 0"),
        ("predictions_per_download = 100", "predictions_per_download = 0.99", "predictions_per_download at least 1"),
        ("per_core_hour = 0.04", "per_core_hour = -0.01", r"\[server-cpu\] per_core_hour is -0.01"),
        ("per_core_hour = 0.04", "per_core_hour = true", r"\[server-cpu\] per_core_hour is True"),
        ("per_core_hour = 0.04", 'per_core_hour = "four"', r"\[server-cpu\] per_core_hour is 'four'"),
        ("[server-gpu]\nper_gpu_hour = 3.6", "", r"\[server-gpu\] per_gpu_hour is None"),
        ("utilization = 0.5", "", "utilization is None"),
        ("predictions_per_download = 100", "predictions_per_download = 0.5", "predictions_per_download at least 1"),
        ('currency = "USD"', "currency = ", "not valid TOML"),
    ],
)
def test_a_wrong_price_table_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "p.toml").write_text(TABLE.replace(old, new))
    with pytest.raises(UsageError, match=message):
        cost.load_prices(tmp_path / "p.toml")


def test_a_price_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.toml cannot be read \(No such file"):
        cost.load_prices(tmp_path / "absent.toml")


def test_prices_may_be_zero_and_every_second_busy(tmp_path: Path) -> None:
    text = TABLE.replace("0.04", "0").replace("utilization = 0.5", "utilization = 1").replace("= 100", "= 1")
    (tmp_path / "p.toml").write_text(text)
    found = cost.load_prices(tmp_path / "p.toml")
    assert (found.per_core_hour, found.utilization, found.predictions_per_download) == (0, 1, 1)


def test_currency_and_note_are_words_that_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('note = "list prices"\n' + TABLE)
    found = cost.load_prices(tmp_path / "p.toml")
    assert (found.currency, found.note) == ("USD", "list prices")
    (tmp_path / "p.toml").write_text(TABLE.replace('currency = "USD"', ""))
    found = cost.load_prices(tmp_path / "p.toml")
    assert (found.currency, found.note) == ("", "")


def test_the_shipped_table_is_valid() -> None:
    assert cost.load_prices().utilization > 0


def option(prices: cost.Prices, name: str, p50: float, size: int, right: float, provider: str = "cpu") -> choose.Option:
    wrong = int(100 * (1 - right))
    return choose.option(
        name,
        {
            "throughput": {"batch_ms": np.full(10, 32 / 1.2), "batch": 32, "provider": provider, "threads": 2},
            "accuracy": {"predictions": np.r_[np.ones(wrong), np.zeros(100 - wrong)], "labels": np.zeros(100)},
            "size": {"bytes": size},
        },
        Latency.burst([p50] * 30),
        prices,
    )


def test_feasible_options_come_most_accurate_first(prices: cost.Prices) -> None:
    all_of_them = (
        option(prices, "fp32", 10, 9_000_000, 0.91),
        option(prices, "dynamic", 14, 2_400_000, 0.82),
        option(prices, "aggressive", 6, 2_400_000, 0.87),
        option(prices, "cuda", 0.5, 9_000_000, 0.91, "cuda"),
    )
    options = {o.name: o for o in all_of_them}
    # dynamic is small enough, but loses 9 points.
    assert choose.feasible(options, target("end-user device")) == (["aggressive"], [])
    assert choose.feasible(options, target("server CPU")) == ([], [])
    assert str(choose.judge(options["fp32"], target("end-user device"))) == "missed: 9.00 MB, not below 5"
    assert choose.runs_on(options["cuda"], "server GPU") and not choose.runs_on(options["fp32"], "server GPU")


def test_a_subset_keeps_every_class_in_its_share() -> None:
    labels = np.repeat(np.arange(4), 25)
    chosen = evaluate.subset(labels, 20)
    assert np.bincount(labels[chosen]).tolist() == [5, 5, 5, 5]
    assert evaluate.subset(labels, 0).size == evaluate.subset(labels, 1000).size == 100


def test_the_confusion_matrix_counts_rows_as_truth() -> None:
    table = evaluate.confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
    assert table.tolist() == [[1, 1], [0, 1]]
