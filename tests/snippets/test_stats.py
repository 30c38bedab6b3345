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


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [  # the sign test's table at 95 %: P(Binomial(n, 1/2) < low) and P(> high - 1) are at most 2.5 % each
        (5, -math.inf, math.inf),  # the smallest of five is above the median once in 32 times, 3.1 %
        (6, 1, 6),  # once in 64, 1.6 %
        (8, 1, 8),
        (9, 2, 8),
        (10, 2, 9),
        (25, 8, 18),
        (100, 40, 61),
    ],
)
def test_the_ends_of_a_medians_interval_are_the_samples_of_the_sign_tests_table(
    count: int, low: float, high: float
) -> None:
    found = stats.median(np.arange(1, count + 1)[::-1])
    assert (found.value, found.low, found.high) == ((count + 1) / 2, low, high)


def test_each_percentile_is_bounded_by_the_samples_that_the_binomial_names() -> None:
    # Of 100 samples, 5 (1) lie beyond p95 (p99) on average: at least 11 do in 1.1 % of sets and at least 10 in 2.8 %
    # (at least 4 in 1.8 %, 3 in 7.9 %); none does in 0.6 % (37 %), so that p99 has no upper end.
    hundred = np.arange(1, 101)
    assert stats.median(hundred) == stats.Estimate(50.5, 40, 61)
    assert stats.percentile_interval(hundred, 95) == stats.Estimate(pytest.approx(95.05), 90, 100)
    assert stats.percentile_interval(hundred, 99) == stats.Estimate(pytest.approx(99.01), 97, math.inf)


# A percentile has an upper end where all samples lie below it in at most 2.5 % of sets: 0.5^6, 0.95^72 and 0.99^368 are
# the first powers below that.
@pytest.mark.parametrize(("percent", "enough"), [(50, 6), (95, 72), (99, 368)])
def test_a_percentile_is_told_from_as_many_samples_as_bound_it(percent: float, enough: int) -> None:
    assert stats.percentile_or_none(np.arange(enough - 1), percent) is None
    found = stats.percentile_or_none(np.arange(enough), percent)
    assert found is not None and found.bounded and found.value == pytest.approx(percent / 100 * (enough - 1))


def test_less_confidence_is_a_narrower_interval() -> None:
    nine, hundred = np.arange(1, 10), np.arange(1, 101)
    assert stats.median(nine, 0.99) == stats.Estimate(5, 1, 9)
    assert stats.median(nine, 0.95) == stats.Estimate(5, 2, 8)
    p50, p95, p99 = (stats.percentile_interval(hundred, percent, 0.5) for percent in (50, 95, 99))
    assert (p50.low, p50.high) == (47, 54)  # 46 or fewer of 100 lie below the median in 24.2 % of sets
    assert (p95.low, p95.high) == (94, 98)  # 7 or more lie beyond p95 in 23.4 %, 2 or fewer in 11.8 %
    assert (p99.low, p99.high) == (98, math.inf)  # 3 or more lie beyond p99 in 7.9 %, none in 36.6 %


def test_a_percentile_lies_between_the_two_nearest_samples() -> None:
    assert stats.percentile([4, 1, 3, 2], 25) == 1.75
    assert (
        stats.percentile_interval(np.arange(1, 11), 50) == stats.median(np.arange(1, 11)) == stats.Estimate(5.5, 2, 9)
    )
    assert stats.percentile_interval([7.0], 25) == stats.Estimate(7, -math.inf, math.inf)


def test_the_width_of_an_interval_is_relative_to_the_size_of_the_value() -> None:
    assert stats.Estimate(10, 9, 12).relative_width == stats.Estimate(-10, -12, -9).relative_width == 0.3
    assert stats.Estimate(0, -1, 1).relative_width == math.inf


