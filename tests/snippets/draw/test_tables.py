"""Tables are aligned for a terminal, and valid Markdown whatever their cells hold."""

from __future__ import annotations

from snippets.draw.tables import interval, markdown_table, text_table
from snippets.stats import Estimate


def test_a_text_table_is_as_wide_as_its_longest_cells() -> None:
    assert text_table(("name", "ms"), [("a", "10.0"), ("longer", "2")]) == "name      ms\na       10.0\nlonger     2"


def test_columns_of_text_stand_to_the_left() -> None:
    assert text_table(("a", "ms", "said"), [("x", "1", "no"), ("y", "10", "")], texts=(0, 2)).splitlines() == [
        "a  ms  said",
        "x   1  no",
        "y  10",
    ]


def test_a_markdown_table_has_numbers_to_the_right() -> None:
    lines = markdown_table(("model", "ms", "targets"), [("fp32", "9.1", "met")], texts=(0, 2)).splitlines()
    assert lines == ["| model | ms | targets |", "| --- | ---: | --- |", "| fp32 | 9.1 | met |"]


def test_a_cell_cannot_end_the_table() -> None:
    assert markdown_table(("a",), [("x|y\nz",)]).splitlines()[-1] == "| x\\|y z |"


def test_what_has_no_interval_stands_alone_and_what_is_not_known_is_a_dash() -> None:
    assert interval(Estimate(8.7, float("-inf"), float("inf"))) == "8.7" and interval(None) == "-"


def test_an_interval_is_written_behind_its_value() -> None:
    assert interval(Estimate(8.7, 8.61, 8.83)) == "8.7 (8.6 to 8.8)"
    assert interval(Estimate(0.9, 0.85, 0.94), 0, "%") == "90% (85% to 94%)"
