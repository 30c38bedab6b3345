"""A course's folder, in which nbgrader's kernels import this checkout."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def course(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    return tmp_path / "course"
