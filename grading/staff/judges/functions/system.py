"""Expected values and cases of Part 3's coding questions."""

from __future__ import annotations

import math
import random

from grading.staff.judges.functions.case import CASES_PER_TASK, Calls, Maker


def micro_batches(arrivals_ms: list[float], max_batch: int, max_delay_ms: float) -> list[int]:
    """Sizes of the batches, as tasks.toml defines them."""
    sizes: list[int] = []
    opened = -math.inf
    for arrival in arrivals_ms:
        if sizes and sizes[-1] < max_batch and arrival - opened <= max_delay_ms:
            sizes[-1] += 1
        else:
            sizes.append(1)
            opened = arrival
    return sizes


def _micro_batch_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        (([], 4, 5.0), "no requests"),
        (([3.0], 8, 2.0), "one request"),
        (([1.0, 1.0, 1.0, 1.0], 1, 9.0), "batches of one"),
        (([0.0, 5.0, 5.5], 8, 5.0), "an arrival on the edge of the delay"),
    ]
    while len(cases) < CASES_PER_TASK:
        time_ms, arrivals = 0.0, []
        for _ in range(rng.randint(5, 80)):
            time_ms += rng.expovariate(1 / rng.choice([0.2, 1.0, 4.0]))
            arrivals.append(round(time_ms, 3))
        cases.append(((arrivals, rng.choice([2, 4, 8, 16]), rng.choice([0.5, 2.0, 10.0])), "random arrivals"))
    return cases


MAKERS: dict[str, Maker] = {
    "micro_batches": (micro_batches, _micro_batch_cases),
}
