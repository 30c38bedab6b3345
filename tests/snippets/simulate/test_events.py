"""The event loop against queueing theory, against traces worked out by hand, and against published figures."""

import math

import numpy as np
import pytest

from snippets.decide.targets import published
from snippets.errors import UsageError
from snippets.load.queueing import md1_latency_ms
from snippets.simulate.events import closed_loop, joined, open_loop
from snippets.simulate.server import Batching, Server, Setting

# Service times as of an exponential distribution: its quantiles, in no order.
EXPONENTIAL = tuple(-math.log(1 - (number + 0.5) / 20_000) for number in np.random.default_rng(2).permutation(20_000))


def arrivals(rate_per_s: float, count: int = 40_000) -> np.ndarray:
    """Poisson arrivals, seconds."""
    return np.cumsum(np.random.default_rng(1).exponential(1 / rate_per_s, count))


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_constant_service_and_random_arrivals_wait_as_md1_says(busy):
    seen = open_loop(Server({1: 2.0}), Setting(), arrivals(500 * busy))
    assert seen.latency_ms.mean() == pytest.approx(md1_latency_ms(500 * busy, 2.0), rel=0.05)


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_random_service_and_random_arrivals_wait_as_mm1_says(busy):
    seen = open_loop(Server({1: 2.0}, spread=EXPONENTIAL), Setting(), arrivals(500 * busy))
    assert seen.latency_ms.mean() == pytest.approx(2.0 / (1 - busy), rel=0.07)


def test_two_instances_wait_as_mm2_says():
    """M/M/2 at utilization 0.8: mean time in the system S / (1 - 0.8^2) (Erlang's C for two servers)."""
    seen = open_loop(Server({1: 2.0}, spread=EXPONENTIAL), Setting(2), arrivals(800))
    assert seen.latency_ms.mean() == pytest.approx(2.0 / (1 - 0.64), rel=0.07)


@pytest.mark.parametrize("clients", [1, 3, 5, 20])
def test_a_closed_loop_meets_its_asymptotes(clients):
    """With S = 4 ms and 12 ms elsewhere, four clients just fill the server (Denning and Buzen's bounds, which are
    reached where nothing varies)."""
    seen = closed_loop(Server({1: 4.0}, overhead_ms=12.0), Setting(), clients)
    assert seen.requests_per_s == pytest.approx(min(clients / 16, 1 / 4) * 1e3, rel=0.01)
    assert seen.latency_ms.mean() == pytest.approx(max(16, 4 * clients), rel=0.01)


def test_a_closed_loop_with_random_service_is_the_machine_repairman():
    """Three clients and exponential service without any other delay keep the server busy: 1 / S; and with two
    instances, p(n) of three clients in a closed network of one M/M/2 station is certain: both are busy."""
    one = closed_loop(Server({1: 4.0}, spread=EXPONENTIAL), Setting(), 3, requests=20_000)
    two = closed_loop(Server({1: 4.0}, spread=EXPONENTIAL), Setting(2), 3, requests=20_000)
    assert one.requests_per_s == pytest.approx(250, rel=0.03)
    assert two.requests_per_s == pytest.approx(500, rel=0.03)


def test_the_repairman_with_a_constant_delay_matches_mean_value_analysis():
    """Exact MVA (Reiser and Lavenberg) holds for any distribution of the delay: S = 4 ms, Z = 8 ms, 3 clients.
    R1 = 4, X1 = 1/12; R2 = 4 (1 + 1/3) = 16/3, X2 = 2/(40/3) = 3/20, Q2 = 4/5; R3 = 4 (1 + 4/5) = 7.2, X3 = 3/15.2."""
    seen = closed_loop(Server({1: 4.0}, overhead_ms=8.0, spread=EXPONENTIAL), Setting(), 3, requests=40_000)
    assert seen.requests_per_s == pytest.approx(3000 / 15.2, rel=0.02)


