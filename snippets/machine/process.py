"""Child servers of a lab: started on a free loopback port, waited for, stopped, never left behind.

    with start_server("endpoint", command_for_port, http_ready("/ready")) as server:
        httpx.get(server.url + "/ready")

A server is stopped when its `with` block ends, by an exception or Ctrl-C as well as normally. If the parent
itself is killed, Linux kills the server too (PR_SET_PDEATHSIG, see prctl(2)); elsewhere `atexit` does what it can.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from snippets.errors import ServerError, ToolMissing

LOOPBACK = "127.0.0.1"
POLL_S = 0.05
LOG_TAIL_LINES = 20

# Runs in the child, between fork and the server: a fresh interpreter sets the death signal and becomes the
# server. This needs no preexec_fn, which can deadlock in a parent that has threads (torch, onnxruntime).
_BECOME_SERVER = """
import ctypes, os, signal, sys
parent, command = int(sys.argv[1]), sys.argv[2:]
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
os.execvp(command[0], command)
"""

_running: set[Server] = set()


def free_port(host: str = LOOPBACK) -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def require_free(port: int, host: str = LOOPBACK) -> None:
    """Raise ServerError if another program already has `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServerError(
                f"port {port} on {host} cannot be used ({error.strerror}): another program may be listening on it. "
                "Leave the port at 0 to have a free one chosen, or stop the other program "
                f"(`ss -ltnp 'sport = :{port}'` names it)."
            ) from None


def http_ready(path: str) -> Callable[[str], bool]:
    """A readiness test: does `GET <url><path>` answer with status 200?"""

    def ready(url: str) -> bool:
        try:
            with urllib.request.urlopen(url + path, timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError, ValueError):
            return False

    return ready


class Server:
    """One running child server. `pid`, `port`, `url` and `log` describe it; `ready_s` is how long it took to answer."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], port: int, host: str, log: Path) -> None:
        self.name = name
        self.port = port
        self.url = f"http://{host}:{port}"
        self.log = log
        self.ready_s = float("nan")
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The last lines of what the server printed."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"

    def require_alive(self) -> None:
        """Raise ServerError, with the end of the log, if the server has ended by itself."""
        code = self._process.poll()
        if code is not None:
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            raise ServerError(
                f"the server {self.name} ended by itself ({how}). The end of its log, {self.log}:\n{self.log_tail()}"
            )

    def wait(self, timeout_s: float) -> int:
        """Wait until it has ended and return its exit code; subprocess.TimeoutExpired if it still runs then."""
        return self._process.wait(timeout_s)

    def stop(self, grace_s: float = 5.0) -> None:
        """Ask the server and its children to end (SIGTERM), and after `grace_s` seconds make them (SIGKILL)."""
        _running.discard(self)
        for number in (signal.SIGTERM, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM):
            _signal_group(self._process, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=grace_s)
                break
        # Children of the server (worker processes) share its group; none of them may outlive it.
        if sys.platform != "win32":
            _signal_group(self._process, signal.SIGKILL)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True)
class StartOptions:
    """Where and how a server is started.

    `port` 0 takes a free one. What the server prints goes to the file `log` (a temporary one if None). `environment`
    adds to this process's. `timeout_s`: how long it may take until it is ready.
    """

    port: int = 0
    host: str = LOOPBACK
    timeout_s: float = 60.0
    log: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


DEFAULT_START = StartOptions()


def start_server(
    name: str,
    command: Sequence[str] | Callable[[int], Sequence[str]],
    ready: Callable[[str], bool],
    options: StartOptions = DEFAULT_START,
) -> Server:
    """Start `command` and wait until `ready(url)` is true.

    `command` is the argument list, or a function from the port to the argument list.
    Raises ToolMissing if the program does not exist, and ServerError if the port is taken, the server ends, or
    it is not ready in time; nothing is left running then.
    """
    port = options.port or free_port(options.host)
    if options.port:
        require_free(port, options.host)
    arguments = [str(part) for part in (command(port) if callable(command) else command)]
    _require_program(arguments[0])
    began = time.perf_counter()
    server = _spawn(name, arguments, port, options)
    _running.add(server)
    try:
        while not ready(server.url):
            server.require_alive()
            if time.perf_counter() - began > options.timeout_s:
                raise ServerError(
                    f"the server {name} was not ready on {server.url} after {options.timeout_s:.0f} s. Start it by "
                    f"hand to see why, or allow it more time. The end of its log, {server.log}:\n{server.log_tail()}"
                )
            time.sleep(POLL_S)
        # Something else may have taken the port and answered in the server's place.
        server.require_alive()
    except BaseException:
        server.stop()
        raise
    server.ready_s = time.perf_counter() - began
    return server


def _spawn(name: str, arguments: Sequence[str], port: int, options: StartOptions) -> Server:
    log = options.log or Path(tempfile.mkdtemp(prefix="servelab-")) / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BECOME_SERVER, str(os.getpid()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **options.environment},
            cwd=options.cwd,
            start_new_session=True,
        )
    return Server(name, process, port, options.host, log)


def running() -> list[Server]:
    """The servers that this process has started and not yet stopped."""
    return [server for server in _running if server.alive]


@atexit.register
def stop_all() -> None:
    """Stop every server that is still running; runs by itself when the interpreter ends."""
    for server in list(_running):
        server.stop(grace_s=2.0)


def _require_program(program: str) -> None:
    if shutil.which(program) is None:
        raise ToolMissing(f"the program {program} is not installed, or not on PATH: install it, or give its full path.")


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)
