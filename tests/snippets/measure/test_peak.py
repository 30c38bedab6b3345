"""A matrix product really takes the multiplications that its rate counts."""

from __future__ import annotations

import numpy as np

from snippets.measure import peak


def test_the_rate_of_each_product_is_kept() -> None:
    found = peak.multiply_adds(1)
    assert found["per_s"].shape == (peak.PRODUCTS,) and (found["side"], found["threads"]) == (peak.SIDE, 1)
    # No processor does fewer than 50 million a second, or more than 64 in each of 10 billion clock cycles.
    assert np.all((found["per_s"] > 5e7) & (found["per_s"] < 64 * 1e10))
