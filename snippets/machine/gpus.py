"""What NVIDIA's management library (NVML) says of each GPU: how busy, how full, how fast. Empty without a driver.

A GPU that is divided (MIG) has no utilization of its own, and some models tell less than others: what is not told is
NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reading:
    """One look at one GPU: utilization in %, memory in use in MB, clock of the multiprocessors in MHz."""

    busy: float
    memory_mb: float
    clock_mhz: float


class Gpus:
    """The GPUs of this machine, as a context manager; `read` looks at all of them, in NVML's order."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._handles: list[Any] = []

    def __enter__(self) -> Gpus:
        try:
            import pynvml

            pynvml.nvmlInit()
        except Exception:  # no module, no driver: NVML's errors and OSError alike mean that there is no GPU to read
            return self
        self._nvml = pynvml
        self._handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return self

    def __exit__(self, *exc: object) -> None:
        if self._nvml is not None:
            self._nvml.nvmlShutdown()

    def read(self) -> list[Reading]:
        """A reading of each GPU."""
        nvml = self._nvml
        return [
            Reading(
                self._told(lambda h: nvml.nvmlDeviceGetUtilizationRates(h).gpu, handle),
                self._told(lambda h: nvml.nvmlDeviceGetMemoryInfo(h).used / 1e6, handle),
                self._told(lambda h: nvml.nvmlDeviceGetClockInfo(h, nvml.NVML_CLOCK_SM), handle),
            )
            for handle in self._handles
        ]

    def free_mb(self) -> list[float]:
        """Memory that is free on each GPU, in MB."""
        nvml = self._nvml
        return [self._told(lambda h: nvml.nvmlDeviceGetMemoryInfo(h).free / 1e6, handle) for handle in self._handles]

    def _told(self, ask: Callable[[Any], Any], handle: Any) -> float:
        try:
            return float(ask(handle))
        except self._nvml.NVMLError:  # not supported here, or no permission
            return math.nan
