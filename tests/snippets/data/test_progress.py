"""A progress line keeps quiet about what is done at once."""

from __future__ import annotations

import pytest

from snippets.data.progress import progress_bar


def test_quick_work_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("Drawing", 3) as bar:
        for _ in range(3):
            bar.update()
    assert capsys.readouterr() == ("", "")


def test_what_was_done_before_counts() -> None:
    with progress_bar("Downloading", 100, "B", initial=40) as bar:
        bar.update(10)
        assert bar.n == 50 and bar.total == 100
