"""Charts of Part 1 that show one thing: pictures by class, confusions, a break-even, a search, a scan."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.draw import model_charts
from snippets.stats import Estimate

RATES = {
    "Python": Estimate(0.0456, 0.04, 0.05),
    "loop order, yours": Estimate(26.0, 25.0, 27.0),
    "int8": Estimate(1360.4, 1200.0, 1500.0),
}


def test_a_ladder_has_its_first_rung_on_top_and_marks_what_is_ones_own() -> None:
    (axes,) = model_charts.ladder_chart(RATES, "Ladder").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(RATES)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert [text.get_text() for text in axes.texts] == ["0.0456", "26", "1,360"]
    colours = [tuple(dot.get_facecolor()[0]) for dot in axes.collections]
    assert colours[0] == colours[2] != colours[1]


ROOF = model_charts.Roof({"int8": 1000.0, "float32": 250.0}, {"memory": 50.0, "first caches": 200.0})


def test_a_roofline_rises_with_the_intensity_until_arithmetic_limits_it() -> None:
    points = {"1 photo": (0.5, Estimate(20.0, 18.0, 22.0)), "library": (80.0, Estimate(240.0, 230.0, 250.0))}
    (axes,) = model_charts.roofline(ROOF, points, "Roofline").axes
    memory, caches = axes.lines[0], axes.lines[1]
    for line, speed in ((memory, 50), (caches, 200)):
        x, y = (np.asarray(values) for values in line.get_data())
        assert np.allclose(y, np.minimum(x * speed, 1000))
        assert x[0] < 0.5 and x[-1] > 80
    assert [list(line.get_ydata()) for line in axes.lines[2:4]] == [[1000.0, 1000.0], [250.0, 250.0]]
    written = [text.get_text() for text in axes.texts]
    assert {"memory: 50 GB/s", "first caches: 200 GB/s", "int8: 1,000", "float32: 250"} <= set(written)
    assert {"1 photo", "library"} <= set(written)


def test_layers_of_one_kind_share_a_colour_and_are_named_in_the_legend() -> None:
    points = {name: (x, Estimate(10.0, np.nan, np.nan)) for name, x in (("a", 1.0), ("b", 2.0), ("c", 10.0))}
    kinds = {"a": "depthwise", "b": "depthwise", "c": "1x1"}
    (axes,) = model_charts.roofline(ROOF, points, "Layers", kinds).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["depthwise", "1x1"]
    colours = [tuple(dot.get_facecolor()[0]) for dot in axes.collections[:3]]
    assert colours[0] == colours[1] != colours[2]
    assert not {"a", "b", "c"} & {text.get_text() for text in axes.texts}


def test_what_remains_is_grouped_by_quantity_in_per_cent_of_the_whole() -> None:
    half, all_of_it = Estimate(0.5, 0.5, 0.5), Estimate(1.0, 0.96, 1.04)
    shares = {"work": {"zeros": all_of_it, "channels": half}, "latency": {"zeros": all_of_it, "channels": half}}
    figure = model_charts.remains_chart(shares, "onnx-all", "What became half?")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["work", "latency"]
    assert [text.get_text() for text in axes.texts] == ["100", "100", "50", "50"]
    assert [bar.get_width() for bar in axes.patches] == [100, 100, 50, 50]
    assert axes.get_xlabel() == "per cent of onnx-all"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["zeros", "channels"]
    assert [list(line.get_xdata()) for line in axes.lines][:2] == [[96.0, 104.0]] * 2


def test_a_gallery_shows_one_picture_of_each_class_that_has_some() -> None:
    images = np.zeros((3, 224, 224, 3), dtype=np.uint8)
    figure = model_charts.gallery(images, np.array([0, 0, 2]), ["bread", "egg", "soup"])
    assert [axes.get_title() for axes in figure.axes if axes.images] == ["bread", "soup"]


def test_a_confusion_is_written_where_there_is_one() -> None:
    (axes,) = model_charts.confusions(np.array([[3, 0], [1, 2]]), ["bread", "egg"], "Confusions").axes
    assert [(text.get_position(), text.get_text()) for text in axes.texts] == [
        ((0, 0), "3"),
        ((0, 1), "1"),
        ((1, 1), "2"),
    ]


def test_an_investment_pays_where_the_lines_cross() -> None:
    figure = model_charts.investment(5.0, {"eager": 20.0, "compiled": 10.0}, 500.0)
    (crossing,) = figure.axes[0].collections
    assert crossing.get_offsets().tolist() == [[500.0, 10.0]]
    assert not figure.axes[0].texts  # the number is the student's to compute
    never = model_charts.investment(5.0, {"eager": 10.0, "compiled": 20.0}, None)
    assert not never.axes[0].collections


def test_the_chosen_candidates_are_named_with_what_they_were_chosen_for() -> None:
    losses = {"all": Estimate(0.03, 0.01, 0.05), "late layers": Estimate(0.0, -0.01, 0.01)}
    notes = {"all": "2.4 MB", "late layers": "8.9 MB"}
    axes = model_charts.search_chart(losses, notes, {"aggressive": "all"}, {"aggressive": 0.05}).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["all (aggressive)", "late layers"]
    assert {"2.4 MB", "8.9 MB", "aggressive: at most 5"} <= {text.get_text() for text in axes.texts}
    assert [list(line.get_xdata()) for line in axes.lines[:2]] == [[1.0, 5.0], [-1.0, 1.0]]


def test_a_scan_shows_the_worst_parts() -> None:
    figure = model_charts.sensitivity_chart({"head": 0.03, "stem": 0.01, "tail": 0.001}, most=2)
    assert [bar.get_width() for bar in figure.axes[0].patches] == [0.03, 0.01]


def test_gains_stand_with_their_intervals_and_the_mean_of_the_seeds_below_them() -> None:
    shares = {"labels": [Estimate(40.0, 36.0, 44.0)] * 3, "teacher": [Estimate(46.0, 42.0, 50.0)] * 3}
    gains = [Estimate(value, value - 3, value + 3) for value in (6.0, -2.0, 4.0)]
    left, right = model_charts.gains_chart(shares, gains, Estimate(2.7, -7.6, 13.0), "What the teacher brought").axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["learnt from labels", "learnt from teacher"]
    assert [label.get_text() for label in right.get_yticklabels()] == [
        "seed 1",
        "seed 2",
        "seed 3",
        "mean of the seeds",
    ]
    assert [text.get_text() for text in right.texts] == ["+6.0", "-2.0", "+4.0", "+2.7"]
    assert [list(line.get_xdata()) for line in right.lines[:4]] == [[3, 9], [-5, 1], [1, 7], [-7.6, 13]]
    assert right.lines[4].get_xdata()[0] == 0


def test_training_is_drawn_step_by_step_beside_what_each_file_lost() -> None:
    lost = {"static": Estimate(0.4, 0.3, 0.5), "qat": Estimate(-0.01, -0.05, 0.03)}
    figure = model_charts.training_chart({"qat": np.array([2.0, 1.5, 1.0])}, lost, "Training")
    left, right = figure.axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["qat"]
    assert np.array_equal(left.lines[0].get_data(), [[1, 2, 3], [2.0, 1.5, 1.0]]) and left.get_ylim()[0] == 0
    assert [label.get_text() for label in right.get_yticklabels()] == ["static", "qat"]
    ends = [list(line.get_xdata()) for line in right.lines[:2]]
    assert ends == [[pytest.approx(30), pytest.approx(50)], [pytest.approx(-5), pytest.approx(3)]]
    assert [text.get_text() for text in right.texts] == ["40.0", "-1.0"]
