"""The report is one file that anyone can open: tables, pictures and answers inside, and what is wrong told."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pytest

from grading.report.page import write_report
from snippets.errors import RecordError
from snippets.record.run import open_run


def test_the_report_is_one_file_with_its_pictures_inside(folder: Path) -> None:
    from PIL import Image

    run = open_run("model", run_id="quick", notebook="1_baseline")
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "orange").save(picture, "PNG")
    run.screenshot("page", picture.getvalue())
    run.answer("q", "<script>alert(1)</script>")
    page = write_report([folder]).read_text()
    assert base64.b64encode(picture.getvalue()).decode() in page
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "onnx-all" in page and "The record is consistent" in page


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
