"""GPUs as NVML tells of them; the library is a stand-in with two, one of which is divided."""

from __future__ import annotations

import math
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from snippets.machine.gpus import Gpus, Reading
from snippets.machine.utilization import Utilization


class NVMLError(Exception):
    """What the library raises for all that it does not tell."""


class Nvml:
    """pynvml with a whole GPU and one that is divided (MIG), which has no utilization."""

    NVML_CLOCK_SM, NVMLError = 1, NVMLError
    ended = 0

    def nvmlInit(self) -> None:
        pass

    def nvmlShutdown(self) -> None:
        self.ended += 1

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        if handle:
            raise NVMLError("Not Supported")
        return SimpleNamespace(gpu=73)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(used=2_000_000_000 + handle, free=14_000_000_000)

    def nvmlDeviceGetClockInfo(self, handle: int, clock: int) -> int:
        assert clock == self.NVML_CLOCK_SM
        return 1328


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Nvml:
    made = Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def test_each_gpu_tells_what_it_can_and_the_rest_is_nan(nvml: Nvml) -> None:
    with Gpus() as gpus:
        whole, divided = gpus.read()
        assert gpus.free_mb() == [14_000.0, 14_000.0]
    assert whole == Reading(73.0, 2000.0, 1328.0)
    assert math.isnan(divided.busy) and divided.clock_mhz == 1328.0
    assert nvml.ended == 1


def test_without_a_driver_there_are_none(nvml: Nvml, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise NVMLError("Driver Not Loaded")

    monkeypatch.setattr(nvml, "nvmlInit", no_driver)
    with Gpus() as gpus:
        assert gpus.read() == [] and gpus.free_mb() == []


def test_a_load_keeps_utilization_memory_and_clock_of_every_gpu(nvml: Nvml) -> None:
    with Utilization(every_s=0.02) as seen:
        time.sleep(0.2)
    samples = seen.samples()
    looks = len(samples["util_s"])
    assert samples["util_gpu"].shape == samples["util_gpu_memory_mb"].shape == (looks, 2) and looks >= 2
    assert set(samples["util_gpu_clock_mhz"].ravel()) == {1328.0}
    assert samples["util_gpu_memory_mb"][0, 0] == 2000.0 and math.isnan(samples["util_gpu"][0, 1])
