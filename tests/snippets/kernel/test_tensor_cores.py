"""The product on tensor cores needs a GPU and Triton's compiler; what it gives is held against float64."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
import torch

HERE = importlib.util.find_spec("triton") is not None


@pytest.mark.skipif(HERE, reason="Triton's compiler is installed")
def test_without_the_compiler_importing_it_says_what_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import snippets.kernel.tensor_cores"], capture_output=True, text=True, check=False
    )
    assert "No module named 'triton'" in done.stderr


@pytest.mark.gpu
@pytest.mark.skipif(not (HERE and torch.cuda.is_available()), reason="it takes a GPU and Triton's compiler")
@pytest.mark.parametrize(("n", "m", "p"), [(128, 64, 128), (5, 7, 3), (200, 300, 130)])
def test_any_shape_is_multiplied(n: int, m: int, p: int) -> None:
    from snippets.kernel import tensor_cores

    torch.manual_seed(0)
    a, b = (torch.rand(shape, device="cuda").half() for shape in ((n, m), (m, p)))
    c = torch.full((n, p), float("nan"), device="cuda", dtype=torch.float16)
    expected = a.double() @ b.double()
    assert torch.allclose(tensor_cores.product(a, b, c).double(), expected, rtol=2e-3)
