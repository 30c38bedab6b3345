"""SSH on a server's floating IP: key sign-in only, commands that really run, files, tunnels; faults in between."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import asyncssh

from .node import Node
from .relay import Child

if TYPE_CHECKING:
    from .nodes import Nodes

USER = "cc"


class Door(asyncssh.SSHServer):
    """One connection: who may come in, and where tunnels may lead."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn
        self.host.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.connection is not None:
            self.host.connections.discard(self.connection)

    def begin_auth(self, username: str) -> bool:
        if self.host.strikes("ssh-drop-at-auth") and self.connection is not None:
            self.connection.abort()
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        if username != USER or not self.host.public_key or self.host.strikes("keypair-mismatch"):
            return False
        return key.convert_to_public().public_data == asyncssh.import_public_key(self.host.public_key).public_data

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        """`ssh -L`: to the node's own loopback only, which is this machine's."""
        return dest_host in ("127.0.0.1", "localhost", "::1") and not self.host.strikes("tunnel-refused")


class Files(asyncssh.SFTPServer):
    """SFTP and scp inside the node's folder: relative paths from the home directory, /x is the node's own /x."""

    def __init__(self, channel: Any, host: Host) -> None:
        super().__init__(channel)
        self.host, self.written = host, 0

    def map_path(self, path: bytes) -> bytes:
        folder = str(self.host.node.folder)
        text = os.fsdecode(path)
        full = os.path.normpath(os.path.join(self.host.node.home, text))  # noqa: PTH118 - as SFTP joins
        if full != folder and not full.startswith(folder + "/"):
            full = os.path.normpath(f"{folder}/root/{full.lstrip('/')}")
            if full.startswith(f"{folder}/root/tmp"):
                full = full.replace("/root/tmp", "/tmp", 1)
        return os.fsencode(full)

    def realpath(self, path: bytes) -> bytes:
        return self.map_path(path)

    def exit(self) -> None:
        """OpenSSH's server ends with status 0, which its scp waits for."""
        if self.channel.get_subsystem() == "sftp":
            self.channel.exit(0)

    def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
        if self.host.strikes("node-disk-full"):
            raise asyncssh.SFTPNoSpaceOnFilesystem("No space left on device")
        if self.host.strikes("ssh-drop-in-upload"):
            self.connection.abort()
            raise asyncssh.SFTPConnectionLost("dropped")
        return super().write(file_obj, offset, data)

    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        if self.host.strikes("ssh-drop-in-download"):
            self.connection.abort()
            raise asyncssh.SFTPConnectionLost("dropped")
        return super().read(file_obj, offset, size)


class Host:
    """A node that listens: one address, its host key, its connections."""

    def __init__(self, nodes: Nodes, server_id: str, node: Node, public_key: str) -> None:
        self.nodes, self.server_id, self.node, self.public_key = nodes, server_id, node, public_key
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.other_key = asyncssh.generate_private_key("ssh-ed25519")
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.address = ""
        self._held: list[socket.socket] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listener: socket.socket | None = None

    def take(self, name: str, text: str) -> dict[str, Any] | None:
        """The parameters of a fault that strikes the command `text`."""
        return self.nodes.state.faults.take(name, text)

    def strikes(self, name: str, text: str | None = None) -> bool:
        return self.nodes.state.faults.take(name, text) is not None

    # listening

    def listen(self, address: str, port: int) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError:
            listener.close()
            raise
        listener.listen(64)
        listener.setblocking(False)
        self._listener, self.address = listener, address
        self._spawn(self._accept(listener))

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def close(self) -> None:
        """As when the machine goes away: no goodbye."""
        self.address = ""
        if self._listener is not None:
            with contextlib.suppress(ValueError, OSError):
                asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None
        self.drop_connections()
        for task in list(self._tasks):
            task.cancel()
        for held in self._held:
            held.close()
        self._held.clear()

    def drop_connections(self) -> None:
        for connection in list(self.connections):
            connection.abort()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while self._listener is listener:
            try:
                peer, _ = await loop.sock_accept(listener)
            except OSError:
                return
            if self.strikes("ssh-refused"):
                peer.close()
            elif self.strikes("ssh-no-banner"):
                self._held.append(peer)
            elif self.strikes("ssh-drop-at-banner"):
                with contextlib.suppress(OSError):
                    peer.send(b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13\r\n")
                peer.close()
            else:
                self._spawn(self._serve(peer))

    async def _serve(self, peer: socket.socket) -> None:
        key = self.other_key if self.strikes("ssh-host-key-changed") else self.key
        try:
            await asyncssh.run_server(
                peer,
                config=None,
                server_factory=lambda: Door(self),
                server_host_keys=[key],
                process_factory=self._session,
                sftp_factory=lambda channel: Files(channel, self),
                allow_scp=True,
                encoding=None,
                line_editor=False,
                login_timeout=30,
                server_version="OpenSSH_9.6p1 emulated",
            )
        except (OSError, asyncssh.Error, TimeoutError):
            peer.close()

    # a command

    async def _session(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = process.command
        text = command.decode() if isinstance(command, bytes) else command or ""
        connection = process.channel.get_connection()
        self.nodes.write_flags(self)
        self.nodes.commands.append((self.server_id, text))
        if self.strikes("ssh-drop-before-command", text):
            connection.abort()
            return
        failing = self.take("node-command-fails", text)
        if failing:
            process.stderr.write(failing["text"].encode() + b"\n")
            process.exit(failing["code"])
            return
        if self.strikes("ssh-session-hangs", text):
            await asyncio.sleep(3600)
        child = self._start(["/bin/bash", *(["-c", text] if text else ["-l"])])
        drop = self.take("ssh-drop-mid-command", text)
        ending = self.take("lease-ended-mid-run", text)
        reboot = self.take("node-reboots", text)
        for params, act in (
            (drop, connection.abort),
            (reboot, self.reboot),
            (ending, lambda: self.nodes.end_lease_of(self.server_id)),
        ):
            if params:
                asyncio.get_running_loop().call_later(params["seconds"], act)
        code = await child.relay(process)
        self.nodes.read_struck(self)
        if self.strikes("ssh-drop-after-command", text):
            connection.abort()
        elif code < 0:
            process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
        else:
            process.exit(code)

    def _start(self, arguments: list[str]) -> Child:
        return Child(arguments, self.node.env(), self.node.home)

    def reboot(self) -> None:
        """Every process and connection of the node ends; it answers again at once."""
        self.node.kill_all()
        self.drop_connections()
