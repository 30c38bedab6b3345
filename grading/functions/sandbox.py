"""Confinement of student code: bubblewrap, or else Landlock.

bubblewrap   no network, own process table, a read-only root that holds the Python interpreter and nothing else, small
             scratch space, another user id, and the limits below. Works for root and for an ordinary user.
landlock     (Linux 5.13, where bubblewrap is missing or a container forbids it) the process gives up every file but the
             system's programs and Python, to read; a filter refuses sockets, signals and other processes. As root also
             another user id. It can write nowhere.
none         student code is not run.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from grading.errors import ConfinementMissing

CHILD = Path(__file__).with_name("child.py")
WORLDS = Path(__file__).with_name("worlds.py")
WALL_S = 6.0
OUTPUT_BYTES = 1_000_000
STRANGER = 61_017
LIMITS = {
    "RLIMIT_AS": 400 << 20,
    "RLIMIT_CPU": 4,
    "RLIMIT_FSIZE": 1 << 20,
    "RLIMIT_NOFILE": 64,
    "RLIMIT_NPROC": 12,
    "RLIMIT_CORE": 0,
}


@dataclass(frozen=True)
class ChildResult:
    """What came out of one confined run: lines of output, and why it ended early (empty: it did not)."""

    lines: tuple[bytes, ...]
    ended: str


@lru_cache(maxsize=1)
def interpreter() -> tuple[Path, Path]:
    """The Python that runs this process, without its virtual environment: executable, and its top folder."""
    return Path(sys.executable).resolve(), Path(sys.base_prefix).resolve()


def system_folders() -> list[str]:
    """bwrap's options that mount the system's programs and libraries read-only."""
    line = ["--ro-bind", "/usr", "/usr"]
    for name in ("/lib", "/lib64", "/bin", "/sbin"):
        folder = Path(name)
        if folder.is_symlink():
            line += ["--symlink", str(folder.readlink()), name]
        elif folder.is_dir():
            line += ["--ro-bind", name, name]
    return line


def bubblewrap(arguments: Sequence[str], binds: Sequence[tuple[str, str]]) -> list[str]:
    """The bwrap command line around Python with `arguments`; `binds` are further read-only (source, target) pairs.

    A Python of its own (not the system's) appears as /python, so that no parent folder's permissions matter.
    """
    executable, prefix = interpreter()
    line = [
        "bwrap",
        "--die-with-parent",
        "--new-session",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--clearenv",
        "--setenv",
        "PATH",
        "/usr/bin",
        "--setenv",
        "LC_ALL",
        "C.UTF-8",
    ]
    if os.geteuid() == 0:
        line += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        line.append("--unshare-user")
    line += system_folders()
    program = executable
    if not prefix.is_relative_to("/usr"):
        line += ["--ro-bind", str(prefix), "/python"]
        program = Path("/python") / executable.relative_to(prefix)
    for source, target in binds:
        line += ["--ro-bind", source, target]
    return [
        *line,
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--size",
        str(8 << 20),
        "--perms",
        "1777",
        "--tmpfs",
        "/tmp",
        "--remount-ro",
        "/",
        "--chdir",
        "/tmp",
        str(program),
        *arguments,
    ]


def _prints_42(command: Sequence[str], user: int | None = None) -> bool:
    """Whether a command ends with 42 on its output: a trial of one way to confine."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, timeout=20, user=user, cwd="/")
        return done.stdout == b"42\n"
    return False


TRIAL = ("-I", "-S", "-c", "import math; print(6 * 7)")


@lru_cache(maxsize=1)
def level() -> str:
    """The confinement that works here: `bubblewrap`, `landlock` or `none`. Tried, not guessed."""
    if shutil.which("bwrap") and _prints_42(bubblewrap(TRIAL, [])):
        return "bubblewrap"
    return "landlock" if reachable() and _lock_holds() else "none"


def _lock_holds() -> bool:
    """Whether Landlock lets a file run here, and keeps it from what it may not read or reach."""
    with tempfile.TemporaryDirectory(prefix="servelab-trial-") as folder:
        file, secret = Path(folder) / "functions.py", Path(folder) / "secret"
        secret.write_text("x", encoding="utf-8")
        file.write_text(LOCK_TRIAL.format(secret=str(secret)), encoding="utf-8")
        for path in (file, secret):
            path.chmod(0o644)
        Path(folder).chmod(0o755)
        try:
            found = run(file, {"calls": [{"function": "f", "arguments": []}], "first": 0}, "landlock")
        except OSError:
            return False
    return found.lines[0] == b'{"call": 0, "value": [42, 0, 0]}'


LOCK_TRIAL = """
def f():
    found = [42, 0, 0]
    try:
        open({secret!r}).read()
        found[1] = 1
    except OSError:
        pass
    try:
        import socket
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        found[2] = 1
    except OSError:
        pass
    return found
"""


@lru_cache(maxsize=1)
def reachable() -> str:
    """A Python that the confined user can start: this one, or the system's; empty if neither."""
    for program in (str(interpreter()[0]), "/usr/bin/python3"):
        if _prints_42([program, *TRIAL], STRANGER if os.geteuid() == 0 else None):
            return program
    return ""


def _sweep(uid: int) -> None:
    """Kill whatever still runs as `uid` (a fork bomb that left its session)."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError):
            os.setgid(uid)
            os.setuid(uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(child, 0)


def run(file: Path, request: dict[str, Any], used: str) -> ChildResult:
    """Run child.py on `request` with the student's `file`, confined at level `used`.

    Ends within the wall limit. Raises ConfinementMissing for level `none`.
    """
    if used == "none":
        raise ConfinementMissing(
            "Student code can be confined neither by bubblewrap nor by Landlock here. "
            "Install bubblewrap (apt install bubblewrap), or grade on Linux 5.13 or newer."
        )
    # A user of its own for each run: at its end all processes of that user are ended, and no other run's.
    uid = STRANGER + (os.getpid() % 4096 if used == "landlock" else 0) if os.geteuid() == 0 else 0
    with tempfile.TemporaryDirectory(prefix="servelab-box-") as name:
        box = Path(name)
        box.chmod(0o755)
        for source, target in ((CHILD, box / CHILD.name), (WORLDS, box / WORLDS.name), (file, box / "functions.py")):
            target.write_bytes(source.read_bytes())
            target.chmod(0o444)
        inside = "/box" if used == "bubblewrap" else name
        told = {**request, "file": f"{inside}/functions.py", "worlds": f"{inside}/{WORLDS.name}", "uid": uid}
        told["limits"] = LIMITS
        if used == "landlock":
            told["readable"] = [str(interpreter()[1]), "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64"]
        message = json.dumps(told).encode()
        arguments = ["-I", "-S", "-X", "utf8", f"{inside}/child.py"]
        command = [reachable(), *arguments]
        if used == "bubblewrap":
            command = bubblewrap(arguments, [(name, "/box")])
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            start_new_session=True,
            close_fds=True,
        )
        try:
            return _converse(process, message)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    with contextlib.suppress(OSError):
                        stream.close()
            if used == "landlock" and uid:
                _sweep(uid)


def _converse(process: subprocess.Popen[bytes], message: bytes) -> ChildResult:
    """Send the request, read at most OUTPUT_BYTES until the end or the wall limit."""
    assert process.stdin and process.stdout
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(message)
        process.stdin.close()
    deadline, received, ended = time.monotonic() + WALL_S, bytearray(), ""
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if not poll.poll(max(left, 0) * 1000):
            ended = f"stopped after {WALL_S:g} s"
            break
        chunk = os.read(process.stdout.fileno(), 65536)
        if not chunk:
            break
        received += chunk
        if len(received) > OUTPUT_BYTES:
            ended = "stopped: it wrote too much"
            break
    return ChildResult(tuple(bytes(received).split(b"\n")[:2000]), ended)