def test_samples_are_flat_numbers_of_double_precision() -> None:
    found = stats.as_samples([[1, 2], [3, 4]])
    assert found.dtype == np.float64 and found.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("bad", "why"), [([], "no samples"), ([1.0, math.nan], "not a finite number"), ([math.inf], "not a finite number")]
)
def test_samples_that_are_none_or_not_finite_are_refused(bad: list[float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        stats.median(bad)


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_that_of_newcombes_table(successes: int, count: int, low: float, high: float) -> None:
    # R. Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
    found = stats.proportion(successes, count)
    assert found.value == successes / count
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


def test_wilsons_interval_ends_exactly_at_zero_and_one() -> None:
    for count in range(1, 300):
        none, all_of_them = stats.proportion(0, count), stats.proportion(count, count)
        assert none.low == none.value == 0 and 0 < none.high < 1
        assert all_of_them.high == all_of_them.value == 1 and 0 < all_of_them.low < 1


def test_a_proportion_of_nothing_is_refused() -> None:
    for count in (0, -1):
        with pytest.raises(ValueError, match="no images"):
            stats.proportion(0, count)


def test_accuracy_is_the_share_of_predictions_that_equal_their_label() -> None:
    found = stats.accuracy(np.array([1, 2, 3, 3]), np.array([1, 2, 3, 4]))
    assert found == stats.proportion(3, 4) and found.value == 0.75
    assert stats.accuracy([1, 2], [1, 1], 0.5) == stats.proportion(1, 2, 0.5) != stats.proportion(1, 2)
    with pytest.raises(ValueError, match="3 predictions for 4 labels"):
        stats.accuracy([1, 2, 3], [1, 2, 3, 4])


def test_the_loss_of_accuracy_is_taken_image_by_image() -> None:
    labels = np.zeros(200, dtype=int)
    reference, worse = labels.copy(), labels.copy()
    reference[:20], worse[:30] = 1, 1
    found = stats.accuracy_loss(worse, reference, labels)
    assert found.value == pytest.approx(0.05) and found.low > 0
    # No image tells two files apart: of 200, that leaves 1.96 / 202 on either side.
    alike = stats.accuracy_loss(reference, reference, labels)
    assert (alike.value, alike.low, alike.high) == pytest.approx((0, -1.959964 / 202, 1.959964 / 202))


def test_the_interval_of_a_loss_counts_only_images_on_which_the_two_differ() -> None:
    # Of 100 images, 8 lost and 3 gained: half an image more in each cell gives 8.5 and 3.5 of 102, z = 1.959964.
    labels = np.zeros(100, dtype=int)
    reference, ours = labels.copy(), labels.copy()
    ours[:8], reference[8:11] = 1, 1
    found = stats.accuracy_loss(ours, reference, labels)
    half = 1.959964 * math.sqrt(12 - 25 / 102) / 102
    assert found.value == pytest.approx(0.05)
    assert (found.low, found.high) == (pytest.approx(5 / 102 - half), pytest.approx(5 / 102 + half))
    assert stats.accuracy_loss(ours, reference, labels, 0.5).low > 0 > found.low
    assert stats.accuracy_loss([1], [0], [0]).value == 1
    with pytest.raises(ValueError, match="no images"):
        stats.accuracy_loss([], [], [])


def test_the_interval_of_a_loss_holds_the_truth_where_few_images_differ() -> None:
    """Of 66 images one in fifty is lost and none gained. In 26 % of runs (0.98 to the power of 66) no image differs,
    and Wald's interval, without width there, does not hold those 2 %."""
    random, labels, held, none = np.random.default_rng(1), np.zeros(66, dtype=int), 0, 0
    for _ in range(500):
        ours = (random.random(66) < 0.02).astype(int)
        found = stats.accuracy_loss(ours, labels, labels)
        held += found.low <= 0.02 <= found.high
        none += not ours.any()
    assert held >= 475 and none > 100


def of_100(*right: int) -> np.ndarray:
    """Predictions on 100 images, all of class 1, of which the first so many are right."""
    return (np.arange(100) < right[0]).astype(int)


def test_a_share_that_came_back_has_the_interval_of_a_ratio_of_paired_differences() -> None:
    # 40 of 100 lost, 30 of them back: 0.75. Variances of the means, over 100: lost 0.4 - 0.16, back 0.3 - 0.09, both
    # 0.3 - 0.12. Fieller with z^2 = 3.8415: g = 3.8415 x 0.0024 / 0.16 = 0.05762; the middle (0.75 - 3.8415 x 0.0018 /
    # 0.16) / 0.94238 = 0.75; half^2 = 0.5625 - (0.5625 - 3.8415 x 0.0021 / 0.16) / 0.94238 = 0.019108.
    labels = np.ones(100, dtype=int)
    found = stats.recovered(of_100(80), of_100(50), of_100(90), labels)
    assert found.value == pytest.approx(0.75)
    assert (found.low, found.high) == (pytest.approx(0.75 - 0.13823, abs=1e-4), pytest.approx(0.75 + 0.13823, abs=1e-4))
    narrow = stats.recovered(*(np.tile(of_100(count), 9) for count in (80, 50, 90)), np.ones(900, dtype=int))
    assert narrow.value == pytest.approx(0.75) and narrow.low > found.low and narrow.high < found.high


def test_no_share_of_a_loss_is_bounded_that_the_images_do_not_show() -> None:
    labels = np.ones(100, dtype=int)
    few = stats.recovered(of_100(91), of_100(90), of_100(92), labels)  # two of 100 images
    assert few.value == pytest.approx(0.5) and not few.bounded
    nothing = stats.recovered(of_100(95), of_100(90), of_100(90), labels)
    assert math.isnan(nothing.value) and not nothing.bounded
    with pytest.raises(ValueError, match="no images"):
        stats.recovered([], [], [], [])


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


# Nine samples bound a median at 99 % by the smallest and the largest, at 95 % by the second and the last but one.
STEADY = [4.0] * 9


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(
    ("a_ms", "ratio", "verdict"),
    [
        ([2.0] * 9, (0.5, 0.5, 0.5), "a"),
        ([3.0] * 9, (0.75, 0.75, 0.75), "same"),  # the margin itself is not beyond the margin
        ([5.0] * 9, (1.25, 1.25, 1.25), "same"),
        ([6.0] * 9, (1.5, 1.5, 1.5), "b"),
        ([4.0] * 8 + [8.0], (1, 1, 2), "undecided"),
        ([2.0] + [4.0] * 8, (1, 0.5, 1), "undecided"),
        ([2.0] + [3.0] * 8, (0.75, 0.5, 0.75), "undecided"),
        ([5.0] * 8 + [6.0], (1.25, 1.25, 1.5), "undecided"),
    ],
)
def test_a_variant_is_ranked_only_when_the_whole_interval_lies_beyond_the_margin(
    a_ms: list[float], ratio: tuple[float, float, float], verdict: str, paired: bool
) -> None:
    found = stats.compare(a_ms, STEADY, paired=paired, margin=0.25)
    assert found.verdict == verdict and found.ranked == (verdict in ("a", "b")) and found.margin == 0.25
    assert (found.ratio.value, found.ratio.low, found.ratio.high) == pytest.approx(ratio)


def test_the_confidence_of_a_verdict_is_99_percent_unless_said_otherwise() -> None:
    outliers = [2.0] + [4.0] * 7 + [8.0]
    for paired in (True, False):
        assert stats.compare(outliers, STEADY, paired=paired).verdict == "undecided"
        assert stats.compare(outliers, STEADY, paired=paired, confidence=0.95).verdict == "same"
        assert stats.compare(STEADY, outliers, paired=paired).verdict == "undecided"
        assert stats.compare(STEADY, outliers, paired=paired, confidence=0.95).verdict == "same"


def test_too_few_samples_leave_the_ratio_open_and_unranked() -> None:
    few, many = [0.5] * 3, [0.25] * 9
    for a, b in ((few, many), (many, few)):
        found = stats.compare(a, b)
        assert (found.ratio.low, found.ratio.high) == (0, math.inf) and found.verdict == "undecided"
    assert stats.compare(many, many).ratio == stats.Estimate(1, 1, 1)


def test_times_that_cannot_be_compared_are_refused() -> None:
    for a, b in (([0.0], [1.0]), ([1.0], [0.0]), ([-1.0], [1.0])):
        with pytest.raises(ValueError, match="the clock is broken"):
            stats.compare(a, b)
    with pytest.raises(ValueError, match="2 and 3"):
        stats.compare([1.0, 1.0], [1.0, 1.0, 1.0], paired=True)


def test_break_even_counts_requests_or_never_comes() -> None:
    assert stats.break_even(1000.0, 12.0, 10.0) == 500
    assert stats.break_even(1000.0, 10.5, 10.0) == 2000
    assert stats.break_even(1000.0, 10.0, 12.0) == stats.break_even(1000.0, 10.0, 10.0) == math.inf


def test_an_open_end_shows_as_a_question_mark() -> None:
    assert stats.show(stats.Estimate(8.7, 8.61, math.inf)) == "8.70 (8.61 to ?)"
    assert stats.scaled(stats.Estimate(0.5, 0.4, 0.6), 100) == stats.Estimate(50, 40, 60)


def test_an_interval_excludes_what_lies_beyond_either_end_and_nothing_where_an_end_is_open() -> None:
    one = stats.Estimate(1.5, 1.0, 2.0)
    assert one.excludes(0.99) and one.excludes(2.01) and not one.excludes(1.0) and not one.excludes(2.0)
    assert not stats.Estimate(1.5, 1.2, math.inf).excludes(1.0) and not stats.Estimate(1.5, -math.inf, 2.0).excludes(
        3.0
    )


def always(_a: str, _b: str) -> bool:
    return True


def never(_a: str, _b: str) -> bool:
    return False


def test_the_front_holds_what_nothing_beats() -> None:
    points = {"good": (2.0, 0.9), "cheap": (1.0, 0.8), "worse": (2.0, 0.85), "dear": (3.0, 0.9)}
    assert stats.front(points, always, always) == stats.Front(("cheap", "good"), ())


def test_the_front_begins_with_the_smallest() -> None:
    points = {"a": (3.0, 9.0), "b": (1.0, 7.0), "c": (2.0, 8.0)}
    assert stats.front(points, always, always) == stats.Front(("b", "c", "a"), ())


def test_a_point_that_equals_another_is_on_the_front_with_it() -> None:
    points = {"a": (1.0, 5.0), "b": (1.0, 5.0), "worse": (2.0, 5.0)}
    assert stats.front(points, always, always) == stats.Front(("a", "b"), ())


def test_what_is_beaten_by_less_than_chance_is_not_decided() -> None:
    points = {"quick": (1.0, 0.9), "near": (1.01, 0.9), "far": (2.0, 0.9)}
    assert stats.front(points, never, never) == stats.Front(("quick",), ("near", "far"))
    clear = lambda a, b: points[b][0] > 1.5 * points[a][0]  # noqa: E731
    assert stats.front(points, clear, never) == stats.Front(("quick",), ("near",))
    assert stats.front({"both": (1.0, 0.9), "b": (1.0, 0.8)}, never, always) == stats.Front(("both",), ())


def test_a_failed_request_is_not_a_fast_answer() -> None:
    load = {"latency_ms": [10.0, 1.0, 30.0, 20.0], "ok": [True, False, True, True]}
    assert stats.good_ms(load).tolist() == [10.0, 30.0, 20.0]
    whole = stats.good_ms({"latency_ms": [1, 2, 3], "ok": [1, 0, 1]})
    assert whole.tolist() == [1, 3] and whole.dtype == np.float64
    assert stats.good_percentile(load, 50) == 20.0


def test_a_load_without_an_answer_has_no_percentile() -> None:
    load = {"latency_ms": [1.0], "ok": [False]}
    assert stats.good_ms(load).size == 0 and np.isnan(stats.good_percentile(load, 95))


@pytest.mark.parametrize(
    ("freedom", "confidence", "t"),
    [(1, 0.95, 12.706), (2, 0.95, 4.303), (4, 0.95, 2.776), (4, 0.99, 4.604), (9, 0.95, 2.262), (9, 0.99, 3.250)],
)
def test_students_t_is_that_of_the_tables(freedom: int, confidence: float, t: float) -> None:
    assert stats.student(freedom, confidence) == pytest.approx(t, abs=0.0006)


def test_an_interval_between_blocks_is_on_logarithms() -> None:
    # ln 1, ln e, ln e^2: mean 1, standard deviation 1, 4.303 / sqrt(3) = 2.484.
    found = stats.between_blocks([1.0, np.e, np.e**2])
    assert np.log([found.value, found.low, found.high]) == pytest.approx([1.0, -1.484, 3.484], abs=0.001)
    one = stats.between_blocks([7.0])
    assert (one.value, one.low, one.high) == (pytest.approx(7.0), 0.0, np.inf)
    with pytest.raises(ValueError, match="zero or less"):
        stats.between_blocks([1.0, 0.0])


def test_the_interval_between_blocks_holds_what_it_promises() -> None:
    chance = np.random.default_rng(5)
    found = [stats.between_blocks(10 * chance.lognormal(0, 0.05, 5)) for _ in range(2000)]
    assert 0.935 <= np.mean([one.low <= 10 <= one.high for one in found]) <= 0.965


@pytest.mark.parametrize(("count", "factor"), [(5, 2.10), (10, 2.44), (2, 1.77)])
def test_values_that_drift_take_a_wider_interval(count: int, factor: float) -> None:
    # n = 5, H = 0.8: the mean varies as 5^-0.4 = 0.525; the values show 0.593 of theirs; sqrt(5 x 0.525 / 0.593).
    assert stats.drift_factor(count, 0.8) == pytest.approx(factor, abs=0.01)
    assert stats.drift_factor(count, 0.5) == pytest.approx(1)
    for wrong in ((1, 0.8), (5, 1.0), (5, 0.4)):
        with pytest.raises(ValueError, match="memory"):
            stats.drift_factor(*wrong)


@pytest.mark.parametrize("count", [5, 10])
def test_the_interval_of_values_that_drift_holds_what_it_promises(count: int) -> None:
    # Fractional Gaussian noise: correlated (|k + 1|^2H - 2 |k|^2H + |k - 1|^2H) / 2 at a distance of k.
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count))).astype(float)
    correlated = ((apart + 1) ** 1.6 - 2 * apart**1.6 + np.abs(apart - 1) ** 1.6) / 2
    drawn = np.random.default_rng(6).multivariate_normal(np.zeros(count), 0.05**2 * correlated, 2000)
    held = {
        memory: np.mean(
            [(one := stats.between_blocks(np.exp(row), memory=memory)).low <= 1 <= one.high for row in drawn]
        )
        for memory in (0.5, 0.8)
    }
    assert held[0.8] >= 0.93 and held[0.5] <= 0.8


