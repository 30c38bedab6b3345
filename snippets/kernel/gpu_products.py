"""The kit's matrix products for an NVIDIA GPU, compiled by numba: one thread for each number of c = a x b.

a is n x m, b is m x p, c is n x p, float32 in the GPU's memory. Launch each with `blocks_for(c)`. Threads whose number
x in their block differs by one run in step, and what they read at one time is fetched together if it lies together.
`NUMBA_ENABLE_CUDASIM=1` runs them without a GPU, thread by thread, slowly.
"""

# mypy: disable-error-code="call-arg, var-annotated"
from __future__ import annotations

from typing import Any

from numba import cuda, float32

TILE = 32
"""Rows and columns of a block of threads, and of the tiles that they share: 1,024 threads are the most of a block."""


def blocks_for(c: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Blocks of TILE x TILE threads that cover c (n,p): (blocks in x, in y), (threads in x, in y)."""
    most = max(c.shape)
    count = (most + TILE - 1) // TILE
    return (count, count), (TILE, TILE)


@cuda.jit
def naive(a: Any, b: Any, c: Any) -> None:
    """Threads that run in step take numbers of c that lie below each other: each reads and writes a row of its own."""
    i, j = cuda.grid(2)
    if i < c.shape[0] and j < c.shape[1]:
        total = float32(0.0)
        for k in range(a.shape[1]):
            total += a[i, k] * b[k, j]
        c[i, j] = total


@cuda.jit
def coalesced(a: Any, b: Any, c: Any) -> None:
    """Threads that run in step take neighbours in a row of c: they read along a row of b, which is fetched as one."""
    j, i = cuda.grid(2)
    if i < c.shape[0] and j < c.shape[1]:
        total = float32(0.0)
        for k in range(a.shape[1]):
            total += a[i, k] * b[k, j]
        c[i, j] = total


@cuda.jit
def in_tiles(a: Any, b: Any, c: Any) -> None:
    """A block fetches a tile of a and one of b into its shared memory, uses each number TILE times, and goes on."""
    of_a = cuda.shared.array((TILE, TILE), float32)
    of_b = cuda.shared.array((TILE, TILE), float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    j, i = cuda.grid(2)
    total = float32(0.0)
    for first in range(0, a.shape[1], TILE):
        inside_a = i < a.shape[0] and first + x < a.shape[1]
        inside_b = first + y < b.shape[0] and j < b.shape[1]
        of_a[y, x] = a[i, first + x] if inside_a else float32(0.0)
        of_b[y, x] = b[first + y, j] if inside_b else float32(0.0)
        cuda.syncthreads()
        for k in range(TILE):
            total += of_a[y, k] * of_b[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total
