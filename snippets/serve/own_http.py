"""One question to a service that is not the kit's: a checked address, a wait that ends, and words for what came.

Nothing is taken for granted here: the service may be down, slow without end, no web service at all, or answer anything.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from snippets.errors import ServerError, UsageError, first_line

CONNECT_S = 5.0
ANSWER_S = 30.0
"""How long a whole answer may take, from the connection to its last byte."""
MOST_BYTES = 64_000_000
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """A request: where to, with what, for at most how long."""

    url: str
    method: str = "GET"
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = ANSWER_S


@dataclass(frozen=True)
class Reply:
    """An answer of any status. `headers` by their names in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    @property
    def is_page(self) -> bool:
        """Whether this is a web page, for people."""
        start = self.content[:200].lstrip().lower()
        return "html" in self.headers.get("content-type", "") or start.startswith((b"<!doctype html", b"<html"))

    @property
    def text(self) -> str:
        """What a person would read: without a page's tags, blanks run together."""
        text = self.content.decode(errors="replace")
        return " ".join((_TAG.sub(" ", text) if self.is_page else text).split())

    def json(self) -> Any:
        """The answer's JSON value; None if it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    def words(self) -> str:
        """Why the service says no, in its own words, to be quoted: at most 300 characters."""
        told, value = self.text, self.json()
        if isinstance(value, Mapping):
            told = next((value[key] for key in ("error", "detail", "message") if value.get(key)), told)
            told = told if isinstance(told, str) else json.dumps(told)
        told = " ".join(told.split())
        return told[:300].rstrip(". ") or "no words"


def checked(url: str) -> str:
    """An http or https address, without its fragment. Raises UsageError for anything else, saying how to write it.

    One with a password is refused: the address goes into the record, which is handed in.
    """
    url = url.strip()
    example = "Write it as http://127.0.0.1:8000/v2/models/food or http://127.0.0.1:8000/predict."
    if "://" not in url:
        raise UsageError(f"endpoint={url!r} does not begin with http:// or https://. {example}")
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError as error:
        raise UsageError(f"endpoint={url!r} is no address ({error}). {example}") from None
    if parts.scheme.lower() not in ("http", "https"):
        grpc = " (A server of Open Inference Protocol has another port for HTTP; Triton's is 8000.)"
        raise UsageError(
            f"endpoint={url!r} is for {parts.scheme}; only http and https are measured."
            f"{grpc if 'grpc' in parts.scheme.lower() else ''} {example}"
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "endpoint holds a user name or a password, and would go into the record, which is handed in. Give an "
            "address that needs none, such as a port-forward of the service to this machine. (The notebook that was "
            "just tried, in the run's folder `notebooks`, holds it too: delete that.)"
        )
    if not parts.hostname or not port_fits or any(map(str.isspace, url)):
        raise UsageError(f"endpoint={url!r} is no address. {example}")
    return url.partition("#")[0]


def ask(question: Question) -> Reply:
    """The service's answer, whatever its status; redirections are answers too.

    Raises ServerError, with the reason and a remedy, where there is none within the question's time.
    """
    import httpx

    url, began = question.url, time.monotonic()
    limits = httpx.Timeout(question.timeout_s, connect=min(CONNECT_S, question.timeout_s))
    late = ServerError(
        f"{url} gave no whole answer within {question.timeout_s:.0f} s. Look into its log: is its model still loading, "
        "or the machine busy? Then run this step again."
    )
    try:
        with (
            httpx.Client(timeout=limits, trust_env=False) as client,
            client.stream(
                question.method, url, content=question.content or None, headers=dict(question.headers)
            ) as reply,
        ):
            content = bytearray()
            for piece in reply.iter_bytes():
                content += piece
                if time.monotonic() - began > question.timeout_s:
                    raise late
                if len(content) > MOST_BYTES:
                    raise ServerError(
                        f"{url} answers with more than {MOST_BYTES // 1_000_000} MB: that is no prediction. Correct "
                        "the path."
                    )
            headers = {name.lower(): value for name, value in reply.headers.items()}
            return Reply(url, reply.status_code, headers, bytes(content))
    except httpx.ConnectTimeout:
        raise ServerError(
            f"Nobody answers at {_host(url)} within {limits.connect:.0f} s. Is the address right, and does a firewall "
            "let this machine through?"
        ) from None
    except httpx.TimeoutException:
        raise late from None
    except httpx.ConnectError as error:
        raise ServerError(_not_connected(url, str(error))) from None
    except httpx.RemoteProtocolError as error:
        raise ServerError(
            f"What listens at {_host(url)} does not speak HTTP ({first_line(error)}). Is it the port of gRPC, or the "
            "service crashed? Give the port of HTTP (Triton: 8000)."
        ) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise UsageError(f"endpoint={url!r} is no address ({first_line(error)}). Correct it.") from None
    except httpx.HTTPError as error:
        raise ServerError(
            f"{url} broke off its answer ({type(error).__name__}: {first_line(error)}). Look into its log, then run "
            "this step again."
        ) from None


def refused(reply: Reply, what: str) -> ServerError:
    """The error for an answer that is no success: its status, the service's words, and what to do about that status."""
    if 300 <= reply.status < 400:
        where = reply.headers.get("location", "another address")
        return ServerError(f"{reply.url} sends elsewhere ({reply.status}) for {what}: to {where}. Give that address.")
    remedies = {
        401: "The kit sends no sign-in: give an address that needs none, such as a port-forward to this machine.",
        404: "Correct the path.",
        405: "Correct the path: this one does not take POST.",
        413: "Let the service take a request of this size.",
        429: "Let the service take as many requests, then run this step again.",
    }
    remedies[403] = remedies[401]
    usual = "Look into the service's log" if reply.status >= 500 else "Change the service, or correct the address"
    return ServerError(
        f"{reply.url} answers {reply.status} to {what}: {reply.words()}. "
        f"{remedies.get(reply.status, f'{usual}, then run this step again.')}"
    )


def _not_connected(url: str, reason: str) -> str:
    host = _host(url)
    if "WRONG_VERSION_NUMBER" in reason or "UNEXPECTED_EOF" in reason or "RECORD_LAYER" in reason:
        return f"{host} does not speak HTTPS. Write http:// in place of https://."
    if "CERTIFICATE" in reason:
        return (
            f"The certificate of {host} is not one that this machine trusts ({reason}). Give an http:// address, such "
            "as a port-forward of the service to this machine."
        )
    if any(
        words in reason for words in ("Name or service", "getaddrinfo", "No address", "name resolution", "nodename")
    ):
        return f"There is no host {urlsplit(url).hostname} as seen from this machine. Correct the address."
    return (
        f"Nobody answers at {host} ({reason}). Start the service, or correct host and port. On a leased node that is "
        "the node's own address: 127.0.0.1 is the node, not your laptop."
    )


def _host(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc
