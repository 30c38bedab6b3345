"""What students wrote cannot steer a terminal, a spreadsheet or a file; and it can still be seen."""

from __future__ import annotations

import json

import pytest

from grading.shown import as_json, cell, line, lines, some


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Zo\u00eb \u674e \U0001f469\u200d\U0001f373", "Zo\u00eb \u674e \U0001f469\u200d\U0001f373"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("a\rb\nc\td", "a b c d"),
        ("\x9b2J", "\\x9b2J"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("half \ud83d", "half \\ud83d"),
        ("a\u00a0b\u3000c", "a b c"),
        ("nul\0", "nul\\x00"),
        (7, "7"),
    ],
)
def test_a_line_shows_what_cannot_be_seen_as_its_code(text: object, seen: str) -> None:
    assert line(text) == seen


def test_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert line("x" * 500, 10) == "x" * 10 + " ... (500 characters)"


def test_answers_keep_their_lines() -> None:
    assert lines("first\n  second\x07") == "first\n  second\\x07"


def test_only_text_is_made_safe_for_a_cell() -> None:
    assert [cell(-3), cell(1.5), cell("-3"), cell("x-3"), cell("")] == [-3, 1.5, "'-3", "x-3", ""]


def test_of_many_names_some_are_told() -> None:
    assert some(list("abcdefgh")) == "a, b, c, d, e, f and 2 more" and some(["a\x1b"]) == "a\\x1b"


def test_json_of_anything_can_be_written_and_read() -> None:
    value = {"a": "\ud800\u00e9"}
    assert json.loads(as_json(value).encode()) == {"a": "\ud800\u00e9"}
