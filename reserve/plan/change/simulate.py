"""Play the term many times with failures: how many finish by the due date, and by later ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reserve.plan.change.play import EXTRA_DAYS, Luck, Term
from reserve.plan.course.inputs import Inputs
from reserve.plan.course.schedule import Booking
from snippets.stats import proportion

Z95 = 1.959963984540054


@dataclass(frozen=True)
class ByDay:
    """Finished so many days after the due date: mean share of students with its 95 % confidence interval, and the
    share of terms in which everyone finished (Wilson's interval)."""

    days: int
    share: float
    low: float
    high: float
    all_share: float
    all_low: float
    all_high: float


@dataclass(frozen=True)
class Simulation:
    """What so many simulated terms came to."""

    terms: int
    students: int
    lost_blocks: float  # mean per term
    by_day: tuple[ByDay, ...]


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    mean = float(values.mean())
    half = Z95 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def simulate(inputs: Inputs, bookings: Sequence[Booking], terms: int = 200, seed: int = 1) -> Simulation:
    """Play `terms` terms (seeded: the same again for the same seed). Who has no time in the plan looks for one from
    their due date on."""
    term, rng = Term(inputs, bookings), np.random.default_rng(seed)
    due = [term.due_hours(day) for day in range(EXTRA_DAYS + 1)]
    units, parts = due[0].shape
    looks = {
        (unit, part): int(due[0][unit, part])
        for unit in range(units)
        for part in range(parts)
        if (unit, part) not in term.planned
    }
    shares, lost = np.zeros((terms, EXTRA_DAYS + 1)), 0
    for number in range(terms):
        played = term.play(Luck.drawn(term.course, rng), looks)
        lost += played.lost
        shares[number] = [term.share(played, hours) for hours in due]
    by_day = []
    for day in range(EXTRA_DAYS + 1):
        everyone = proportion(int((shares[:, day] >= 1 - 1e-12).sum()), terms)
        by_day.append(ByDay(day, *_interval(shares[:, day]), everyone.value, everyone.low, everyone.high))
    return Simulation(terms, term.course.total, lost / terms, tuple(by_day))
