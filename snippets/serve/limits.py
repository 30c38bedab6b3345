"""What protects an endpoint from its clients: a bound on the size of a request and on the time it takes to arrive."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEGABYTE = 1_000_000
# The largest photo that endpoint and page take unless told otherwise.
MAX_IMAGE_MB = 10.0
BODY_TIMEOUT_S = 10.0
MAX_WAITING = 128
# A body that is too large is read on (and thrown away) up to this many times the limit, so that the client has
# finished sending when the answer comes: cut off in the middle, many clients report a broken pipe instead of it.
DRAIN_FACTOR = 10


@dataclass(frozen=True)
class Limits:
    """What one endpoint takes: photos of `image_mb` megabytes and `waiting` requests in the house at most.

    `body_timeout_s`: seconds after which a request must have arrived whole.
    """

    image_mb: float = MAX_IMAGE_MB
    body_timeout_s: float = BODY_TIMEOUT_S
    waiting: int = MAX_WAITING


DEFAULT_LIMITS = Limits()


class BodyLimits:
    """ASGI middleware: 413 for a body over `max_bytes`, 408 for one that has not arrived after `timeout_s` seconds.

    `photo_mb` is what the client is told to be allowed (in base64 a photo of that size takes a third more bytes).
    The application gets the whole body at once, so a slow client holds a socket here and never a worker thread.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, timeout_s: float, photo_mb: float) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.timeout_s = timeout_s
        self.photo_mb = photo_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.timeout_s):
                body = await self._body(receive)
        except TimeoutError:
            await _answer(send, 408, f"The request did not arrive within {self.timeout_s:g} s. Send it again, faster.")
            return
        except _TooLarge:
            await _answer(send, 413, too_large(self.photo_mb))
            return
        if body is not None:
            await self.app(scope, _replay(body, receive), send)

    async def _body(self, receive: Receive) -> bytes | None:
        """The whole body; None if the client went away."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= self.max_bytes:
                chunks.append(chunk)
            elif size > DRAIN_FACTOR * self.max_bytes:
                raise _TooLarge
            else:
                chunks.clear()
            if not message.get("more_body", False):
                if size > self.max_bytes:
                    raise _TooLarge
                return b"".join(chunks)


def too_large(photo_mb: float) -> str:
    """What to tell a client whose photo is larger than `photo_mb` megabytes."""
    return (
        f"The photo is larger than the {photo_mb:g} MB allowed. Scale it down: the model looks at 224x224 pixels of it."
    )


class _TooLarge(Exception):
    """More bytes than allowed."""


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` first and then whatever follows (the client going away)."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _answer(send: Send, status: int, detail: str) -> None:
    content = json.dumps({"detail": detail}).encode()
    headers: list[tuple[bytes, Any]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
