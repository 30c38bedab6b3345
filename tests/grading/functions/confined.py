"""Function tests of student code that runs where nothing can be harmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.checks.result import Result
from grading.functions import sandbox
from grading.functions.tests import test_file

confined = pytest.mark.skipif(sandbox.level() == "none", reason="nothing here can confine student code")


def graded(tmp_path: Path, source: str, part: str = "model") -> list[Result]:
    """Results of a functions.py that holds `source`."""
    file = tmp_path / "functions.py"
    file.write_text(source)
    return test_file(file, part)
