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


def test_threads_are_as_many_as_asked_for_or_one_a_physical_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.thread_count(3) == 3
    assert host.thread_count(0) == host.physical_cores() <= len(os.sched_getaffinity(0))
    monkeypatch.setattr(host, "physical_cores", lambda: 7)
    assert host.thread_count(0) == 7


def machine(root: Path, siblings: dict[int, str]) -> Path:
    """A file system that says which logical CPUs share a core."""
    for cpu, shared in siblings.items():
        folder = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{shared}\n")
    return root


# Two cores of two threads each, as Linux numbers them: the second threads come after all first ones.
SMT = {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}


@pytest.mark.parametrize(
    ("allowed", "physical"), [({0, 1, 2, 3}, 2), ({0, 2}, 1), ({2, 3}, 2), ({0, 1, 2}, 2), ({9}, 1), ({8, 9}, 2)]
)
def test_threads_of_one_core_count_once_and_only_where_this_process_may_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: set[int], physical: int
) -> None:
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda process: allowed, raising=False)
    assert host.physical_cores(machine(tmp_path, SMT)) == physical
    assert host.allowed_cpus() == sorted(allowed) and host.cores(tmp_path) == len(allowed)


def test_what_is_pinned_apart_is_a_whole_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda process: {3, 2, 0, 9}, raising=False)
    assert host.by_core(machine(tmp_path, SMT)) == [[0, 2], [3], [9]]


def grouped(root: Path, groups: str, files: dict[str, str]) -> Path:
    """A file system with the process in these control groups."""
    for name, text in {
        "proc/self/cgroup": groups,
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("groups", "files", "granted"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, 4),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        # A thread more than what is granted would be stopped in the middle of a layer: 2.5 is two.
        ("0::/a/b\n", {"a/b/cpu.max": "250000 100000\n"}, 2),
        # The narrowest of all groups above counts.
        ("0::/a/b\n", {"a/cpu.max": "100000 100000\n", "a/b/cpu.max": "300000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "20000 100000\n"}, 1),
        # Version 1; -1 is no limit. The path is the host's, and only the top is mounted.
        (
            "3:memory:/x\n1:cpu,cpuacct:/docker/x\n",
            {"cpu,cpuacct/cpu.cfs_quota_us": "300000", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ("3:memory:/\n", {"memory/cpu.cfs_quota_us": "100000", "memory/cpu.cfs_period_us": "100000"}, 4),
        ("", {}, 4),
    ],
)
def test_what_a_container_is_granted_limits_its_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str, files: dict[str, str], granted: int
) -> None:
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    root = grouped(tmp_path, groups, files)
    assert host.cores(root) == host.physical_cores(root) == granted


@pytest.mark.parametrize(
    ("machine_name", "flags", "overflows"),
    [
        ("x86_64", ["avx2"], True),
        ("AMD64", ["avx512f"], True),
        ("x86_64", ["avx512f", "avx512_vnni"], False),
        ("x86_64", ["avx2", "avx_vnni"], False),
        ("x86_64", ["amx_int8"], False),
        ("aarch64", ["asimd"], False),
    ],
)
def test_eight_bits_overflow_only_on_x86_without_vnni(machine_name: str, flags: list[str], overflows: bool) -> None:
    assert host.int8_overflows({"machine": machine_name, "flags": flags}) is overflows


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


def test_an_amd_gpu_is_named_in_the_words_of_either_rocm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "rocm-smi"
    program.write_text(
        "#!/bin/sh\n"
        "printf 'GPU[0]\\t\\t: Card series: \\t\\tArcturus GL-XL [Instinct MI100]\\n'\n"
        "printf 'GPU[0]\\t\\t: Card model: \\t\\t0x738c\\n'\n"
        "printf 'GPU[1]\\t\\t: Card Series: \\t\\tAMD Instinct MI100\\n'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr(host.shutil, "which", lambda name: str(program) if name == "rocm-smi" else None)
    assert [one["model"] for one in host.gpu_facts()] == ["Arcturus GL-XL [Instinct MI100]", "AMD Instinct MI100"]
    program.write_text("#!/bin/sh\nexit 1\n")
    assert host.gpu_facts() == []


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
