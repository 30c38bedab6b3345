"""Cloud against edge: the crossover is where the two delays are equal."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snippets.edge.crossover import cloud_total_ms, crossover, crossover_ms, round_trips_ms, told, upload_ms
from snippets.errors import ServerError, UsageError
from snippets.machine.process import free_port
from snippets.measure.latency import Latency

milliseconds = st.floats(0.1, 500)


def blocks(*medians_ms: float) -> Latency:
    """Latencies with a sample a round."""
    return Latency(np.array(medians_ms), np.arange(len(medians_ms)), "edge")


@given(st.lists(milliseconds, min_size=3, max_size=30), st.lists(milliseconds, min_size=3, max_size=30), milliseconds)
def test_at_the_crossover_both_take_the_same_time(edge: list[float], server: list[float], sending: float) -> None:
    found = crossover(Latency.burst(edge), Latency.burst(server), sending_ms=sending)
    cloud = cloud_total_ms(found.rtt_ms, float(np.median(server)), sending)
    assert float(cloud) == pytest.approx(float(np.median(edge)), abs=1e-6)


def test_the_interval_follows_from_those_of_the_two_medians() -> None:
    # In logarithms -0.1, 0, 0.1 lie a standard deviation of 0.1 apart: the median 30 is known to a factor of
    # exp(4.303 x 0.1 / sqrt(3) x 1.904) = exp(0.4729) = 1.605, from 18.70 to 48.14: 1.904 is what three blocks that
    # drift do not show. The server's 5 ms are exact.
    found = crossover(blocks(30 * np.exp(-0.1), 30, 30 * np.exp(0.1)), blocks(5, 5, 5))
    assert found.rtt_ms == pytest.approx(25)
    assert (found.low_ms, found.high_ms) == (pytest.approx(13.70, abs=0.01), pytest.approx(43.14, abs=0.01))
    # With 30 blocks of the same spread it is narrower.
    many = crossover(blocks(*np.tile([30 * np.exp(-0.1), 30, 30 * np.exp(0.1)], 10)), blocks(5, 5, 5))
    assert many.high_ms - many.low_ms < 7


def test_a_device_faster_than_the_server_wins_on_every_network() -> None:
    assert crossover(blocks(2, 2, 2), blocks(3, 3, 3)).rtt_ms == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("low", "high", "sentence"),
    [
        (-9.0, 0.0, "the device answers sooner on every network"),
        (-1.0, 4.0, "whether the cloud is ever sooner is not decided; beyond a round trip of 4 ms it is not"),
        (-1.0, 0.042, "whether the cloud is ever sooner is not decided; beyond a round trip of 0.042 ms it is not"),
        (
            1.0,
            4.0,
            "the cloud answers sooner on a near network, the device on a far one; the crossing is known to 3.0 ms",
        ),
    ],
)
def test_who_answers_sooner_is_told_by_the_interval(low: float, high: float, sentence: str) -> None:
    assert told(low, high) == sentence


def test_sending_takes_bits_over_bits_a_second() -> None:
    assert upload_ms(125_000, 10) == pytest.approx(100)
    for photo, speed in ((1000, 0), (1000, -1), (-1, 10)):
        with pytest.raises(UsageError):
            upload_ms(photo, speed)


def test_round_trips_are_measured_without_an_application() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=lambda: [server.accept()[0].close() for _ in range(5)], daemon=True)
        accepting.start()
        times = round_trips_ms("127.0.0.1", server.getsockname()[1], count=5, pause_s=0)
        accepting.join(5)
    assert times.shape == (5,) and np.all(times > 0)


def test_a_server_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(ServerError, match="cannot be reached"):
        round_trips_ms("127.0.0.1", free_port(), count=1)


def test_the_crossing_of_two_medians_is_never_below_zero() -> None:
    assert (crossover_ms(40, 12), crossover_ms(5, 5), crossover_ms(5, 12)) == (28, 0, 0)
