"""Solutions, cases and expected values of the coding questions. This module stays in the parent: no sandbox sees it."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grading.functions import worlds
from grading.functions.tasks import Task

CASES_PER_TASK = 12


@dataclass(frozen=True)
class Case:
    """One call. `expected` is compared in the parent; `about` tells the student the kind of case, not its values."""

    arguments: tuple[Any, ...]
    expected: Any
    about: str


def percentile(samples: list[float], percent: float) -> float:
    """Linear interpolation between the nearest ranks (definition 7 of Hyndman and Fan, 1996)."""
    ordered = sorted(samples)
    rank = (len(ordered) - 1) * percent / 100
    low, high = math.floor(rank), math.ceil(rank)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def break_even(fixed_ms: float, slow_ms: float, fast_ms: float) -> int | None:
    """Requests until the saving covers the one-time cost."""
    if fixed_ms <= 0:
        return 0
    return math.ceil(fixed_ms / (slow_ms - fast_ms) - 1e-9) if slow_ms > fast_ms else None


def crossover_ms(edge_ms: float, server_ms: float) -> float:
    """Where edge_ms = server_ms + round trip."""
    return max(edge_ms - server_ms, 0.0)


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


def multiply_by_rows(a: list[list[float]], b: list[list[float]], c: list[list[float]]) -> list[list[float]]:
    """c + a x b, number by number."""
    columns = list(zip(*b, strict=True))
    return [
        [
            old + math.fsum(x * y for x, y in zip(row, column, strict=True))
            for old, column in zip(rest, columns, strict=True)
        ]
        for row, rest in zip(a, c, strict=True)
    ]


def multiply_in_tiles(a: list[list[float]], b: list[list[float]], c: list[list[float]], size: int) -> list[list[float]]:
    """The same; tiles change the order of the additions only."""
    return multiply_by_rows(a, b, c)


def _percentile_cases(rng: random.Random) -> list[tuple[tuple[Any, ...], str]]:
    cases: list[tuple[tuple[Any, ...], str]] = [(([rng.uniform(1, 9)], 95.0), "a single sample")]
    for percent in (0.0, 50.0, 95.0, 99.0, 100.0):
        cases.append((([rng.uniform(0.1, 50) for _ in range(rng.randint(2, 60))], percent), f"p{percent:g}"))
    while len(cases) < CASES_PER_TASK:
        cases.append(
            (([rng.expovariate(0.2) for _ in range(rng.randint(5, 200))], rng.uniform(1, 99)), "skewed samples")
        )
    return cases


def _break_even_cases(rng: random.Random) -> list[tuple[tuple[Any, ...], str]]:
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((rng.uniform(1, 9), 2.0, rng.uniform(2.5, 9)), "the fast way is slower"),
        ((rng.uniform(1, 9), 3.0, 3.0), "no saving"),
        ((0.0, 5.0, 1.0), "no cost"),
        ((30.0, 5.0, 2.0), "a whole number"),
    ]
    while len(cases) < CASES_PER_TASK:
        fast = rng.uniform(0.5, 10)
        cases.append(((rng.uniform(10, 60000), fast + rng.uniform(0.1, 20), fast), "ordinary numbers"))
    return cases


def _crossover_cases(rng: random.Random) -> list[tuple[tuple[Any, ...], str]]:
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((rng.uniform(1, 5), rng.uniform(6, 30)), "the device is faster"),
        ((4.0, 4.0), "both as fast"),
    ]
    while len(cases) < CASES_PER_TASK:
        cases.append(((rng.uniform(10, 90), rng.uniform(0.5, 9)), "the server is faster"))
    return cases


def _micro_batch_cases(rng: random.Random) -> list[tuple[tuple[Any, ...], str]]:
    cases: list[tuple[tuple[Any, ...], str]] = [
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


def _matrices(rng: random.Random, n: int, m: int, p: int) -> tuple[Any, ...]:
    return tuple(
        [[round(rng.uniform(-3, 3), 3) for _ in range(columns)] for _ in range(rows)]
        for rows, columns in ((n, m), (m, p), (n, p))
    )


def _product_cases(rng: random.Random) -> list[tuple[tuple[Any, ...], str]]:
    a, b, c = _matrices(rng, 3, 4, 3)
    cases: list[tuple[tuple[Any, ...], str]] = [
        (_matrices(rng, 1, 1, 1), "matrices of one number"),
        (_matrices(rng, 1, 6, 1), "a row times a column"),
        (_matrices(rng, 6, 1, 5), "a column times a row"),
        ((a, b, [[0.0] * 3 for _ in c]), "c that is zero"),
        (([[0.0] * 4 for _ in a], b, c), "a that is zero"),
    ]
    while len(cases) < CASES_PER_TASK:
        n, m, p = (rng.randint(2, 12) for _ in range(3))
        cases.append((_matrices(rng, n, m, p), "matrices that are not square"))
    return cases


def _tile_cases(rng: random.Random) -> list[tuple[tuple[Any, ...], str]]:
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((*_matrices(rng, 1, 1, 1), 1), "matrices of one number"),
        ((*_matrices(rng, 3, 4, 5), 1), "tiles of one number"),
        ((*_matrices(rng, 4, 8, 8), 4), "tiles that divide b"),
        ((*_matrices(rng, 3, 5, 2), 9), "a tile larger than b"),
        ((*_matrices(rng, 3, 8, 6), 4), "tiles that divide the rows of b, and not its columns"),
        ((*_matrices(rng, 3, 6, 8), 4), "tiles that divide the columns of b, and not its rows"),
    ]
    while len(cases) < CASES_PER_TASK:
        n, m, p = (rng.randint(2, 13) for _ in range(3))
        cases.append(((*_matrices(rng, n, m, p), rng.randint(2, 6)), "tiles of any size"))
    return cases


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


def _closed_cases(rng: random.Random) -> list[tuple[tuple[Any, ...], str]]:
    cases: list[tuple[tuple[Any, ...], str]] = [
        (([0.25], 1.0), "an answer that comes at the very end"),
        (([3.0], 0.5), "an answer that takes longer than all the time"),
        (([0.5, 0.25], 0.625), "a request that is answered after the time is up"),
        (([0.125], 0.0), "no time at all"),
    ]
    while len(cases) < CASES_PER_TASK:
        cases.append(((_eighths(rng, 90, rng.randint(1, 9)), rng.randint(1, 9) / 8), "answers of many lengths"))
    return cases


def _poisson_cases(rng: random.Random) -> list[tuple[tuple[Any, ...], str]]:
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((1.0, 0.125, [0.9, 0.5, 0.5]), "nobody who comes in time"),
        ((5.0, 0.0, [0.25]), "no time at all"),
        ((10.0, 1.0, [0.0, 0.0, 0.3, 0.99999, 0.5]), "two who come at once"),
    ]
    while len(cases) < CASES_PER_TASK:
        rate, seconds = rng.uniform(0.5, 60), rng.uniform(0.5, 3)
        draws = [rng.random() for _ in range(int(3 * rate * seconds) + 30)]
        cases.append(((rate, seconds, draws), "any rate"))
    return cases


def _open_cases(rng: random.Random) -> list[tuple[tuple[Any, ...], str]]:
    cases: list[tuple[tuple[Any, ...], str]] = [
        (([0.5], []), "no requests"),
        (([0.125], [1.0, 2.0, 3.0]), "a server that is always idle"),
        (([2.0, 0.125, 0.125], [0.0, 0.5, 1.0, 1.5, 4.0]), "a server that stands still once"),
        (([0.5], [0.0, 0.0, 0.0]), "requests that are due together"),
    ]
    while len(cases) < CASES_PER_TASK:
        due = sorted(_eighths(rng, 4096, rng.randint(3, 60)))
        cases.append(((_eighths(rng, 256, rng.randint(1, 9)), due), "random arrivals"))
    return cases


def _batcher_cases(rng: random.Random) -> list[tuple[tuple[Any, ...], str]]:
    def traffic(arrivals: list[float], batch_s: float = 0.01, request_s: float = 0.002) -> dict[str, Any]:
        return {"arrivals_s": arrivals, "batch_s": batch_s, "request_s": request_s}

    cases: list[tuple[tuple[Any, ...], str]] = [
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


_MAKERS: dict[str, tuple[Callable[..., Any], Callable[[random.Random], list[tuple[tuple[Any, ...], str]]]]] = {
    "percentile": (percentile, _percentile_cases),
    "break_even": (break_even, _break_even_cases),
    "multiply_by_rows": (multiply_by_rows, _product_cases),
    "multiply_in_tiles": (multiply_in_tiles, _tile_cases),
    "crossover_ms": (crossover_ms, _crossover_cases),
    "micro_batches": (micro_batches, _micro_batch_cases),
    "closed_loop": (closed_loop, _closed_cases),
    "poisson_arrivals": (poisson_arrivals, _poisson_cases),
    "open_loop": (open_loop, _open_cases),
    "batcher": (batcher, _batcher_cases),
}


def cases(task: Task, seed: str) -> list[Case]:
    """The cases of a task, the same for the same seed (a hash of the file under test), so that grading repeats."""
    solve, make = _MAKERS[task.name]
    made = make(random.Random(f"{task.id} {seed}"))
    return [Case(arguments, worlds.call(task.world, solve, arguments), about) for arguments, about in made]


def agrees(expected: Any, given: Any) -> bool:
    """Whether a JSON value equals the expected one: same type (a whole float may stand for an int), close numbers."""
    if expected is None or isinstance(expected, bool | str):
        return type(given) is type(expected) and given == expected
    if isinstance(expected, list):
        return isinstance(given, list) and len(given) == len(expected) and all(map(agrees, expected, given))
    if isinstance(given, bool) or not isinstance(given, int | float):
        return False
    try:
        return math.isfinite(given) and math.isclose(expected, given, rel_tol=1e-6, abs_tol=1e-9)
    except OverflowError:  # an integer beyond all floats
        return False
