"""A loopback server of one file, with faults to order."""

from __future__ import annotations

import hashlib
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

CONTENT = np.random.default_rng(4).bytes(700_000)
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


class Mirror(ThreadingHTTPServer):
    """A loopback server of one file, with faults to order. `asked` keeps each request's Range header."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.tag = '"one"'
        self.ranges = True
        self.length = True
        self.cut_after: list[int] = []
        self.statuses: list[int] = []
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/Food-11.zip"


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def log_message(self, *_):
        pass

    def do_GET(self):
        mirror = self.server
        mirror.asked.append(self.headers.get("Range"))
        if mirror.statuses:
            self.send_error(mirror.statuses.pop(0))
            return
        body, status, start = mirror.content, 200, 0
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if wanted and mirror.ranges and self.headers.get("If-Range", mirror.tag) == mirror.tag:
            start, status = int(wanted[1]), 206
            if start >= len(body):
                self.send_error(416)
                return
        self.send_response(status)
        self.send_header("ETag", mirror.tag)
        if mirror.length:
            self.send_header("Content-Length", str(len(body) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        piece = body[start:]
        if mirror.cut_after:
            piece = piece[: mirror.cut_after.pop(0)]
        self.wfile.write(piece)
        self.close_connection = True