def test_littles_law_holds_in_every_closed_loop():
    server = Server({1: 3.0, 8: 6.0}, overhead_ms=1.0, client_ms=0.2, spread=EXPONENTIAL, cores=2, together=1.3)
    for setting in (Setting(), Setting(3), Setting(1, Batching(8)), Setting(2, Batching(8, (4,), 5.0))):
        seen = closed_loop(server, setting, 8)
        assert seen.requests_per_s * seen.latency_ms.mean() / 1e3 == pytest.approx(8, rel=0.02)


def test_a_batch_is_what_came_while_the_instance_was_busy():
    """At 0, 1, 2 and 30 ms; S(1) = 10, S(2) = 12: the first is alone (0 to 10), two wait and go together (10 to 22),
    the last finds nobody (30 to 40)."""
    seen = open_loop(Server({1: 10.0, 2: 12.0}), Setting(1, Batching(4)), [0, 0.001, 0.002, 0.030])
    assert sorted(seen.latency_ms) == pytest.approx([10, 10, 20, 21])
    assert seen.batches == {1: 2, 2: 1}


def test_a_delay_holds_the_first_until_enough_have_come_or_it_has_waited_long_enough():
    """Preferred 2, 5 ms: at 0 and 3 ms two come together (3 to 15); the one at 20 ms waits in vain until 25 (to 35)."""
    batching = Batching(4, preferred=(2,), delay_ms=5.0)
    seen = open_loop(Server({1: 10.0, 2: 12.0}), Setting(1, batching), [0, 0.003, 0.020])
    assert list(seen.latency_ms) == pytest.approx([15, 12, 15])
    assert seen.batches == {1: 1, 2: 1}


def test_two_at_once_slow_each_other_down_only_while_both_are_at_work():
    """Twice as slow together: at 0 and 4 ms, 10 ms of work each. From 4 on both at half speed: the first has 6 ms left
    and ends at 16; the second, with 4 ms left, alone again, at 20."""
    seen = open_loop(Server({1: 10.0}, together=2.0), Setting(2), [0, 0.004])
    assert list(seen.latency_ms) == pytest.approx([16, 16])


def test_more_instances_than_cores_get_no_more_done_but_take_turns():
    two = closed_loop(Server({1: 6.0}, cores=2), Setting(2), 8)
    four = closed_loop(Server({1: 6.0}, cores=2), Setting(4), 8)
    assert four.requests_per_s == pytest.approx(two.requests_per_s, rel=0.01)
    assert four.percentile(95) > 1.2 * two.percentile(95)


def test_a_client_that_does_one_thing_at_a_time_delays_the_answers_of_a_batch():
    """Two requests in one batch of 10 ms, 1 ms of the client's work each: answered at 11 and 12 ms."""
    server = Server({2: 10.0}, overhead_ms=1.0, client_ms=1.0, request_ms=0.0)
    seen = open_loop(server, Setting(1, Batching(2, (2,), 50.0)), [0, 0])
    assert list(seen.latency_ms) == pytest.approx([11, 12])


def test_a_window_counts_the_answers_within_it_and_what_comes_later_is_waited_for():
    """10 ms each, at 0, 5 and 95 ms: answered at 10, 20 and 105. The window is from 10 to 100 ms: two answers to
    requests of the warm-up, and one request whose answer comes 5 ms after it."""
    seen = open_loop(Server({1: 10.0}), Setting(), [0, 0.005, 0.095], 0.010, seconds=0.090)
    assert list(seen.latency_ms) == pytest.approx([10])
    assert seen.requests_per_s == pytest.approx(2 / 0.09)
    assert seen.drain_s == pytest.approx(0.005)
    both = joined([seen, seen])
    assert (both.within, both.drain_s) == (4, pytest.approx(0.010))
    assert both.requests_per_s == pytest.approx(2 / 0.09)


