"""Compiling is repeatable and leaves nothing behind, and each batch size keeps the code that was compiled for it."""

from __future__ import annotations

import gc
import os
import platform
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from snippets.engine import compiling
from snippets.engine.compiling import Compiled, compiler_absence, eager
from snippets.errors import ToolMissing
from tests.snippets.engine.page_faults import page_faults

needs_compiler = pytest.mark.skipif(bool(compiler_absence()), reason=compiler_absence())


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU6(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 5),
    ).eval()


def batch(size: int) -> np.ndarray:
    return np.random.default_rng(size).normal(size=(size, 3, 32, 32)).astype(np.float32)


@needs_compiler
def test_every_size_keeps_its_own_compiled_code_and_answers_as_eager_does(network: torch.nn.Module) -> None:
    compiled, plain = Compiled(network, threads=1), eager(network, threads=1)
    seconds = [compiled.compile(batch(size)) for size in (1, 4)]
    assert min(seconds) > 0
    made = counters["stats"]["unique_graphs"]
    for size in (4, 1, 4):
        np.testing.assert_allclose(compiled(batch(size)), plain(batch(size)), atol=1e-5)
    assert counters["stats"]["unique_graphs"] == made


@needs_compiler
def test_a_size_that_was_not_compiled_is_compiled_at_its_first_call(network: torch.nn.Module) -> None:
    compiled = Compiled(network, threads=1)
    made = counters["stats"]["unique_graphs"]
    assert compiled(batch(2)).shape == (2, 5)
    assert compiled(batch(2)).shape == (2, 5)
    assert counters["stats"]["unique_graphs"] == made + 1


@needs_compiler
def test_the_compiler_leaves_no_files_and_no_settings(
    network: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "mine")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Compiled(network, threads=1).compile(batch(3))
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "mine"
    assert gc.isenabled()
    assert not list(tmp_path.glob("compile.*"))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to")
def test_kept_memory_is_not_fetched_from_the_system_again() -> None:
    before, after = page_faults("from snippets.engine.compiling import keep_memory", "keep_memory()")
    assert after < before / 4


def test_without_a_compiler_the_reason_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert "there is no no-such-compiler here" in compiler_absence() and "apt install g++" in compiler_absence()


@needs_compiler
def test_a_compiler_that_fails_is_found_before_anything_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", shutil.which("false") or "/bin/false")
    assert "does not compile here (exit status 1); set CXX" in compiler_absence()


def test_a_python_without_headers_is_found_before_anything_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", shutil.which("true") or "/bin/true")
    monkeypatch.setattr(compiling.sysconfig, "get_path", lambda name: str(tmp_path))
    assert "has no Python.h (Debian and Ubuntu: apt install python3." in compiler_absence()


def test_what_the_compiler_cannot_do_is_an_error_of_the_kit(
    network: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(images: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("InductorError: CppCompileError: Python.h: No such file or directory")

    monkeypatch.setattr(torch, "compile", lambda module, dynamic: fails)
    with pytest.raises(ToolMissing, match="torch.compile failed on this machine .InductorError: .*Python.h"):
        Compiled(network, threads=1).compile(batch(7))
