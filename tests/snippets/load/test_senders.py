"""Senders ask over each protocol alike, and whatever is not a success raises."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from snippets.errors import UsageError
from snippets.load.loops import closed_loop
from snippets.load.senders import PROTOCOLS, TritonTarget, WebTarget
from snippets.triton import loads
from snippets.triton.server import TritonServer
from tests.snippets.triton.triton_models import NUMBERS, doubler, until


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_reaches_the_model(triton_server: TritonServer, tmp_path: Path, protocol: str) -> None:
    triton_server.deploy(doubler(tmp_path))
    before = triton_server.statistics("double")
    result = closed_loop(loads.target_of(triton_server, "double", NUMBERS, protocol), 2, 0.3, warm_up_s=0)
    answered = triton_server.statistics("double") - before
    assert result["failures"] == 0 and result["protocol"] == protocol
    assert 0 < result["ok"].sum() <= answered.requests


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_loads_leave_no_files_open(triton_server: TritonServer, tmp_path: Path, protocol: str) -> None:
    triton_server.deploy(doubler(tmp_path))
    target, process, counts = loads.target_of(triton_server, "double", NUMBERS, protocol), psutil.Process(), []
    for _ in range(4):
        closed_loop(target, 8, 0.05, warm_up_s=0)
        counts.append(process.num_fds())
    # gRPC closes its connections in a thread of its own.
    assert until(lambda: process.num_fds() <= counts[0] + 4, 10), counts


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_unknown_model_is_a_counted_failure_that_says_so(triton_server: TritonServer, protocol: str) -> None:
    target = loads.target_of(triton_server, "nothing", NUMBERS, protocol)
    result = closed_loop(target, 1, 5, warm_up_s=0)
    assert result["failures"] == len(result["ok"]) > 0
    words = "nothing" if protocol != "httpx" else "404"
    assert words in next(iter(result["errors"]))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_never_answers_is_a_failure_after_the_timeout(protocol: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        url = f"127.0.0.1:{silent.getsockname()[1]}"
        sender = TritonTarget(url, "double", NUMBERS, protocol, timeout_s=0.3).sender()
        with pytest.raises(Exception, match="(?i)time|deadline"):
            sender()
        sender.close()


class Shop(http.server.BaseHTTPRequestHandler):
    """Answers 200 to what it was posted, 503 on /closed."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(503 if self.path == "/closed" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def shop() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_an_ordinary_endpoint_is_asked_with_json_or_bytes(shop: str) -> None:
    assert WebTarget(f"{shop}/open", json={"image": "x"}).sender()().json() == {"image": "x"}
    assert WebTarget(f"{shop}/open", content=b"raw").sender()().content == b"raw"


def test_an_error_status_is_a_failure_however_fast_it_came(shop: str) -> None:
    result = closed_loop(WebTarget(f"{shop}/closed", content=b"x"), 2, 5, warm_up_s=0)
    assert result["failures"] == len(result["ok"]) > 0
    assert result["requests_per_s"] == 0 and "503" in next(iter(result["errors"]))


def test_an_answer_without_what_is_expected_of_it_is_a_failure_whatever_its_status(shop: str) -> None:
    assert WebTarget(f"{shop}/open", content=b"a Dessert", expects=b"Dessert").sender()().status_code == 200
    result = closed_loop(WebTarget(f"{shop}/open", content=b"Warning", expects=b"Dessert"), 1, 5, warm_up_s=0)
    assert result["failures"] == len(result["ok"]) > 0
    assert "status 200, but no prediction: Warning" in next(iter(result["errors"]))


def test_an_unknown_protocol_and_an_unknown_type_are_refused() -> None:
    with pytest.raises(UsageError, match="http, grpc, grpc-shm, httpx"):
        TritonTarget("x:1", "m", NUMBERS, "smtp")
    with pytest.raises(UsageError, match="complex64"):
        TritonTarget("x:1", "m", {"x": np.zeros((1, 2), np.complex64)}).sender()


def test_the_batch_of_a_target_is_its_rows() -> None:
    assert TritonTarget("x:1", "m", {"x": np.zeros((7, 2))}).batch == 7
