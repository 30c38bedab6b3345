"""How many instances of a model a machine can hold: each is a process, and on a GPU has a CUDA context."""

from __future__ import annotations

import math
from collections.abc import Sequence

# What a team in a hurry asks for: two instances for each core, or four on each GPU, whose kernels take turns anyway.
A_CORE, A_GPU = 2, 4
# A process with Python, an engine and this classifier; and with a CUDA context and the engine's own memory pool. Of
# what is free, a quarter is left for batches and for the machine.
CPU_INSTANCE_MB, GPU_INSTANCE_MB = 250.0, 1500.0
USABLE = 0.75


def hurried(cores: int, gpus: int, free_mb: float, gpu_free_mb: Sequence[float]) -> int:
    """Instances that a team in a hurry deploys: on the CPU, or on each of the first `gpus` GPUs; at least one.

    `free_mb`: memory that is free; `gpu_free_mb`: the same on each GPU (NaN: not told). Never more than fit.
    """
    fit = math.floor(USABLE * free_mb / CPU_INSTANCE_MB / max(1, gpus))
    wished = A_GPU if gpus else A_CORE * cores
    if gpus:
        told = [one for one in gpu_free_mb[:gpus] if not math.isnan(one)]
        fit = min([fit, *(math.floor(USABLE * one / GPU_INSTANCE_MB) for one in told)])
    return max(1, min(wished, fit))


def free_memory_mb() -> tuple[float, list[float]]:
    """Memory that is free now: the machine's, and each GPU's."""
    import psutil

    from snippets.machine.gpus import Gpus

    with Gpus() as gpus:
        return psutil.virtual_memory().available / 1e6, gpus.free_mb()
