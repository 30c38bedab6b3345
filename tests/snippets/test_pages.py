"""The look of written pages, and that the tests of pages would find what is wrong with one."""

from __future__ import annotations

from pathlib import Path

from snippets import pages as module
from tests import pages


def test_values_are_escaped_and_the_style_is_not() -> None:
    text = module.environment().from_string("<style>{{ style }}</style>{{ name }}").render(name="<b>")
    assert "prefers-color-scheme: dark" in text and "&gt;" not in text.partition("</style>")[0]
    assert text.endswith("</style>&lt;b&gt;")


def test_a_long_name_may_break_behind_its_marks_and_stays_escaped() -> None:
    assert module.breaks("a/b.c_d-e") == "a/<wbr>b.<wbr>c_<wbr>d-e"
    assert module.breaks("<i>/") == "&lt;i&gt;/"


def test_no_page_names_a_colour_of_its_own(root: Path) -> None:
    """GourmetGram's page has colours of its own, light and dark; every other's are pages.css's."""
    import re

    named = re.compile(r"(?<![&\w])#(?:[0-9a-f]{3}|[0-9a-f]{6})\b(?=[;} ])")
    templates = [path for room in ("grading", "reserve") for path in (root / room).rglob("*.html.j2")]
    assert len(templates) >= 4
    assert [f"{path.name}: {found}" for path in templates for found in named.findall(path.read_text())] == []


@pages.needs_chromium
def test_a_page_with_faults_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(
        "<!doctype html><html><title>x</title><body style='background:#fff;color:#eee'>"
        "<p>pale</p><img src=none.png><div style='width:900px'>wide</div>"
        "<table><tr><td style='height:200px'>tall</td></tr></table>"
    )
    found = "\n".join(pages.faults((tmp_path / "bad.html").as_uri()))
    for fault in (
        "none.png in vain",
        "light, 390 pixels: the page is 9",
        "dark, 390 pixels: its colours do not follow the theme",
        "a row is 20",
        "1 pictures are broken",
        "color-contrast (serious)",
        "html-has-lang (serious)",
        "image-alt (critical)",
    ):
        assert fault in found, fault
    assert "light, 1280 pixels: the page is" not in found and "light, 390 pixels: its colours" not in found
