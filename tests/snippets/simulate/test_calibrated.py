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


def test_what_the_server_counts_of_a_lone_client_tells_what_is_outside_and_is_a_second_look_at_one_row():
    """4 ms seen, 0.6 of them outside: 3.4 in the server; two clients, at another moment, said 3: 3.2 on average."""
    server = server_of({**SEEN, "outside_ms": 0.6}, cores=2)
    assert server.overhead_ms == 0.6
    assert server.execution_ms == {1: pytest.approx(3.2), 4: 6.0}


def test_a_server_that_counted_nothing_meanwhile_changes_nothing():
    assert server_of({**SEEN, "outside_ms": 4.0}, cores=2).execution_ms == {1: 3.0, 4: 6.0}


def test_single_executions_differ_within_their_round_and_rounds_by_the_machines_unsteadiness():
    """1 ms outside. Rounds of 2 and 4 ms, and of 8 and 16 ms: the same within each, 2/3 and 4/3 of their mean. Of two
    kinds one took 2 and then 8 ms (logarithms apart by log 4, variance log(4)^2 / 2), the other 3 ms both times (0)."""
    rounds = {"lone_ms": np.array([3.0, 5.0, 9.0, 17.0]), "lone_round": np.array([0, 0, 1, 1])}
    server = server_of({**SEEN, **rounds, "outside_ms": 1.0, "each_ms": np.array([[2.0, 8.0], [3.0, 3.0]])}, cores=2)
    assert server.spread == pytest.approx((2 / 3, 4 / 3, 2 / 3, 4 / 3))
    assert server.unsteady == pytest.approx(math.log(4) / 2)


def test_one_round_says_nothing_of_the_next():
    assert server_of({**SEEN, "each_ms": np.array([[2.0], [3.0]])}, cores=2).unsteady == 0


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


def test_a_prediction_lies_between_what_a_slower_and_a_faster_machine_would_do():
    said = Figures(100, 10, 20, slower=Figures(90, 12, 50), faster=Figures(105, 9, 15))
    assert [(one.value, one.low, one.high) for one in said.ranges()] == [(100, 90, 105), (10, 9, 12), (20, 15, 50)]
    assert not any(one.bounded for one in Figures(100, 10, 20).ranges())
