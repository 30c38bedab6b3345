"""A submission that would take for ever, or all memory, is ended; the others are not."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from grading.batch.limited import Limits, run_limited

QUICK = Limits(cpu_s=20, wall_s=60)


def double(job: int) -> int:
    return 2 * job


def misbehave(job: str) -> Any:
    if job == "spin":
        while True:
            pass
    if job == "wait":
        time.sleep(600)
    if job == "die":
        os._exit(3)
    if job == "eat":
        return len(bytearray(1 << 40))
    if job == "raise":
        raise RuntimeError("no")
    if job.startswith("/"):
        child = os.fork()
        if child == 0:
            time.sleep(600)
            os._exit(0)
        Path(job).write_text(f"{os.getpid()} {child}")
        time.sleep(600)
    return job


def outcomes(jobs: list[str], **limits: Any) -> dict[str, str]:
    return {jobs[ended.index]: ended.problem for ended in run_limited(jobs, misbehave, 3, Limits(**limits))}


def test_every_job_has_its_value() -> None:
    ended = list(run_limited(list(range(9)), double, 3, QUICK))
    assert sorted((one.index, one.value, one.problem) for one in ended) == [(n, 2 * n, "") for n in range(9)]


def test_nothing_to_do_ends_at_once() -> None:
    assert list(run_limited([], double, 2, QUICK)) == []


def test_what_computes_for_ever_is_ended() -> None:
    found = outcomes(["spin", "fine"], cpu_s=1, wall_s=60)
    assert found["fine"] == "" and "more than 1 s of computing" in found["spin"]


def test_what_waits_for_ever_is_ended() -> None:
    found = outcomes(["wait", "fine"], cpu_s=20, wall_s=0.5)
    assert found["fine"] == "" and "took longer than 0.5 s" in found["wait"]


def test_what_crashes_eats_memory_or_raises_costs_only_itself() -> None:
    found = outcomes(["die", "eat", "raise", "fine"], cpu_s=20, wall_s=60)
    assert found["fine"] == "" and "exit code 3" in found["die"]
    assert "more memory" in found["eat"] and "RuntimeError: no" in found["raise"]


@pytest.mark.parametrize("how", ["limit", "closed"])
def test_nothing_outlives_its_end(tmp_path: Path, how: str) -> None:
    told = tmp_path / "pids"
    running = run_limited([str(told), "fine"], misbehave, 2, Limits(cpu_s=20, wall_s=1.5 if how == "limit" else 60))
    assert next(running).problem == ""
    while not told.exists() or len(told.read_text().split()) < 2:
        time.sleep(0.01)
    if how == "limit":
        assert "took longer" in next(running).problem
    else:
        running.close()  # type: ignore[attr-defined]
    pids = [int(pid) for pid in told.read_text().split()]
    deadline = time.monotonic() + 20
    while any(map(_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(_alive, pids))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False