def test_a_window_in_which_nobody_comes_holds_nothing_and_is_one_of_several():
    empty = open_loop(Server({1: 10.0}), Setting(), np.array([]), 0.1, seconds=0.4)
    other = open_loop(Server({1: 10.0}), Setting(), [0.2], 0.1, seconds=0.4)
    assert math.isnan(empty.percentile(50)) and empty.requests_per_s == 0
    assert joined([empty, other]).requests_per_s == pytest.approx(1 / 0.8)
    assert joined([empty, other]).percentile(50) == pytest.approx(10)


def test_the_same_seed_gives_the_same_and_another_one_not():
    server = Server({1: 2.0}, spread=EXPONENTIAL)
    first, again, other = (closed_loop(server, Setting(), 4, seed=seed).latency_ms for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_slow_executions_follow_each_other_as_they_did():
    """Four of 1 ms, then four of 3 ms, over and over: from wherever it begins, with one arrival every 10 ms."""
    server = Server({1: 2.0}, spread=(1, 1, 1, 1, 3, 3, 3, 3))
    seen = open_loop(server, Setting(), np.arange(16) / 100).latency_ms
    assert sorted(seen) == pytest.approx([1] * 8 + [3] * 8)
    assert 3 <= np.count_nonzero(np.diff(seen)) <= 4


def test_windows_are_joined():
    ones = [open_loop(Server({1: 2.0}), Setting(), [0.0, 0.5]), open_loop(Server({1: 4.0}), Setting(), [0.0])]
    whole = joined(ones)
    assert list(whole.latency_ms) == pytest.approx([2, 2, 4])
    assert whole.batches == {1: 3}


def test_nobody_who_asks_is_refused():
    with pytest.raises(UsageError, match="a client"):
        closed_loop(Server({1: 2.0}), Setting(), 0)
    with pytest.raises(UsageError, match="after the warm-up"):
        open_loop(Server({1: 2.0}), Setting(), [0.1], warm_up_s=0.2)


def of_the_reference_lab(service: str, load: str) -> dict:
    return next(row for row in published("system") if (row["service"], row["load"]) == (service, load))


@pytest.mark.parametrize(("clients", "worked_out_ms"), [(8, 151.2), (16, 302.4)])
def test_one_published_time_gives_the_other_published_ones(clients, worked_out_ms):
    """S = 18.9 ms, seen by a lone client of the reference lab's P100, is all that the model is told."""
    row = of_the_reference_lab("Triton, Python backend", f"{clients} clients")
    seen = closed_loop(Server({1: 18.9}), Setting(), clients)
    assert seen.percentile(50) == pytest.approx(worked_out_ms, rel=1e-3)
    assert seen.percentile(50) == pytest.approx(row["p50_ms"], rel=0.01)
    assert seen.requests_per_s == pytest.approx(row["requests_per_s"], rel=0.02)


def test_one_published_batch_gives_the_published_rate_of_dynamic_batching():
    """Eight clients make batches of four on average, and four photos took 50.7 ms there."""
    row = of_the_reference_lab("with dynamic batching, 1 instance on 1 GPU", "8 clients")
    seen = closed_loop(Server({4: 50.7}), Setting(1, Batching(16)), 8)
    assert seen.requests_per_s == pytest.approx(78.9, abs=0.1)
    assert seen.requests_per_s == pytest.approx(row["requests_per_s"], rel=0.01)
    assert seen.percentile(50) == pytest.approx(row["p50_ms"], rel=0.02)
    assert seen.mean_batch == pytest.approx(4, abs=0.1)


def test_the_published_queue_of_evenly_spaced_and_of_random_arrivals():
    """S = 4.7 ms: evenly spaced, nobody waits (published 0.04 ms); at random the published 2.7 ms are M/D/1's."""
    even = open_loop(Server({1: 4.7}), Setting(), np.arange(1, 2000) / 120)
    random = open_loop(Server({1: 4.7}), Setting(), arrivals(116.5))
    assert even.latency_ms.mean() - 4.7 == pytest.approx(0, abs=1e-6)
    assert random.latency_ms.mean() - 4.7 == pytest.approx(2.7, rel=0.1)
