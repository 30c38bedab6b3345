"""Expected values and cases of Part 2's coding question."""

from __future__ import annotations

import random

from grading.staff.judges.functions.case import CASES_PER_TASK, Calls, Maker


def crossover_ms(edge_ms: float, server_ms: float) -> float:
    """Where edge_ms = server_ms + round trip."""
    return max(edge_ms - server_ms, 0.0)


def _crossover_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        ((rng.uniform(1, 5), rng.uniform(6, 30)), "the device is faster"),
        ((4.0, 4.0), "both as fast"),
    ]
    while len(cases) < CASES_PER_TASK:
        cases.append(((rng.uniform(10, 90), rng.uniform(0.5, 9)), "the server is faster"))
    return cases


MAKERS: dict[str, Maker] = {
    "crossover_ms": (crossover_ms, _crossover_cases),
}
