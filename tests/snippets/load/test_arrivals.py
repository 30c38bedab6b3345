"""Arrivals are Poisson's, repeatable by their seed, and as many as were offered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snippets.errors import UsageError
from snippets.load.arrivals import Offered, Turns, even_arrivals, poisson_arrivals


def drawn(rate: float, seconds: float, seed: int) -> np.ndarray:
    return poisson_arrivals(rate, seconds, np.random.default_rng(seed))


@given(rate=st.floats(1, 500), seconds=st.floats(0.5, 20), seed=st.integers(0, 99))
@settings(max_examples=50)
def test_arrivals_are_ascending_repeatable_and_as_many_as_asked(rate: float, seconds: float, seed: int) -> None:
    times = drawn(rate, seconds, seed)
    assert np.array_equal(times, drawn(rate, seconds, seed))
    assert (np.diff(times) > 0).all() and (len(times) == 0 or (times[0] >= 0 and times[-1] < seconds))
    assert abs(len(times) - rate * seconds) <= 0.5


def test_gaps_between_arrivals_are_exponential() -> None:
    gaps = np.diff(drawn(1000, 20, seed=1))
    assert gaps.mean() == pytest.approx(1e-3, rel=0.05)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)


def test_another_seed_draws_other_arrivals() -> None:
    assert not np.array_equal(drawn(50, 2, seed=1), drawn(50, 2, seed=2))


def test_what_is_offered_covers_the_warm_up_and_the_window_each_at_the_rate() -> None:
    moments = Offered(200, seconds=2.0, warm_up_s=1.0, seed=3).arrivals_s()
    assert (np.diff(moments) > 0).all()
    assert (moments < 1.0).sum() == 200 and ((moments >= 1.0) & (moments < 3.0)).sum() == 400 == len(moments) - 200
    assert len(Offered(200, seconds=2.0, warm_up_s=0.0).arrivals_s()) == 400


def test_windows_of_one_load_bring_together_what_was_offered_and_each_what_chance_has_it() -> None:
    windows = [Offered(200, 0.4, 0.2, seed=3, window=n, windows=5).arrivals_s() for n in range(5)]
    counts = [int((moments >= 0.2).sum()) for moments in windows]
    assert sum(counts) == 200 * 0.4 * 5 and len(set(counts)) > 1
    assert all(moments.max() < 0.6 and (np.diff(moments) > 0).all() for moments in windows)
    whole = Offered(200, 2.0, 0.0, seed=3).arrivals_s()
    apart = [moments[moments >= 0.2] - 0.2 + 0.4 * n for n, moments in enumerate(windows)]
    np.testing.assert_allclose(np.concatenate(apart), whole)


def test_even_arrivals_come_as_long_after_each_other_and_go_on_from_window_to_window() -> None:
    whole = even_arrivals(50, 2.0)
    assert len(whole) == 100 and whole[0] == 0.01
    np.testing.assert_allclose(np.diff(whole), 0.02)
    windows = [Offered(50, 0.37, 0.0, window=n, windows=5, spacing="constant").arrivals_s() for n in range(5)]
    joined = np.concatenate([moments + 0.37 * n for n, moments in enumerate(windows)])
    np.testing.assert_allclose(joined, even_arrivals(50, 5 * 0.37))


def test_even_arrivals_run_through_the_warm_up_into_the_window() -> None:
    moments = Offered(200, 2.0, 1.0, spacing="constant").arrivals_s()
    assert len(moments) == 600 and (moments < 1.0).sum() == 200
    np.testing.assert_allclose(np.diff(moments), 0.005)


def test_another_spacing_is_refused() -> None:
    with pytest.raises(UsageError, match="poisson or constant, not 'uniform'"):
        Offered(10, spacing="uniform")


def test_a_window_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="Of 5 windows there is no number 5"):
        Offered(200, window=5, windows=5)


def test_each_arrival_is_handed_to_one_of_many_clients_and_counts_from_the_origin() -> None:
    turns = Turns(np.array([0.5, 1.0, 2.0]))
    turns.origin = 100.0
    one, other = iter(turns), iter(turns)
    assert [next(one), next(other), next(one)] == [100.5, 101.0, 102.0]
    assert next(one, None) is None and next(other, None) is None


@pytest.mark.parametrize("wrong", [{"rps": 0}, {"rps": -1}, {"rps": 5, "seconds": 0}, {"rps": 5, "warm_up_s": -1}])
def test_a_load_without_requests_or_time_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="positive"):
        Offered(**wrong)


def test_arrivals_that_are_known_are_taken_as_they_are() -> None:
    assert Offered(2, 1.0, 0.5, moments_s=(0.1, 0.7)).arrivals_s().tolist() == [0.6, 1.2]
