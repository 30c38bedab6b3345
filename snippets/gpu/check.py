"""PyTorch on a GPU, rung by rung, on a machine without a network: `python -m snippets.gpu.check [RUNS]`.

Needs numpy and the PyTorch that is there. Writes the run `model/gpu`, which `servelab show` reads: each rung's latency
of one image and images a second in batches, with all samples, and how far its logits are from the CPU's, relative to
their size; and the ladder of matrix products of notebook 0_kernel, as far as numba and Triton's compiler are there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snippets import stats
from snippets.data.image import SIDE
from snippets.errors import KitError, ProviderError, first_line
from snippets.gpu import smoke
from snippets.kernel.gpu_ladder import GpuLadder
from snippets.machine.gpus import Gpus
from snippets.measure import calls
from snippets.measure.latency import Latency
from snippets.record.run import Run, open_run

BATCH = 64
LIMIT_S = 280.0
CLASSES = 11
ROUNDS = 3


@dataclass(frozen=True)
class Rung:
    """One way to run the network. `kind`: float32, float16 or bfloat16; `graph`: captured as a CUDA graph; `compiled`:
    by torch.compile."""

    name: str
    kind: str = "float32"
    channels_last: bool = False
    graph: bool = False
    compiled: bool = False
    device: str = "cuda"


LADDER = (
    Rung("cuda-eager"),
    Rung("cuda-channels-last", channels_last=True),
    Rung("cuda-bf16", "bfloat16", channels_last=True),
    Rung("cuda-fp16", "float16", channels_last=True),
    Rung("cuda-graph-fp32", graph=True),
    Rung("cuda-graph-fp16", "float16", channels_last=True, graph=True),
    Rung("cuda-compiled-fp16", "float16", channels_last=True, compiled=True),
    Rung("cuda-compiled-graph-fp16", "float16", channels_last=True, compiled=True, graph=True),
)


class OnGpu:
    """The network as a rung runs it, for one batch size: float32 (N,3,224,224) in the GPU's memory -> logits there.

    Call it for the next answer to the batch that it was made with; the call returns when the GPU is done.
    """

    def __init__(self, module: Any, rung: Rung, batch: np.ndarray) -> None:
        import copy

        import torch

        kind = getattr(torch, rung.kind)
        form = torch.channels_last if rung.channels_last else torch.contiguous_format
        self._device = rung.device
        self._images = torch.from_numpy(batch).to(rung.device, kind).contiguous(memory_format=form)
        network = copy.deepcopy(module).eval().to(rung.device, kind).to(memory_format=form)
        if rung.compiled:
            network = torch.compile(network, dynamic=False)
        self._run: Callable[[], Any] = self._captured(network) if rung.graph else lambda: network(self._images)

    def _captured(self, network: Any) -> Callable[[], Any]:
        """The network as a CUDA graph: all its kernels are launched as one."""
        import torch

        with torch.inference_mode():
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    network(self._images)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                answer = network(self._images)

        def replay() -> Any:
            graph.replay()
            return answer

        return replay

    def __call__(self) -> Any:
        import torch

        with torch.inference_mode():
            answer = self._run()
        if self._device == "cuda":
            torch.cuda.synchronize()
        return answer

    def logits(self) -> np.ndarray:
        """Its answer, float32 in this machine's memory."""
        return self().float().cpu().numpy()


def climb(run: Run, module: Any, began: float, ladder: Sequence[Rung] = LADDER) -> list[str]:
    """Measure every rung that the time allows as recorded steps; returns a line for each, in words."""
    import torch

    batch = BATCH if torch.cuda.is_available() else 2
    images = np.random.default_rng(0).standard_normal((batch, 3, SIDE, SIDE)).astype(np.float32)
    with torch.inference_mode():
        expected = module(torch.from_numpy(images)).numpy()
    lines = []
    for rung in ladder:
        name = f"gpu/{rung.name}"
        if time.monotonic() - began > LIMIT_S:
            lines.append(f"{rung.name}: left out, {LIMIT_S:.0f} s are over")
            continue
        try:
            lines.append(_measure(run, name, (module, rung), images, expected))
        except KitError:
            raise
        except Exception as error:  # a GPU or a build that cannot do this: a line, and the next rung
            run.step(f"{name}/absent", lambda e=error: {"reason": first_line(e)}, inputs={"reason": first_line(error)})
            lines.append(f"{rung.name}: absent, {first_line(error)}")
    return lines


