"""Child servers start, are waited for, and never stay behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from snippets.errors import ServerError, ToolMissing
from snippets.machine import process
from snippets.machine.process import StartOptions, free_port, http_ready, require_free, start_server

HTTP = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]


def http_server(port: int) -> list[str]:
    return [*HTTP, str(port)]


def wait_gone(pid: int, timeout_s: float = 10) -> bool:
    try:
        child = psutil.Process(pid)
        if child.status() == psutil.STATUS_ZOMBIE:
            return True
        child.wait(timeout_s)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def port_is_free(port: int) -> bool:
    try:
        require_free(port)
    except ServerError:
        return False
    return True


def test_a_server_is_ready_when_start_returns_and_gone_after_its_block(tmp_path: Path) -> None:
    with start_server(
        "web", http_server, http_ready("/"), StartOptions(log=tmp_path / "web.log", cwd=tmp_path)
    ) as server:
        assert http_ready("/")(server.url)
        assert server.alive and server.ready_s > 0
        assert server in process.running()
    assert wait_gone(server.pid) and port_is_free(server.port)
    assert server not in process.running()
    assert (tmp_path / "web.log").exists()


def test_an_exception_in_the_block_stops_the_server(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        with start_server("web", http_server, http_ready("/"), StartOptions(cwd=tmp_path)) as server:
            raise KeyboardInterrupt
    assert wait_gone(server.pid) and port_is_free(server.port)


def test_a_taken_port_is_named_with_a_remedy() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ServerError, match=rf"port {port} .*free one"):
            start_server("web", http_server, http_ready("/"), StartOptions(port=port))


def test_a_server_that_ends_is_reported_with_its_log() -> None:
    command = [sys.executable, "-c", "import sys; print('out of cheese'); sys.exit(7)"]
    with pytest.raises(ServerError, match=r"(?s)exit code 7.*out of cheese"):
        start_server("web", command, lambda url: False)


def test_a_server_that_never_answers_is_stopped_after_the_limit() -> None:
    seen: list[str] = []

    def never(url: str) -> bool:
        seen.append(url)
        return False

    with pytest.raises(ServerError, match="not ready on http://127.0.0.1"):
        start_server("web", http_server, never, StartOptions(timeout_s=0.2))
    assert not process.running()
    assert port_is_free(int(seen[0].rpartition(":")[2]))


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ToolMissing, match="no-such-server"):
        start_server("web", ["no-such-server"], lambda url: True)


def test_a_killed_server_is_noticed(tmp_path: Path) -> None:
    with start_server("web", http_server, http_ready("/"), StartOptions(cwd=tmp_path)) as server:
        os.kill(server.pid, signal.SIGKILL)
        server.wait(10)
        with pytest.raises(ServerError, match="SIGKILL"):
            server.require_alive()


def test_a_server_that_ignores_sigterm_is_killed_with_its_children() -> None:
    stubborn = textwrap.dedent("""
        import http.server, signal, subprocess, sys
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
        subprocess.Popen([sys.executable, "-c", child])
        http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
    """)
    server = start_server("stubborn", lambda port: [sys.executable, "-c", stubborn, str(port)], http_ready("/"))
    family = [child.pid for child in psutil.Process(server.pid).children()]
    server.stop(grace_s=0.3)
    assert len(family) == 1
    assert wait_gone(server.pid) and wait_gone(family[0]) and port_is_free(server.port)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["Ctrl-C", "SIGTERM", "SIGKILL"])
@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_the_end_of_the_parent_leaves_no_process_and_no_port(how: signal.Signals, root: Path) -> None:
    parent_code = textwrap.dedent("""
        import sys, threading
        from snippets.machine.process import http_ready, start_server
        with start_server("web", lambda port: [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)],
                          http_ready("/")) as server:
            print(server.pid, server.port, flush=True)
            threading.Event().wait()
    """)
    parent = subprocess.Popen(
        [sys.executable, "-c", parent_code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=root
    )
    assert parent.stdout is not None
    pid, port = map(int, parent.stdout.readline().split())
    assert psutil.pid_exists(pid)
    parent.send_signal(how)
    parent.wait(10)
    assert wait_gone(pid)
    assert port_is_free(port)


def test_free_ports_can_be_bound() -> None:
    port = free_port()
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))
