"""Facts about the machine that decide what a measurement means: processor, memory, GPU, clock, packages."""

from __future__ import annotations

import functools
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
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
    "onnxruntime-rocm",
    "onnxruntime-migraphx",
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


def allowed_cpus() -> list[int]:
    """Ids of the logical CPUs that this process may run on (its affinity mask), in order; what to pin to."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cores(root: Path = Path("/")) -> int:
    """Logical CPUs' worth of time that this process may use: its affinity mask, or less where a cgroup has a quota."""
    return max(1, int(min(len(allowed_cpus()), cpu_quota(root))))


def by_core(root: Path = Path("/")) -> list[list[int]]:
    """The CPUs that this process may run on, those of one physical core together; `root`: of the file system.

    Two logical CPUs of one core (SMT, "hyper-threads") share its execution units, so that a second busy thread there
    brings little to arithmetic and much disturbance to the first. Each is a core of its own where the system does not
    tell which belong together.
    """
    groups: dict[str, list[int]] = {}
    for cpu in allowed_cpus():
        siblings = _lines(root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        groups.setdefault(siblings[0].strip() if siblings else str(cpu), []).append(cpu)
    return list(groups.values())


def physical_cores(root: Path = Path("/")) -> int:
    """Cores with execution units of their own that this process may use: by affinity, and by quota as for `cores`."""
    return min(len(by_core(root)), cores(root))


def cpu_quota(root: Path = Path("/")) -> float:
    """CPUs' worth of time that the control groups (containers, services) grant this process; infinite without a limit.

    Read from version 2 (`cpu.max`) or 1 (`cpu.cfs_quota_us`), of its own group and of all above it.
    """
    granted = float("inf")
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / controllers
        # In a container the path may be the host's, of which only the mount's top is to be seen.
        for folder in (top / group.strip("/"), *(top / group.strip("/")).parents):
            granted = min(granted, _quota(folder))
            if folder == top:
                break
    return granted


def _quota(folder: Path) -> float:
    """CPUs granted by one cgroup; infinite where it says nothing."""
    words = " ".join(_lines(folder / "cpu.max")).split()
    if not words:
        words = [*_lines(folder / "cpu.cfs_quota_us"), *_lines(folder / "cpu.cfs_period_us")]
    try:
        quota, period = float(words[0]), float(words[1])
    except (ValueError, IndexError):  # "max", or no such file
        return float("inf")
    return quota / period if quota > 0 and period > 0 else float("inf")


def thread_count(threads: int = 0) -> int:
    """The number of threads to pin: `threads`, or with 0 one for each physical core that this process may use."""
    return threads if threads > 0 else physical_cores()


def cpu_facts(root: Path = Path("/")) -> dict[str, Any]:
    """Model, logical and physical cores that this process may use, and noted instruction sets; `root`: as above."""
    fields: dict[str, str] = {}
    for line in _lines(root / "proc/cpuinfo"):
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    model = fields.get("model name") or (_lines(root / "proc/device-tree/model") or [""])[0].rstrip("\0")
    return {
        "model": model or platform.processor() or platform.machine(),
        "machine": platform.machine(),
        "cores": len(allowed_cpus()),
        "physical_cores": physical_cores(),
        "flags": [f for f in NOTED_FLAGS if f in flags],
    }


def int8_overflows(cpu: Mapping[str, Any]) -> bool:
    """Whether a CPU (as `cpu_facts` has it) may overflow where it multiplies 8-bit integers: x86 without VNNI or AMX.

    There two products are added in 16 bits, and what does not fit is cut off; weights of 7 bits always fit.
    https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
    """
    able = any("vnni" in flag or flag == "amx_int8" for flag in cpu["flags"])
    return cpu["machine"].lower() in ("x86_64", "amd64", "i686", "i386") and not able


def memory_bytes() -> int:
    """Installed memory in bytes, 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def gpu_facts() -> list[dict[str, Any]]:
    """Name, UUID, memory (MiB), driver, compute capability and whether it is divided (MIG) of each NVIDIA GPU.

    As nvidia-smi tells; of an AMD GPU the name, as rocm-smi tells; empty without one.
    """
    if not shutil.which("nvidia-smi"):
        return _amd_gpu_facts() if shutil.which("rocm-smi") else []
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


def _amd_gpu_facts() -> list[dict[str, Any]]:
    try:
        command = ["rocm-smi", "--showproductname"]
        out = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [{"model": name.strip()} for name in re.findall(r"(?m)^GPU\[\d+\].*?: *Card [Ss]eries:(.*)$", out)]


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
