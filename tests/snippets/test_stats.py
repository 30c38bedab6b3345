"""Statistics come from raw samples, with intervals that hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snippets import stats


def test_the_interval_of_the_median_covers_the_true_median_as_often_as_it_says() -> None:
    chance = np.random.default_rng(1)
    hits = 0
    for _ in range(1000):
        found = stats.median(chance.lognormal(1.0, 0.5, 41))
        hits += found.low <= math.exp(1.0) <= found.high
    assert hits >= 930  # 95 % promised; order statistics give a little more


def test_few_samples_leave_the_ends_open() -> None:
    assert stats.median([1.0, 2.0, 3.0]).low == -math.inf or math.isinf(stats.median([1.0, 2.0, 3.0]).high)
    summary = stats.summarize(np.arange(1.0, 101.0))
    assert math.isinf(summary.p99.high) and summary.p50.value == 50.5 and summary.count == 100
    assert summary.p50.value <= summary.p95.value <= summary.p99.value


def test_samples_that_are_none_or_not_finite_are_refused() -> None:
    for bad in ([], [1.0, math.nan], [math.inf]):
        with pytest.raises(ValueError):
            stats.median(bad)


def test_throughput_is_the_batch_over_its_median_time() -> None:
    found = stats.throughput([90.0, 100.0, 110.0] * 5, 32)
    assert found.value == pytest.approx(320) and found.low <= 320 <= found.high


def test_wilsons_interval_is_the_published_one() -> None:
    share = stats.proportion(8, 10)
    assert (round(share.low, 4), round(share.high, 4)) == (0.4902, 0.9433)


def test_wilsons_interval_stays_within_zero_and_one() -> None:
    for right in (0, 5, 10):
        found = stats.proportion(right, 10)
        assert 0 <= found.low <= found.value <= found.high <= 1
    assert stats.accuracy(np.array([1, 2, 3, 3]), np.array([1, 2, 3, 4])).value == 0.75


def test_the_loss_of_accuracy_is_taken_image_by_image() -> None:
    labels = np.zeros(200, dtype=int)
    reference, worse = labels.copy(), labels.copy()
    reference[:20], worse[:30] = 1, 1
    found = stats.accuracy_loss(worse, reference, labels)
    assert found.value == pytest.approx(0.05) and found.low > 0
    assert stats.accuracy_loss(reference, reference, labels).value == 0


def noisy(median_ms: float, count: int, seed: int) -> np.ndarray:
    return median_ms * np.random.default_rng(seed).lognormal(0, 0.05, count)


def test_five_percent_are_told_apart_and_nothing_is_ranked_without_a_difference() -> None:
    assert stats.compare(noisy(10.0, 400, 1), noisy(10.5, 400, 2)).verdict == "a"
    assert stats.compare(noisy(10.5, 400, 3), noisy(10.0, 400, 4)).verdict == "b"
    same = stats.compare(noisy(10.0, 400, 5), noisy(10.0, 400, 6))
    assert not same.ranked
    assert not stats.compare(noisy(10.0, 20, 7), noisy(10.3, 20, 8)).ranked


def test_drift_cancels_between_pairs() -> None:
    drift = np.linspace(1, 3, 200)
    found = stats.compare(drift * noisy(10.0, 200, 9), drift * noisy(10.6, 200, 10), paired=True)
    assert found.verdict == "a" and found.ratio.value == pytest.approx(10 / 10.6, rel=0.02)


def test_break_even_counts_requests_or_never_comes() -> None:
    assert stats.break_even(1000.0, 12.0, 10.0) == 500
    assert stats.break_even(1000.0, 10.0, 12.0) == math.inf


def test_an_open_end_shows_as_a_question_mark() -> None:
    assert stats.show(stats.Estimate(8.7, 8.61, math.inf)) == "8.70 (8.61 to ?)"
    assert stats.scaled(stats.Estimate(0.5, 0.4, 0.6), 100) == stats.Estimate(50, 40, 60)
