"""Expected values of the products of matrices, worked out by hand."""

from __future__ import annotations

from grading.staff.judges.functions.products import multiply_by_rows, multiply_in_tiles


def test_the_product_is_added_to_what_is_there() -> None:
    # 1*1 + 2*0 + 3*2 = 7 and 1*0 + 2*1 + 3*2 = 8, and c held 10 and 0.
    a, b, c = [[1, 2, 3]], [[1, 0], [0, 1], [2, 2]], [[10, 0]]
    assert multiply_by_rows(a, b, c) == multiply_in_tiles(a, b, c, 2) == [[17, 8]]
