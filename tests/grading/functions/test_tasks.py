"""What a student is given of the coding questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.functions.tasks import agrees, skeleton, tasks, write_skeleton
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


def test_a_task_belongs_to_the_part_that_its_id_begins_with() -> None:
    assert {task.part for task in tasks()} == {"model", "edge", "system"}
    assert all(task.id == f"{task.part}.functions.{task.name}" for task in tasks())


def test_no_two_functions_have_one_name() -> None:
    names = [task.name for task in tasks()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        (1.0, True),
        (1, "1"),
        (1.0, None),
        (1.0, [1.0]),
        (None, 0),
        ([1], [1, 1]),
        ([1, 2], (1, 2)),
        (1.0, float("nan")),
        (2.0, 2.1),
    ],
)
def test_only_equal_values_of_the_right_type_agree(expected: object, given: object) -> None:
    assert not agrees(expected, given)


def test_whole_floats_and_rounding_errors_agree() -> None:
    assert agrees(3, 3.0) and agrees(0.3, 0.1 + 0.2) and agrees([1, None], [1, None])
