"""The kit's loops: ways to add the matrix product a x b to c, steps of the ladder. They run as they are, and compiled.

Matrices are lists of rows, or arrays: `a[i][k]`. a is n x m, b is m x p, c is n x p. Each returns c. The order of the
steps follows S. Boehm, "How to optimize a CUDA matmul kernel for cuBLAS-like performance" (2022), on a CPU.
"""

from __future__ import annotations

from typing import Any

ROWS = 4
"""Rows of c, and rows of b, that `in_registers` takes at once: the sizes n and m are multiples of it."""


def naive(a: Any, b: Any, c: Any) -> Any:
    """As the definition says: one number of c after the other, each a row of a times a column of b."""
    for i in range(len(a)):
        for j in range(len(b[0])):
            for k in range(len(b)):
                c[i][j] += a[i][k] * b[k][j]
    return c


def by_rows(a: Any, b: Any, c: Any) -> Any:
    """The same additions in another order: the innermost loop runs along a row of b and a row of c."""
    for i in range(len(a)):
        for k in range(len(b)):
            for j in range(len(b[0])):
                c[i][j] += a[i][k] * b[k][j]
    return c


def in_tiles(a: Any, b: Any, c: Any, size: int) -> Any:
    """By rows within tiles: `size` rows of b and as many of its columns at a time, which stay in the cache."""
    for above in range(0, len(b), size):
        for left in range(0, len(b[0]), size):
            for i in range(len(a)):
                for k in range(above, min(above + size, len(b))):
                    for j in range(left, min(left + size, len(b[0]))):
                        c[i][j] += a[i][k] * b[k][j]
    return c


def in_registers(a: Any, b: Any, c: Any) -> Any:
    """Four rows of c by four rows of b at once: each number that is fetched serves four times. n, m are multiples."""
    for i in range(0, a.shape[0], ROWS):
        for k in range(0, a.shape[1], ROWS):
            a00, a01, a02, a03 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            a10, a11, a12, a13 = a[i + 1, k], a[i + 1, k + 1], a[i + 1, k + 2], a[i + 1, k + 3]
            a20, a21, a22, a23 = a[i + 2, k], a[i + 2, k + 1], a[i + 2, k + 2], a[i + 2, k + 3]
            a30, a31, a32, a33 = a[i + 3, k], a[i + 3, k + 1], a[i + 3, k + 2], a[i + 3, k + 3]
            for j in range(b.shape[1]):
                b0, b1, b2, b3 = b[k, j], b[k + 1, j], b[k + 2, j], b[k + 3, j]
                c[i, j] += a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
                c[i + 1, j] += a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
                c[i + 2, j] += a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
                c[i + 3, j] += a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3
    return c
