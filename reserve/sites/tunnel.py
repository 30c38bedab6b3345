"""A local port that leads to a port on a node, through its SSH connection."""

from __future__ import annotations

import selectors
import socket
import socketserver
import threading
from contextlib import suppress
from typing import Any

CONNECT_S = 15.0


class Tunnel:
    """A local port that leads to a port on the node; `close` ends it."""

    def __init__(self, transport: Any, remote_port: int, local_port: int) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                """One connection to the local port: a channel to the node's port, copied until either side ends."""
                try:
                    channel = transport.open_channel(
                        "direct-tcpip", ("127.0.0.1", remote_port), self.request.getpeername(), timeout=CONNECT_S
                    )
                except Exception:
                    return
                with suppress(OSError):
                    copy_both_ways(self.request, channel)
                channel.close()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", local_port), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; connections that are open end with the SSH connection."""
        self._server.shutdown()
        self._server.server_close()


def copy_both_ways(here: socket.socket, there: Any) -> None:
    """Hand on whatever comes from either side (a socket or a channel) until one of them closes."""
    with selectors.DefaultSelector() as selector:
        selector.register(here, selectors.EVENT_READ, (here, there))
        selector.register(there, selectors.EVENT_READ, (there, here))
        while True:
            for key, _ in selector.select(60.0):
                source, target = key.data
                data = source.recv(65536)
                if not data:
                    return
                target.sendall(data)
