"""Facts about the machine that decide what a measurement means: processor, memory, GPU, clock, packages."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from snippets.files import canonical, sha256_text
from snippets.parts import KIT

CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
# Flags that change how fast int8, fp16 and vectorised kernels run (x86-64 and Arm names).
NOTED_FLAGS = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx_vnni",
    "amx_int8",
    "asimd",
    "asimddp",
    "asimdhp",
    "fphp",
    "i8mm",
    "bf16",
    "sve",
)
NOTED_PACKAGES = (
    "servelab",
    "numpy",
    "torch",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "tritonclient",
    "nvidia-pytriton",
    "fastapi",
    "mlcommons-loadgen",
    "papermill",
    "jupyterlab",
)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def cores() -> int:
    """Processor cores that this process may use (its affinity mask, not the machine's count)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count(threads: int = 0) -> int:
    """The number of threads to pin: `threads`, or with 0 one for each core that this process may use."""
    return threads if threads > 0 else cores()


def cpu_facts(root: Path = Path("/")) -> dict[str, Any]:
    """Model, cores that this process may use, and the noted instruction set flags; `root`: of the file system."""
    fields: dict[str, str] = {}
    for line in _lines(root / "proc/cpuinfo"):
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    model = fields.get("model name") or (_lines(root / "proc/device-tree/model") or [""])[0].rstrip("\0")
    return {
        "model": model or platform.processor() or platform.machine(),
        "machine": platform.machine(),
        "cores": cores(),
        "flags": [f for f in NOTED_FLAGS if f in flags],
    }


def memory_bytes() -> int:
    """Installed memory in bytes, 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def gpu_facts() -> list[dict[str, Any]]:
    """Name, UUID, memory (MiB), driver, compute capability and whether it is divided (MIG) of each NVIDIA GPU.

    As nvidia-smi tells; empty without one.
    """
    if not shutil.which("nvidia-smi"):
        return []
    query = [
        "nvidia-smi",
        "--query-gpu=name,uuid,memory.total,driver_version,compute_cap,mig.mode.current",
        "--format=csv,noheader,nounits",
    ]
    try:
        out = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    names = ("model", "uuid", "memory_mib", "driver", "compute_capability", "mig")
    return [dict(zip(names, [v.strip() for v in line.split(",")], strict=False)) for line in out.splitlines() if line]


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that a measurement depends on."""
    found = {}
    for name in NOTED_PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def kit_commit() -> dict[str, Any]:
    """Commit of the kit and whether its files differ from it; empty outside a git checkout."""
    if commit := os.environ.get("SERVELAB_KIT_COMMIT"):
        return {"commit": commit}
    try:

        def git(*args: str) -> str:
            command = ["git", "-C", str(KIT), *args]
            return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return {}


@functools.cache
def host_facts() -> dict[str, Any]:
    """Everything above, with an `id` that is the hash of the facts. Cached for the life of the process."""
    facts: dict[str, Any] = {
        "hostname": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cpu": cpu_facts(),
        "memory_bytes": memory_bytes(),
        "gpus": gpu_facts(),
        "clock_source": next(iter(_lines(CLOCK_SOURCE)), ""),
        "image_digest": os.environ.get("SERVELAB_IMAGE_DIGEST", ""),
        "packages": package_versions(),
        "kit": kit_commit(),
    }
    return {"id": sha256_text(canonical(facts))[:16], **facts}
