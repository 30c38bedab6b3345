"""Queueing formulas against simulation and against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snippets.load import queueing
from snippets.load.arrivals import poisson_arrivals

positive = st.floats(0.01, 1000)


def simulated(rate: float, service_s: float, seconds: float = 400.0) -> np.ndarray:
    """Latency (s) of each request at one server with constant service time (Lindley's recursion)."""
    arrivals = poisson_arrivals(rate, seconds, np.random.default_rng(3))
    waited, latencies = 0.0, []
    for gap in np.diff(arrivals, prepend=arrivals[0]):
        waited = max(0.0, waited + service_s - gap) if latencies else 0.0
        latencies.append(waited + service_s)
    return np.array(latencies)


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_md1_predicts_a_simulated_queue(busy: float) -> None:
    service_ms = 10.0
    rate = busy * 1000 / service_ms
    seen = simulated(rate, service_ms / 1e3).mean() * 1e3
    assert queueing.md1_latency_ms(rate, service_ms) == pytest.approx(seen, rel=0.08)


def test_md1_of_an_idle_server_is_its_service_time_and_of_a_full_one_infinite() -> None:
    assert queueing.md1_latency_ms(0, 7) == 7
    assert queueing.md1_latency_ms(100, 10) == math.inf


def load(offered: float, completed: float, *, failures: int = 0, latency_ms: float = 10.0, seen: float = 0.0) -> dict:
    return {
        "offered_rps": offered,
        "arrivals": offered * 10,
        "seconds": 10.0,
        "completed_rps": completed,
        "failures": failures,
        "latency_ms": np.full(8, latency_ms),
        "in_flight_mean": seen,
    }


def test_little_compares_the_counted_with_the_computed() -> None:
    law = queueing.little(load(50, 50, latency_ms=40, seen=2.2))
    assert law.expected == pytest.approx(2.0) and law.seen == 2.2
    assert law.error == pytest.approx(0.1)


def test_without_an_answer_little_expects_nobody_inside() -> None:
    law = queueing.little(load(50, 0, seen=3) | {"latency_ms": np.empty(0)})
    assert (law.seen, law.expected, law.error) == (3, 0, math.inf)


def test_the_share_that_is_asked_for_is_enough_to_keep_up() -> None:
    assert queueing.keeps_up(load(50, 25), share=0.5) and not queueing.keeps_up(load(50, 24), share=0.5)
    assert queueing.keeps_up(load(100, 91)) and not queueing.keeps_up(load(100, 89))


def test_littles_law_holds_in_a_simulated_queue() -> None:
    rate, service_s, seconds = 60.0, 0.01, 400.0
    arrivals, latency = poisson_arrivals(rate, seconds, np.random.default_rng(3)), simulated(rate, service_s, seconds)
    moments = np.linspace(0, seconds, 20_000, endpoint=False)
    inside = np.searchsorted(arrivals, moments) - np.searchsorted(arrivals + latency, moments)
    one = {"arrivals": len(arrivals), "seconds": seconds, "latency_ms": latency * 1e3, "in_flight_mean": inside.mean()}
    assert queueing.little(one).error < 0.05


def test_the_knee_is_the_last_load_before_the_first_that_overwhelms() -> None:
    loads = [load(30, 30), load(60, 59), load(90, 70), load(95, 94)]
    assert queueing.knee(loads[::-1]) == 60
    assert queueing.knee([load(30, 10)]) == 0
    assert not queueing.keeps_up(load(30, 30, failures=1))


def test_a_server_keeps_up_that_answers_nine_in_ten_within_the_window_and_fails_none() -> None:
    # 600 arrive in ten seconds: 540 answers are nine in ten, 539 are not.
    assert queueing.keeps_up(load(60, 54))
    assert not queueing.keeps_up(load(60, 53.9))
    assert not queueing.keeps_up(load(60, 60, failures=1))


@given(k=positive, cold_s=st.floats(0.01, 100), hold_s=st.floats(0, 3600), penalty_s=st.floats(0, 100))
def test_holding_a_model_for_longer_never_moves_the_break_even(
    k: float, cold_s: float, hold_s: float, penalty_s: float
) -> None:
    even = queueing.warm_break_even_per_hour(cold_s, penalty_s)
    cost = queueing.cost_per_hour(k, cold_s, hold_s, penalty_s)
    if queueing.cold_share(k, hold_s) > 1e-6 and abs(k - even) > 1e-3 * even:
        assert (cost < queueing.SECONDS_PER_HOUR) == (k < even)


def test_break_even_and_cost_agree_with_a_simulation() -> None:
    per_hour, cold_s, hold_s = 90.0, 8.0, 20.0
    gaps = np.random.default_rng(0).exponential(3600 / per_hour, 200_000)
    paid = np.minimum(gaps, hold_s) + np.where(gaps > hold_s, cold_s, 0.0)
    assert queueing.cost_per_hour(per_hour, cold_s, hold_s) == pytest.approx(paid.mean() * per_hour, rel=0.02)
    assert queueing.cold_share(per_hour, hold_s) == pytest.approx((gaps > hold_s).mean(), abs=0.01)
    assert queueing.warm_break_even_per_hour(8.0) == 450
