import math

import numpy as np
import pytest

from snippets.simulate.calibrated import Figures, measured, predicted, server_of
from snippets.simulate.server import Seen

# A lone client sees 4 ms, S(1) is 3 ms, a request after a rest 6 ms; two instances answer every 2 ms.
SEEN = {
    "lone_ms": np.array([3.5, 4.0, 4.5]),
    "rested_ms": np.array([6.0, 6.0]),
    "rows_sent": np.array([1, 4]),
    "period_ms": np.array([3.0, 6.0]),
    "client_ms": 0.25,
    "pair_period_ms": 2.0,
}


def test_a_calibration_gives_the_numbers_of_the_model():
    server = server_of(SEEN, cores=2)
    assert server.execution_ms == {1: 3.0, 4: 6.0}
    assert (server.overhead_ms, server.client_ms, server.rested_ms, server.cores) == (1.0, 0.25, 2.0, 2)
    # Undisturbed, two would answer every 1.5 ms.
    assert server.together == pytest.approx(4 / 3)
    assert np.mean(server.spread) == pytest.approx(1)
    assert min(server.spread) == pytest.approx(2.5 / 3, abs=0.01)


def test_what_a_crowd_takes_beyond_its_batches_is_the_price_of_separate_requests():
    """Sixteen clients make batches of eight: 8 x 1.6 = 12.8 ms from one to the next, of which S(8) is 10."""
    server = server_of({**SEEN, "crowd": 16, "crowd_period_ms": 1.6}, cores=2)
    assert server.request_ms == pytest.approx(2.8 / 7)


def test_without_a_pair_instances_are_taken_not_to_feel_each_other():
    assert server_of({name: value for name, value in SEEN.items() if name != "pair_period_ms"}, 2).together == 1


def test_noise_never_makes_a_number_that_no_server_can_have():
    """A lone client that was quicker than two, and a pair that was more than twice as quick as one."""
    server = server_of({**SEEN, "lone_ms": np.array([2.0]), "pair_period_ms": 1.0}, 2)
    assert (server.overhead_ms, server.together) == (0.25, 1.0)


def test_errors_are_shares_of_what_was_measured():
    off = Figures(110, 9, 30).error(Figures(100, 10, 20))
    assert off.values() == pytest.approx((0.1, -0.1, 0.5))


def test_figures_of_a_load_are_those_of_its_successes():
    load = {"latency_ms": np.array([1.0, 2.0, 3.0, 99.0]), "ok": np.array([1, 1, 1, 0], bool), "requests_per_s": 5.0}
    assert measured(load).values() == pytest.approx((5.0, 2.0, 2.9))
    assert measured({**load, "completed_rps": 4.0}).requests_per_s == 4.0
    assert math.isnan(measured({**load, "ok": np.zeros(4, bool)}).p50_ms)


def test_figures_of_the_model_are_those_of_its_requests():
    assert predicted(Seen(np.array([1.0, 2.0, 3.0]), 0.5)).values() == pytest.approx((6.0, 2.0, 2.9))
