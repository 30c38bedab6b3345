"""Every way to multiply gives the product that was worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.kernel import products

# (1 2) x (5 6) = (1*5 + 2*7  1*6 + 2*8) = (19 22); the second row 3*5 + 4*7 = 43 and 3*6 + 4*8 = 50.
#         (7 8)  c held 1 everywhere.
A, B, EXPECTED = [[1, 2], [3, 4]], [[5, 6], [7, 8]], [[20, 23], [44, 51]]


@pytest.mark.parametrize("multiply", [products.naive, products.by_rows])
def test_lists_of_rows_are_multiplied_and_added(multiply) -> None:
    c = [[1, 1], [1, 1]]
    assert multiply(A, B, c) is c and c == EXPECTED


@pytest.mark.parametrize("size", [1, 2, 3])
def test_tiles_of_any_size_give_the_same(size: int) -> None:
    assert products.in_tiles(A, B, [[1, 1], [1, 1]], size) == EXPECTED


def test_registers_take_four_rows_at_a_time() -> None:
    # a: 4 x 8 of ones, b: 8 x 3 with k in row k. Each sum is 0 + 1 + ... + 7 = 28, and c held 2.
    a, b = np.ones((4, 8)), np.repeat(np.arange(8.0)[:, None], 3, axis=1)
    assert (products.in_registers(a, b, np.full((4, 3), 2.0)) == 30).all()
