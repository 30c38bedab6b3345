"""Cloud against edge: the crossover is where the two delays are equal."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snippets.edge.crossover import cloud_total_ms, crossover, round_trips_ms, told, upload_ms
from snippets.errors import ServerError, UsageError
from snippets.machine.process import free_port

milliseconds = st.floats(0.1, 500)


@given(st.lists(milliseconds, min_size=3, max_size=30), st.lists(milliseconds, min_size=3, max_size=30), milliseconds)
def test_at_the_crossover_both_take_the_same_time(edge: list[float], server: list[float], sending: float) -> None:
    found = crossover(np.array(edge), np.array(server), sending_ms=sending)
    cloud = cloud_total_ms(found.rtt_ms, float(np.median(server)), sending)
    assert float(cloud) == pytest.approx(float(np.median(edge)), abs=1e-6)


def test_the_interval_holds_the_estimate_and_narrows_with_samples() -> None:
    dice = np.random.default_rng(3)
    few = crossover(dice.normal(30, 3, 20), dice.normal(5, 1, 20))
    many = crossover(dice.normal(30, 3, 2000), dice.normal(5, 1, 2000))
    for found in (few, many):
        assert found.low_ms <= found.rtt_ms <= found.high_ms
    assert many.high_ms - many.low_ms < few.high_ms - few.low_ms
    assert many.rtt_ms == pytest.approx(25, abs=0.5)


def test_the_interval_is_that_of_95_in_100_resamples() -> None:
    # Of 101 samples 0, 1, ... 100 a resample's median lies within 1.96 standard deviations of rank 50, and one is
    # half the square root of 101: between 40 and 60. (Half of the resamples would lie between 47 and 53.)
    found = crossover(np.arange(101.0), np.zeros(3))
    assert found.rtt_ms == 50
    assert found.low_ms == pytest.approx(40, abs=2) and found.high_ms == pytest.approx(60, abs=2)


def test_a_device_faster_than_the_server_wins_on_every_network() -> None:
    assert crossover(np.full(5, 2.0), np.full(5, 3.0)).rtt_ms == -1.0


@pytest.mark.parametrize(
    ("low", "high", "sentence"),
    [
        (-9.0, 0.0, "the device answers sooner on every network"),
        (-1.0, 4.0, "whether the cloud is ever sooner is not decided; beyond a round trip of 4.0 ms it is not"),
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
