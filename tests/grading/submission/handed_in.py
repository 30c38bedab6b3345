"""A submission made of a run, and the text of its PDFs."""

from __future__ import annotations

from pathlib import Path

from pypdf import PdfReader

from grading.submission.collect import Student, Submission, make_submission
from snippets.record.run import Run


def pdf_text(path: Path, page: int | None = None) -> str:
    """Text of a PDF, or of one of its pages, line breaks as spaces."""
    pages = PdfReader(path).pages
    wanted = [pages[page - 1]] if page else pages
    return " ".join(" ".join(sheet.extract_text() for sheet in wanted).split())


def collected(run: Run, tmp_path: Path, name: str = "", **options: object) -> Submission:
    """The submission of a student ab123 who left no notebooks; `options` as for `make_submission`."""
    options.setdefault("notebooks", tmp_path / "none")
    return make_submission([run.folder], Student("ab123", name), **options)  # type: ignore[arg-type]
