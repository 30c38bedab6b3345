"""Charts of Triton's loads show the numbers that the loads hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from snippets.draw import system_charts
from snippets.draw.style import STAGE_COLOURS
from snippets.simulate.calibrated import Figures


def test_the_bars_of_a_request_are_its_queue_its_computing_and_the_rest(load: dict[str, Any]) -> None:
    figure = system_charts.where_time_goes({"one": load, "other": {**load, "client_ms": -0.1}}, "Where")
    left, right = figure.axes
    assert [bar.get_height() for bar in left.patches] == [6.0, 6.0, 15.0, 15.0, 4.0, 0.0]
    assert left.patches[0].get_facecolor() != left.patches[2].get_facecolor()
    assert [text.get_text() for text in left.texts] == ["25 ms", "21 ms"]
    assert [text.get_text() for text in right.texts] == ["2.0", "2.0"]
    assert set(system_charts.TIME_BARS["queue_ms"]) >= {STAGE_COLOURS["queue"]}


def test_a_curve_has_a_point_for_each_number_of_clients(load: dict[str, Any]) -> None:
    more = {**load, "clients": 8, "samples_per_s": 5.0}
    (axes,) = system_charts.latency_and_throughput({"off": [load, more]}, "Curves").axes
    medians, two, eight, *named = axes.get_lines()
    assert list(medians.get_xdata()) == [2.0, 5.0] and list(medians.get_ydata()) == [25.0, 25.0]
    assert [line.get_label() for line in named] == ["2 clients", "8 clients"]
    assert [line.get_marker() for line in named] == [two.get_marker(), eight.get_marker()]
    assert list(eight.get_xdata()) == [5.0] and two.get_marker() != eight.get_marker()


def test_a_histogram_counts_requests_and_not_executions(load: dict[str, Any]) -> None:
    # Two executions of one row and one of two rows: half of the four requests in each.
    (axes,) = system_charts.batch_histogram({"on": load}, "Batches").axes
    assert [bar.get_height() for bar in axes.patches] == [50.0, 50.0]
    # Two requests in a batch of one and two in a batch of two: 1.5 on average (4 rows / 3 executions are 1.33).
    assert float(axes.get_lines()[0].get_xdata()[0]) == pytest.approx(1.5)


def test_the_machines_curves_are_those_that_were_sampled(load: dict[str, Any]) -> None:
    load |= {"util_gpu_memory_mb": np.array([[1200.0], [1500.0]]), "util_gpu_clock_mhz": np.array([[1189.0], [1328.0]])}
    (axes,) = system_charts.utilization({"one": load}, "Busy").axes
    processor, gpu = axes.get_lines()
    assert list(processor.get_ydata()) == [50.0, 60.0] and gpu.get_label() == "GPU 0 (1.5 GB, 1258 MHz)"


@pytest.mark.parametrize(("number", "columns"), [(2, 2), (3, 3), (4, 2), (5, 2)])
def test_more_than_three_machines_stand_in_two_columns(load: dict[str, Any], number: int, columns: int) -> None:
    figure = system_charts.utilization({str(n): load for n in range(number)}, "Busy")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == number and shown[0].get_gridspec().ncols == columns


def test_each_setting_of_the_grid_shows_its_rate_and_its_p95_and_leaves_the_choice(load: dict[str, Any]) -> None:
    (axes,) = system_charts.grid(
        {(1, 1): load, (2, 1): {**load, "ok": np.ones(6, dtype=bool), "latency_ms": np.full(6, 9.0)}}, "Grid"
    ).axes
    # Four answers are too few for a p95, and a single window has no interval.
    assert [text.get_text() for text in axes.texts] == ["2/s", "3/s"]
    assert [text.get_position() for text in axes.texts] == [(0, 0), (1, 0)] and not axes.patches


def test_a_neighbour_has_its_own_bar(load: dict[str, Any]) -> None:
    left, right = system_charts.neighbours({"alone": load, "shared": {**load, "neighbour_rps": 33.0}}, "Light").axes
    (bar,) = right.patches
    assert bar.get_height() == 33.0 and bar.get_facecolor()[:3] == to_rgb(left.get_lines()[1].get_color())
    assert left.get_lines()[0].get_ydata().tolist() == [25.0, 50.0, 75.0, 100.0]


def test_what_was_measured_in_windows_shows_how_far_they_lie_apart(repeated: dict[str, Any]) -> None:
    left, right = system_charts.where_time_goes({"one": repeated}, "Where").axes
    for axes in (left, right):
        (whisker,) = axes.get_lines()
        low, high = whisker.get_ydata()
        assert low < high
    (axes,) = system_charts.latency_and_throughput({"off": [repeated]}, "Curves").axes
    across, up = axes.get_lines()[2:4]
    assert np.ptp(across.get_xdata()) > 0 == np.ptp(across.get_ydata())
    assert np.ptp(up.get_ydata()) > 0 == np.ptp(up.get_xdata())
    (axes,) = system_charts.grid({(1, 1): repeated}, "Grid").axes
    assert " to " in axes.texts[0].get_text()


def test_the_windows_of_a_busy_machine_stand_one_behind_the_other(repeated: dict[str, Any]) -> None:
    (axes,) = system_charts.utilization({"one": repeated}, "Busy").axes
    assert [(patch.get_x(), patch.get_width()) for patch in axes.patches] == [(0.0, 2.0), (2.0, 1.0), (3.0, 4.0)]


def test_long_names_under_bars_are_broken_before_they_touch(load: dict[str, Any]) -> None:
    names = ("16 clients, 1 photo each", "1 client, 16 photos")
    left, _ = system_charts.where_time_goes(dict.fromkeys(names, load), "Where").axes
    assert [label.get_text() for label in left.get_xticklabels()] == [
        "16 clients,\n1 photo each",
        "1 client,\n16 photos",
    ]


SAID = {"off, 1 client": Figures(100, 10, 20), "on, 8 clients": Figures(400, 20, 30)}


def asked_for(values_ms: list[float], requests_per_s: float) -> dict[str, Any]:
    count = len(values_ms)
    return {"latency_ms": np.array(values_ms), "ok": np.ones(count, bool), "seconds": count / requests_per_s}


def test_each_load_is_a_point_at_what_was_predicted_and_what_was_measured() -> None:
    loads = {"off, 1 client": asked_for([8.0] * 3, 110), "on, 8 clients": asked_for([25.0] * 3, 300)}
    figure = system_charts.predicted(SAID, loads, "t")
    points = [
        [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines if len(line.get_xdata()) == 1]
        for axes in figure.axes
    ]
    expected = [[(100, 110), (400, 300)], [(10, 8), (20, 25)], [(20, 8), (30, 25)]]
    assert points == [[pytest.approx(point) for point in panel] for panel in expected]


def test_a_measured_figure_has_its_interval_where_its_windows_give_one() -> None:
    windows = [asked_for([ms] * 20, 100) for ms in (9.0, 10.0, 11.0)]
    whole = {**asked_for([9.0] * 20 + [10.0] * 20 + [11.0] * 20, 100), "windows": windows}
    figure = system_charts.predicted({"two instances": Figures(90, 9, 9)}, {"two instances": whole}, "t")
    whiskers = [[line for line in axes.lines if list(line.get_xdata()) == [9, 9]] for axes in figure.axes]
    low, high = whiskers[1][0].get_ydata()
    assert low < 10 < high
    assert not whiskers[2]  # sixty answers do not bound a p95


def test_a_wide_panel_names_powers_of_ten_only() -> None:
    said = {"a": Figures(100, 2, 3), "b": Figures(110, 900, 950)}
    figure = system_charts.predicted(said, {"a": asked_for([2.0] * 3, 100), "b": asked_for([900.0] * 3, 110)}, "t")
    figure.canvas.draw()
    narrow, wide = ([label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes[:2])
    assert {"10", "100"} <= set(wide) and not {"20", "500"} & set(wide)
    assert "100" in narrow


def test_a_predicted_figure_reaches_as_far_as_the_machines_unsteadiness_leaves_open() -> None:
    said = Figures(90, 9, 9, slower=Figures(80, 11, 12), faster=Figures(95, 8, 7))
    figure = system_charts.predicted({"two instances": said}, {"two instances": asked_for([10.0] * 20, 100)}, "t")
    level = [[list(line.get_xdata()) for line in axes.lines if len(set(line.get_ydata())) == 1] for axes in figure.axes]
    assert [[80, 95] in level[0], [8, 11] in level[1], [7, 12] in level[2]] == [True] * 3
