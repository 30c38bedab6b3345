"""Host facts name what decides a measurement, on machines that have it and on those that do not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from snippets.machine import host


def test_facts_are_stable_within_a_process_and_named_by_their_hash() -> None:
    facts = host.host_facts()
    assert facts is host.host_facts()
    assert len(facts["id"]) == 16 and facts["cpu"]["cores"] == len(os.sched_getaffinity(0))
    assert facts["memory_bytes"] > 2**28 and facts["python"].startswith("3.")


def test_threads_are_as_many_as_asked_for_or_one_a_core() -> None:
    assert host.thread_count(3) == 3
    assert host.thread_count(0) == host.cores() == len(os.sched_getaffinity(0))


def fake_nvidia_smi(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_gpus_are_read_from_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvidia_smi(
        tmp_path,
        "echo 'Tesla P100-PCIE-16GB, GPU-1, 16384, 535.1, 6.0'; echo 'Tesla P100-PCIE-16GB, GPU-2, 16384, 535.1, 6.0'",
        monkeypatch,
    )
    assert [g["uuid"] for g in host.gpu_facts()] == ["GPU-1", "GPU-2"]
    assert host.gpu_facts()[0]["compute_capability"] == "6.0"


def test_a_broken_driver_counts_as_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvidia_smi(tmp_path, "echo 'NVML: Driver/library version mismatch'; exit 18", monkeypatch)
    assert host.gpu_facts() == []


def test_a_raspberry_pi_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/cpuinfo").write_text("processor : 0\nFeatures : fp asimd asimddp asimdhp\n")
    (tmp_path / "proc/device-tree/model").write_text("Raspberry Pi 5 Model B Rev 1.0\0")
    facts = host.cpu_facts(tmp_path)
    assert facts["model"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert facts["flags"] == ["asimd", "asimddp", "asimdhp"]


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda process: {0, 2, 3} if process == 0 else {1}, raising=False)
    assert host.cores() == 3
    monkeypatch.delattr(host.os, "sched_getaffinity")
    monkeypatch.setattr(host.os, "cpu_count", lambda: 5)
    assert host.cores() == 5
    monkeypatch.setattr(host.os, "cpu_count", lambda: None)
    assert host.cores() == 1
