"""A matrix product really takes the multiplications that its rate counts."""

from __future__ import annotations

import numpy as np

from snippets.measure import peak


def test_the_rate_of_each_product_is_kept() -> None:
    found = peak.multiply_adds(1)
    assert found["per_s"].shape == (peak.PRODUCTS,) and (found["side"], found["threads"]) == (peak.SIDE, 1)
    # No processor does fewer than 50 million a second, or more than 64 in each of 10 billion clock cycles.
    assert np.all((found["per_s"] > 5e7) & (found["per_s"] < 64 * 1e10))


def test_products_of_small_numbers_are_added_in_32_bits() -> None:
    right = np.full((3, 2), 100, np.int8)
    assert (peak.product(right, 1)(np.full((1, 3), 200, np.uint8)) == 3 * 100 * 200).all()
    found = peak.int8_multiply_adds(1)
    assert found["per_s"].shape == (peak.PRODUCTS,) and (found["per_s"] > 5e7).all()


def test_reading_is_counted_in_bytes_of_all_threads() -> None:
    found = peak.read_bytes(2)
    for name in ("memory_per_s", "cache_per_s"):
        # No memory is slower than 50 MB/s, no cache faster than 10 TB/s.
        assert found[name].shape == (peak.PASSES,) and np.all((found[name] > 5e7) & (found[name] < 1e13)), name
