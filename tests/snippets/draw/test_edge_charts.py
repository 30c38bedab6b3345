"""Charts of the edge lab: phases that add up, words where the board is silent, and the crossing of two lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snippets.draw import edge_charts


def test_the_phases_of_a_start_stand_one_behind_the_other() -> None:
    start = {"process_ms": [20.0], "libraries_ms": [60.0], "model_ms": [15.0], "first_inference_ms": [5.0]}
    (axes,) = edge_charts.cold_start({"fp32": {**start, "steady_ms": [4.0]}}).axes
    assert [bar.get_x() for bar in axes.patches] == [0.0, 20.0, 80.0, 95.0]
    assert axes.texts[0].get_text() == "100 ms; then 4.0 ms"


@pytest.fixture
def soaked() -> dict[str, Any]:
    """Ten seconds of 5 ms each; the board told its clock and was throttled once, but not its temperature."""
    return {
        "latency_ms": np.full(100, 5.0),
        "started_s": np.arange(100) / 10,
        "seconds": 10.0,
        "board_s": np.array([0.0, 5.0]),
        "temperature_c": np.full(2, np.nan),
        "clock_mhz": np.array([2400.0, 1500.0]),
        "limits": ["", "throttled"],
        "absent": {"temperature_c": "no readable thermal zone"},
    }


def test_a_soak_says_in_words_what_the_board_does_not_tell(soaked: dict[str, Any]) -> None:
    latency, temperature, clock = edge_charts.soaking(soaked).axes
    assert latency.get_title(loc="left") == "100 predictions in 10 s"
    assert temperature.texts[0].get_text() == "not told here: no readable thermal zone"
    told, throttled = clock.get_lines()
    assert list(told.get_ydata()) == [2400.0, 1500.0] and list(throttled.get_xdata()) == [5.0, 5.0]


def test_cloud_and_edge_cross_where_the_round_trip_makes_up_for_the_server() -> None:
    (axes,) = edge_charts.cloud_or_edge(np.full(9, 30.0), np.full(9, 10.0), 48.0, measured_rtt_ms=12.0).axes
    assert {text.get_text().strip() for text in axes.texts} == {"crossover at 20.0 ms", "your network: 12.0 ms"}


def test_a_device_that_is_faster_than_the_server_wins_on_every_network() -> None:
    (axes,) = edge_charts.cloud_or_edge(np.full(9, 5.0), np.full(9, 10.0), 48.0).axes
    assert axes.texts[0].get_text() == "the device answers before the server even without a network"
