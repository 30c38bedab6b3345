"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["answer", "by hand", "measurement", "function", "trust"]


@dataclass(frozen=True)
class Result:
    """One line of a grade.

    `message` is for the student and names the remedy first; it never tells the expected value. `detail` is for the
    grader. `possible` is 0 for what earns no points (trust). A result of kind `by hand` has `points` 0 until a
    person grades it; `passed` then says that there is something to grade.
    """

    id: str
    kind: Kind
    passed: bool
    points: float
    possible: float
    message: str
    detail: str = ""
