"""One colour has one meaning, and every chart begins with the same look."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np

from snippets.draw import style
from snippets.stats import Estimate


def test_a_model_keeps_its_colour_wherever_it_stands_and_whatever_it_is_called() -> None:
    assert style.color("dynamic", 0) == style.color("dynamic", 5)
    assert style.color("fp32") == style.color("onnx-all") == style.color("ONNX Runtime")
    assert style.color("PyTorch") == style.color("eager")


def test_names_without_a_colour_are_told_apart_by_their_position() -> None:
    found = [style.color("anything", position) for position in range(len(style.SERIES))]
    assert len(set(found)) == len(style.SERIES)
    assert style.color("anything", len(style.SERIES)) == found[0]


def test_no_colour_of_a_series_stands_for_a_model_a_stage_or_an_operation() -> None:
    taken = {*style.MODEL_COLOURS.values(), *style.STAGE_COLOURS.values(), *style.OPERATION_COLOURS.values()}
    assert not taken & {*style.SERIES, style.TARGET, style.MET}
    assert not set(style.MODEL_COLOURS.values()) & set(style.STAGE_COLOURS.values())


def test_a_canvas_has_title_and_units_and_no_frame() -> None:
    figure, axes = style.canvas("Latency", "ms", "share", size=(5, 3))
    assert (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()) == ("Latency", "ms", "share")
    assert not axes.spines["top"].get_visible() and figure.get_size_inches().tolist() == [5, 3]
    assert plt.fignum_exists(figure.number)  # type: ignore[attr-defined] # a notebook shows what pyplot holds


def test_panels_come_row_by_row() -> None:
    _, panels = style.panels(style.Panels(rows=2, columns=3, share_y=True), (6, 4), "All of them")
    assert len(panels) == 6 and panels[0].get_position().y0 > panels[3].get_position().y0


def test_bars_from_top_to_bottom_are_named_and_uprights_carry_their_values() -> None:
    _, (rows, columns) = style.panels(style.Panels(columns=2), (6, 3))
    style.rows_down(rows, ["first", "second"])
    bottom, top = rows.get_ylim()
    assert bottom > top and [label.get_text() for label in rows.get_yticklabels()] == ["first", "second"]
    rates = {"a": Estimate(3.25, -math.inf, math.inf), "b": Estimate(120.4, 100.0, 150.0)}
    style.columns(columns, rates, "Rates", ["red", "blue"])
    assert [text.get_text() for text in columns.texts] == ["3.2", "120"]
    # Only what has an interval shows one, and the value stands above it.
    assert [list(line.get_ydata()) for line in columns.get_lines()] == [[100.0, 150.0]]
    assert [text.xy for text in columns.texts] == [(0, 3.25), (1, 150.0)]


def test_an_end_that_is_not_known_is_drawn_at_the_value() -> None:
    assert style.ends(Estimate(2.0, 1.0, 4.0)) == (1.0, 4.0)
    assert style.ends(Estimate(2.0, -math.inf, 4.0)) == (2.0, 4.0) and style.ends(Estimate(2, 0, math.inf)) == (0, 2)


def test_numbers_below_ten_keep_a_decimal() -> None:
    assert [style.short(value) for value in (0.04, 3.14, 9.94, 10.0, 120.4)] == ["0.0", "3.1", "9.9", "10", "120"]


def test_a_limit_is_a_dashed_line_and_its_name_stands_at_a_share_of_the_height() -> None:
    _, axes = style.canvas("x")
    style.limit_line(axes, 3.0)
    style.written_at(axes, 3.0, 1.01, "limit", "red", "right")
    (line,), (text,) = axes.get_lines(), axes.texts
    assert list(line.get_xdata()) == [3.0, 3.0] and line.get_color() == style.TARGET and line.get_linestyle() == "--"
    assert (text.xy, text.get_horizontalalignment(), text.get_color()) == ((3.0, 1.01), "right", "red")


def test_the_grid_strikes_no_number_and_no_legend_through() -> None:
    _, axes = style.canvas("x")
    style.written_above(axes, 1, 1, "12")
    style.written_behind(axes, 1, 1, "12")
    axes.plot([0, 1], label="a line")
    grounds = [text.get_bbox_patch() for text in axes.texts] + [axes.legend().get_frame()]
    assert all(ground is not None and ground.get_facecolor()[:3] == (1, 1, 1) for ground in grounds)
    assert all(ground.get_alpha() > 0.5 and ground.get_visible() for ground in grounds if ground is not None)


def test_a_cumulative_curve_ends_at_all_of_the_requests() -> None:
    _, axes = style.canvas("x")
    style.cumulative(axes, np.array([30.0, 10.0, 20.0, 40.0]), "load", "red")
    (line,) = axes.get_lines()
    assert line.get_xdata().tolist() == [10, 20, 30, 40] and line.get_ydata().tolist() == [25, 50, 75, 100]


def test_a_model_keeps_its_colour_when_it_is_served_as_streams() -> None:
    assert style.color("onnx-streams") == style.color("onnx-all")
    assert style.color("openvino-conservative-streams") == style.color("openvino-conservative")
    assert len({style.color(name) for name in ("onnx-all", "openvino", "openvino-bf16", "conservative")}) == 4
