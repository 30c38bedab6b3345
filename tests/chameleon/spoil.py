"""The ways in which an answer goes wrong on the wire."""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Callable
from typing import Any

from .switch import Active, Play
from .wire import Refusal, Reply, Request, unauthorized

FOR_EVER_S = 3600.0
PROXY = {502: "502 Bad Gateway", 503: "503 Service Unavailable", 504: "504 Gateway Time-out"}


def refuse(status: int, message: str, kind: str = "", headers: dict[str, str] | None = None) -> Play:
    """The service's own error body."""

    def play(active: Active, handler: Any, request: Request, reply: Reply | None) -> Reply:
        answer = handler.server.service.error(Refusal(status, message, kind))
        return Reply(answer.status, answer.body, {**answer.headers, **(headers or {})}, answer.content_type)

    return play


def proxy(status: int) -> Play:
    """The load balancer in front of the service answers, in HTML."""

    def play(active: Active, handler: Any, request: Request, reply: Reply | None) -> Reply:
        page = f"<html><body><h1>{PROXY[status]}</h1>\nNo server is available to handle this request.\n</body></html>\n"
        return Reply(status, page, {"Cache-Control": "no-cache"}, "text/html")

    return play


def expire_tokens(active: Active, handler: Any, request: Request, reply: Reply | None) -> Reply:
    """Every token of the cloud is void from now on; a client that signs in again gets a good one."""
    request.state.tokens.clear()
    return unauthorized(request)


def reject_token(active: Active, handler: Any, request: Request, reply: Reply | None) -> Reply:
    return unauthorized(request)


def hang(active: Active, handler: Any, request: Request, reply: Reply | None) -> None:
    """Say nothing; the connection ends when the fault is switched off, or after a while."""
    active.over.wait(active.params.get("seconds", FOR_EVER_S))


def drop(active: Active, handler: Any, request: Request, reply: Reply | None) -> None:
    """Close the connection without an answer."""


def reset(active: Active, handler: Any, request: Request, reply: Reply | None) -> None:
    """Break the connection (RST)."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def half_open(active: Active, handler: Any, request: Request, reply: Reply | None) -> None:
    """Send the headers and half of the body, then say nothing more while keeping the connection."""
    assert reply is not None
    handler.send_reply(reply, cut=len(reply.encoded()) // 2)
    active.over.wait(active.params.get("seconds", FOR_EVER_S))


def truncate(active: Active, handler: Any, request: Request, reply: Reply | None) -> None:
    """Send half of the promised body and close."""
    assert reply is not None
    handler.send_reply(reply, cut=len(reply.encoded()) // 2)


def malformed(active: Active, handler: Any, request: Request, reply: Reply | None) -> Reply:
    """A body that is cut in the middle, with a length that fits it: status 200, and no JSON."""
    assert reply is not None
    text = reply.encoded().decode()
    return Reply(reply.status, text[: len(text) // 2] or "{", reply.headers)


def page_instead(active: Active, handler: Any, request: Request, reply: Reply | None) -> Reply:
    """Status 200 and a web page: a portal or a maintenance notice between us and the service."""
    return Reply(200, "<!DOCTYPE html><html><body>Scheduled maintenance</body></html>", content_type="text/html")


def empty_object(active: Active, handler: Any, request: Request, reply: Reply | None) -> Reply:
    """Status 200 and `{}`: JSON, but nothing of what was asked for."""
    return Reply(200, {}, reply.headers if reply else {})


def rewrite(change: Callable[[Any], Any]) -> Play:
    """The right answer, changed."""

    def play(active: Active, handler: Any, request: Request, reply: Reply | None) -> Reply:
        assert reply is not None
        return Reply(reply.status, change(json.loads(reply.encoded())), reply.headers, reply.content_type)

    return play


def fraction_of_a_second(body: Any) -> Any:
    """`created_at` in another form than python-chi parses."""
    text = re.sub(r'("created_at": "[0-9-]+ [0-9:]+)"', r'\1.123456"', json.dumps(body))
    return json.loads(text)


def without_service(kind: str) -> Callable[[Any], Any]:
    def change(body: Any) -> Any:
        body["token"]["catalog"] = [each for each in body["token"]["catalog"] if each["type"] != kind]
        return body

    return change


def without_network(name: str) -> Callable[[Any], Any]:
    return lambda body: {**body, "networks": [each for each in body["networks"] if each["name"] != name]}
