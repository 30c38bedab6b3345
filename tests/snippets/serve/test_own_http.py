"""One question to a stranger: wrong addresses are told before anything is sent, every silence ends with a remedy."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from snippets.errors import ServerError, UsageError
from snippets.machine.process import free_port
from snippets.serve import own_http
from snippets.serve.own_http import Question, Reply, ask, checked, refused
from tests.snippets.serve.own_services import Said, saying


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("127.0.0.1:8000/v2/models/food", "does not begin with http://"),
        ("food", "does not begin with http://"),
        ("ftp://127.0.0.1/food", "only http and https"),
        ("grpc://127.0.0.1:8001/food", "another port for HTTP"),
        ("file:///etc/passwd", "only http and https"),
        ("http://me:secret@127.0.0.1/food", "handed in"),
        ("http:///v2/models/food", "is no address"),
        ("http://127.0.0.1:99999/food", "is no address"),
        ("http://127.0.0.1:8000/my food", "is no address"),
    ],
)
def test_a_wrong_address_is_refused_with_how_to_write_it(url: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as error:
        checked(url)
    assert "secret" not in str(error.value)


def test_a_right_address_stays_as_it_is_but_for_blanks_around_and_a_fragment() -> None:
    assert checked(" https://host.example:8443/v2/models/food#top ") == "https://host.example:8443/v2/models/food"
    assert checked("http://[::1]:8000/predict?model=2") == "http://[::1]:8000/predict?model=2"


def test_every_status_is_an_answer_and_its_words_are_the_services_own() -> None:
    said = {
        "/error": Said(400, b'{"error": "unknown model"}'),
        "/detail": Said(422, json.dumps({"detail": [{"loc": ["body"], "msg": "Field required"}]}).encode()),
        "/page": Said(500, b"<html><style>p {}</style><h1>Internal\n Error</h1></html>", "text/html; charset=utf-8"),
        "/silent": Said(503),
    }
    with saying(said) as url:
        replies = {path: ask(Question(f"{url}{path}")) for path in said}
    words = {path: (reply.status, reply.words()) for path, reply in replies.items()}
    assert words["/error"] == (400, "unknown model")
    assert words["/detail"][0] == 422 and "Field required" in words["/detail"][1]
    assert words["/page"] == (500, "Internal Error") and replies["/page"].is_page
    assert words["/silent"] == (503, "no words")


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(401, "port-forward"), (404, "Correct the path"), (405, "POST"), (500, "log"), (418, "Change")],
)
def test_a_refusal_is_told_with_its_words_and_what_to_do(status: int, remedy: str) -> None:
    told = str(refused(Reply("http://x/y", status, {}, b'{"error": "no, thanks"}'), "a photo"))
    assert f"http://x/y answers {status} to a photo: no, thanks. " in told and remedy in told


def test_a_redirection_names_the_address_to_give() -> None:
    with saying({"/predict": Said(307, headers={"location": "/predict/"})}) as url:
        reply = ask(Question(f"{url}/predict"))
    assert "to /predict/. Give that address." in str(refused(reply, "a photo"))


def test_nobody_there_and_no_such_host_are_told_apart() -> None:
    with pytest.raises(ServerError, match=r"Nobody answers at 127.0.0.1:\d+ .*refused.*Start the service"):
        ask(Question(f"http://127.0.0.1:{free_port()}/v2"))
    with pytest.raises(ServerError, match="There is no host nowhere.invalid"):
        ask(Question("http://nowhere.invalid/v2"))


def test_https_asked_of_http_says_to_write_http() -> None:
    with saying({}) as url, pytest.raises(ServerError, match="Write http:// in place of https://"):
        ask(Question(url.replace("http://", "https://")))


def test_what_speaks_no_http_is_told_as_that() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(ServerError, match="does not speak HTTP.*port of gRPC"):
            ask(Question(f"http://127.0.0.1:{server.getsockname()[1]}/v2"))


@pytest.mark.parametrize("said", [Said(drips=True), None], ids=["a byte now and then", "silence"])
def test_a_service_that_never_finishes_is_waited_for_as_long_as_was_said(said: Said | None) -> None:
    began = time.monotonic()
    with saying({"/slow": said} if said else {}) as url, socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"{url}/slow" if said else f"http://127.0.0.1:{silent.getsockname()[1]}/slow"
        with pytest.raises(ServerError, match="no whole answer within 1 s"):
            ask(Question(where, timeout_s=0.6))
    assert time.monotonic() - began < 10


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_http, "MOST_BYTES", 1000)
    with saying({"/film": Said(body=bytes(100_000))}) as url, pytest.raises(ServerError, match="that is no prediction"):
        ask(Question(f"{url}/film"))
