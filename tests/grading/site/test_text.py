"""Text of cells becomes HTML that runs nothing, fetches nothing, and names nothing of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.site.text import Cleaner, anchor, code, headings, markdown, printed
from snippets.record.run import load_record


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("weights: /home/ab123/models/mine.pth.", "weights: .../mine.pth."),
        ("in /home/ab123 there", "in ... there"),
        ("file:///Users/Ann/x.onnx", ".../x.onnx"),
        (r"C:\Users\ann\x.onnx, 3 MB", ".../x.onnx, 3 MB"),
        ("('/tmp/a/b.log', 2)", "('.../b.log', 2)"),
        ("GET http://localhost:8000/v2/home/ready", "GET http://localhost:8000/v2/home/ready"),
        ("300 images/s and 1/2 of it; a/b; /predict", "300 images/s and 1/2 of it; a/b; /predict"),
    ],
)
def test_a_path_of_the_machine_is_shortened_and_nothing_else_is(said: str, shown: str) -> None:
    assert Cleaner().clean(said) == shown


def test_a_runs_folder_parameters_and_secrets_are_taken_out(runs: dict[str, Path]) -> None:
    record = load_record(runs["model"])
    cleaner = Cleaner.of(record)
    secret = record.parameters["1_baseline"]
    said = f"{record.folder}/x with {secret['weights']} and {secret['challenge']}"
    assert cleaner.clean(said) == ".../quick/x with .../mine.pth and ..."


def test_html_scripts_and_pictures_in_markdown_do_nothing() -> None:
    html = markdown("<script>alert(1)</script> ![x](https://example.org/a.png) [go](javascript:alert(1))")
    assert "<script" not in html and "<img" not in html and 'href="javascript' not in html


def test_links_lead_to_lessons_or_away_and_other_local_ones_are_plain_text() -> None:
    html = markdown("[a](2_graph.ipynb) [b](https://onnx.ai) [c](../../secret.txt)", ["2_graph"])
    assert '<a href="2_graph.html">a</a>' in html and '<a href="https://onnx.ai">b</a>' in html
    assert "c" in html and "secret" not in html


def test_a_table_scrolls_and_a_heading_can_be_linked_to() -> None:
    html = markdown("## Where time goes\n\n| | ms |\n| --- | --- |\n| a | 1 |")
    assert '<h2 id="where-time-goes">' in html and 'class="scroll" tabindex="0"' in html and "<th></th>" not in html
    assert headings("# A\n## B c\ntext\n## D") == ["B c", "D"] and anchor("`B` c?") == "b-c"


@pytest.mark.parametrize("block", ["    x = 1\n", "```python\nx = 1\n```\n"])
def test_code_in_the_text_looks_as_code_of_cells_does(block: str) -> None:
    assert markdown(block) == code("x = 1")


def test_code_and_printed_lines_are_escaped() -> None:
    assert "&lt;b&gt;" in code("x = '<b>'") and "<b>" not in code("x = '<b>'")
    assert printed("\x1b[31m<b>\x07") == '<pre class="printed" tabindex="0">&lt;b&gt;\\x07</pre>'
