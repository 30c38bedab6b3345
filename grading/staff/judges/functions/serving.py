"""Expected values and cases of Part 3's coding questions on load and batches, each called in its made-up world."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Callable
from typing import Any

from grading.staff.judges.functions.case import CASES_PER_TASK, Calls, Maker


def closed_loop(send: Callable[[], None], time: Any, seconds: float) -> list[float]:
    """Latencies of a client that sends on and on, ms."""
    until, found = time.perf_counter() + seconds, []
    while (sent := time.perf_counter()) < until:
        send()
        found.append((time.perf_counter() - sent) * 1e3)
    return found


def poisson_arrivals(rate: float, seconds: float, draws: list[float]) -> list[float]:
    """Sums of exponential gaps, as far as they are below `seconds`."""
    gaps = (-math.log1p(-u) / rate for u in draws)
    return list(itertools.takewhile(lambda moment: moment < seconds, itertools.accumulate(gaps)))


def open_loop(send: Callable[[], None], time: Any, due_s: list[float]) -> list[float]:
    """Latencies from the intended moments, ms."""
    began, found = time.perf_counter(), []
    for due in due_s:
        time.sleep(max(0.0, began + due - time.perf_counter()))
        send()
        found.append((time.perf_counter() - began - due) * 1e3)
    return found


async def batcher(queue: Any, answer: Callable[[list[Any]], Any], max_batch: int, max_delay_s: float) -> None:
    """Batches as tasks.toml defines them."""
    loop = asyncio.get_running_loop()
    while True:
        batch = [await queue.get()]
        until = loop.time() + max_delay_s
        while len(batch) < max_batch:
            try:
                batch.append(queue.get_nowait())
            except asyncio.QueueEmpty:
                try:
                    batch.append(await asyncio.wait_for(queue.get(), until - loop.time()))
                except TimeoutError:
                    break
        await answer(batch)


def _eighths(rng: random.Random, most: int, count: int) -> list[float]:
    """Seconds that floats hold exactly, so that an order of additions decides nothing."""
    return [rng.randint(1, most) / 1024 for _ in range(count)]


def _closed_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        (([0.25], 1.0), "an answer that comes at the very end"),
        (([3.0], 0.5), "an answer that takes longer than all the time"),
        (([0.5, 0.25], 0.625), "a request that is answered after the time is up"),
        (([0.125], 0.0), "no time at all"),
    ]
    while len(cases) < CASES_PER_TASK:
        cases.append(((_eighths(rng, 90, rng.randint(1, 9)), rng.randint(1, 9) / 8), "answers of many lengths"))
    return cases


def _poisson_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        ((1.0, 0.125, [0.9, 0.5, 0.5]), "nobody who comes in time"),
        ((5.0, 0.0, [0.25]), "no time at all"),
        ((10.0, 1.0, [0.0, 0.0, 0.3, 0.99999, 0.5]), "two who come at once"),
    ]
    while len(cases) < CASES_PER_TASK:
        rate, seconds = rng.uniform(0.5, 60), rng.uniform(0.5, 3)
        draws = [rng.random() for _ in range(int(3 * rate * seconds) + 30)]
        cases.append(((rate, seconds, draws), "any rate"))
    return cases


def _open_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        (([0.5], []), "no requests"),
        (([0.125], [1.0, 2.0, 3.0]), "a server that is always idle"),
        (([2.0, 0.125, 0.125], [0.0, 0.5, 1.0, 1.5, 4.0]), "a server that stands still once"),
        (([0.5], [0.0, 0.0, 0.0]), "requests that are due together"),
    ]
    while len(cases) < CASES_PER_TASK:
        due = sorted(_eighths(rng, 4096, rng.randint(3, 60)))
        cases.append(((_eighths(rng, 256, rng.randint(1, 9)), due), "random arrivals"))
    return cases


def _batcher_cases(rng: random.Random) -> Calls:
    def traffic(arrivals: list[float], batch_s: float = 0.01, request_s: float = 0.002) -> dict[str, Any]:
        return {"arrivals_s": arrivals, "batch_s": batch_s, "request_s": request_s}

    cases: Calls = [
        ((traffic([0.125]), 8, 0.05), "a request that stays alone"),
        ((traffic([0.0, 0.0, 0.0, 0.0, 0.0]), 4, 0.5), "more requests at once than a batch holds"),
        ((traffic([0.0, 0.001, 0.002, 0.003]), 1, 0.5), "batches of one"),
        ((traffic([0.0, 0.001, 0.002, 0.1, 0.1]), 8, 0.0), "no delay: what waits already is taken all the same"),
        ((traffic([0.0, 0.03, 0.06, 0.09, 0.12], 0.001, 0.0), 8, 0.1), "a delay that counts from the first of a batch"),
    ]
    while len(cases) < CASES_PER_TASK:
        moment, arrivals = 0.0, []
        for _ in range(rng.randint(5, 60)):
            moment += rng.expovariate(rng.choice([20, 100, 500]))
            arrivals.append(round(moment, 6))
        delay = rng.choice([0.0, 0.0051234, 0.0217])
        cases.append(((traffic(arrivals, 0.0113, 0.00171), rng.choice([2, 4, 8]), delay), "random arrivals"))
    return cases


MAKERS: dict[str, Maker] = {
    "closed_loop": (closed_loop, _closed_cases),
    "poisson_arrivals": (poisson_arrivals, _poisson_cases),
    "open_loop": (open_loop, _open_cases),
    "batcher": (batcher, _batcher_cases),
}
