"""HTTP on loopback: one accept loop over all doors (a door is a service of a site), one thread a connection."""

from __future__ import annotations

import contextlib
import json
import re
import selectors
import socket
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from .model import Token
    from .state import State

TICK_S = 0.05


@dataclass
class Reply:
    """`body` None: no content; a dict or list: JSON; a str: sent as it is (`content_type`) unless `as_json`.

    `work`: makes the reply in its place, after the state's lock was let go.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    as_json: bool = False
    work: Callable[[], Reply] | None = None

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        return self.body.encode() if isinstance(self.body, str) and not self.as_json else json.dumps(self.body).encode()


class Refusal(Exception):
    """A service says no: raised anywhere below a route, answered as the service's error body."""

    def __init__(self, status: int, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    state: State
    site: str
    token: Token | None = None

    def json(self) -> dict[str, Any]:
        try:
            body = json.loads(self.raw or b"{}")
        except ValueError:
            raise Refusal(400, "Malformed request body") from None
        if not isinstance(body, dict):
            raise Refusal(400, "Malformed request body")
        return body

    @property
    def project(self) -> str:
        assert self.token is not None
        return self.token.project

    @property
    def user(self) -> str:
        assert self.token is not None
        return self.token.user


HEAD_BYTES = 4096
"""Request line and headers together may be no longer: what uWSGI takes unless it is told otherwise."""
Route = tuple[str, str, Callable[..., Reply]]


@dataclass(frozen=True)
class Service:
    """A service's routes and the shape of its errors. `open_paths`: answered without a token."""

    name: str
    port: int
    routes: tuple[Route, ...]
    error: Callable[[Refusal], Reply]
    open_paths: str = r"^$"
    headers: Callable[[Request], dict[str, str]] = lambda request: {}

    def answer(self, request: Request) -> Reply:
        try:
            if not re.search(self.open_paths, request.path):
                request.token = request.state.check_token(request.headers.get("x-auth-token"))
            for method, pattern, function in self.routes:
                found = re.fullmatch(pattern, request.path)
                if found and method == request.method:
                    reply = function(request, *(unquote(part) for part in found.groups()))
                    break
            else:
                raise Refusal(404, "The resource could not be found.", "HTTPNotFound")
        except Refusal as refusal:
            if refusal.status == 401:
                return unauthorized(request)
            reply = self.error(refusal)
        reply.headers = {**self.headers(request), "x-openstack-request-id": f"req-{uuid.uuid4()}", **reply.headers}
        return reply


def unauthorized(request: Request) -> Reply:
    """keystonemiddleware's answer, the same in front of every service."""
    message = "The request you have made requires authentication."
    uri = f"http://{request.state.sites[request.site].address}:5000"
    return Reply(
        401,
        {"error": {"code": 401, "message": message, "title": "Unauthorized"}},
        {"WWW-Authenticate": f'Keystone uri="{uri}"'},
    )


@dataclass
class Door:
    """One service of one site, listening."""

    service: Service
    site: str
    state: State
    address: str
    listener: socket.socket | None = None

    def open(self) -> None:
        self.listener = socket.create_server((self.address, self.service.port), backlog=128)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Door  # type: ignore[assignment]
    disable_nagle_algorithm = True
    timeout = 60

    def handle_any(self) -> None:
        door = self.server
        address = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        query = {key: values[-1] for key, values in parse_qs(address.query, keep_blank_values=True).items()}
        headers = {key.lower(): value for key, value in self.headers.items()}
        request = Request(
            self.command,
            re.sub("//+", "/", address.path),
            query,
            headers,
            self.rfile.read(length),
            door.state,
            door.site,
        )
        if len(self.raw_requestline) + sum(len(k) + len(v) + 4 for k, v in self.headers.items()) > HEAD_BYTES:
            self._log(request, 414)
            self.send_reply(door.service.error(Refusal(414, "Request-URI Too Long")))
            return
        fault = door.state.faults.for_request(door.service.name, request.method, request.path)
        if fault is not None and not fault.after_answer:
            reply = fault.play(self, request)
            if reply is None:
                self._log(request, 0)
                self.close_connection = True
                return
        else:
            with door.state.lock:
                door.state.settle()
                reply = door.service.answer(request)
            if reply.work is not None:
                reply = reply.work()
            if fault is not None:
                late = fault.play(self, request, reply)
                if late is None:
                    self._log(request, 0)
                    self.close_connection = True
                    return
                reply = late
        self._log(request, reply.status)
        self.send_reply(reply)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_any

    def _log(self, request: Request, status: int) -> None:
        """`requests`: (site, service, method, path, status); status 0: no answer. Bodies and tokens are not kept."""
        self.server.state.requests.append(
            (self.server.site, self.server.service.name, request.method, request.path, status)
        )

    def send_reply(self, reply: Reply, cut: int | None = None) -> None:
        """`cut`: send only that many bytes of the body, while Content-Length promises all of them."""
        body = reply.encoded()
        try:
            self.send_response(reply.status)
            if reply.body is not None:
                self.send_header("Content-Type", reply.content_type)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if cut is None else body[:cut])
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.server.state.http_date()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: `State.requests` is the log."""


class Doors:
    """The accept loop. `tick` is called at least every TICK_S, so that due events happen without a request."""

    def __init__(self, doors: list[Door], tick: Callable[[], None]) -> None:
        self._doors, self._tick = doors, tick
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="chameleon-doors", daemon=True)

    def start(self) -> None:
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        for door in self._doors:
            assert door.listener is not None
            door.listener.setblocking(False)
            self._selector.register(door.listener, selectors.EVENT_READ, door)
        self._thread.start()

    def _loop(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(TICK_S):
                if key.data is not None:
                    self._accept(key.data)
            self._tick()

    def _accept(self, door: Door) -> None:
        assert door.listener is not None
        try:
            connection, peer = door.listener.accept()
        except OSError:
            return
        connection.setblocking(True)
        with self._guard:
            self._connections.add(connection)
        threading.Thread(target=self._serve, args=(connection, peer, door), daemon=True).start()

    def _serve(self, connection: socket.socket, peer: Any, door: Door) -> None:
        try:
            _Handler(connection, peer, door)  # type: ignore[arg-type]
        except (OSError, ValueError):
            pass  # the client went away
        finally:
            with self._guard:
                self._connections.discard(connection)
            connection.close()

    def stop(self) -> None:
        self._stopping = True
        self._wake.send(b"x")
        self._thread.join()
        for door in self._doors:
            if door.listener is not None:
                door.listener.close()
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._selector.close()
        self._wake.close()
        self._woken.close()
