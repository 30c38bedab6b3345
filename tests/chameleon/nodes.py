"""Keeps the nodes in step with the state: a server that is ACTIVE and has a floating IP answers SSH there."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import threading
import time
from pathlib import Path

from .groups import lets_in
from .model import Server
from .node import Node, gpu_lines, kill_marked, machine_bin
from .sshd import Host
from .state import State

WATCH_S = 0.05
STAND_IN_FAULTS = (
    "sudo-asks-password",
    "apt-locked",
    "apt-locked-on-first-boot",
    "apt-no-network",
    "browser-install-fails",
    "cloud-init-fails",
    "container-loses-gpu",
    "docker-script-down",
    "firewall-off",
    "firewall-refuses",
    "toolkit-mirror-down",
    "docker-install-fails",
    "docker-daemon-down",
    "docker-pull-fails",
    "docker-build-fails",
    "service-fails",
    "gpu-driver-missing",
    "gpu-missing",
    "node-disk-full",
    "node-no-internet",
    "node-clock-skew",
)


class Nodes:
    """`commands`: (server id, command) of every command that came over SSH."""

    def __init__(
        self, state: State, *, port: int = 22, path: tuple[Path, ...] = (), env: dict[str, str] | None = None
    ) -> None:
        self.state, self.port, self._path, self._env = state, port, path, env
        machine_bin()  # once a process, and now: the first node must not be late for it
        self.commands: list[tuple[str, str]] = []
        self.hosts: dict[str, Host] = {}
        self._wanted: dict[str, str] = {}
        self._first_seen: dict[int, float] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="chameleon-nodes", daemon=True)
        self._thread.start()
        state.on_server_change = self.sync

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._watching = self._loop.create_task(self._watch())
        self._loop.run_forever()
        self._loop.close()

    # following the state (called with the state's lock held: never waits)

    def sync(self) -> None:
        now = self.state.now()
        wanted = {}
        for server in self.state.servers.values():
            floating = self.state.floating_of(server.port_id)
            up = server.status == "ACTIVE" and now >= server.reachable_at and now < server.gone_at
            if up and floating is not None and lets_in(self.state, server, 22):
                wanted[server.id] = floating.address
        gone = [number for number in self.hosts if number not in self.state.servers]
        if wanted == self._wanted and not gone:
            return
        self._wanted = wanted
        servers = {number: self.state.servers[number] for number in wanted}
        self._loop.call_soon_threadsafe(self._follow, dict(wanted), servers, gone)

    def _follow(self, wanted: dict[str, str], servers: dict[str, Server], gone: list[str]) -> None:
        for number, host in self.hosts.items():
            if host.address and wanted.get(number) != host.address:
                host.close()
        for number in gone:
            if number in self.hosts:
                self.hosts.pop(number).node.kill_all()
        for number, address in wanted.items():
            host = self.hosts.get(number) or self._new_host(servers[number])
            if not host.address:
                host.listen(address, self.port)

    def _new_host(self, server: Server) -> Host:
        folder = self.state.folder / "nodes" / server.id
        node = Node(folder, gpu_lines(self.state, server), extra_path=self._path, extra_env=self._env)
        host = self.hosts[server.id] = Host(self, server.id, node, server.public_key)
        return host

    def end_lease_of(self, server_id: str) -> None:
        """The lease's end event, now; in a thread, because it takes the state's lock."""

        def end() -> None:
            with self.state.lock:
                server = self.state.servers.get(server_id)
                found = self.state.reservation(server.reservation) if server else None
            if found is not None:
                self.state.end_lease(found[0].name)

        threading.Thread(target=end, daemon=True).start()

    # faults that are played by the stand-ins and by the watch

    def write_flags(self, host: Host) -> None:
        for name in STAND_IN_FAULTS:
            host.node.flag(name, self.state.faults.left(name))

    def read_struck(self, host: Host) -> None:
        for name in host.node.newly_struck():
            self.state.faults.take(name)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            for host in list(self.hosts.values()):
                self.read_struck(host)
                self._kill_kernels(host)

    def _kill_kernels(self, host: Host) -> None:
        faults = self.state.faults
        wanted = faults.params("kernel-dies-on-node")
        if wanted is None:
            return
        for pid in host.node.kernels():
            age_s = time.monotonic() - self._first_seen.setdefault(pid, time.monotonic())
            if age_s >= wanted["seconds"] and faults.take("kernel-dies-on-node") is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    # for tests

    def of(self, server_name: str) -> Node:
        """The node of a server, by the server's name."""
        with self.state.lock:
            number = next(each.id for each in self.state.servers.values() if each.name == server_name)
        return self.hosts[number].node

    def stop(self) -> None:
        self.state.on_server_change = lambda: None

        def end() -> None:
            for host in self.hosts.values():
                host.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_later(0.01, self._loop.stop)

        self._loop.call_soon_threadsafe(end)
        self._thread.join(5)
        if self.hosts or (self.state.folder / "nodes").exists():
            kill_marked("CHAMELEON_NODE", self.state.folder / "nodes")


def free_ssh_port(address: str) -> int:
    """22, or where that needs a right that we lack, a port that is free on `address`."""
    for port in (22, 2222, 0):
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EADDRINUSE):
                    raise
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")
