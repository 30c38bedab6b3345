"""Why ONNX Runtime's GPU libraries do not load here, with the remedy; the driver is a stand-in."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from snippets.machine import gpu_libraries


class Driver:
    """libcuda with one GPU of some compute capability."""

    def __init__(self, major: int, minor: int, gpus: int = 1) -> None:
        self._facts, self._gpus = {75: major, 76: minor}, gpus

    def cuInit(self, _flags: int) -> int:
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = self._gpus
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, _device: int) -> int:
        value._obj.value = self._facts[attribute]
        return 0


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch):
    """Put a driver in place; no other library loads."""

    def load(driver: Driver | None) -> None:
        def cdll(name: str, mode: int = 0) -> Any:
            if name == "libcuda.so.1" and driver is not None:
                return driver
            raise OSError(f"{name.rpartition('/')[2]}: libnvinfer.so.10: cannot open shared object file")

        monkeypatch.setattr(ctypes, "CDLL", cdll)

    return load


def test_each_thing_that_is_missing_is_said_in_turn(loaded) -> None:
    loaded(None)
    assert "no NVIDIA driver" in gpu_libraries.absence("cuda")
    loaded(Driver(8, 0, gpus=0))
    assert "no GPU that it can use" in gpu_libraries.absence("cuda")
    loaded(Driver(8, 0))
    assert "pip install --no-deps tensorrt-cu12-libs" in gpu_libraries.absence("tensorrt")


def test_tensorrt_has_no_code_for_a_p100(loaded) -> None:
    loaded(Driver(6, 0))
    assert "compute capability 6.0; it needs 7.5 or newer" in gpu_libraries.absence("tensorrt")
    assert "capability" not in gpu_libraries.absence("cuda")
