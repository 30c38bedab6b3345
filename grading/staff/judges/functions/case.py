"""A case of a coding question: one call, and what is expected of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CASES_PER_TASK = 12

Calls = list[tuple[tuple[Any, ...], str]]
"""Arguments of calls, each with the kind of case that it is."""
Maker = tuple[Callable[..., Any], Callable[[random.Random], Calls]]
"""What gives the expected value, and what draws the calls."""


@dataclass(frozen=True)
class Case:
    """One call. `expected` is compared in the parent; `about` tells the student the kind of case, not its values."""

    arguments: tuple[Any, ...]
    expected: Any
    about: str