def test_a_ratio_of_two_medians_has_the_ends_of_both() -> None:
    found = stats.ratio(stats.Estimate(10, 8, 12), stats.Estimate(5, 4, 6))
    assert (found.value, found.low, found.high) == (2.0, 8 / 6, 3.0)
    assert stats.ratio(stats.Estimate(10, 8, 12), stats.Estimate(5, 0, 6)).high == np.inf


def test_blocks_whose_samples_are_alike_are_worth_fewer() -> None:
    # Five blocks of 20 that are copies of one value each: the p95 is bounded by five samples, which cannot bound it.
    assert stats.clustered([np.full(20, level) for level in (1.0, 2.0, 3.0, 4.0, 5.0)], 95) is None
    spread = [np.arange(1.0, 21.0) + block / 10 for block in range(5)]
    assert stats.clustered(spread, 95) is not None and stats.clustered(spread, 99) is None


def test_between_replications_the_interval_is_students() -> None:
    # 1, 2, 3, 4, 5: mean 3, deviation 1.5811, t for four degrees of freedom 2.7764.
    one = stats.between_replications([1, 2, 3, 4, 5])
    assert one.value == 3 and one.high - 3 == pytest.approx(2.7764 * 1.5811 / 5**0.5, rel=1e-4) == 3 - one.low
    # Two replications: t is 12.706, for 99 % 63.657.
    assert stats.between_replications([1.0, 3.0]).high == pytest.approx(2 + 12.706, rel=1e-4)
    assert stats.between_replications([1.0, 3.0], confidence=0.99).high == pytest.approx(2 + 63.657, rel=1e-4)


def test_between_replications_the_spread_may_be_about_an_estimate_from_all_of_them() -> None:
    # About 3 instead of their mean 2, two values at 1 and 3 spread by (4 + 0) / 1.
    one = stats.between_replications([1.0, 3.0], centre=3.0)
    assert one.value == 3 and one.high - 3 == pytest.approx(12.706 * (4 / 2) ** 0.5, rel=1e-4)


def test_a_single_replication_bounds_nothing() -> None:
    assert stats.between_replications([7.0]).value == 7 and not stats.between_replications([7.0]).bounded
