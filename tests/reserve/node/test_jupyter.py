"""JupyterLab on the node: where it listens, who may read its token, and when it counts as there."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from reserve.node import jupyter


class Lab(BaseHTTPRequestHandler):
    """Answers the status to the right token only."""

    def do_GET(self) -> None:
        right = self.path == "/api/status" and self.headers["Authorization"] == "token t0ken"
        self.send_response(200 if right else 403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def port():
    with HTTPServer(("127.0.0.1", 0), Lab) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def left(state: Path, **facts: object) -> None:
    state.mkdir(exist_ok=True)
    (state / "jupyter.json").write_text(json.dumps(facts))


def test_a_server_that_answers_and_is_as_public_as_asked_for_counts(port: int, tmp_path: Path) -> None:
    left(tmp_path, port=port, token="t0ken", public=False)
    jupyter.check(tmp_path, False)
    with pytest.raises(ValueError, match="not public"):
        jupyter.check(tmp_path, True)
    left(tmp_path, port=port, token="wrong", public=False)
    with pytest.raises(OSError, match="403"):
        jupyter.check(tmp_path, False)
    with pytest.raises(OSError):
        jupyter.check(tmp_path / "nothing", False)


def test_a_taken_port_is_left_to_whoever_has_it(port: int) -> None:
    assert jupyter.free_port(port) != port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert jupyter.free_port(free) == free


def test_the_earlier_server_is_ended_and_none_is_fine(tmp_path: Path) -> None:
    jupyter.stop_earlier(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait(60)"])
    left(tmp_path, pid=child.pid)
    jupyter.stop_earlier(tmp_path)
    assert child.wait(30) == -15
    jupyter.stop_earlier(tmp_path)


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no space left\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(jupyter.sys, "executable", str(program))
    monkeypatch.setattr(jupyter.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(jupyter, "ask", lambda port, token: (_ for _ in ()).throw(OSError("refused")))
    monkeypatch.setattr(jupyter, "TRIES", 10**6)
    with pytest.raises(SystemExit, match="JupyterLab ended: no space left"):
        jupyter.start(tmp_path, public=False)
    facts = jupyter.facts_of(tmp_path)
    assert len(facts["token"]) == 48 and facts["public"] is False
    assert (tmp_path / "jupyter.json").stat().st_mode & 0o077 == 0
