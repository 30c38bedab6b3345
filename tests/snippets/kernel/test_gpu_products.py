"""The GPU's kernels give the right product: run by numba's simulator, thread by thread, where there is no GPU."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("numba")

# Sides that are no multiple of a tile, one smaller and one larger than it: edges are where kernels err.
PROGRAM = """
import numpy as np
from numba import cuda
from snippets.kernel import gpu_products
gpu_products.TILE = 4
kernel = getattr(gpu_products, {name!r})
chance = np.random.default_rng(0)
for n, m, p in ((3, 2, 1), (5, 7, 6)):
    a, b = (chance.random(shape).astype(np.float32) for shape in ((n, m), (m, p)))
    c = np.full((n, p), np.nan, np.float32)
    kernel[gpu_products.blocks_for(c)](a, b, c)
    assert np.allclose(c, a @ b, rtol=1e-5), (n, m, p, c, a @ b)
print("right")
"""


@pytest.mark.parametrize("name", ["naive", "coalesced", "in_tiles"])
def test_each_kernel_multiplies_any_shape(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "right", done.stderr[-800:]
