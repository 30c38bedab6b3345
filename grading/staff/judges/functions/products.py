"""Expected values and cases of Part 1's coding questions on products of matrices."""

from __future__ import annotations

import math
import random
from typing import Any

from grading.staff.judges.functions.case import CASES_PER_TASK, Calls, Maker


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


def _matrices(rng: random.Random, n: int, m: int, p: int) -> tuple[Any, ...]:
    return tuple(
        [[round(rng.uniform(-3, 3), 3) for _ in range(columns)] for _ in range(rows)]
        for rows, columns in ((n, m), (m, p), (n, p))
    )


def _product_cases(rng: random.Random) -> Calls:
    a, b, c = _matrices(rng, 3, 4, 3)
    cases: Calls = [
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


def _tile_cases(rng: random.Random) -> Calls:
    cases: Calls = [
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


MAKERS: dict[str, Maker] = {
    "multiply_by_rows": (multiply_by_rows, _product_cases),
    "multiply_in_tiles": (multiply_in_tiles, _tile_cases),
}
