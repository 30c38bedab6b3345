"""The page's server: it serves the page's files, and hands commands to the one tab that measures.

    with PageServer(resources) as server:
        print(server.url)                      # http://127.0.0.1:PORT/TOKEN/
        facts = server.wait_for_page(60)
        answer = server.ask({"do": "block", ...}, limit_s=60)

The tab asks for its next command and sends the answer; meanwhile it tells every other second that it is still there. So
a step of the record lasts from the command to the answer, by this machine's clock. Standard library only, as a
Raspberry Pi has no web framework. Every path begins with a token that nobody can guess.
"""

from __future__ import annotations

import json
import math
import mimetypes
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from snippets.errors import RunTimeout, ServerError

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
POLL_S = 20.0
# A tab that was silent for so long is gone; it tells every 2 s that it is there.
GONE_S = 10.0
MOST_BYTES = 4_000_000
HEADERS = {
    # Both make the page cross-origin isolated: only then a browser has shared memory (threads) and a fine clock.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Every cold start fetches anew, as a first visit does.
    "Cache-Control": "no-store",
}
TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}


class PageGone(ServerError):
    """The tab that measured was closed, reloaded, or is no longer reached. A new one may go on."""


class PageRefused(ServerError):
    """The page itself says that it cannot do what it was asked."""


@dataclass(frozen=True)
class Resource:
    """What a path gives: a file, or bytes that are made when they are first asked for."""

    source: Path | Callable[[], bytes]
    kind: str = ""

    def read(self) -> bytes:
        """The bytes. OSError for a file that is gone."""
        return self.source.read_bytes() if isinstance(self.source, Path) else self.source()

    @property
    def content_type(self) -> str:
        """For the header of that name."""
        name = self.source.name if isinstance(self.source, Path) else ""
        guessed = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0]
        return self.kind or guessed or "application/octet-stream"


