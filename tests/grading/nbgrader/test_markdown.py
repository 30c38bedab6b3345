"""A student's Markdown stays readable, and runs nothing in an instructor's browser."""

from __future__ import annotations

import pytest

from grading.nbgrader.markdown import harmless


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a < b and `x<3`, **bold**", "a < b and `x<3`, **bold**"),
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("<!-- x --><?php", "&lt;!-- x -->&lt;?php"),
        ("![x](http://evil.example/a.png)", "[x](http://evil.example/a.png)"),
        ("![x][ref]", "[x][ref]"),
        ("![x](attachment:x.png)", "![x](attachment:x.png)"),
        ("[a](JavaScript:alert(1))", "[a](#alert(1))"),
        ("[a]( data:text/html,x)", "[a](#text/html,x)"),
        ("[a](https://nyu.edu)", "[a](https://nyu.edu)"),
    ],
)
def test_html_scripts_and_pictures_from_elsewhere_are_escaped(text: str, kept: str) -> None:
    assert harmless(text) == kept
