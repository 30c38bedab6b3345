"""Queueing formulas against simulation and against each other."""

from __future__ import annotations

import math
from typing import Any

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


def load(
    offered: float, *, grew: float = 0.0, answered: float | None = None, failures: int = 0, latency_ms: float = 10.0
) -> dict[str, Any]:
    """Ten seconds of an offered load; looks at both ends and in the middle, between which the requests under way grew
    evenly by `grew`, from two."""
    return {
        "offered_rps": offered,
        "arrivals": offered * 10,
        "seconds": 10.0,
        "completed_rps": offered if answered is None else answered,
        "failures": failures,
        "latency_ms": np.full(8, latency_ms),
        "in_flight_mean": 2.2,
        "sampled_s": np.array([0.0, 5.0, 10.0]),
        "sampled_in_flight": np.array([2.0, 2.0 + grew / 2, 2.0 + grew]),
    }


def test_little_compares_the_counted_with_the_computed() -> None:
    law = queueing.little(load(50, latency_ms=40))
    assert law.expected == pytest.approx(2.0) and law.seen == 2.2
    assert law.error == pytest.approx(0.1)


def test_without_an_answer_little_expects_nobody_inside() -> None:
    law = queueing.little(load(50) | {"latency_ms": np.empty(0)})
    assert (law.seen, law.expected, law.error) == (2.2, 0, math.inf)


def test_littles_law_holds_in_a_simulated_queue() -> None:
    rate, service_s, seconds = 60.0, 0.01, 400.0
    arrivals, latency = poisson_arrivals(rate, seconds, np.random.default_rng(3)), simulated(rate, service_s, seconds)
    moments = np.linspace(0, seconds, 20_000, endpoint=False)
    inside = np.searchsorted(arrivals, moments) - np.searchsorted(arrivals + latency, moments)
    one = {"arrivals": len(arrivals), "seconds": seconds, "latency_ms": latency * 1e3, "in_flight_mean": inside.mean()}
    assert queueing.little(one).error < 0.05


def test_the_number_under_way_grows_by_the_slope_of_a_line_through_the_looks() -> None:
    assert queueing.growth(load(50, grew=30)) == pytest.approx(30)
    # The last look alone is no trend: the line through 0, 0, 0, 0 and 10 rises by 2 for each look, over five seconds.
    looks = {"sampled_s": np.arange(5.0), "sampled_in_flight": np.array([0, 0, 0, 0, 10]), "seconds": 5.0}
    assert queueing.growth(looks) == pytest.approx(10)
    assert queueing.growth({**looks, "sampled_s": np.zeros(1), "sampled_in_flight": np.ones(1)}) == 0


def test_a_server_falls_behind_whose_requests_pile_up() -> None:
    # 500 arrive: 2 % are ten. 100 arrive: 2 % are two, but up to five come and go anyhow.
    assert queueing.falls_behind(load(50, grew=10.1)) and not queueing.falls_behind(load(50, grew=9.9))
    assert queueing.falls_behind(load(10, grew=5.1)) and not queueing.falls_behind(load(10, grew=4.9))
    assert not queueing.falls_behind(load(50, grew=-40))


def test_a_server_that_fails_a_request_does_not_keep_up_and_is_not_saturated_for_that() -> None:
    assert queueing.keeps_up(load(50), None) and not queueing.keeps_up(load(50, failures=1), None)
    found = queueing.capacity([load(30), load(50, failures=1), load(60)])
    assert found.holds == 30 and not found.reached


def test_the_capacity_is_the_last_load_before_the_first_that_overwhelms() -> None:
    loads = [load(30), load(60, grew=5), load(90, grew=200, answered=70), load(95, answered=94)]
    found = queueing.capacity(loads[::-1])
    assert (found.holds, found.saturated) == (60, 70) and found.service_ms == pytest.approx(1000 / 70)
    assert queueing.capacity([load(30, grew=90, answered=20)]).holds == 0


def test_a_load_above_what_the_saturated_server_answers_cannot_last_however_level_it_looked() -> None:
    found = queueing.capacity([load(60), load(80, grew=3), load(200, grew=900, answered=75)])
    assert found.holds == 60


def test_a_server_that_nothing_overwhelmed_has_no_capacity_yet() -> None:
    found = queueing.capacity([load(30), load(60)])
    assert found.holds == 60 and not found.reached and found.service_ms is None


@pytest.mark.parametrize(("busy", "behind"), [(0.6, False), (0.9, False), (1.1, True), (2.0, True)])
def test_a_simulated_queue_falls_behind_exactly_if_more_is_offered_than_it_can_do(busy: float, behind: bool) -> None:
    service_s, seconds = 0.0025, 8.0
    arrivals = poisson_arrivals(busy / service_s, seconds, np.random.default_rng(3))
    ended = arrivals + simulated(busy / service_s, service_s, seconds)
    moments = np.arange(0, seconds, 0.005)
    inside = np.searchsorted(arrivals, moments) - np.searchsorted(ended, moments)
    seen = {"sampled_s": moments, "sampled_in_flight": inside, "seconds": seconds}
    assert queueing.falls_behind({**seen, "arrivals": len(arrivals), "failures": 0}) == behind


def test_a_cold_start_is_loading_and_the_first_answer() -> None:
    # 1000 + 200, 900 + 100, 1100 + 300.
    assert queueing.cold_s({"load_ms": [1000, 900, 1100], "first_ms": [200, 100, 300]}) == 1.2


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
