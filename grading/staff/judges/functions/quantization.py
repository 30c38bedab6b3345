"""Expected values and cases of Part 1's coding questions on 8-bit integers."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from grading.staff.judges.functions.case import CASES_PER_TASK, Calls, Maker


def scale_and_zero_point(low: float, high: float) -> list[Any]:
    """255 steps from the least to the most, 0 among them."""
    ends = sorted((low, high, 0.0))
    width = ends[-1] - ends[0]
    if width == 0:
        return [1.0, 0]
    return [width / 255, _nearest(-255 * ends[0] / width)]


def quantize(values: list[float], scale: float, zero_point: int, least: int, most: int) -> list[int]:
    """The nearest steps, cut off."""
    return [sorted((least, _nearest(one / scale) + zero_point, most))[1] for one in values]


def int8_matmul(a: list[list[int]], b: list[list[int]], a_zero: int, b_zeros: list[int]) -> list[list[int]]:
    """The plain product, less what the zero points add to it."""
    columns = list(zip(*b, strict=True))
    return [
        [
            sum(x * y for x, y in zip(row, column, strict=True))
            - a_zero * sum(column)
            - zero * sum(row)
            + len(row) * a_zero * zero
            for column, zero in zip(columns, b_zeros, strict=True)
        ]
        for row in a
    ]


def float_layers(errors: list[float], extra_bytes: list[int], allowed: float) -> list[int]:
    """The shortest beginning of the parts, the best for its bytes first, behind which little enough is left."""
    best = sorted(range(len(errors)), key=lambda index: (-errors[index] / extra_bytes[index], index))
    return next(best[:n] for n in range(len(best) + 1) if sum(errors[index] for index in best[n:]) <= allowed)


def _nearest(value: float) -> int:
    return int(Decimal(value).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def _scale_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        ((0.0, 0.0), "a range of nothing"),
        ((0.0, 6.0), "a range that begins at 0"),
        ((-rng.uniform(1, 5), 0.0), "a range that ends at 0"),
        ((rng.uniform(0.5, 1), rng.uniform(2, 5)), "a range above 0"),
        ((-rng.uniform(2, 5), -rng.uniform(0.5, 1)), "a range below 0"),
    ]
    while len(cases) < CASES_PER_TASK:
        cases.append(((-rng.uniform(0.01, 9), rng.uniform(0.01, 9)), "a range around 0"))
    return cases


def _quantize_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        (([0.5, 1.5, 2.5, -0.5, -1.5, -2.5], 1.0, 100, 0, 255), "halves"),
        (([rng.uniform(-4, 4) for _ in range(9)], 0.25, 0, -127, 127), "a zero point of 0"),
        (([-1e4, 1e4], 0.1, 7, 0, 255), "numbers beyond both ends"),
        (([], 0.1, 7, 0, 255), "no numbers"),
    ]
    while len(cases) < CASES_PER_TASK:
        scale, zero = rng.uniform(0.003, 0.2), rng.randint(0, 255)
        values = [rng.gauss(0, 90 * scale) for _ in range(rng.randint(2, 60))]
        least, most = rng.choice([(0, 255), (-127, 127), (0, 15)])
        cases.append(((values, scale, zero if least == 0 else 0, least, most), "ordinary numbers"))
    return cases


def _integers(rng: random.Random, rows: int, columns: int, least: int, most: int) -> list[list[int]]:
    return [[rng.randint(least, most) for _ in range(columns)] for _ in range(rows)]


def _matmul_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        ((_integers(rng, 1, 1, 0, 255), _integers(rng, 1, 1, -127, 127), 3, [1]), "matrices of one number"),
        ((_integers(rng, 3, 5, 0, 255), _integers(rng, 5, 4, -127, 127), 0, [0] * 4), "zero points of 0"),
        ((_integers(rng, 2, 9, 0, 255), _integers(rng, 9, 3, -127, 127), 128, [0] * 3), "a zero point of a only"),
        (([[255] * 300], [[127]] * 300, 0, [0]), "a sum far beyond 16 bits"),
    ]
    while len(cases) < CASES_PER_TASK:
        n, m, p = (rng.randint(2, 12) for _ in range(3))
        zeros = [rng.randint(-20, 20) for _ in range(p)]
        a, b = _integers(rng, n, m, 0, 255), _integers(rng, m, p, -127, 127)
        cases.append(((a, b, rng.randint(1, 255), zeros), "a zero point for each column"))
    return cases


def _layer_cases(rng: random.Random) -> Calls:
    cases: Calls = [
        (([0.5, 0.25], [10, 10], 1.0), "little enough from the start"),
        (([0.5, 0.25, 0.125], [10, 20, 40], 0.0), "no error allowed"),
        (([0.25, 0.5, 0.5, 0.25], [100, 200, 200, 100], 0.6), "parts that are equally good"),
    ]
    while len(cases) < CASES_PER_TASK:
        count = rng.randint(4, 30)
        errors = [round(rng.lognormvariate(-6, 2), 6) + 1e-6 for _ in range(count)]
        sizes = [rng.randint(500, 900_000) for _ in range(count)]
        cases.append(((errors, sizes, sum(errors) * rng.uniform(0.05, 0.9)), "parts of any size"))
    return cases


MAKERS: dict[str, Maker] = {
    "scale_and_zero_point": (scale_and_zero_point, _scale_cases),
    "quantize": (quantize, _quantize_cases),
    "int8_matmul": (int8_matmul, _matmul_cases),
    "float_layers": (float_layers, _layer_cases),
}
