"""A matrix product for a GPU's tensor cores, in Triton's language (the compiler's, which comes with PyTorch for CUDA).

Here a program computes a whole tile of c; how its threads share the work is the compiler's affair. Importing this
module raises ImportError where that compiler is not installed.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

ROWS, COLUMNS, DEPTH = 128, 128, 64
"""The tile of c, and how many columns of a (rows of b) are fetched for it at a time."""


@triton.jit
def tile(a, b, c, n, m, p, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr):  # noqa: N803
    """One program's work: the tile of c (n,p) that its two numbers say, of a (n,m) and b (m,p), by pointers."""
    i = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    j = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    total = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
    for first in range(0, m, DEPTH):
        k = first + tl.arange(0, DEPTH)
        of_a = tl.load(a + i[:, None] * m + k[None, :], mask=(i[:, None] < n) & (k[None, :] < m), other=0.0)
        of_b = tl.load(b + k[:, None] * p + j[None, :], mask=(k[:, None] < m) & (j[None, :] < p), other=0.0)
        total = tl.dot(of_a, of_b, total)
    inside = (i[:, None] < n) & (j[None, :] < p)
    tl.store(c + i[:, None] * p + j[None, :], total.to(c.dtype.element_ty), mask=inside)


def product(a: Any, b: Any, c: Any) -> Any:
    """c = a x b, tensors of float16 in the GPU's memory, row by row: (n,m), (m,p), (n,p). Sums are float32."""
    (n, m), p = a.shape, b.shape[1]
    grid = (triton.cdiv(n, ROWS), triton.cdiv(p, COLUMNS))
    tile[grid](a, b, c, n, m, p, ROWS=ROWS, COLUMNS=COLUMNS, DEPTH=DEPTH, num_warps=8, num_stages=3)
    return c
