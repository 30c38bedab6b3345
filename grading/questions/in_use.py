"""A function of a notebook's cells that the student may have written: called by later cells, held against the kit's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from grading.functions.tasks import agrees
from grading.questions import own_process

WHOSE = {"you": "yours", "the kit": "the kit's version"}
LIMIT_S = 10.0
"""What a call of a student's function may take."""


@dataclass(frozen=True)
class Written:
    """A function that the student wrote, as it stands in functions.py, and its text.

    `text`: what defines it in another process: what functions.py imports, its other functions, and this one.
    """

    function: Callable[..., Any]
    source: str
    text: str


@dataclass
class InUse:
    """Called like the student's function `own` (None: there is none), it gives that one's answer where it is the one of
    `kit`, too, beyond rounding; else the kit's, and says so, once.

    Arrays among the arguments become lists, as in the question's example. The student's function is called in a process
    of its own, so that this one goes on whatever it does.
    """

    name: str
    kit: Callable[..., Any]
    own: Written | None
    problem: str = field(default="", init=False)

    def __call__(self, *arguments: Any) -> Any:
        """The answer, of plain lists and numbers."""
        values = [plain(one) for one in arguments]
        expected = plain(self.kit(*values))
        if self.own is None or self.problem:
            return expected
        try:
            given = own_process.call(self.own.text, self.name, values, limit_s=LIMIT_S)
        except own_process.Failed as error:
            self._refused(f"fails on what was measured here: {error}")
            return expected
        if not agrees(_finite(expected), _finite(given)):
            self._refused(f"gives {short(given)} for what was measured here, which the kit's version does not")
            return expected
        return given

    @property
    def by(self) -> str:
        """Whose answers are given: "you" or "the kit"."""
        return "the kit" if self.own is None or self.problem else "you"

    @property
    def source(self) -> str:
        """The text of the student's function; empty where there is none."""
        return "" if self.own is None else self.own.source

    def told(self, title: str) -> str:
        """A chart's title, with `your NAME` behind it where the student's function made it."""
        return f"{title} (your {self.name})" if self.by == "you" else title

    def __str__(self) -> str:
        return f"{self.name}: {WHOSE[self.by]}"

    def _refused(self, problem: str) -> None:
        self.problem = problem
        print(f"Your {self.name} {problem}. The kit's version is used from here on.")


def plain(value: Any) -> Any:
    """A value as JSON holds it: arrays and tuples as lists, numpy's numbers as Python's; others stay as they are."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def short(value: Any) -> str:
    """The beginning of a value, as code."""
    text = repr(value)
    return f"`{text[:80]}{'...' * (len(text) > 80)}`"


def _finite(value: Any) -> Any:
    """With infinities as text: they agree with themselves, and with no number."""
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value
