"""A graph's beginning is a column of boxes, constant work beside it, and a legend of what occurs."""

from __future__ import annotations

from matplotlib.patches import FancyBboxPatch

from snippets.draw.graph_picture import draw_trunks
from snippets.engine.graph import Operation


def test_every_operation_and_its_constant_work_has_a_box() -> None:
    columns = {
        "none": [Operation("Conv", "convolution", ("Cast + Expand",)), Operation("Clip", "activation", ("a", "b"))],
        "all": [Operation("Conv (NCHWc)", "layout", ())],
    }
    figure = draw_trunks(columns, "Trunks")
    (axes,) = figure.axes
    assert sum(isinstance(patch, FancyBboxPatch) for patch in axes.patches) == 3 + 3
    words = {text.get_text() for text in axes.texts}
    assert {"none", "all", "Conv", "Clip", "Cast + Expand", "a", "b"} <= words
    named = {text.get_text() for text in figure.legends[0].get_texts()}
    assert named == {"convolution", "ReLU6 (Clip)", "convolution (+ ReLU6), NCHWc layout", "work on constants"}


def test_without_constant_work_the_legend_does_not_name_it() -> None:
    figure = draw_trunks({"all": [Operation("Conv", "convolution", ())]}, "Trunks")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["convolution"]
