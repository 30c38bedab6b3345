"""The ladder of products on an NVIDIA GPU, measured in turn: from a thread for each number to the tensor cores.

steps = GpuLadder(run)
steps.missing                    # why there is none here, in words; empty where it is measured
steps.turns.take_all(rounds)     # steps gpu-kernel/turns-1, ... and then gpu-kernel/naive/latency, ...
steps.rates()                    # GFLOP/s by rung
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import stats
from snippets.engine.turns import Entrant, Turns
from snippets.errors import first_line
from snippets.measure import blocks
from snippets.measure.calls import Call
from snippets.stats import Estimate

if TYPE_CHECKING:
    from snippets.record.run import Run

GROUP = "gpu-kernel"
ABSENT, EXAMINED = f"{GROUP}/absent", f"{GROUP}/examined"
# Large enough that starting a kernel (some microseconds) counts little, small enough for the lowest rung.
SIDE = 4096
RULES = blocks.Rules(block_ms=120.0, patience_s=0.3)
# By rung, lowest first: the end of its steps, the kind of its numbers, and the largest error that it may have relative
# to the product's size (float32 adds thousands of numbers; float16 keeps three digits).
RUNGS = {
    "naive": ("naive", "float32", 1e-5),
    "coalesced": ("coalesced", "float32", 1e-5),
    "tiles in shared memory": ("tiles", "float32", 1e-5),
    "library": ("library", "float32", 1e-5),
    "tensor cores": ("tensor-cores", "float16", 2e-3),
    "library, float16": ("library-fp16", "float16", 2e-3),
}
BYTES = {"float32": 4, "float16": 2}
PASSES = 5
# Rows of c that are held against the product in float64.
CHECKED = 64


@dataclass(frozen=True)
class GpuLadder:
    """The rungs on square matrices of `side`, on the first GPU that PyTorch sees."""

    run: Run
    side: int = SIDE

    @cached_property
    def missing(self) -> str:
        """Why nothing of this is measured, in words; empty where it is. A replay goes by what is recorded."""
        names = () if self.run.mode == "fresh" else self.run.record().names()
        if EXAMINED in names:
            return ""
        if self.run.mode == "replay":
            return str(self.run.record().result(ABSENT)["reason"]) if ABSENT in names else "it was not recorded"
        reason = absence()
        if reason:
            self.run.step(ABSENT, lambda: {"reason": reason}, inputs={"reason": reason})
        return reason

    @cached_property
    def examined(self) -> dict[str, dict[str, Any]]:
        """By rung: `error`, the largest difference from the product in float64 relative to it, and `why` the rung is
        left out, in words (empty: it is measured). The step gpu-kernel/examined."""
        if self.run.mode == "replay":
            return self.run.record().result(EXAMINED)
        return self.run.step(EXAMINED, self._examine, inputs={"side": self.side, "rungs": list(RUNGS)})

    @cached_property
    def turns(self) -> Turns:
        """The turns of the rungs that give the right product here."""
        right = [name for name in RUNGS if not self.examined[name]["why"]]
        entrants = {
            name: Entrant(f"{GROUP}/{RUNGS[name][0]}", partial(loaded, name, self.side), "cuda", 1, {"side": self.side})
            for name in right
        }
        return Turns(self.run, GROUP, entrants, RULES)

    def rates(self) -> dict[str, Estimate]:
        """GFLOP/s of each rung, lowest first; a multiplication with its addition is two operations."""
        found, rungs = self.turns.latencies(), self.rungs
        return {
            name: stats.scaled(found[name].images_per_s(), rungs[name]["flop"] / 1e9) for name in RUNGS if name in rungs
        }

    @property
    def rungs(self) -> dict[str, dict[str, Any]]:
        """By rung, lowest first: `step`, where its times are, and `flop`, operations of one product. The step
        gpu-kernel/rungs."""
        found = {
            name: {"step": f"{one.step}/{one.what}", "flop": 2.0 * self.side**3}
            for name, one in self.turns.entrants.items()
        }
        return self.run.step(f"{GROUP}/rungs", lambda: found, inputs=found)

    def points(self) -> dict[str, tuple[float, Estimate]]:
        """Each rung's place on a roofline: operations for each byte of the three matrices, moved once, and GFLOP/s."""
        return {name: (2 * self.side / (3 * BYTES[RUNGS[name][1]]), rate) for name, rate in self.rates().items()}

    def limits(self) -> dict[str, float]:
        """The best pass of each limit, in billions a second: `float32` and `float16` operations, `memory` bytes."""
        step = self.run.step(f"{GROUP}/limits", _limits, inputs={"passes": PASSES})
        return {name.removesuffix("_per_s"): float(np.max(values)) / 1e9 for name, values in step.items()}

    def left_out(self) -> list[str]:
        """The rungs that are not measured, each with its reason, in words."""
        return [f"{name} is left out: {one['why']}" for name, one in self.examined.items() if one["why"]]

    def _examine(self) -> dict[str, dict[str, Any]]:
        found = {}
        for name, (_, kind, allowed) in RUNGS.items():
            try:
                error = relative_error(name, self.side)
                why = "" if error <= allowed else f"its product is wrong by {error:.2g} ({kind} allows {allowed:.0g})"
            except Exception as problem:  # whatever a compiler, a driver or an old GPU says: a line, and the next rung
                error, why = float("inf"), first_line(problem) or type(problem).__name__
            found[name] = {"error": error if np.isfinite(error) else None, "why": why}
        return found


