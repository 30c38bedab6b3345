"""The libraries that ONNX Runtime needs for a GPU, NVIDIA's or AMD's: whether they load here, and if not, why."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

# In the driver's cuda.h: CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76
# From 10.5 on TensorRT supports Turing and newer (its release notes and support matrix).
TENSORRT_CAPABILITY = (7, 5)
TENSORRT_LIBRARIES = ("libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10")
CUDNN = "libcudnn.so.9"
KFD = Path("/dev/kfd")
"""Where the kernel's driver for AMD GPUs answers."""
TENSORRT_REMEDY = "on this GPU machine: pip install --no-deps tensorrt-cu12-libs==10.9.0.34"


def absence(provider: str) -> str:
    """Why the GPU libraries of onnxruntime do not load, as the system's loader says it."""
    import onnxruntime as ort

    try:
        capability = compute_capability()
    except OSError:
        return "there is no NVIDIA driver here (libcuda.so.1 does not load), so no GPU to run on"
    if capability is None:
        return "there is an NVIDIA driver but no GPU that it can use"
    if provider == "tensorrt":
        if capability < TENSORRT_CAPABILITY:
            return (
                f"TensorRT 10 has no code for this GPU (compute capability {capability[0]}.{capability[1]}; it needs "
                f"{TENSORRT_CAPABILITY[0]}.{TENSORRT_CAPABILITY[1]} or newer)"
            )
        preload_tensorrt()
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
    with suppress(OSError):
        ctypes.CDLL(CUDNN)
        return _library_absence(provider)
    # Not beside ONNX Runtime and not known to the system's loader: where PyTorch is, it loads its own.
    with suppress(ImportError):
        import torch  # noqa: F401
    return _library_absence(provider)


def has_amd_gpu() -> bool:
    """Whether this machine has the driver of an AMD GPU: only then its providers are worth a word."""
    return KFD.exists()


def amd_absence(provider: str) -> str:
    """Why the libraries of ROCm do not load. Written by the packages' documents; never run on such a GPU."""
    if not has_amd_gpu():
        return f"there is no driver of an AMD GPU here ({KFD} is missing), so no GPU to run on"
    return _library_absence(provider)


def _library_absence(provider: str) -> str:
    import onnxruntime as ort

    capi = Path(ort.__file__).parent / "capi"
    try:
        ctypes.CDLL(str(capi / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(capi / f"libonnxruntime_providers_{provider}.so"))
    except OSError as error:
        remedy = f" ({TENSORRT_REMEDY})" if "nvinfer" in str(error) or "nvonnx" in str(error) else ""
        return f"a library it needs does not load: {error}{remedy}"
    return ""


def compute_capability() -> tuple[int, int] | None:
    """That of the first GPU, from the driver; None where it sees none. OSError without a driver."""
    driver = ctypes.CDLL("libcuda.so.1")
    count, major, minor = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return None
    for value, attribute in ((major, CAPABILITY_MAJOR), (minor, CAPABILITY_MINOR)):
        if driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, 0) != 0:
            return None
    return major.value, minor.value


def preload_tensorrt() -> None:
    """Load TensorRT's libraries from its package, where the system's loader would not look; no word if it is not there.

    What is missing then is said by the loader, when ONNX Runtime's own library asks for it.
    """
    spec = find_spec("tensorrt_libs")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in TENSORRT_LIBRARIES:
            with suppress(OSError):
                ctypes.CDLL(str(Path(folder) / name), mode=ctypes.RTLD_GLOBAL)
