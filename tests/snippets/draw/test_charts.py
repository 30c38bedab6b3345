"""What charts write can be read: no name covers another."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from snippets.draw import charts
from snippets.measure.latency import Latency
from snippets.stats import Estimate


@pytest.mark.parametrize("apart", [0.0, 0.02, 1.0])
def test_names_of_points_that_lie_together_do_not_cover_each_other(apart: float) -> None:
    points = {f"candidate number {n}": (2.0 + apart * (n % 3), 90.0 + apart * n) for n in range(7)}
    figure = charts.scatter(points, "title", "x", "y")
    figure.canvas.draw()
    (axes,) = figure.axes
    names = [text for text in axes.texts if text.get_text() in points]
    assert len(names) == len(points)
    frame = axes.get_window_extent()
    for text in names:
        extent = text.get_window_extent()
        assert frame.x0 <= extent.x0 and extent.x1 <= frame.x1
    for one, other in combinations(names, 2):
        first, second = one.get_window_extent(), other.get_window_extent()
        assert not first.shrunk(0.98, 0.9).overlaps(second.shrunk(0.98, 0.9)), (one, other)


def front_and_target(points: dict[str, tuple[float, float]]):
    """A chart of these points, with a front from "aggressive" to "onnx-all" and a target of 3: axes, extent of the
    name "aggressive"."""
    marks = charts.Marks(front=["aggressive", "onnx-all"], x_below=3.0)
    figure = charts.scatter(points, "title", "x", "y", marks=marks)
    figure.canvas.draw()
    (axes,) = figure.axes
    (name,) = (text for text in axes.texts if text.get_text() == "aggressive")
    return axes, name.get_window_extent()


def test_a_name_keeps_clear_of_the_lines_of_the_front_and_of_the_target() -> None:
    points = {"aggressive": (2.9, 83.3), "onnx-all": (4.59, 87.9), "dynamic": (29.0, 66.7)}
    axes, extent = front_and_target(points)
    (x, level), (corner, _) = axes.transData.transform([points["aggressive"], points["onnx-all"]])
    assert not (extent.y0 < level < extent.y1 and extent.x1 > x)
    assert not extent.x0 < corner < extent.x1
    assert not extent.x0 < axes.transData.transform((3.0, 0.0))[0] < extent.x1


def test_a_name_that_must_cross_the_target_does_not_lie_on_the_front_as_well() -> None:
    # Too near to the frame for the left side, and the target's line is just right of it.
    points = {"aggressive": (2.75, 83.3), "onnx-all": (4.25, 87.9), "dynamic": (50.5, 66.7)}
    axes, extent = front_and_target(points)
    x, level = axes.transData.transform(points["aggressive"])
    assert extent.x0 > x and not extent.y0 < level < extent.y1


@pytest.mark.parametrize(("slowest", "labels"), [(17.0, ["6", "7", "8", "9", "10"]), (90.0, ["10", "20", "50", "100"])])
def test_a_logarithmic_axis_says_enough_to_be_read(slowest: float, labels: list[str]) -> None:
    figure = charts.distributions({"eager": Latency.burst(np.geomspace(6.0, slowest, 50))}, "title")
    figure.canvas.draw()
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    ticks = [*axes.xaxis.get_major_ticks(), *axes.xaxis.get_minor_ticks()]
    shown = [tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high]
    assert sorted(filter(None, shown), key=float) == labels


@pytest.mark.parametrize(("count", "levels"), [(20, ["p50"]), (100, ["p50", "p95"]), (400, ["p50", "p95", "p99"])])
def test_only_percentiles_that_the_samples_can_tell_have_a_line(count: int, levels: list[str]) -> None:
    samples = {"eager": Latency.burst(np.geomspace(6, 17, 400)), "compiled": Latency.burst(np.geomspace(2, 3, count))}
    (axes,) = charts.distributions(samples, "title").axes
    assert [text.get_text() for text in axes.texts] == levels


def test_an_undecided_point_is_a_ring_and_intervals_are_drawn_both_ways() -> None:
    points = {"openvino": (1.0, 88.0), "onnx-all": (1.1, 88.0)}
    cost = {name: Estimate(x, x - 0.2, x + 0.2) for name, (x, _) in points.items()}
    marks = charts.Marks(("openvino",), undecided=("onnx-all",), x_errors=cost)
    (axes,) = charts.scatter(points, "title", "x", "y", marks=marks).axes
    dot, ring = (spot.get_facecolor() for spot in axes.collections)
    assert len(dot) == 1 and len(ring) == 0
    assert [0.8, 1.2] in [[round(float(x), 3) for x in line.get_xdata()] for line in axes.get_lines()]