def absence() -> str:
    """Why no product can be computed on a GPU here, in words; empty where PyTorch sees one."""
    try:
        import torch
    except ImportError as error:
        return f"PyTorch cannot be loaded ({error})"
    if not torch.cuda.is_available():
        return "PyTorch sees no CUDA GPU here"
    return ""


def relative_error(rung: str, side: int) -> float:
    """The largest difference of the rung's product from that in float64, over the largest number of the product."""
    import torch

    a, b, c, multiply = _prepared(rung, side)
    c.fill_(float("nan"))
    multiply()
    torch.cuda.synchronize()
    expected = a[:CHECKED].double() @ b.double()
    return float(((c[:CHECKED].double() - expected).abs().max() / expected.abs().max()).cpu())


def loaded(rung: str, side: int) -> Call:
    """The rung's product of square matrices, as a call that returns when the GPU is done."""
    import torch

    *_, multiply = _prepared(rung, side)

    def call() -> None:
        multiply()
        torch.cuda.synchronize()

    return call


def _prepared(rung: str, side: int) -> tuple[Any, Any, Any, Callable[[], Any]]:
    """a, b and c in the GPU's memory, and the rung's product of them, which does not wait for the GPU."""
    import torch

    name, kind, _ = RUNGS[rung]
    torch.manual_seed(0)
    a, b = (torch.rand(side, side, device="cuda").to(getattr(torch, kind)) for _ in range(2))
    c = torch.empty_like(a)
    if name.startswith("library"):
        return a, b, c, lambda: torch.matmul(a, b, out=c)
    if name == "tensor-cores":
        from snippets.kernel import tensor_cores

        if torch.cuda.get_device_capability() < (7, 0):
            raise RuntimeError("this GPU has no tensor cores (they came with compute capability 7.0)")
        return a, b, c, lambda: tensor_cores.product(a, b, c)
    return a, b, c, _by_numba(name, a, b, c)


def _by_numba(name: str, a: Any, b: Any, c: Any) -> Callable[[], Any]:
    from numba import cuda

    from snippets.kernel import gpu_products

    kernel: Mapping[str, Any] = {
        "naive": gpu_products.naive,
        "coalesced": gpu_products.coalesced,
        "tiles": gpu_products.in_tiles,
    }
    blocks_and_threads = gpu_products.blocks_for(c)
    arrays = [cuda.as_cuda_array(matrix) for matrix in (a, b, c)]
    return lambda: kernel[name][blocks_and_threads](*arrays)


def _limits() -> dict[str, np.ndarray]:
    """Float64 (PASSES,) each: operations a second in float32 and float16, bytes read and written a second."""
    import torch

    side = 8192
    found: dict[str, list[float]] = {}
    for kind in BYTES:
        a, b = (torch.rand(side, side, device="cuda").to(getattr(torch, kind)) for _ in range(2))
        found[f"{kind}_per_s"] = _passes(partial(torch.matmul, a, b), 2.0 * side**3)
    source = torch.rand(side, side, 4, device="cuda")
    target = torch.empty_like(source)
    found["memory_per_s"] = _passes(partial(target.copy_, source), 2.0 * source.numel() * 4)
    return {name: np.array(values) for name, values in found.items()}


def _passes(work: Callable[[], Any], amount: float) -> list[float]:
    """What `work` does in a second, pass by pass, timed on the GPU; `amount`: what one call does."""
    import torch

    work()
    rates = []
    for _ in range(PASSES):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        end.synchronize()
        rates.append(amount / (start.elapsed_time(end) / 1e3))
    return rates