def multiply(run: Run, began: float) -> list[str]:
    """Measure the ladder of matrix products on the GPU; returns a line for each rung and limit, in words."""
    steps = GpuLadder(run)
    if steps.missing:
        return [f"products: left out, {steps.missing}"]
    if time.monotonic() - began > LIMIT_S:
        return [f"products: left out, {LIMIT_S:.0f} s are over"]
    steps.turns.take_all(ROUNDS)
    limits = ", ".join(f"{name} {billions:,.0f}" for name, billions in steps.limits().items())
    rates = [f"product, {name}: {rate.value:,.0f} GFLOP/s" for name, rate in steps.rates().items()]
    return [f"limits in billions a second: {limits}", *rates, *steps.left_out()]


def _measure(run: Run, name: str, how: tuple[Any, Rung], images: np.ndarray, expected: np.ndarray) -> str:
    module, rung = how
    inputs = {"rung": vars(rung), "torch": _torch_version()}
    one, effort = OnGpu(module, rung, images[:1]), calls.effort("quick")
    latency = run.step(
        f"{name}/latency", lambda: calls.latency_step(one, effort, provider=rung.device, threads=1), inputs=inputs
    )
    many, efforts = OnGpu(module, rung, images), calls.effort("quick", batches=True)
    rate = run.step(
        f"{name}/throughput",
        lambda: _watched(calls.throughput_step(many, len(images), efforts, provider=rung.device, threads=1)),
        inputs={**inputs, "batch": len(images)},
    )
    far = run.step(
        f"{name}/difference", lambda: {"relative": relative_difference(many.logits(), expected)}, inputs=inputs
    )
    p50, per_s = Latency.of(latency).p50(), Latency.of(rate).images_per_s()
    return f"{rung.name}: p50 {stats.show(p50)} ms, {per_s.value:,.0f} images/s, logits within {far['relative']:.1%}"


def relative_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two arrays of logits, relative to the largest of the expected ones."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def settled(module: Any) -> Any:
    """The network with the means and variances of random images in its normalizations, as training would leave them.

    Without them the numbers shrink to nothing from layer to layer, and logits of nothing agree with anything.
    """
    import torch

    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        module.train()(torch.randn(16, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)))
    return module.eval()


def _watched(result: dict[str, Any]) -> dict[str, Any]:
    """A result with what NVML says of the first GPU right after it."""
    with Gpus() as gpus:
        seen = gpus.read()[:1]
    return {**result, **({"gpu_clock_mhz": seen[0].clock_mhz, "gpu_memory_mb": seen[0].memory_mb} if seen else {})}


def _torch_version() -> str:
    import torch

    return str(torch.__version__)


def check(runs: str = "") -> list[str]:
    """Smoke test, then the ladder; returns what was found, in words. Raises ProviderError where PyTorch has no GPU."""
    import torch

    from snippets.model.mobilenet import mobilenet_v2

    began = time.monotonic()
    found = smoke.examine()
    failed = [one for one in found if one.name in ("driver", "torch") and one.ok is False]
    if failed:
        raise ProviderError(f"{failed[0].name} does not compute on a GPU here: {failed[0].detail}. {failed[0].fix}")
    torch.manual_seed(0)
    module = settled(mobilenet_v2(CLASSES))
    run = open_run("model", notebook="gpu", run_id="gpu", runs=runs)
    run.step("gpu/smoke", lambda: {"found": [str(one) for one in found]}, inputs={"torch": _torch_version()})
    told = [*map(str, found), *climb(run, module, began), *multiply(run, began)]
    return [*told, f"record: {run.folder} (servelab show reads it)"]


if __name__ == "__main__":
    try:
        print("\n".join(check(*sys.argv[1:2])))
    except KitError as problem:
        print(f"check-gpu: {problem}", file=sys.stderr)
        raise SystemExit(problem.exit_code) from None
