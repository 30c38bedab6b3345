"""The report is one file that anyone can open: tables, pictures and answers inside, and what is wrong told."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path

import numpy as np
import pytest

from grading.report.page import write_report
from snippets.errors import RecordError
from snippets.record.run import open_run
from tests import pages
from tests.grading.report.test_pictures import drawn


def test_the_report_is_one_file_with_its_pictures_inside(folder: Path) -> None:
    from PIL import Image

    run = open_run("model", run_id="quick", notebook="1_baseline")
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "orange").save(picture, "PNG")
    run.screenshot("page", picture.getvalue())
    run.answer("q", "<script>alert(1)</script>")
    page = write_report([folder]).read_text()
    assert page.count('<img src="data:image/') == 1
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "onnx-all" in page and "The record is consistent" in page


def test_an_answer_stands_under_its_question(folder: Path) -> None:
    from grading.questions import question

    open_run("model", run_id="quick", notebook="2_graph").answer("model.graph.trap", "It was\nslower.")
    page = html.unescape(write_report([folder]).read_text())
    assert page.index(question("model.graph.trap").text) < page.index("It was\nslower.")


@pages.needs_chromium
def test_the_page_has_no_fault_in_a_browser_light_and_dark_on_a_phone_and_on_a_screen(folder: Path) -> None:
    run = open_run("model", run_id="quick", notebook="1_baseline")
    drawn(run, "baseline-latency")
    run.answer("model.graph.trap", "It was slower, since it was saved in another layout. " * 8)
    other = open_run("edge", run_id="quick")
    for number in range(4):
        name = f"soak/openvino-conservative-streams-{number}/latency-of-a-long-name"
        other.step(name, lambda: {"latency_ms": np.linspace(1, 2, 300), "batch": 1, "threads": 1, "provider": "cpu"})
    assert pages.faults(write_report([folder, other.folder]).as_uri()) == []


def test_the_report_shows_several_runs_and_warns_of_a_changed_one(folder: Path, tmp_path: Path) -> None:
    run = open_run("edge", run_id="quick")
    run.step("a", lambda: 1)
    run.screenshot("x", b"png")
    (run.folder / "screens/x.png").write_bytes(b"changed")
    page = write_report([folder, run.folder], tmp_path / "all.html").read_text()
    assert "Part 1" in page and "Part 2" in page and "does not hold together" in page


def test_a_report_needs_a_record(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="at least one run"):
        write_report([])


def test_the_report_lies_in_the_first_runs_folder_unless_another_place_is_named(folder: Path, tmp_path: Path) -> None:
    assert write_report([folder]) == folder / "report.html"
    assert write_report([folder], tmp_path / "new" / "all.html") == tmp_path / "new" / "all.html"
    assert (tmp_path / "new" / "all.html").read_bytes() == (folder / "report.html").read_bytes()


def test_the_report_names_the_machines_that_measured(folder: Path) -> None:
    page = write_report([folder]).read_text()
    assert "<title>" in page and "Part 1: model optimizations (quick)" in page
    for fact in ("processor", "instruction sets", "memory", "Python and packages"):
        assert fact in page
