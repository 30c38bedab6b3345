import math

import pytest

from snippets.errors import UsageError
from snippets.simulate.server import Batching, Server, Setting


def test_the_time_of_a_batch_lies_on_straight_lines_between_the_sizes_that_are_known_and_beyond_them():
    server = Server({1: 3.0, 4: 6.0, 8: 14.0})
    assert [server.of_rows(rows) for rows in (1, 2, 4, 6, 8, 10)] == [3, 4, 6, 10, 14, 18]


def test_a_single_known_size_is_taken_in_proportion():
    assert Server({4: 50.0}).of_rows(2) == 25


def test_each_further_request_of_a_batch_costs_its_share():
    assert Server({1: 3.0, 4: 6.0}, request_ms=0.5).of_requests(4) == 7.5


def test_each_instance_at_work_slows_the_others_as_much_as_the_second_did():
    assert [Server({1: 1.0}, together=1.25).slowdown(count) for count in (0, 1, 2, 3)] == [1, 1, 1.25, 1.5]


def test_a_short_rest_costs_its_share_of_a_long_one():
    server = Server({1: 1.0}, rested_ms=2.0)
    assert [server.rest(idle_ms) for idle_ms in (0, 5, 10, 1000)] == [0, 1, 2, 2]


def test_at_a_slower_moment_all_executions_take_so_many_times_as_long():
    slower = Server({1: 2.0, 4: 3.0}, overhead_ms=1.0, rested_ms=0.5).slower(1.5)
    assert (slower.execution_ms, slower.overhead_ms, slower.rested_ms) == ({1: 3.0, 4: 4.5}, 1.0, 0.5)


def test_moments_are_on_average_as_slow_as_the_server_and_as_unsteady():
    """A hundred quantiles of a normal distribution with deviation 0.1; 16 % lie below one deviation."""
    moments = Server({1: 2.0}, unsteady=0.1).moments(100)
    times = sorted(one.of_rows(1) for one in moments)
    assert sum(times) / 100 == pytest.approx(2.0)
    assert times[15] / times[50] == pytest.approx(math.exp(-0.1), rel=0.01)
    assert [one.of_rows(1) for one in moments] != times


def test_a_steady_server_is_the_same_at_every_moment():
    server = Server({1: 2.0})
    assert server.moments(3) == [server] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"execution_ms": {}},
        {"execution_ms": {0: 1.0}},
        {"execution_ms": {1: 0.0}},
        {"client_ms": 1.0},
        {"cores": 0},
        {"together": 0.5},
        {"spread": (0.0,)},
        {"unsteady": -0.1},
    ],
)
def test_numbers_that_no_server_can_have_are_refused(wrong):
    with pytest.raises(UsageError):
        Server(**{"execution_ms": {1: 1.0}, **wrong})


def test_a_service_without_an_instance_is_refused():
    with pytest.raises(UsageError, match="one instance or more"):
        Setting(0)


def test_without_a_delay_a_free_instance_takes_all_that_wait():
    assert [Batching(8).rows(waiting, 0.0, False) for waiting in (1, 5, 9)] == [1, 5, 8]


def test_with_a_delay_it_waits_for_the_preferred_number_or_until_the_oldest_has_waited_enough():
    batching = Batching(32, preferred=(8,), delay_ms=10)
    assert batching.rows(7, 9.0, False) == 0
    assert batching.rows(8, 9.0, False) == 8
    assert batching.rows(3, 10.0, False) == 3
    # While the instance was busy, a batch of eight was closed, and one more let in.
    assert batching.rows(20, 9.0, True) == 9
    assert Batching(8, preferred=(8,), delay_ms=10).rows(20, 9.0, True) == 8
