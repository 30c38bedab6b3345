"""A name stands beside its point, and farther off only where another one is in the way."""

from __future__ import annotations

from snippets.draw import style
from snippets.draw.labels import LINE, place_labels


def test_a_point_by_itself_has_its_name_to_the_right() -> None:
    _, axes = style.canvas("title")
    axes.set(xlim=(0, 10), ylim=(0, 10))
    place_labels(axes, {"alone": (5.0, 5.0)})
    (text,) = axes.texts
    assert text.get_text() == "alone" and text.get_horizontalalignment() == "left"
    assert text.get_position()[0] > 0 and text.get_position()[1] == 0


def test_a_name_that_would_leave_the_frame_goes_to_the_left() -> None:
    _, axes = style.canvas("title")
    axes.set(xlim=(0, 10), ylim=(0, 10))
    place_labels(axes, {"a long name of a point": (9.8, 5.0)})
    assert axes.texts[0].get_horizontalalignment() == "right"


def test_a_name_under_another_point_is_led_back_to_its_own() -> None:
    _, axes = style.canvas("title")
    axes.set(xlim=(0, 10), ylim=(0, 10))
    place_labels(axes, {"alone": (1.0, 2.0), "the left one of two": (5.0, 5.0), "right": (5.6, 5.0)})
    by_name = {text.get_text(): text for text in axes.texts if text.get_text()}
    assert by_name["alone"].get_position()[1] == by_name["right"].get_position()[1] == 0
    assert abs(by_name["the left one of two"].get_position()[1]) == LINE
    (line,) = (text for text in axes.texts if not text.get_text())
    assert line.xy == (5.0, 5.0)


def test_a_crowd_has_lines_that_lead_to_the_names_farther_off() -> None:
    _, axes = style.canvas("title")
    axes.set(xlim=(0, 10), ylim=(0, 10))
    place_labels(axes, {f"point number {n}": (5.0, 5.0 + 0.01 * n) for n in range(6)})
    assert sum(not text.get_text() for text in axes.texts) >= 1


def test_in_a_crowd_the_important_points_have_names_and_others_where_there_is_room() -> None:
    _, axes = style.canvas("title")
    axes.set(xlim=(0, 10), ylim=(0, 10))
    crowd = {f"point number {n}": (5.0, 5.0 + 0.01 * n) for n in range(16)}
    nameless = place_labels(axes, {**crowd, "apart": (1.0, 1.0)}, important={"point number 3", "point number 7"})
    written = {text.get_text() for text in axes.texts if text.get_text()}
    assert {"point number 3", "point number 7", "apart"} <= written
    assert nameless and written == {*crowd, "apart"} - set(nameless)
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
