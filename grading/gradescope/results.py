"""results.json as Gradescope specifies it (https://gradescope-autograders.readthedocs.io/en/latest/specs/)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.integrity.shapes import is_carried_over
from grading.checks.part import PartGrade
from grading.checks.result import Result
from grading.checks.trust import NOT_PROVEN
from grading.grade import Grade
from grading.shown import line
from grading.submission.handed_in import chains
from grading.submission.people import plain_netid
from snippets.errors import RecordError
from snippets.files import write_atomic
from snippets.record.run import Record

MAX_OUTPUT = 4000
MAX_TESTS = 300


def _test(result: Result, number: str, staff: bool) -> dict[str, Any]:
    """One line of the result. What a person grades has no points here: the PDF assignment gives them."""
    test: dict[str, Any] = {
        "name": result.id,
        "number": number,
        "output": result.message[:MAX_OUTPUT],
        "output_format": "text",
        "visibility": "visible",
        "tags": [result.kind],
        "extra_data": {"detail": result.detail[:MAX_OUTPUT] if staff else ""},
    }
    if result.kind == "by hand":
        test["output"] = f"{test['output']} ({result.possible:g} points by hand)"
        test |= {"score": 0.0, "max_score": 0.0, "status": "passed" if result.passed else "failed"}
    else:
        test |= {
            "score": result.points,
            "max_score": result.possible,
            "status": "passed" if result.passed else "failed",
        }
    return test


def _trust(part: PartGrade, number: str) -> dict[str, Any]:
    doubts = "\n".join(f"- {doubt}" for doubt in part.doubts[:10])
    told = f"Reached: {part.trust}. {NOT_PROVEN[part.trust]}" + (f"\n\nWhy no higher:\n{doubts}" if doubts else "")
    return {
        "name": f"{part.part}: trust",
        "number": number,
        "output": told[:MAX_OUTPUT],
        "output_format": "text",  # doubts quote what a student wrote: nothing here is Markdown or HTML
        "score": 0.0,
        "max_score": 0.0,
        "status": "passed" if part.trust != "none" else "failed",
        "visibility": "visible",
        "tags": ["trust"],
    }


def leaderboard(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The fastest configuration of a submission: lowest single-sample median, highest throughput."""
    fastest: tuple[float, str] | None = None
    most: tuple[float, str] | None = None
    for record in records:
        evidence = Evidence(record)
        for name in evidence.steps:
            try:
                if is_carried_over(name):
                    continue
                if name.endswith("/latency") and evidence.number(name, "batch") == 1:
                    fastest = min(fastest or (float("inf"), ""), (evidence.p50(name), name))
                elif name.endswith("/throughput"):
                    most = max(most or (0.0, ""), (evidence.images_per_s(name), name))
            except (NotMeasured, RecordError, ValueError):
                continue
    board: list[dict[str, Any]] = []
    if fastest:
        board += [
            {"name": "p50 (ms)", "value": round(fastest[0], 4), "order": "asc"},
            {"name": "fastest", "value": line(fastest[1], 100)},
        ]
    if most:
        board.append({"name": "images/s", "value": round(most[0], 1)})
    return board


def results(
    grade: Grade, board: list[dict[str, Any]], accounts: Sequence[str] = (), staff: bool = True
) -> dict[str, Any]:
    """The whole result as JSON values; the score is the sum of the tests' points.

    `accounts`: NetIDs of those who handed in. `staff=False` leaves out what only staff may see, such as right answers.
    """
    tests: list[dict[str, Any]] = []
    for place, part in enumerate(grade.parts, start=1):
        tests.append(_trust(part, f"{place}.0"))
        tests += [_test(result, f"{place}.{index}", staff) for index, result in enumerate(part.results, start=1)]
    problems = list(grade.problems)
    if accounts and plain_netid(grade.netid) not in map(plain_netid, accounts):
        who = ", ".join(line(account, 64) for account in accounts)
        problems.append(f"The submission was collected for NetID {grade.netid}, but {who} handed it in")
    output = "Explanations and screenshots are graded by hand. "
    output += " ".join(f"Look at this: {problem}." for problem in problems[:20])
    return {
        "score": round(sum(test["score"] for test in tests), 3),
        "output": output.strip()[:MAX_OUTPUT],
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests[:MAX_TESTS],
        "leaderboard": board,
        "execution_time": max(1, round(grade.seconds)),
        "extra_data": {
            "netid": grade.netid,
            "digest": grade.digest,
            "prints": list(grade.prints)[:200],
            "trust": {part.part: part.trust for part in grade.parts},
            "problems": problems[:50],
            "chains": {part: [chain[0], chain[-1]] for part, chain in chains(grade.parts).items()},
        },
    }


def write(path: Path, value: dict[str, Any]) -> None:
    """Write results.json at once or not at all, for its owner alone to read: it may hold right answers."""
    before = os.umask(0o077)
    try:
        write_atomic(path, json.dumps(value, indent=1, allow_nan=False).encode())
    finally:
        os.umask(before)


def failure(message: str) -> dict[str, Any]:
    """A valid result that gives nothing yet and says why."""
    return {
        "score": 0.0,
        "output": message[:MAX_OUTPUT],
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [],
    }
