"""The figures that students write: the kit's versions give what the kit's own statistics give."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snippets.measure import figures
from snippets.measure.latency import Latency, compare
from snippets.stats import Estimate


def blocks(medians: list[float], group: str = "g", slow: tuple[int, ...] = ()) -> Latency:
    """Blocks of eight calls around these medians, in rounds 1, 2, ..."""
    ms = np.concatenate([median * np.linspace(0.97, 1.03, 8) for median in medians])
    return Latency(ms, np.repeat(np.arange(1, len(medians) + 1), 8), group, frozenset(slow))


A = blocks([3.0, 3.3, 2.9, 3.1, 9.0], slow=(5,))
B = blocks([2.0, 2.3, 2.0, 2.2, 2.1])


def near(found: Estimate, expected: Estimate) -> bool:
    return found.value == pytest.approx(expected.value) and (found.low, found.high) == pytest.approx(
        (expected.low, expected.high)
    )


@pytest.mark.parametrize("one", [A, B, blocks([5.0, 6.0])])
def test_the_middle_of_blocks_is_the_p50_of_reports_and_judges(one: Latency) -> None:
    assert near(figures.middle(one), one.p50())


def test_of_a_burst_or_a_single_block_it_is_the_kits_whatever_the_function() -> None:
    def never(*_):
        raise AssertionError

    for one in (Latency.burst([1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 2.0]), blocks([4.0])):
        assert figures.middle(one, never) == one.p50()


def test_another_function_takes_its_place_and_is_given_the_blocks_that_count() -> None:
    asked = []

    def own(medians, t, widening):
        asked.append((medians, t, widening))
        return [1.0, 0.5, 2.0]

    assert figures.middle(A, own) == Estimate(1.0, 0.5, 2.0)
    # 4 blocks of 5: Student's factor for 3 degrees of freedom is 3.182; widening for H = 0.8: sqrt(3 / (4^0.4 - 1)).
    ((medians, t, widening),) = asked
    assert medians == pytest.approx([3.0, 3.3, 2.9, 3.1]) and t == pytest.approx(3.182, abs=1e-3)
    assert widening == pytest.approx(math.sqrt(3 / (4**0.4 - 1)))


def test_pairs_are_compared_as_in_reports_and_judges() -> None:
    for a, b in ((A, B), (B, A), (A, A)):
        found, expected = figures.compared(a, b), compare(a, b)
        assert found.verdict == expected.verdict and near(found.ratio, expected.ratio)


def test_without_rounds_in_common_the_kit_compares() -> None:
    other = blocks([2.0, 2.1, 2.2], group="another")
    assert figures.compared(A, other, None) == compare(A, other)
    burst = Latency.burst([1.0] * 8)
    assert figures.compared(burst, burst, None) == compare(burst, burst)


def test_a_tail_is_that_of_the_blocks_that_count() -> None:
    one = blocks([3.0 + 0.01 * number for number in range(20)], slow=(20,))
    expected = one.percentile(95)
    assert expected is not None and figures.tail(one, 95) == expected
    taken = figures.tail(one, 95, lambda samples, percent: float(len(samples)))
    assert taken == Estimate(19 * 8, expected.low, expected.high)
    assert figures.tail(B, 99) is None


@pytest.mark.parametrize(
    ("fixed", "slow", "fast", "requests"),
    [(30, 5, 2, 10), (31, 5, 2, 11), (0, 2, 5, 0), (30, 2, 5, None), (30, 5, 5, None)],
)
def test_a_cost_is_covered_after_whole_requests(fixed: float, slow: float, fast: float, requests: int | None) -> None:
    assert figures.break_even(fixed, slow, fast) == requests
