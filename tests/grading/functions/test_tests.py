"""Right code earns, wrong code is told where, and what cannot be run is told why."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.functions import sandbox
from grading.functions.tasks import tasks
from grading.functions.tests import test_file
from tests.grading.exploits import SOLUTION
from tests.grading.functions.confined import confined, graded


@confined
def test_right_functions_earn_all_points_and_the_level_is_reported(tmp_path: Path) -> None:
    results = graded(tmp_path, SOLUTION)
    asked = {task.id: task.points for task in tasks() if task.part == "model"}
    assert {result.id: result.points for result in results} == asked
    assert all(sandbox.level() in result.detail for result in results)


@confined
def test_a_half_right_function_earns_part_and_is_told_the_kind_of_case(tmp_path: Path) -> None:
    half = SOLUTION.replace("    if fast_ms >= slow_ms:\n        return None\n", "")
    assert half != SOLUTION
    (result,) = [one for one in graded(tmp_path, half) if one.id == "model.functions.break_even"]
    assert 0 < result.points < 3
    assert "the fast way is slower" in result.message or "no saving" in result.message


@confined
def test_a_call_that_ends_the_process_costs_only_its_own_answer(tmp_path: Path) -> None:
    broken = (
        SOLUTION + "\nimport os\nreal = percentile\ndef percentile(s, p):\n"
        "    if len(s) == 1: os._exit(1)\n    return real(s, p)\n"
    )
    results = graded(tmp_path, broken)
    assert results[0].detail.startswith("11 of 12") and results[1].passed


def test_without_confinement_nothing_is_earned_and_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "level", lambda: "none")
    results = graded(tmp_path, SOLUTION)
    assert len(results) == sum(task.part == "model" for task in tasks())
    assert all(result.points == 0 and "Install bubblewrap" in result.message for result in results)


@pytest.mark.parametrize("what", ["missing", "link", "huge"])
def test_a_file_that_is_none_is_not_run(tmp_path: Path, what: str) -> None:
    file = tmp_path / "functions.py"
    if what == "link":
        file.symlink_to("/etc/passwd")
    elif what == "huge":
        file.write_text("#" * 300_000)
    assert all(result.points == 0 for result in test_file(file, "model"))
