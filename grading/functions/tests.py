"""Function tests: student code answers in the sandbox, the parent compares, and only the parent writes the result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grading.checks.result import Result
from grading.functions import sandbox
from grading.functions.tasks import Task, agrees, tasks
from grading.staff.judges.functions import Case, cases
from snippets.files import sha256_file

MAX_STARTS = 3
MAX_SOURCE = 200_000


def _answers(lines: Sequence[bytes], count: int) -> dict[int, dict[str, Any]]:
    """Answers by call, from lines that are JSON objects of the agreed form; the first for a call counts."""
    found: dict[int, dict[str, Any]] = {}
    for line in lines:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            continue
        index = answer.get("call") if isinstance(answer, dict) else None
        if type(index) is int and 0 <= index < count and ("value" in answer) != ("error" in answer):
            found.setdefault(index, answer)
    return found


def _ask(file: Path, calls: list[dict[str, Any]], used: str) -> tuple[dict[int, dict[str, Any]], str]:
    """All answers; a call that ends the process costs its own answer, and the rest is asked again, a few times."""
    answers: dict[int, dict[str, Any]] = {}
    first, ended = 0, ""
    for _ in range(MAX_STARTS):
        child = sandbox.run(file, {"calls": calls[first:], "first": first}, used)
        answers |= {
            index: answer for index, answer in _answers(child.lines, len(calls)).items() if index not in answers
        }
        ended = child.ended
        unanswered = next((index for index in range(first, len(calls)) if index not in answers), len(calls))
        if unanswered >= len(calls) or ended:
            break
        first = unanswered + 1
        ended = "it ended its own process"
        if first >= len(calls):
            break
    return answers, ended


def _result(
    task: Task, made: Sequence[Case], answers: dict[int, dict[str, Any]], offset: int, ended: str, used: str
) -> Result:
    passed, told = 0, ""
    for index, case in enumerate(made):
        answer = answers.get(offset + index)
        if answer is not None and "value" in answer and agrees(case.expected, answer["value"]):
            passed += 1
        elif not told:
            why = "no answer" + (f" ({ended})" if ended else "")
            if answer is not None:
                why = str(answer["error"])[:200] if "error" in answer else "another value than the definition gives"
            told = f"Look at {task.name} for {case.about}: {why}."
    # A constant answer agrees with an edge case or two: credit begins where more than half agree.
    share = passed / len(made) if passed > len(made) / 2 else 0.0
    return Result(
        task.id,
        "function",
        passed == len(made),
        round(task.points * share, 3),
        task.points,
        told or f"All {len(made)} cases agree.",
        f"{passed} of {len(made)} cases; confined by {used}",
    )


def test_file(file: Path, part: str) -> list[Result]:
    """Results of the part's function tasks for a student's functions.py. Never raises for what the file does.

    Where no code can be confined the points are left to a person, not taken.
    """
    mine = [task for task in tasks() if task.part == part]
    used = sandbox.level()
    problem = ""
    if not file.is_file() or file.is_symlink():
        problem = "Hand in functions.py in the run's folder (servelab questions PART --functions writes its start)."
    elif file.stat().st_size > MAX_SOURCE:
        problem = f"functions.py is larger than {MAX_SOURCE // 1000} kB; hand in the functions only."
    elif used == "none":
        told = "Not run: this machine cannot confine student code. Install bubblewrap, or a person runs it."
        return [Result(task.id, "by hand", True, 0, task.points, told) for task in mine]
    if problem:
        return [Result(task.id, "function", False, 0, task.points, problem) for task in mine]
    seed = sha256_file(file)
    made = {task.id: cases(task, seed) for task in mine}
    calls = [
        {"function": task.name, "arguments": case.arguments, "world": task.world}
        for task in mine
        for case in made[task.id]
    ]
    answers, ended = _ask(file, calls, used)
    results, offset = [], 0
    for task in mine:
        results.append(_result(task, made[task.id], answers, offset, ended, used))
        offset += len(made[task.id])
    return results


test_file.__test__ = False  # type: ignore[attr-defined]  # pytest: this is no test
