"""`servelab doctor`: what this machine has and lacks for the lab, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from snippets.edge.browser import vendor
from snippets.machine import host


@dataclass(frozen=True)
class Finding:
    """One thing looked for. `needed`: without it the rehearsal cannot run; otherwise a piece of it is left out."""

    name: str
    present: bool
    detail: str
    remedy: str = ""
    needed: bool = False


def _apt(package: str) -> str:
    return f"Debian or Ubuntu: sudo apt-get install {package}"


def _package(name: str, what_for: str, needed: bool = True, remedy: str = "make setup") -> Finding:
    try:
        return Finding(name, True, metadata.version(name), needed=needed)
    except metadata.PackageNotFoundError:
        return Finding(name, False, f"not installed; for {what_for}", remedy, needed)


def _program(names: tuple[str, ...], what_for: str, remedy: str, needed: bool = False) -> Finding:
    found = next((path for name in names if (path := shutil.which(name))), None)
    return Finding(names[0], found is not None, found or f"not found; for {what_for}", remedy, needed)


def _compiling() -> Finding:
    """Whether torch.compile has what it needs: a C++ compiler that runs, and Python's headers."""
    from snippets.engine.compiling import compiler_absence

    reason = compiler_absence()
    return Finding("g++", not reason, reason or "with Python's headers, for torch.compile", _apt("g++ python3-dev"))


def findings() -> list[Finding]:
    """Everything that was looked for on this machine."""
    cpu, gpus = host.cpu_facts(), host.gpu_facts()
    signed_in = any(name.startswith("OS_") for name in os.environ)
    memory_gib = host.memory_bytes() / 2**30
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    runtime = "onnxruntime-gpu" if (sys.platform, platform.machine()) == ("linux", "x86_64") else "onnxruntime"
    return [
        Finding("Python", sys.version_info >= (3, 11), platform.python_version(), "install Python 3.11 or newer", True),
        Finding("processor", True, f"{cpu['model']}, {cpu['cores']} cores; {' '.join(cpu['flags'])}"),
        Finding("memory", memory_gib >= 4, f"{memory_gib:.0f} GiB", "the lab wants 4 GiB; close other programs", True),
        Finding("disk space", free_gb >= 2, f"{free_gb:.0f} GB free here", "free 2 GB, or use --runs ELSEWHERE", True),
        _package("torch", "Part 1's PyTorch variants and the PyTorch endpoint"),
        _package(runtime, "every ONNX measurement"),
        _package("papermill", "servelab run"),
        _package("jupyterlab", "working in the notebooks"),
        _package("openvino", "the OpenVINO variant", needed=False),
        _package("tritonclient", "Part 3"),
        _triton(),
        _package("playwright", "screenshots", needed=False),
        _program(("chromium", "chromium-browser", "google-chrome"), "screenshots of Part 3", _apt("chromium")),
        _in_browser(),
        _compiling(),
        _program(("bwrap",), "grading code in confinement", _apt("bubblewrap")),
        _program(("git",), "naming the kit's version in records", _apt("git")),
        _program(("docker",), "Triton's own container on GPU nodes (not needed to rehearse)", "install Docker Engine"),
        Finding(
            "NVIDIA GPU",
            bool(gpus),
            ", ".join(g["model"] for g in gpus) or "none: GPU variants show as absent",
            "reserve a node: servelab slots model",
        ),
        _package("python-chi", "leases on Chameleon", needed=False),
        Finding(
            "Chameleon credentials",
            signed_in,
            "OS_* variables " + ("set" if signed_in else "not set; for leases only"),
            "source your openrc file, see README, On Chameleon",
        ),
    ]


def _in_browser() -> Finding:
    """Whether onnxruntime-web is here, which the page of Part 2 runs."""
    package, reason = vendor.package(), vendor.absence()
    detail = f"not here; for Part 2 in a browser ({package.version})" if reason else str(package.folder)
    return Finding(package.name, not reason, detail, "make browser")


def _triton() -> Finding:
    spec = util.find_spec("pytriton")
    places = list(spec.submodule_search_locations or []) if spec else []
    binary = next((p for place in places if (p := Path(place) / "tritonserver/bin/tritonserver").is_file()), None)
    remedy = "Linux x86-64: pip install --no-deps nvidia-pytriton==0.7.0"
    return Finding("Triton server", binary is not None, str(binary) if binary else "not installed; for Part 3", remedy)


def examine_machine() -> tuple[str, bool]:
    """The findings as text, and whether everything needed is there."""
    found = findings()
    width = max(len(f.name) for f in found)
    lines = []
    for finding in found:
        state = "ok     " if finding.present else "MISSING" if finding.needed else "absent "
        lines.append(f"{state}  {finding.name.ljust(width)}  {finding.detail}")
        if not finding.present and finding.remedy:
            lines.append(" " * (11 + width) + f"-> {finding.remedy}")
    ok = all(f.present for f in found if f.needed)
    lines.append("")
    lines.append(
        "This machine can rehearse the lab: make lab"
        if ok
        else "Something needed is missing: get it as said above, then run servelab doctor again."
    )
    return "\n".join(lines), ok


def examine_gpu() -> tuple[str, bool]:
    """What every engine makes of the GPU, as text, and whether all that are here compute on it."""
    from snippets.gpu import smoke

    found = smoke.examine()
    return "\n".join(map(str, found)), all(one.ok is not False for one in found)
