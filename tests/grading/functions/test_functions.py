"""Function tests: right code earns, wrong code is told where, hostile code earns nothing and harms nothing."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from grading.errors import ConfinementMissing
from grading.functions import sandbox
from grading.functions.cases import agrees, cases, tasks
from grading.functions.tests import skeleton, test_file, write_skeleton
from snippets.errors import UsageError
from tests.grading.exploits import EXPLOITS, SOLUTION

confined = pytest.mark.skipif(sandbox.level() == "none", reason="nothing here can confine student code")
LIMIT_S = 3 * sandbox.WALL_S + 20


def graded(tmp_path: Path, source: str, part: str = "model") -> list:
    file = tmp_path / "functions.py"
    file.write_text(source)
    return test_file(file, part)


@confined
def test_right_functions_earn_all_points_and_the_level_is_reported(tmp_path: Path) -> None:
    results = graded(tmp_path, SOLUTION)
    assert [(result.points, result.possible) for result in results] == [(3, 3), (3, 3)]
    assert all(sandbox.level() in result.detail for result in results)


@confined
def test_a_half_right_function_earns_part_and_is_told_the_kind_of_case(tmp_path: Path) -> None:
    results = graded(tmp_path, SOLUTION.replace("if slow_ms > fast_ms else None", ""))
    assert 0 < results[1].points < 3
    assert "the fast way is slower" in results[1].message or "no saving" in results[1].message


@confined
def test_a_call_that_ends_the_process_costs_only_its_own_answer(tmp_path: Path) -> None:
    broken = (
        SOLUTION + "\nimport os\nreal = percentile\ndef percentile(s, p):\n"
        "    if len(s) == 1: os._exit(1)\n    return real(s, p)\n"
    )
    results = graded(tmp_path, broken)
    assert results[0].detail.startswith("11 of 12") and results[1].passed


@confined
@pytest.mark.parametrize("name", EXPLOITS)
def test_an_exploit_earns_nothing_learns_nothing_and_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sandbox, "WALL_S", 3.0)
    file = tmp_path / "functions.py"
    file.write_text(EXPLOITS[name])
    started = time.monotonic()
    results = test_file(file, "model")
    assert time.monotonic() - started < LIMIT_S
    assert [result.points for result in results] == [0, 0], [result.detail for result in results]
    import hashlib

    seed = hashlib.sha256(file.read_bytes()).hexdigest()
    for task, result in zip((t for t in tasks() if t.part == "model"), results, strict=True):
        for case in cases(task, seed):
            if isinstance(case.expected, float):
                assert repr(case.expected) not in result.message + result.detail
    assert not (tmp_path / "results.json").exists()


@confined
def test_nothing_is_left_running_after_detached_children(tmp_path: Path) -> None:
    graded(tmp_path, EXPLOITS["detached children"])
    if os.geteuid() == 0:
        left = subprocess.run(["ps", "-u", str(sandbox.STRANGER), "-o", "pid="], capture_output=True, text=True)
        assert left.stdout.split() == []


@pytest.mark.skipif(not sandbox.reachable() if os.geteuid() == 0 else True, reason="needs root")
@pytest.mark.parametrize("name", ["os._exit", "fork bomb", "signals to the parent", "memory bomb", "regains root"])
def test_another_user_with_limits_confines_where_bubblewrap_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sandbox, "level", lambda: "other user")
    assert [result.points for result in graded(tmp_path, EXPLOITS[name])] == [0, 0]
    results = graded(tmp_path, SOLUTION)
    assert all(result.passed and "other user" in result.detail for result in results)


def test_without_confinement_nothing_runs_and_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "level", lambda: "none")
    results = graded(tmp_path, SOLUTION)
    assert all(result.points == 0 and "Install bubblewrap" in result.message for result in results)
    with pytest.raises(ConfinementMissing):
        sandbox.run(tmp_path / "functions.py", {}, "none")


@pytest.mark.parametrize("what", ["missing", "link", "huge"])
def test_a_file_that_is_none_is_not_run(tmp_path: Path, what: str) -> None:
    file = tmp_path / "functions.py"
    if what == "link":
        file.symlink_to("/etc/passwd")
    elif what == "huge":
        file.write_text("#" * 300_000)
    assert all(result.points == 0 for result in test_file(file, "model"))


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


def test_cases_are_many_valid_and_the_same_for_the_same_file() -> None:
    for task in tasks():
        made = cases(task, "seed")
        assert len(made) >= 12 and made == cases(task, "seed") and made != cases(task, "other")


def test_the_skeleton_names_every_function_of_the_part() -> None:
    for task in tasks():
        assert f"def {task.name}(" in skeleton(task.part)
        compile(skeleton(task.part), "functions.py", "exec")


def test_the_skeleton_of_the_functions_never_replaces_a_file(tmp_path: Path) -> None:
    written = write_skeleton("model", tmp_path / "functions.py")
    assert "def " in written.read_text()
    with pytest.raises(UsageError, match="functions.py exists already"):
        write_skeleton("model", written)