@dataclass
class _Desk:
    """What the tab and the one who measures tell each other; every field is read and written under `changed`."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    session: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    remote: bool = False
    last_s: float = -math.inf
    left: bool = False
    number: int = 0
    command: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None
    over: str = ""
    heard: bool = False


class PageServer:
    """Serves `resources` (by path, "" for the page itself) until its `with` block ends.

    `host`: LOOPBACK, or EVERYWHERE for other devices. `clock`: seconds, to tell a silent tab.
    """

    def __init__(
        self,
        resources: Mapping[str, Resource],
        *,
        host: str = LOOPBACK,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk, self._clock, self._resources = _Desk(), clock, dict(resources)
        self.token = secrets.token_urlsafe(16)
        try:
            self._http = _Http((host, port), _handler(self))
        except OSError as error:
            raise ServerError(
                f"Port {port} of {host} cannot be had ({error.strerror}). Name another one, or none: then a free one "
                "is taken."
            ) from None
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        address = local_address() if host == EVERYWHERE else host
        self.url = f"http://{address}:{self._http.server_address[1]}/{self.token}/"

    def __enter__(self) -> PageServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._desk.changed:
            self._desk.over = self._desk.over or "This measurement is over. You can close the page."
            self._desk.changed.notify_all()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    @property
    def remote(self) -> bool:
        """Whether the tab that measures is on another machine."""
        return self._desk.remote

    def wait_for_page(self, limit_s: float) -> dict[str, Any]:
        """What a tab says of its browser, once one is there. Raises RunTimeout."""
        desk, until = self._desk, self._clock() + limit_s
        with desk.changed:
            while not self._is_there():
                left = until - self._clock()
                if left <= 0:
                    raise RunTimeout(
                        f"nobody opened {self.url} within {limit_s:.0f} s. Open it in a browser and try again."
                    )
                desk.changed.wait(min(left, 1.0))
            return dict(desk.facts)

    def ask(self, command: Mapping[str, Any], limit_s: float) -> Any:
        """Let the tab do `command`, and return its answer.

        Raises PageGone where it is not there (any more), PageRefused with its own words, RunTimeout.
        """
        desk, until = self._desk, self._clock() + limit_s
        with desk.changed:
            desk.number += 1
            number, session = desk.number, desk.session
            desk.command, desk.answer = {**command, "number": number}, None
            desk.changed.notify_all()
            try:
                while desk.answer is None:
                    if desk.session != session or not self._is_there():
                        raise PageGone("The page was closed, or its device is no longer reached.")
                    left = until - self._clock()
                    if left <= 0:
                        raise RunTimeout(f"the page was not done with {command.get('do')} after {limit_s:.0f} s.")
                    desk.changed.wait(min(left, 0.5))
                answer = desk.answer
            finally:
                desk.command = desk.answer = None
        if "problem" in answer:
            raise PageRefused(f"the page says: {str(answer['problem'])[:400]}")
        return answer.get("result")

    def finish(self, words: str, limit_s: float = 3.0) -> None:
        """Tell the tab that all is done, and wait until it heard so, if it is there; it shows `words`."""
        desk = self._desk
        with desk.changed:
            desk.over = words
            desk.changed.notify_all()
            if self._is_there():
                desk.changed.wait_for(lambda: desk.heard, limit_s)

    def heard(self) -> None:
        """The end has reached the tab."""
        with self._desk.changed:
            self._desk.heard = True
            self._desk.changed.notify_all()

    def _is_there(self) -> bool:
        desk = self._desk
        return bool(desk.session) and not desk.left and self._clock() - desk.last_s < GONE_S

    # What the tab asks for. Each returns a status and what is sent as JSON.

    def hello(self, facts: Any, remote: bool) -> tuple[HTTPStatus, dict[str, Any]]:
        """A tab introduces itself: it becomes the one that measures, unless another one does."""
        desk = self._desk
        if not isinstance(facts, dict):
            return _no(HTTPStatus.BAD_REQUEST, "The page sent no facts about its browser. Reload it.")
        with desk.changed:
            if desk.over:
                return _no(HTTPStatus.GONE, desk.over)
            if self._is_there():
                return _no(
                    HTTPStatus.CONFLICT,
                    "Another tab or device is measuring already, and two at once would disturb each other. "
                    "Close one of them; then reload this page.",
                )
            desk.session, desk.facts, desk.remote, desk.left = secrets.token_hex(8), facts, remote, False
            desk.last_s = self._clock()
            desk.changed.notify_all()
            return HTTPStatus.OK, {"session": desk.session}

    def next_command(self, session: str) -> tuple[HTTPStatus, dict[str, Any]]:
        """The command that waits, after at most POLL_S seconds; none: {"do": "wait"}."""
        desk, until = self._desk, self._clock() + POLL_S
        with desk.changed:
            while True:
                if refusal := self._refused(session):
                    return refusal
                desk.last_s = self._clock()
                if desk.over:
                    return HTTPStatus.OK, {"do": "end", "words": desk.over}
                if desk.command is not None and desk.answer is None:
                    return HTTPStatus.OK, desk.command
                if self._clock() >= until:
                    return HTTPStatus.OK, {"do": "wait"}
                desk.changed.wait(1.0)

    def take(self, session: str, answer: Any) -> tuple[HTTPStatus, dict[str, Any]]:
        """The answer to a command. One to a command that is over is passed over: it was sent twice."""
        desk = self._desk
        with desk.changed:
            if refusal := self._refused(session):
                return refusal
            if not isinstance(answer, dict) or not ({"result", "problem"} & set(answer)):
                return _no(HTTPStatus.BAD_REQUEST, "This answer cannot be read. The page sends it again.")
            desk.last_s = self._clock()
            if desk.command is not None and answer.get("number") == desk.number:
                desk.answer = answer
                desk.changed.notify_all()
            return HTTPStatus.OK, {}

    def beat(self, session: str) -> tuple[HTTPStatus, dict[str, Any]]:
        """The tab is still there."""
        with self._desk.changed:
            if refusal := self._refused(session):
                return refusal
            self._desk.last_s = self._clock()
            return HTTPStatus.OK, {}

    def bye(self, session: str) -> tuple[HTTPStatus, dict[str, Any]]:
        """The tab is being closed."""
        with self._desk.changed:
            if session == self._desk.session:
                self._desk.left = True
                self._desk.changed.notify_all()
            return HTTPStatus.OK, {}

    def _refused(self, session: str) -> tuple[HTTPStatus, dict[str, Any]] | None:
        if session and session == self._desk.session and not self._desk.left:
            return None
        return _no(HTTPStatus.GONE, self._desk.over or "Another page took over this measurement. Reload to go on here.")

    def resource(self, path: str) -> Resource | None:
        """What is served at a path below the token; None for nothing."""
        return self._resources.get(path)


def _no(status: HTTPStatus, words: str) -> tuple[HTTPStatus, dict[str, Any]]:
    return status, {"problem": words}


def local_address() -> str:
    """This machine's address in its network, as another device would name it; loopback where there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # no packet is sent: it only asks which address would be used
        return str(probe.getsockname()[0])
    return LOOPBACK


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A tab that hangs up in the middle is told to whoever waits for it, not printed."""


def _handler(server: PageServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            path, query = self._asked()
            if path == "next":
                status, command = server.next_command(query)
                self._json(status, command)
                return server.heard() if command.get("do") == "end" else None
            resource = server.resource(path) if path is not None else None
            if resource is None:
                return self._json(
                    HTTPStatus.NOT_FOUND, {"problem": "There is nothing here. Use the whole URL that was printed."}
                )
            try:
                content = resource.read()
            except OSError as error:
                words = f"{path} cannot be read ({error.strerror}). Run the command again."
                return self._json(HTTPStatus.NOT_FOUND, {"problem": words})
            return self._send(HTTPStatus.OK, content, resource.content_type)

        def do_POST(self) -> None:
            path, query = self._asked()
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > MOST_BYTES:
                self.close_connection = True
                return self._json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"problem": "That is no answer of this page."})
            body = self.rfile.read(int(length))
            if path == "beat":
                return self._json(*server.beat(query))
            if path == "bye":
                return self._json(*server.bye(query))
            try:
                told = json.loads(body) if len(body) == int(length) else None
            except ValueError:
                told = None
            if path == "hello":
                remote = self.client_address[0] != self.connection.getsockname()[0]
                return self._json(*server.hello(told, remote))
            if path == "answer":
                return self._json(*server.take(query, told))
            return self._json(HTTPStatus.NOT_FOUND, {"problem": "There is nothing here."})

        def _asked(self) -> tuple[str | None, str]:
            """The path below the token (None: another token) and what stands behind its question mark."""
            path, _, query = self.path.partition("?")
            _, token, *below = path.split("/", 2)
            known = secrets.compare_digest(token.encode(), server.token.encode())
            return ("".join(below) if known else None), query

        def _json(self, status: HTTPStatus, value: Mapping[str, Any]) -> None:
            self._send(status, json.dumps(value).encode(), "application/json")

        def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
            self.send_response(status)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: what happens is told by whoever measures."""

    return Handler
