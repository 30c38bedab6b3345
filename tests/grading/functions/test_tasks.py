"""What a student is given of the coding questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.functions.tasks import skeleton, tasks, write_skeleton
from snippets.errors import UsageError


def test_the_skeleton_names_every_function_of_the_part() -> None:
    for task in tasks():
        assert f"def {task.name}(" in skeleton(task.part)
        compile(skeleton(task.part), "functions.py", "exec")


def test_the_skeleton_of_the_functions_never_replaces_a_file(tmp_path: Path) -> None:
    written = write_skeleton("model", tmp_path / "functions.py")
    assert "def " in written.read_text()
    with pytest.raises(UsageError, match="functions.py exists already"):
        write_skeleton("model", written)
