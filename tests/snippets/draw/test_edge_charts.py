"""Charts of the edge lab: phases that add up, words where the board is silent, and the crossing of two lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grading.questions import question
from snippets.draw import edge_charts
from snippets.measure.latency import Latency


def test_the_phases_of_a_start_stand_one_behind_the_other() -> None:
    start = {"process_ms": [20.0], "libraries_ms": [60.0], "model_ms": [15.0], "first_inference_ms": [5.0]}
    (axes,) = edge_charts.cold_start({"fp32": {**start, "steady_ms": [4.0]}}).axes
    assert [bar.get_x() for bar in axes.patches] == [0.0, 20.0, 80.0, 95.0]
    assert axes.texts[0].get_text() == "then 4.0 ms"


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
    figure = edge_charts.soaking(soaked)
    latency, clock = figure.axes
    assert latency.get_title(loc="left") == "100 predictions in 10 s"
    assert figure.get_supxlabel() == "temperature not told here: no readable thermal zone"
    told, throttled = clock.get_lines()
    assert list(told.get_ydata()) == [2400.0, 1500.0] and list(throttled.get_xdata()) == [5.0, 5.0]


def test_a_soak_on_a_silent_board_has_no_empty_panel(soaked: dict[str, Any]) -> None:
    silent = {
        **soaked,
        "clock_mhz": np.full(2, np.nan),
        "absent": {"temperature_c": "no zone", "clock_mhz": "no clock"},
    }
    figure = edge_charts.soaking(silent)
    assert len(figure.axes) == 1
    assert figure.get_supxlabel().splitlines() == [
        "temperature not told here: no zone",
        "clock not told here: no clock",
    ]


SENDING = {"nothing to send": 0.0, "whole photo sent": 48.0}


def test_cloud_and_edge_cross_where_the_round_trip_makes_up_for_the_server() -> None:
    networks = {"5G": 20.0, "yours": 900.0}
    figure = edge_charts.cloud_or_edge(Latency.burst([30.0] * 9), Latency.burst([10.0] * 9), SENDING, networks=networks)
    (axes,) = figure.axes
    (crossing,) = (line for line in axes.get_lines() if line.get_marker() == "o")
    assert (crossing.get_xdata()[0], crossing.get_ydata()[0]) == (20.0, 30.0)
    assert {text.get_text() for text in axes.texts} == set(networks)
    assert axes.get_xlim()[1] > 900


def test_the_crossing_may_be_worked_out_elsewhere() -> None:
    edge, server = Latency.burst([30.0] * 9), Latency.burst([10.0] * 9)
    (axes,) = edge_charts.cloud_or_edge(edge, server, SENDING, crossing_ms=20.5, title="Mine").axes
    (crossing,) = (line for line in axes.get_lines() if line.get_marker() == "o")
    assert crossing.get_xdata()[0] == 20.5 and axes.get_title(loc="left") == "Mine"
    (axes,) = edge_charts.cloud_or_edge(server, edge, SENDING, crossing_ms=0.0).axes
    assert not [line for line in axes.get_lines() if line.get_marker() == "o"]


def test_the_chart_reaches_the_networks_that_the_question_asks_about() -> None:
    (axes,) = edge_charts.cloud_or_edge(Latency.burst([3.0] * 9), Latency.burst([1.0] * 9), SENDING).axes
    asked = question("edge.crossover.choice").text
    for milliseconds in edge_charts.NETWORKS_MS.values():
        assert f"({milliseconds:g} ms)" in asked and axes.get_xlim()[0] < milliseconds < axes.get_xlim()[1]


def test_a_device_that_is_faster_than_the_server_wins_on_every_network() -> None:
    (axes,) = edge_charts.cloud_or_edge(Latency.burst([5.0] * 9), Latency.burst([10.0] * 9), SENDING).axes
    told = "with nothing to send, the device answers before the server even without a network"
    assert told in [text.get_text() for text in axes.texts]


def test_the_device_wins_everywhere_only_beyond_the_interval() -> None:
    (axes,) = edge_charts.cloud_or_edge(Latency.burst([4.0, 5.0, 6.0] * 3), Latency.burst([5.1] * 9), SENDING).axes
    (told,) = (text for text in axes.texts if text.get_text().startswith("with nothing to send"))
    assert told.get_text().endswith("device and server are too close to tell which is the faster one")
    assert told.get_bbox_patch() is not None, "a network's line would strike the words through"
