"""A body arrives whole, in time and not too large, or the client is told so and the application never sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest

from snippets.serve.limits import DRAIN_FACTOR, BodyLimits, too_large


class Application:
    """An ASGI application that reads the body in one go and answers nothing."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive())["body"])


def posted(*chunks: bytes) -> list[dict[str, Any]]:
    """The messages of a request whose body comes in these chunks."""
    last = len(chunks) - 1
    return [{"type": "http.request", "body": chunk, "more_body": n < last} for n, chunk in enumerate(chunks)]


def sent(application: Application, messages: Iterable[dict[str, Any]], method: str = "POST") -> tuple[int, str]:
    """Status and detail of the answer by the limits (10 bytes, 50 ms); 0 and nothing where they kept out of it."""
    left = iter(messages)
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        for message in left:
            return message
        await asyncio.Event().wait()
        raise AssertionError("nobody sends more")

    async def send(message: Any) -> None:
        answers.append(message)

    limits = BodyLimits(application, max_bytes=10, timeout_s=0.05, photo_mb=2.5)
    asyncio.run(limits({"type": "http", "method": method}, receive, send))
    if not answers:
        return 0, ""
    return answers[0]["status"], json.loads(answers[1]["body"])["detail"]


def test_a_body_in_pieces_reaches_the_application_whole() -> None:
    application = Application()
    assert sent(application, posted(b"two ", b"eggs")) == (0, "")
    assert application.bodies == [b"two eggs"]


def test_a_body_as_large_as_allowed_passes_and_one_byte_more_does_not() -> None:
    application = Application()
    assert sent(application, posted(bytes(10)))[0] == 0
    assert sent(application, posted(bytes(10), b"x")) == (413, too_large(2.5))
    assert application.bodies == [bytes(10)] and "2.5 MB" in too_large(2.5)


def test_far_too_large_a_body_is_not_even_read_to_its_end() -> None:
    chunks = [bytes(50)] * (DRAIN_FACTOR // 5 + 2)
    left = iter(posted(*chunks))
    assert sent(Application(), left)[0] == 413
    assert len(list(left)) == 1


def test_a_body_that_does_not_come_is_told_after_the_limit() -> None:
    status, detail = sent(Application(), [{"type": "http.request", "body": b"half", "more_body": True}])
    assert status == 408 and "0.05 s" in detail


def test_a_client_that_goes_away_is_not_answered() -> None:
    application = Application()
    assert sent(application, [{"type": "http.disconnect"}]) == (0, "")
    assert application.bodies == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_requests_without_a_body_pass_untouched(method: str) -> None:
    application = Application()
    assert sent(application, posted(bytes(99)), method) == (0, "")
    assert application.bodies == [bytes(99)]
