"""Compiled loops do what they did before, and their machine code is read for its vectors."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from snippets.kernel import compiled, products

SCALAR = "\tvmulss\t(%rax,%rcx), %xmm1, %xmm2\n\tvaddss\t%xmm2, %xmm0, %xmm0\n"
EIGHT = SCALAR + "\tvmulps\t(%rsi,%rdi,4), %ymm0, %ymm1\n"
SIXTEEN = EIGHT + "\tvfmadd231ps\t(%rsi,%rdi,4), %zmm0, %zmm1\n"
# Moving or adding sixteen at once multiplies none of them.
MOVED = SCALAR + "\tvmovups\t%zmm1, (%rax)\n\tvaddps\t%zmm1, %zmm2, %zmm2\n"


@pytest.mark.parametrize(
    ("assembly", "numbers"),
    [
        ("", 1),
        (SCALAR, 1),
        (MOVED, 1),
        (SCALAR + "\tmulps\t%xmm1, %xmm2\n", 4),
        (EIGHT, 8),
        (SIXTEEN, 16),
        ("\tfmla\tv0.4s, v1.4s, v2.s[0]\n", 4),
        ("\tfmadd\ts0, s1, s2, s3\n", 1),
    ],
)
def test_the_widest_multiplication_counts(assembly: str, numbers: int) -> None:
    assert compiled.widest(assembly) == numbers


def test_a_product_is_the_same_compiled_and_a_sum_has_no_vectors_unless_its_order_allows() -> None:
    a, b, c = compiled.matrices(8)
    naive, ordered = compiled.compiled(products.naive), compiled.compiled(products.by_rows)
    assert np.allclose(naive(a, b, c), a.astype(float) @ b, rtol=1e-6)
    assert np.allclose(ordered(a, b, np.zeros_like(c)), a.astype(float) @ b, rtol=1e-6)
    assert compiled.numbers_at_once(naive) == 1 < compiled.numbers_at_once(ordered)


def test_an_index_beyond_an_array_is_an_error_where_it_is_checked() -> None:
    def beyond(a):
        return a[len(a)]

    with pytest.raises(IndexError):
        compiled.compiled(beyond, checked=True)(np.zeros(3))


def test_matrices_are_the_same_for_everyone_and_c_is_zero() -> None:
    (a, b, c), again = compiled.matrices(5), compiled.matrices(5)
    assert a.shape == b.shape == c.shape == (5, 5) and a.dtype == np.float32
    assert (a == again[0]).all() and (a != b).any() and not c.any()


def test_without_numba_the_reason_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled.absence() == ""
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "numba":
            raise ImportError("No module named 'numba'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert compiled.absence() == "numba cannot be loaded (No module named 'numba'); `pip install numba` brings it"
