"""The load generators hold the load that they promise, count what failed, and time from the right moment.

The servers here are functions with a known service time, so what must come out is known too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from snippets.errors import UsageError
from snippets.load import loops
from snippets.load.arrivals import Offered
from snippets.load.log import Log


@dataclass
class Desk:
    """A server with `places`, first come first served: each request holds one for `service_s`."""

    service_s: float = 0.01
    places: int = 1
    fails: Callable[[int], bool] = lambda n: False
    refuses: bool = False
    batch: int = 1
    protocol: str = "desk"
    timeout_s: float = 5.0
    served: int = 0
    senders: int = 0
    closed: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.free_at = [0.0] * self.places
        self.now = 0

    def sender(self) -> DeskSender:
        if self.refuses:
            raise ConnectionRefusedError("nobody here")
        with self.lock:
            self.senders += 1
        return DeskSender(self)


class DeskSender:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def __call__(self) -> None:
        desk = self.desk
        with desk.lock:
            desk.served += 1
            number = desk.served
            desk.now += 1
            desk.most_at_once = max(desk.most_at_once, desk.now)
            place = desk.free_at.index(min(desk.free_at))
            done_at = max(time.perf_counter(), desk.free_at[place]) + desk.service_s
            desk.free_at[place] = done_at
        time.sleep(max(0.0, done_at - time.perf_counter()))
        with desk.lock:
            desk.now -= 1
        if desk.fails(number):
            raise RuntimeError(f"request refused\nwith details of number {number}")

    def close(self) -> None:
        with self.desk.lock:
            self.desk.closed += 1


def test_a_closed_loop_keeps_exactly_its_clients_under_way() -> None:
    desk = Desk()
    result = loops.closed_loop(desk, 4, 0.5, warm_up_s=0.1)
    assert desk.senders == desk.closed == desk.most_at_once == 4
    assert result["clients"] == 4 and result["failures"] == 0
    assert result["in_flight_mean"] == pytest.approx(4, rel=0.1)
    # One place, 10 ms each: as many answers as the window has 10 ms, and one a client that came late.
    assert result["ok"].sum() <= result["seconds"] / 0.01 + 4
    assert np.median(result["latency_ms"]) >= 4 * 10 * 0.9


def test_samples_are_those_that_ended_in_the_window_and_the_rate_follows_from_them() -> None:
    result = loops.closed_loop(Desk(batch=3), 2, 0.4, warm_up_s=0.2)
    ended_s = result["started_s"] + result["latency_ms"] / 1e3
    assert ended_s.min() > 0 and ended_s.max() == pytest.approx(result["seconds"])
    assert result["requests_per_s"] == pytest.approx(len(ended_s) / result["seconds"])
    assert result["samples_per_s"] == pytest.approx(3 * result["requests_per_s"])


@pytest.mark.parametrize("clients", [1, 3])
def test_a_few_slow_answers_give_the_rate_at_which_they_are_served(clients: int) -> None:
    # One place, 150 ms each: 6.7 a second, whatever part of a service lies beyond the border of a window, which goes on
    # for 0.5 s.
    result = loops.closed_loop(Desk(service_s=0.15), clients, 0.2, warm_up_s=0.1)
    assert len(result["ok"]) <= 5
    assert result["requests_per_s"] * np.diff(np.sort(result["started_s"] + result["latency_ms"] / 1e3)).mean() == (
        pytest.approx(1, rel=0.15)
    )


def test_what_is_read_of_each_answer_is_kept_beside_its_latency() -> None:
    class Told(loops.Window):
        def read(self, answer: object) -> dict[str, float]:
            return {"told_ms": 4.0}

    desk = Desk(fails=lambda n: n % 2 == 0)
    result = loops.closed_loop(desk, 1, 0.3, warm_up_s=0, window=Told())
    assert np.array_equal(np.isfinite(result["told_ms"]), result["ok"])
    assert set(result["told_ms"][result["ok"]]) == {4.0}


def test_a_slow_server_gets_the_time_for_a_few_answers() -> None:
    result = loops.closed_loop(Desk(service_s=0.2), 1, 0.1, warm_up_s=0)
    assert result["ok"].sum() >= loops.AT_LEAST and result["seconds"] > 0.5
    assert result["requests_per_s"] < 6


def test_a_window_goes_on_for_enough_answers_but_not_for_ever() -> None:
    # 20 ms each: 30 of them take 0.6 s, within 2.5 times 0.3 s; at 60 ms they would not.
    assert len(loops.closed_loop(Desk(service_s=0.02), 1, 0.3, warm_up_s=0)["ok"]) >= loops.ENOUGH
    slow = loops.closed_loop(Desk(service_s=0.06), 1, 0.1, warm_up_s=0)
    assert loops.AT_LEAST <= len(slow["ok"]) < loops.ENOUGH


def test_the_warm_up_lasts_until_all_clients_queue() -> None:
    # Eight clients at one place of 30 ms: the first of them to ask again waits for seven others from then on.
    result = loops.closed_loop(Desk(service_s=0.03), 8, 0.2, warm_up_s=0)
    assert result["latency_ms"].min() > 100


def test_warm_up_is_not_in_the_samples() -> None:
    desk = Desk(service_s=0.001)
    began = time.perf_counter()
    desk.fails = lambda n: time.perf_counter() - began < 0.15  # only a cold server fails
    result = loops.closed_loop(desk, 1, 0.2, warm_up_s=0.3)
    assert result["failures"] == 0 and result["ok"].all() and len(result["ok"]) > 10


def test_failures_are_counted_and_are_not_throughput() -> None:
    result = loops.closed_loop(Desk(fails=lambda n: n % 3 == 0), 1, 0.6, warm_up_s=0)
    assert result["failures"] == (~result["ok"]).sum() > 0
    assert result["requests_per_s"] == pytest.approx(result["ok"].sum() / result["seconds"])
    assert "RuntimeError: request refused" in result["errors"]
    assert sum(result["errors"].values()) == result["failures"]


@pytest.mark.parametrize(
    "desk", [Desk(fails=lambda n: True, service_s=0.001), Desk(refuses=True)], ids=["down", "refused"]
)
def test_clients_of_a_dead_server_give_up_instead_of_hammering_it(desk: Desk) -> None:
    began = time.perf_counter()
    result = loops.closed_loop(desk, 3, 30, warm_up_s=0)
    assert time.perf_counter() - began < 15
    assert result["failures"] == len(result["ok"]) <= 3 * loops.GIVE_UP_AFTER
    assert result["failures"] > 0 and result["requests_per_s"] == 0


def test_an_event_ends_the_window_early() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    result = loops.closed_loop(Desk(), 1, 60, warm_up_s=0, stop=stop)
    assert result["seconds"] < 10 and len(result["ok"]) > 0
    # It ends with the answer to what was under way.
    assert (result["started_s"] + result["latency_ms"] / 1e3).max() == pytest.approx(result["seconds"])


def test_the_window_is_announced_at_both_ends() -> None:
    events: list[str] = []

    class Noting(loops.Window):
        def opened(self) -> None:
            events.append("opened")

        def closed(self) -> None:
            events.append("closed")

    for generate in (
        lambda w: loops.closed_loop(Desk(), 1, 0.1, warm_up_s=0, window=w),
        lambda w: loops.open_loop(Desk(), Offered(50, 0.1, warm_up_s=0), max_clients=4, window=w),
    ):
        generate(Noting())
    assert events == ["opened", "closed"] * 2


def test_an_open_loop_offers_its_load_whatever_the_server_does() -> None:
    # A desk that can do 50 a second is offered 100: everything still arrives, and nothing is lost.
    slow = loops.open_loop(Desk(service_s=0.02), Offered(100, 0.8, warm_up_s=0), max_clients=100)
    fast = loops.open_loop(Desk(service_s=0.001, places=50), Offered(100, 0.8, warm_up_s=0), max_clients=100)
    assert slow["arrivals"] == fast["arrivals"] == len(slow["latency_ms"]) == len(fast["latency_ms"])
    assert slow["completed_rps"] < 55 < fast["completed_rps"]
    assert np.allclose(slow["started_s"], fast["started_s"])
    assert slow["offered_rps"] == 100.0 and slow["asked_rps"] == 100 and slow["seed"] == 0
    assert slow["spacing"] == "poisson"
    # In overload the queue grows for as long as it lasts: the last wait longest.
    quarter = len(slow["latency_ms"]) // 4
    assert slow["latency_ms"][-quarter:].mean() > 2 * slow["latency_ms"][:quarter].mean()


def test_latency_counts_from_the_intended_arrival_even_without_a_free_connection() -> None:
    # One connection for twice what it can carry: the wait for the connection is part of the latency.
    result = loops.open_loop(Desk(service_s=0.02), Offered(100, 0.5, warm_up_s=0), max_clients=1)
    assert result["latency_ms"].max() > 10 * 20
    assert result["arrivals"] == len(result["latency_ms"])


def test_what_connecting_takes_is_no_requests_wait() -> None:
    @dataclass
    class FarAway(Desk):
        def sender(self) -> DeskSender:
            time.sleep(0.8)
            return super().sender()

    result = loops.open_loop(FarAway(service_s=0.001, places=8), Offered(50, 0.4, warm_up_s=0), max_clients=4)
    assert len(result["ok"]) == 20 and result["latency_ms"].max() < 400


def test_littles_law_holds_for_what_the_generator_counted() -> None:
    result = loops.open_loop(Desk(service_s=0.02, places=20), Offered(100, 1.5, warm_up_s=0.3), max_clients=40)
    expected = result["arrivals"] / result["seconds"] * result["latency_ms"].mean() / 1e3
    assert result["in_flight_mean"] == pytest.approx(expected, rel=0.2)


def test_a_machine_that_stands_still_to_the_end_of_the_window_has_seen_who_arrived_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([100.0, 100.1, 102.0])
    monkeypatch.setattr(loops.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(loops.time, "sleep", lambda _: None)
    # One request every 10 ms from 100 s on, none answered: by 100.1 s ten have arrived, by the end 51.
    sampled_s, in_flight = loops.watch(Log(), 100.005 + np.arange(100) / 100, 100.0, 0.505)
    np.testing.assert_allclose(sampled_s, [0, 0.1, 0.505])
    assert in_flight.tolist() == [0, 10, 50]


def test_requests_without_an_answer_in_time_are_failures() -> None:
    desk = Desk(service_s=0.8, timeout_s=0.2, places=8)
    result = loops.open_loop(desk, Offered(20, 0.3, warm_up_s=0), max_clients=8)
    assert result["failures"] == result["arrivals"] > 0 and len(result["latency_ms"]) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: loops.closed_loop(Desk(), 0),
        lambda: loops.closed_loop(Desk(), loops.MAX_CLIENTS + 1),
        lambda: loops.closed_loop(Desk(), 1, 0),
        lambda: loops.open_loop(Desk(), Offered(0)),
        lambda: loops.open_loop(Desk(), Offered(10), max_clients=0),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(call: Callable[[], dict]) -> None:
    with pytest.raises(UsageError):
        call()


def test_a_request_due_at_the_very_moment_when_the_window_opens_is_counted_once_or_not_at_all() -> None:
    # The number before 0.2 is 0.2 less 2.8e-17; beside a clock of thousands of seconds there is no such difference.
    offered = Offered(20, 0.1, warm_up_s=0.2, moments_s=(-2.8e-17, 0.02, 0.05))
    assert offered.arrivals_s()[0] < offered.warm_up_s
    result = loops.open_loop(Desk(service_s=0.001), offered, max_clients=4)
    assert result["failures"] == 0 and result["arrivals"] == len(result["latency_ms"]) >= 2
