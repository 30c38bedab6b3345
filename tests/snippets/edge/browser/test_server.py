"""One tab measures: it is found by its token, hears commands, and may be lost without losing what was measured."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from snippets.edge.browser.server import EVERYWHERE, PageGone, PageRefused, PageServer, Resource, local_address
from snippets.errors import RunTimeout, ServerError
from tests.snippets.edge.browser.tabs import FACTS, Tab, request

LIMIT_S = 20.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PageServer]:
    (tmp_path / "a.wasm").write_bytes(b"\0asm")
    resources = {"": Resource(lambda: b'{"page": 1}', "text/html"), "a.wasm": Resource(tmp_path / "a.wasm")}
    with PageServer({**resources, "gone": Resource(tmp_path / "gone")}) as started:
        yield started


def double(command: dict) -> dict:
    return {"result": 2 * command["x"]}


def test_a_tab_is_asked_and_answers(server: PageServer) -> None:
    tab = Tab(server.url, double)
    assert server.wait_for_page(LIMIT_S)["user_agent"] == "A Browser 1.0" and not server.remote
    assert [server.ask({"do": "double", "x": x}, LIMIT_S) for x in (1, 2, 21)] == [2, 4, 42]
    server.finish("Done.")
    assert tab.ended() == "Done."


def test_every_answer_makes_the_page_cross_origin_isolated_and_is_kept_by_nobody(server: PageServer) -> None:
    status, page, headers = request(server.url)
    assert (status, page) == (200, {"page": 1})
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cache-Control"] == "no-store" and headers["Content-Type"] == "text/html"


@pytest.mark.parametrize("path", ["../etc/passwd", "b.wasm", "next/x", "gone"])
def test_what_is_not_offered_is_not_there(server: PageServer, path: str) -> None:
    status, told, _ = request(server.url + path)
    assert status == 404 and told["problem"].endswith(".")


def test_without_the_token_nothing_is_there_and_nothing_is_taken(server: PageServer) -> None:
    origin = server.url.removesuffix(f"{server.token}/")
    for path in ("", "a.wasm", "x/a.wasm", "next", f"{server.token[:-1]}/a.wasm"):
        assert request(origin + path)[0] == 404
    assert request(f"{origin}hello", json.dumps(FACTS).encode())[0] == 404
    assert len(server.token) >= 20


def test_a_second_tab_is_refused_while_the_first_is_there_and_may_go_on_after_it_left(server: PageServer) -> None:
    first = Tab(server.url, double)
    second = Tab(server.url, double)
    assert second.status == 409 and second.problem.startswith("Another tab or device is measuring already")
    first.leave()
    third = Tab(server.url, double)
    assert third.status == 200 and server.ask({"do": "double", "x": 4}, LIMIT_S) == 8
    # What the first one still sends is told to be over.
    status, told = first.post("answer", {"number": 1, "result": 0})
    assert status == 410 and told["problem"].startswith("Another page took over")


def test_a_tab_that_is_closed_over_a_command_is_told_at_once(server: PageServer) -> None:
    asked = threading.Event()
    go = threading.Event()

    def hang(command: dict) -> dict:
        asked.set()
        go.wait(LIMIT_S)
        return {"result": 0}

    tab = Tab(server.url, hang)

    def close() -> None:
        asked.wait(LIMIT_S)
        tab.post("bye", {})

    threading.Thread(target=close, daemon=True).start()
    with pytest.raises(PageGone, match="The page was closed"):
        server.ask({"do": "hang"}, LIMIT_S)
    go.set()


def test_a_silent_tab_is_gone_by_the_clock() -> None:
    now = [0.0]
    with PageServer({}, clock=lambda: now[0]) as server:
        status, _, _ = request(f"{server.url}hello", json.dumps(FACTS).encode())
        assert status == 200 and server.wait_for_page(1.0) == FACTS
        now[0] = 10.5
        with pytest.raises(PageGone):
            server.ask({"do": "anything"}, 60.0)


def test_a_broken_upload_is_refused_and_sent_again(server: PageServer) -> None:
    """A half of an answer changes nothing: the command stays open for the whole one."""
    seen: list[int] = []

    def stumble(command: dict) -> dict:
        for body in (b'{"number": 1, "resu', b"[1]", b'{"number": 1}', b"\xff\xfe"):
            status, told, _ = request(f"{tab.url}answer?{tab.session}", body)
            seen.append(status)
            assert told["problem"] == "This answer cannot be read. The page sends it again."
        return {"result": "whole"}

    tab = Tab(server.url, stumble)
    assert server.ask({"do": "stumble"}, LIMIT_S) == "whole" and seen == [400] * 4


def test_an_answer_that_comes_twice_or_late_is_passed_over(server: PageServer) -> None:
    tab = Tab(server.url, double)
    assert server.ask({"do": "double", "x": 1}, LIMIT_S) == 2
    assert tab.post("answer", {"number": 1, "result": 99})[0] == 200
    assert server.ask({"do": "double", "x": 5}, LIMIT_S) == 10


def test_an_upload_that_is_no_answer_is_not_read(server: PageServer) -> None:
    place = urlsplit(server.url)
    for length in ("4000001", "-1", "many"):
        connection = http.client.HTTPConnection(place.netloc, timeout=LIMIT_S)
        connection.putrequest("POST", f"{place.path}answer?x")
        connection.putheader("Content-Length", length)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413 and json.loads(answer.read())["problem"] == "That is no answer of this page."
        connection.close()


def test_what_the_page_cannot_do_it_says_itself(server: PageServer) -> None:
    Tab(server.url, lambda command: {"problem": "models/fp32 could not be fetched: 404"})
    with pytest.raises(PageRefused, match="the page says: models/fp32 could not be fetched: 404"):
        server.ask({"do": "load"}, LIMIT_S)


def test_a_page_that_nobody_opens_and_one_that_never_answers_end_in_time() -> None:
    with PageServer({}) as server:
        with pytest.raises(RunTimeout, match="nobody opened http://127.0.0.1"):
            server.wait_for_page(0.05)
        request(f"{server.url}hello", json.dumps(FACTS).encode())
        with pytest.raises(RunTimeout, match="the page was not done with block after 0 s"):
            server.ask({"do": "block"}, 0.05)


def test_facts_that_are_none_are_refused(server: PageServer) -> None:
    status, told, _ = request(f"{server.url}hello", b"[]")
    assert status == 400 and told["problem"] == "The page sent no facts about its browser. Reload it."


def test_a_page_that_comes_after_the_end_hears_so(server: PageServer) -> None:
    server.finish("Done.")
    assert Tab(server.url, double).problem == "Done."


def test_for_other_devices_the_url_names_this_machine_in_its_network() -> None:
    with PageServer({}, host=EVERYWHERE) as server:
        assert server.url.startswith(f"http://{local_address()}:")


def test_a_port_that_is_taken_is_named(server: PageServer) -> None:
    port = int(server.url.split(":")[2].split("/")[0])
    with pytest.raises(ServerError, match=f"Port {port} of 127.0.0.1 cannot be had"):
        PageServer({}, port=port)
