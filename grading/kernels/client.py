"""This side of the warm process: start it, ask it for kernels, hear how they ended."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

ANSWER_S = 60.0
"""How long the warm process may take to answer; its first answer waits for all its imports."""
PROVISIONER = "servelab-warm"
"""The name of the kernel provisioner, as pyproject.toml registers it."""
INLINE = "module://matplotlib_inline.backend_inline"
"""Where figures are drawn, as in any kernel: matplotlib asks when it is imported."""
OPTIONS = ("-Xfrozen_modules=off",)
"""Of Python, as ipykernel's own kernelspec has them: its debugger asks for this one."""


class NoWarmKernel(Exception):
    """The warm process cannot be started or does not answer; an ordinary kernel takes its place."""


class WarmKernel:
    """A forked kernel, with as much of subprocess.Popen as Jupyter uses. `code` is its exit code once it ended."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, pool: WarmPool) -> None:
        self.pid = pid
        self.pool = pool

    def poll(self) -> int | None:
        """The exit code (negative: a signal), or None while it runs."""
        return self.pool.code(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        code = self.pool.code(self.pid, wait_s=timeout)
        if code is None:
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(15)

    def kill(self) -> None:
        """End it."""
        self.send_signal(9)


class WarmPool:
    """One warm process and its kernels. Threads may share it; it ends with this process."""

    def __init__(self) -> None:
        here, there = socket.socketpair()
        # One thread for linear algebra: forked copies of more would be of no use, and they share the machine.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": INLINE}
        package = str(Path(__file__).resolve().parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), package)))
        with there:
            self.process = subprocess.Popen(
                [sys.executable, "-P", *OPTIONS, "-m", "grading.kernels.forkserver", str(there.fileno())],
                env=environment,
                pass_fds=(there.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.owner = os.getpid()
        self.link = here
        self.lock = threading.Lock()
        self.codes: dict[int, int] = {}
        self.kept = b""

    def start(self, argv: list[str], environment: dict[str, str], cwd: str) -> WarmKernel:
        """A kernel with these arguments. Raises NoWarmKernel."""
        request = json.dumps({"argv": argv, "env": environment, "cwd": cwd}).encode() + b"\n"
        try:
            with self.lock:
                self.link.settimeout(ANSWER_S)
                self.link.sendall(request)
                while True:
                    for answer in self._read(ANSWER_S):
                        if "pid" in answer:
                            self.codes.pop(answer["pid"], None)
                            return WarmKernel(answer["pid"], self)
                        if "error" in answer:
                            raise NoWarmKernel(answer["error"])
        except OSError as error:
            raise NoWarmKernel(f"the warm process does not answer: {error}") from None

    def code(self, pid: int, wait_s: float | None = 0.0) -> int | None:
        """How the kernel ended; None if it has not within `wait_s` (None: for ever)."""
        with self.lock:
            try:
                while pid not in self.codes and self._read(wait_s):
                    pass
            except OSError:
                self.codes.setdefault(pid, -9)  # a warm process that dies takes its kernels with it
            return self.codes.get(pid)

    def close(self) -> None:
        """End the warm process and its kernels."""
        self.link.close()
        self.process.wait(10)

    def _read(self, wait_s: float | None) -> list[dict[str, Any]]:
        """Messages that are there, or come within `wait_s`; how kernels ended is noted. OSError: no connection."""
        self.link.settimeout(wait_s)
        try:
            data = self.link.recv(1 << 16)
        except (BlockingIOError, TimeoutError):
            if wait_s:
                raise
            return []
        if not data:
            raise ConnectionResetError("it has ended")
        *lines, self.kept = (self.kept + data).split(b"\n")
        messages = [json.loads(line) for line in lines]
        self.codes |= {message["ended"]: message["code"] for message in messages if "ended" in message}
        return messages


def fork_kernels() -> None:
    """From now on, fork the kernels that this process starts through Jupyter; as before where that is impossible."""
    if PROVISIONER in entry_points(group="jupyter_client.kernel_provisioners").names:
        with contextlib.suppress(NoWarmKernel):
            warm_pool()  # it imports while this process prepares the first notebook
            os.environ["JUPYTER_DEFAULT_PROVISIONER_NAME"] = PROVISIONER


_pools: list[WarmPool] = []


def warm_pool() -> WarmPool:
    """This process's pool, started at the first call and again if it has died. Raises NoWarmKernel."""
    if not hasattr(os, "fork") or sys.platform != "linux":  # macOS has it, but its libraries do not survive it
        raise NoWarmKernel("kernels are forked on Linux only")
    for pool in list(_pools):
        if pool.owner == os.getpid() and pool.process.poll() is None:
            return pool
        _pools.remove(pool)
    try:
        _pools.append(WarmPool())
    except OSError as error:
        raise NoWarmKernel(f"the warm process cannot be started: {error}") from None
    return _pools[-1]
