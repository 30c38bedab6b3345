"""PyTorch as a student first meets it (eager), and the same module after torch.compile."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from snippets.errors import ToolMissing, first_line
from snippets.machine.host import thread_count

Logits = Callable[[np.ndarray], np.ndarray]
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # in glibc's malloc.h


def eager(module: Any, threads: int = 0) -> Logits:
    """The module as a function of numpy arrays, float32 (N,3,H,W) -> (N,classes), threads pinned, memory kept."""
    import torch

    keep_memory()
    module, threads = module.eval(), thread_count(threads)

    def run(batch: np.ndarray) -> np.ndarray:
        _use_threads(threads)
        with torch.inference_mode():
            return module(torch.from_numpy(batch)).numpy()

    return run


def _use_threads(count: int) -> None:
    """PyTorch has one number of threads for the whole process; models that take turns each set their own."""
    import torch

    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def keep_memory() -> None:
    """Tell the C library to keep freed memory for the next call. It does so for the rest of the process (glibc only).

    PyTorch allocates every tensor anew, and glibc gives large blocks back to the system, which then has to provide
    and clear their pages at each call: for large batches that can take longer than computing. Allocators and
    engines for serving, ONNX Runtime among them, keep their memory. https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - AttributeError elsewhere than on glibc
        for parameter in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
            library.mallopt(parameter, 1 << 30)


def compiler_absence() -> str:
    """Why torch.compile cannot work on this CPU, in words; empty when it can.

    It writes C++ that includes Python's headers, for the compiler in $CXX or else g++ (clang++ on macOS). So that is
    tried: a compiler that does not run, or a Python without headers (Debian's and Ubuntu's), is found in a moment.
    """
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if not shutil.which(compiler):
        return f"torch.compile writes C++ and there is no {compiler} here (Debian and Ubuntu: apt install g++)"
    include = sysconfig.get_path("include")
    if not (Path(include) / "Python.h").is_file():
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-dev"
        return (
            f"torch.compile needs Python's headers, and {include} has no Python.h (Debian and Ubuntu: apt install "
            f"{package})"
        )
    command = [compiler, f"-I{include}", "-fsyntax-only", "-x", "c++", "-"]
    try:
        tried = subprocess.run(command, input="#include <Python.h>\n", capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        return f"torch.compile writes C++ and {compiler} does not run here ({first_line(error)})"
    if tried.returncode:
        said = tried.stderr.strip().splitlines() or [f"exit status {tried.returncode}"]
        return (
            f"torch.compile writes C++ and {compiler} does not compile here ({said[0][:200]}); set CXX to a C++ "
            "compiler that does (Debian and Ubuntu: apt install g++)"
        )
    return ""


class Compiled:
    """A module under torch.compile, one batch size at a time.

    Batch normalization is folded into the convolutions first: the compiler would do so too, in twice the time. The
    weights are frozen into the compiled code, and its caches are switched off, so that the compile time is a cold one.
    It does without two things that do not belong to compiling a model: the compiler's trial compilation that shows
    whether this machine has the vector instructions it says it has, and Python's garbage collection in the middle.
    """

    def __init__(self, module: Any, threads: int = 0) -> None:
        keep_memory()
        self._module, self._threads = module.eval(), thread_count(threads)
        self._functions: dict[int, Any] = {}

    def compile(self, batch: np.ndarray) -> float:
        """Compile for this batch's shape and run it once. Returns seconds from call to first result.

        Raises ToolMissing where the compiler fails: this machine lacks something that torch.compile needs.
        """
        import torch

        _use_threads(self._threads)
        start = time.perf_counter_ns()
        with _cold_and_frozen():
            # Folding makes a new module for each size: PyTorch keeps what it compiled for the others.
            function = torch.compile(_folded(self._module), dynamic=False)
            with torch.inference_mode():
                try:
                    function(torch.from_numpy(batch))
                except Exception as error:  # it raises whatever its back ends and the compiler raise
                    raise ToolMissing(f"torch.compile failed on this machine ({first_line(error)})") from error
        self._functions[len(batch)] = function
        return (time.perf_counter_ns() - start) / 1e9

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Logits of a batch; a size that was not compiled yet is compiled first."""
        import torch

        if len(batch) not in self._functions:
            self.compile(batch)
        function = self._functions[len(batch)]
        _use_threads(self._threads)
        with torch.inference_mode():
            return function(torch.from_numpy(batch)).numpy()


@contextmanager
def no_collection() -> Iterator[None]:
    """Without Python's garbage collection: tracing makes millions of objects, and most of them stay."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _folded(module: Any) -> Any:
    """The module with batch normalization folded into convolutions; as it is where torch.fx cannot trace it."""
    from torch.fx.experimental.optimization import fuse

    try:
        return fuse(module)
    except Exception:  # tracing runs the module's own code
        return module


@contextmanager
def _cold_and_frozen() -> Iterator[None]:
    import warnings

    import torch._inductor.config as settings

    before = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    folder = tempfile.mkdtemp(prefix="compile.")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
    try:
        with (
            settings.patch({"freezing": True, "force_disable_caches": True, "cpp.vec_isa_ok": True}),
            warnings.catch_warnings(),
            no_collection(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        if before is None:
            os.environ.pop("TORCHINDUCTOR_CACHE_DIR", None)
        else:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = before
        # The compiled code is loaded; its sources are of no more use (and a busy compiler may hold some).
        shutil.rmtree(Path(folder), ignore_errors=True)
