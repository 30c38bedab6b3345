"""One submission, one process: with limits of time and memory, and ended for good when they are reached.

A limit that stops an honest submission would harm a student, so they are wide: a usual one needs less than a second.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

MAX_ANSWER = 200_000_000
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Limits:
    """What grading one submission may take: seconds of computing, seconds by the clock, bytes of memory."""

    cpu_s: int = 30
    wall_s: float = 180.0
    memory_bytes: int = 3 << 30


@dataclass(frozen=True)
class Ended:
    """What became of a job: its value, or why there is none."""

    index: int
    value: Any
    problem: str = ""


def run_limited(
    jobs: Sequence[Any], work: Callable[[Any], Any], workers: int, limits: Limits = Limits()
) -> Iterator[Ended]:
    """`work(job)` for each job, at most `workers` at a time, each in its own process; yields as they end.

    A job's value must be JSON. A process that reaches a limit, or crashes, is one `Ended` with a problem; no process
    outlives this generator, nor the process that runs it.
    """
    kind = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context: Any = multiprocessing.get_context(kind)
    running: dict[Connection, tuple[int, Any, float]] = {}
    waiting = iter(enumerate(jobs))
    gc.collect()
    gc.freeze()  # the children's collectors leave what they share alone
    try:
        while True:
            while len(running) < workers and (following := next(waiting, None)):
                index, job = following
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(work, job, sender, limits, os.getpid()), daemon=False)
                process.start()
                sender.close()
                running[receiver] = index, process, time.monotonic() + limits.wall_s
            if not running:
                return
            soonest = min(deadline for _, _, deadline in running.values())
            ready = wait(list(running), timeout=max(0.0, soonest - time.monotonic()))
            late = [pipe for pipe, (_, _, deadline) in running.items() if deadline <= time.monotonic()]
            for pipe in dict.fromkeys([*ready, *late]):
                assert isinstance(pipe, Connection)
                index, process, _ = running.pop(pipe)
                yield _outcome(index, pipe, process, pipe in ready, limits)
    finally:
        gc.unfreeze()
        for pipe, (_, process, _) in running.items():
            _end(process)
            pipe.close()


def _outcome(index: int, pipe: Connection, process: Any, answered: bool, limits: Limits) -> Ended:
    data = b""
    if answered:
        with contextlib.suppress(EOFError, OSError):
            data = pipe.recv_bytes(MAX_ANSWER)
    if data:
        process.join(2)
    elif answered:
        process.join(10)
    code = process.exitcode
    _end(process)
    pipe.close()
    if data:
        value = json.loads(data)
        return Ended(index, value.get("value"), value.get("problem", ""))
    if not answered:
        return Ended(index, None, f"grading it took longer than {limits.wall_s:g} s and was ended")
    if code in (-getattr(signal, "SIGXCPU", 0), -9):
        return Ended(
            index, None, f"grading it took more than {limits.cpu_s} s of computing, or of memory, and was ended"
        )
    return Ended(index, None, f"grading it ended without a result (exit code {code})")


def _end(process: Any) -> None:
    """End the process and its own children, and wait for it."""
    if process.pid and hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # it is its group's first (setsid), so its children go too
    with contextlib.suppress(ValueError):
        process.kill()
        process.join(5)
        process.close()


def _child(work: Callable[[Any], Any], job: Any, sender: Connection, limits: Limits, parent: int) -> None:
    if hasattr(os, "setsid"):
        os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    _limit(limits)
    try:
        answer = {"value": work(job)}
    except MemoryError:
        answer = {"problem": "grading it needed more memory than there is for one submission"}
    except Exception as error:
        answer = {"problem": f"grading it failed ({type(error).__name__}: {str(error)[:300]})"}
    sender.send_bytes(json.dumps(answer).encode())
    sender.close()


def _limit(limits: Limits) -> None:
    try:
        import resource
    except ImportError:  # Windows: the clock alone
        return
    used = 0
    with contextlib.suppress(OSError, ValueError):
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    for name, value in (
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_AS, used + limits.memory_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            hard = resource.getrlimit(name)[1]
            capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(name, (capped, hard))
