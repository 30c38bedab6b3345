"""Charts of Part 1 that show one thing: pictures by class, confusions, a break-even, a search, a scan."""

from __future__ import annotations

import numpy as np

from snippets.draw import model_charts
from snippets.stats import Estimate


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
    never = model_charts.investment(5.0, {"eager": 10.0, "compiled": 20.0}, np.inf)
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
