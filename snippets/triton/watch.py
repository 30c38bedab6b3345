"""Runs one server and makes sure that nothing of it outlives the program that asked for it.

    python watch.py LOG SHARED_MEMORY_PREFIX REMOVE COMMAND...

REMOVE is a JSON list: a command to run at the very end (`docker rm`), or empty.

The asking program holds the other end of this process's standard input. However that program ends (a normal
exit, Ctrl-C, a kernel killed with SIGKILL), the pipe closes, and then the server, its children and its shared
memory are removed. Should this process be killed itself, Linux ends the server (PR_SET_PDEATHSIG).
Exits with the server's status (128 + signal for a signal). Standard library only.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE_S = 6.0


def die_with_parent() -> None:
    """In a child before exec: its own process group, and SIGKILL when the parent dies (Linux only)."""
    os.setpgid(0, 0)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def prctl(option: int, value: int) -> None:
    """Linux's prctl with one argument; nothing elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def children() -> list[int]:
    """Process ids of this process's children, zombies too (Linux)."""
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in text.split()]


def stop(server: subprocess.Popen, grace_s: float = GRACE_S) -> None:
    """Ask the server to stop, then insist; then end whatever it left behind."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(grace_s)
        except subprocess.TimeoutExpired:
            signal_group(server.pid)
            server.wait()
    signal_group(server.pid)
    # A stub of a killed server becomes this process's child (subreaper), whatever its process group.
    deadline = time.monotonic() + grace_s
    while (left := children()) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                continue


def signal_group(group: int) -> None:
    """SIGKILL to a process group, if it still exists."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def remove_shared_memory(prefix: str) -> None:
    """Delete the shared memory regions of a server that could not do it itself."""
    if prefix:
        for region in Path("/dev/shm").glob(f"{prefix}*"):
            region.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Start the command, wait for it or for the end of standard input, clean up, and pass its status on."""
    log, prefix, remove, *command = arguments
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    # Ctrl-C in a terminal reaches the whole foreground group; the asking program decides, not the keyboard.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked_to_stop.append(number))
    with Path(log).open("ab") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=die_with_parent
        )
    try:
        while server.poll() is None and not asked_to_stop:
            readable, _, _ = select.select([sys.stdin], [], [], 0.1)
            if readable and not os.read(sys.stdin.fileno(), 1):
                break
    finally:
        status = server.poll()
        stop(server)
        remove_shared_memory(prefix)
        if json.loads(remove):
            subprocess.run(json.loads(remove), stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    status = server.returncode if status is None else status
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
