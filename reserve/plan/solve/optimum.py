"""An optimum of the relaxation: what it may not give up, what it came to, and what that says about whole plans."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-5


@dataclass(frozen=True)
class Solved:
    """An optimum: its value, and per unit and part the days that it uses (empty: not served)."""

    value: float
    days: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True)
class Limits:
    """What an optimum may not give up: `row @ x <= limit` for each of `fixed`; nobody finishing more than `wait` days
    after they could alone; nobody with more than `worst_miss` unpreferred blocks. None: no such limit."""

    fixed: tuple[tuple[np.ndarray, float], ...] = ()
    wait: int | None = None
    worst_miss: int | None = None


NO_LIMITS = Limits()


def whole(value: float, *, up: bool) -> int:
    """The integer that a bound implies: nothing between is possible, and solver tolerance is allowed for."""
    return (
        math.ceil(value - TOLERANCE * max(1, abs(value)) ** 0.5)
        if up
        else math.floor(value + TOLERANCE * max(1, abs(value)) ** 0.5)
    )
