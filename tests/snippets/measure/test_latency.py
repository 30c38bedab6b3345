"""What blocks say: intervals between them, comparisons round by round, slow rounds aside; older records as before."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snippets import stats
from snippets.measure.latency import Latency, assemble, compare, difference, told
from snippets.stats import Estimate


def blocks(*medians_ms: float, group: str = "g", slow: tuple[int, ...] = (), first: int = 1) -> Latency:
    """Three samples a round around its median."""
    ms = np.array([sample for median in medians_ms for sample in (median / 2, median, median * 2)])
    numbers = np.repeat(np.arange(first, first + len(medians_ms)), 3)
    return Latency(ms, numbers, group, frozenset(slow))


def test_a_median_is_that_of_the_blocks_and_its_interval_is_between_them() -> None:
    # In logarithms ln 8, ln 10, ln 12.5: their mean is ln 10, they lie 0.2231 apart, so that is their standard
    # deviation; 4.303 x 0.2231 / sqrt(3) = 0.5543. Three values that drift (H = 0.8) vary 1.904 times as much about the
    # truth: sqrt(3 x 0.6444 / 0.5334), where 0.6444 = 3^-0.4. So 1.0552, a factor of 2.873.
    found = blocks(8.0, 10.0, 12.5).p50()
    assert found.value == pytest.approx(10.0)
    assert (found.low, found.high) == (pytest.approx(3.481, abs=0.005), pytest.approx(28.73, abs=0.01))


def test_one_block_bounds_nothing() -> None:
    found = blocks(8.0).p50()
    assert (found.value, found.low, found.high) == (pytest.approx(8.0), 0.0, math.inf)


def test_slow_rounds_are_put_aside_where_enough_others_are_left() -> None:
    assert blocks(5, 5, 5, 50, slow=(4,)).p50().value == pytest.approx(5.0)
    assert list(blocks(5, 5, 50, slow=(3,)).counted) == [1, 2, 3]


def test_rounds_of_one_group_are_compared_pair_by_pair() -> None:
    # The machine takes twice as long in rounds 2 and 4; b takes 20 % more than a in each.
    a, b = blocks(10, 20, 10, 20, 10), blocks(12, 24, 12, 24, 12)
    assert compare(a, b).verdict == "a" and compare(b, a).verdict == "b"
    assert compare(a, b).ratio.value == pytest.approx(1 / 1.2)
    assert compare(a, blocks(12, 24, 12, 24, 12, group="other")).verdict == "undecided"


def test_only_common_and_normal_rounds_are_compared() -> None:
    early, late = blocks(10, 10, 10, 10, 10, 10), blocks(5, 5, 5, first=4)
    assert compare(early, late).ratio.value == pytest.approx(2.0)
    disturbed = blocks(10, 10, 10, 40, slow=(4,))
    assert compare(disturbed, blocks(5, 5, 5, 5)).ratio.value == pytest.approx(2.0)


def test_equal_variants_are_the_same_or_not_decided() -> None:
    assert compare(blocks(10, 11, 10), blocks(10, 11, 10)).verdict == "same"
    assert compare(blocks(10, 11, 10), blocks(11, 10, 10)).verdict == "undecided"


def test_a_difference_has_the_interval_of_both() -> None:
    # 3-4-5: the lower ends 3 below and 4 above give 5 below.
    class Known(Latency):
        def p50(self, confidence: float = 0.95) -> Estimate:
            return Estimate(*self.ms)

    found = difference(Known(np.array([30.0, 27.0, 34.0])), Known(np.array([10.0, 7.0, 14.0])))
    assert (found.value, found.low, found.high) == (20.0, 15.0, 25.0)


def test_a_number_that_was_given_is_exact() -> None:
    known = blocks(8.0, 10.0, 12.5)
    found = difference(known, Latency.burst([4.0]))
    assert (found.low, found.high) == pytest.approx((known.p50().low - 4, known.p50().high - 4))


def test_a_step_without_rounds_is_a_burst_with_the_interval_of_its_order_statistics() -> None:
    times = [9.0, 10.0, 11.0] * 5
    burst = Latency.of({"latency_ms": times})
    assert burst.p50() == stats.median(times) and burst.medians == {} and burst.blocks == {}
    assert burst.percentile(95) is None
    again = Latency.of({"latency_ms": np.array(times) * 2})
    assert compare(burst, again) == stats.compare(times, np.array(times) * 2)


def test_older_turns_call_by_call_are_compared_in_pairs() -> None:
    a, b = np.array([10.0, 20.0] * 8), np.array([12.0, 24.0] * 8)
    in_turn = compare(Latency.burst(a, "graph/ranking"), Latency.burst(b, "graph/ranking"))
    assert in_turn == stats.compare(a, b, paired=True) and in_turn.verdict == "a"
    assert compare(Latency.burst(a), Latency.burst(b)).verdict == "undecided"


def test_a_tail_of_samples_that_are_alike_takes_more_of_them() -> None:
    chance = np.random.default_rng(1)
    alike = [level + chance.normal(0, 0.01, 20) for level in chance.normal(10, 1, 5)]
    apart = [chance.normal(10, 1, 20) for _ in range(5)]
    rounds = np.repeat(np.arange(5), 20)
    assert Latency(np.concatenate(alike), rounds).percentile(95) is None
    tail = Latency(np.concatenate(apart), rounds).percentile(95)
    assert tail is not None and tail.low <= tail.value <= tail.high
    assert Latency(np.concatenate(apart), rounds).percentile(99) is None


def turn(number: int, slow: tuple[str, ...] = (), **blocks_ms: list[float]) -> dict:
    """The result of a round."""
    arrays = {name: np.array(times) for name, times in blocks_ms.items()}
    return {"round": number, "blocks_ms": arrays, "slow": list(slow), "repeated": dict.fromkeys(slow, 1)}


def test_rounds_are_put_together_and_read_again() -> None:
    found = assemble([turn(1, a=[1.0, 2.0], b=[5.0]), turn(2, slow=("a",), a=[3.0, 4.0])], "g")
    a = Latency.of(found["a"])
    assert a.ms.tolist() == [1, 2, 3, 4] and a.medians == {1: 1.5, 2: 3.5}
    assert (a.slow, a.repeated, a.group) == ({2}, 1, "g") and a.blocks["slow"] == [2]
    assert Latency.of(found["b"]).medians == {1: 5.0}


def test_images_per_second_of_a_burst_are_the_batch_over_its_median_time() -> None:
    times_ms = [80.0, 90.0, 100.0, 110.0, 120.0, 125.0]
    found = Latency.of({"batch_ms": times_ms, "batch": 32}).images_per_s()
    assert found == Estimate(*(pytest.approx(32000 / ms) for ms in (105, 125, 80)))
    nine = [8.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 16.0]
    assert Latency.of({"batch_ms": nine, "batch": 1}).images_per_s() == Estimate(100, 100, 100)
    assert Latency.of({"batch_ms": nine, "batch": 1}).images_per_s(0.99) == Estimate(100, 62.5, 125)


def test_images_per_second_of_few_batches_have_no_lower_end_but_zero_and_no_upper() -> None:
    assert Latency.burst([10.0] * 5).images_per_s() == Estimate(100, 0, math.inf)
    # A clock too coarse to see the shortest call: nothing bounds the rate from above.
    assert Latency.burst([0.0, 10.0, 10.0, 10.0, 10.0, 10.0]).images_per_s() == Estimate(100, 100, math.inf)


def test_images_per_second_in_blocks_have_the_interval_between_them() -> None:
    # Batches of 4 in 32, 40 and 50 ms are 8, 10 and 12.5 ms an image, as above: 10 ms, a factor of 2.873 either way.
    times = [32.0, 32.0, 40.0, 50.0, 50.0]
    found = Latency.of({"batch_ms": times, "batch": 4, "rounds": [1, 1, 2, 3, 3], "group": "g"}).images_per_s()
    assert found.value == pytest.approx(100.0)
    assert (found.low, found.high) == (pytest.approx(34.81, abs=0.05), pytest.approx(287.3, abs=0.1))
    slow = {"batch_ms": [40.0, 40.0, 40.0, 400.0], "batch": 4, "rounds": [1, 2, 3, 4], "slow": [4]}
    assert Latency.of(slow).images_per_s().value == pytest.approx(100.0)


def test_throughputs_of_different_batches_are_compared_round_by_round() -> None:
    # 8 images in 8 ms (16 in round 2, with a neighbour) against 32 in 40 (80): 1.25 times as long in each round.
    one = Latency.of({"batch_ms": [8.0, 16.0, 8.0], "batch": 8, "rounds": [1, 2, 3], "group": "g"})
    many = Latency.of({"batch_ms": [40.0, 80.0, 40.0], "batch": 32, "rounds": [1, 2, 3], "group": "g"})
    assert compare(many, one).ratio.value == pytest.approx(1.25) and compare(many, one).verdict == "b"
    assert one.images_per_s().low < many.images_per_s().high  # the two intervals alone would not tell


def test_rounds_of_batches_are_put_together_as_batch_times() -> None:
    found = assemble([turn(1, a=[8.0, 9.0]), turn(2, slow=("a",), a=[10.0])], "g/batches", "batch_ms")["a"]
    assert found["batch_ms"].tolist() == [8, 9, 10] and found["rounds"].tolist() == [1, 1, 2]
    assert (found["group"], found["slow"], found["repeated"]) == ("g/batches", [2], 1) and "latency_ms" not in found


def test_a_batch_of_no_images_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="a batch of 0 images"):
        Latency.of({"batch_ms": [1.0], "batch": 0})


def test_samples_and_rounds_must_pair() -> None:
    with pytest.raises(ValueError, match="3 samples of 2 rounds"):
        Latency.of({"latency_ms": [1.0, 2.0, 3.0], "rounds": [1, 2]})


def test_repeated_and_marked_blocks_are_told_in_words() -> None:
    assert told([blocks(1, 2, 3)]) == (
        "3 blocks in turn; none repeated because the machine was slow just then, none kept that was"
    )
    few = told([Latency(np.ones(3), np.array([1, 2, 3]), "g", frozenset({3}), 2)])
    assert few == (
        "3 blocks in turn; 2 repeated because the machine was slow just then, 1 kept although it stayed slow"
    )
    assert told([blocks(5, 5, 5, 50, slow=(4,))]).endswith("1 kept although it stayed slow (put aside)")
