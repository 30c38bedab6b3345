"""The one in-memory state of the emulated cloud, and what falls due in it as its clock moves."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

from . import addresses, seed
from .clock import Clock
from .containers import Root
from .model import (
    FOREVER,
    Container,
    FloatingIP,
    Group,
    Keypair,
    Lease,
    Reservation,
    Resource,
    Server,
    Site,
    Token,
    Volume,
    new_hex,
    new_id,
)
from .switch import Faults
from .wire import Refusal

START_EVENT_S = 5.0  # the start event runs 4-6 s after the lease's start
STARTING_S = 1.0
TERMINATING_S = 1.0
SHOWN_S = 1.0  # a deleted server stays listed, a floating IP stays unlisted, for a moment
BOOT_S = 900.0  # bare metal: 10-20 minutes
SSH_AFTER_ACTIVE_S = 120.0
CONTAINER_S = 20.0
TOKEN_LIFE = timedelta(hours=1)


class State:
    """Everything that the services share; hold `lock` while reading or changing it."""

    def __init__(
        self,
        clock: Clock,
        faults: Faults,
        *,
        branch: str = "chameleon",
        hosts: tuple[Any, ...] = (),
        user: str = "student",
        password: str = "no-token-contains-this",
        project: str = "CHI-course",
        app_credential_trusts: bool = True,
    ) -> None:
        self.lock = threading.RLock()
        self.clock, self.faults, self.branch = clock, faults, branch
        self.sites: dict[str, Site] = seed.sites()
        self.user_name, self.password, self.project_name = user, password, project
        self.user_id, self.project_id, self.domain_id = new_hex(), new_hex(), new_hex()
        self.users = {user: self.user_id}
        self.app_credential = ("app-" + new_hex()[:12], new_hex())
        self.app_credential_trusts = app_credential_trusts
        self.tokens: dict[str, Token] = {}
        self.leases: dict[str, Lease] = {}
        self.servers: dict[str, Server] = {}
        self.floating_ips: dict[str, FloatingIP] = {}
        self.keypairs: dict[tuple[str, str], Keypair] = {}
        self.containers: dict[str, Container] = {}
        self.groups: dict[str, Group] = {}
        self.volumes: dict[str, Volume] = {}
        self.requests: list[tuple[str, str, str, str, int]] = []
        self.floating_prefix = "127.77.1"
        self.folder = Path(tempfile.mkdtemp(prefix="chameleon-"))
        self.on_server_change: Callable[[], None] = lambda: None
        self.roots: dict[str, Root] = {}
        self.container_path: tuple[Path, ...] = ()
        self.container_env: dict[str, str] = {}
        self._number = 0
        now = clock.now()
        by_uid = {site.uid: site.name for site in self.sites.values()}
        self.nodes = {
            site: [seed.node(h) for h in (*seed.HOSTS, *hosts) if by_uid[h["site"]] == site] for site in self.sites
        }
        resources = [
            seed.host_resource(n, host, by_uid[host["site"]], now)
            for n, host in enumerate((*seed.HOSTS, *hosts), start=1)
        ]
        resources += [seed.device_resource(device, "CHI@Edge", now) for device in seed.DEVICES]
        self.resources: dict[str, Resource] = {resource.id: resource for resource in resources}
        for site in self.sites.values():
            site.networks = seed.networks(site, now)
            site.images = [seed.image(name, now) for name in seed.IMAGES]

    # time

    def now(self) -> datetime:
        return self.clock.now()

    def http_date(self) -> str:
        skew = self.faults.take("clock-skew") if self.faults.is_on("clock-skew") else None
        moment = self.now() + timedelta(seconds=skew["seconds"] if skew else 0)
        return formatdate(moment.replace(tzinfo=UTC).timestamp(), usegmt=True)

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def settle(self) -> None:
        """Let everything happen that is due by now: lease events, boots, deletions."""
        with self.lock:
            now = self.now()
            for lease in list(self.leases.values()):
                self._settle_lease(lease, now)
            for server in list(self.servers.values()):
                self._settle_server(server, now)
            for volume in list(self.volumes.values()):
                self._settle_volume(volume, now)
            for container in self.containers.values():
                if container.status == "Creating" and now >= container.running_at:
                    container.status = container.ends_as
                    if container.status == "Running":
                        self.roots[container.uuid].start()
                self.roots[container.uuid].poll()
            self.on_server_change()

    def _settle_lease(self, lease: Lease, now: datetime) -> None:
        begins = max(lease.start, lease.created) + self.clock.delay(START_EVENT_S)
        if lease.status == "PENDING" and now >= begins and not lease.stuck:
            self._set_lease(lease, "STARTING", begins, "start_lease")
        if lease.status == "STARTING" and now >= lease.status_since + self.clock.delay(STARTING_S):
            self._set_lease(lease, "ERROR" if lease.fails_at_start else "ACTIVE", now)
            for reservation in lease.reservations:
                reservation.status = "error" if lease.fails_at_start else "active"
            if lease.status == "ACTIVE":
                addresses.begin(self, lease)
        if lease.status == "ACTIVE" and now >= lease.end:
            self._set_lease(lease, "TERMINATING", lease.end, "end_lease")
            self._drop_contents(lease)
        if lease.status == "TERMINATING" and now >= lease.status_since + self.clock.delay(TERMINATING_S):
            self._set_lease(lease, "TERMINATED", now)
            for reservation in lease.reservations:
                reservation.status = "deleted"

    def _set_lease(self, lease: Lease, status: str, since: datetime, event: str = "") -> None:
        lease.status, lease.status_since, lease.updated = status, since, since
        if event:
            lease.event_done[event] = since

    def _settle_volume(self, volume: Volume, now: datetime) -> None:
        if volume.status != "creating":
            return
        if now >= volume.ready_at:
            volume.status = volume.ends_as
        elif volume.ready_at == FOREVER and not self.faults.is_on("volume-creating-forever"):
            volume.status = "error"  # somebody of the staff reset its state

    def _drop_volume_of(self, server: Server) -> None:
        volume = self.volumes.get(server.volume)
        if volume is not None:
            volume.server, volume.status = "", "available"
            if volume.ends_with and self.faults.take("volume-stays") is None:
                del self.volumes[volume.id]

    def _settle_server(self, server: Server, now: datetime) -> None:
        if now >= server.gone_at:
            del self.servers[server.id]
            self._drop_volume_of(server)
            for address in self.floating_ips.values():
                if address.port_id == server.port_id:
                    address.port_id = None
        elif server.status == "BUILD" and now >= server.active_at:
            server.status, server.launched, server.updated = server.ends_as, now, now

    # what ends

    def _drop_contents(self, lease: Lease) -> None:
        ids = {reservation.id for reservation in lease.reservations}
        for server in list(self.servers.values()):
            if server.reservation in ids:
                server.gone_at = self.now()
        for container in list(self.containers.values()):
            if container.reservation in ids:
                self.drop_container(container)
        addresses.end(self, lease)

    def drop_lease(self, lease: Lease) -> None:
        self._drop_contents(lease)
        del self.leases[lease.id]

    def drop_container(self, container: Container) -> None:
        del self.containers[container.uuid]
        for address in self.floating_ips.values():
            if address.port_id == container.port_id:
                address.port_id = None
        self.roots.pop(container.uuid).stop()

    def on_container_new(self, container: Container) -> None:
        self.roots[container.uuid] = Root(container, extra_path=self.container_path, extra_env=self.container_env)

    def root_of(self, container: Container) -> Root:
        return self.roots[container.uuid]

    def end_lease(self, name: str) -> None:
        """End a lease before its time, as an operator or a failing Blazar would."""
        with self.lock:
            for lease in self.leases.values():
                if lease.name == name and lease.status == "ACTIVE":
                    lease.end = self.now()
            self.settle()

    # who asks, and what belongs together

    def check_token(self, text: str | None) -> Token:
        token = self.tokens.get(text or "")
        if token is None or token.expires <= self.now():
            raise Refusal(401, "The request you have made requires authentication.")
        return token

    def reservation(self, number: str | None) -> tuple[Lease, Reservation] | None:
        for lease in self.leases.values():
            for reservation in lease.reservations:
                if reservation.id == number:
                    return lease, reservation
        return None

    def floating_of(self, port_id: str) -> FloatingIP | None:
        return next((each for each in self.floating_ips.values() if each.port_id == port_id), None)

    # what a test asks and arranges

    def inventory(self, everyone: bool = False) -> dict[str, list[str]]:
        """What is still held, by kind; empty lists when nothing is. Leases that have ended hold nothing.

        Only the student's project, unless `everyone`.
        """
        with self.lock:
            self.settle()
            mine = (lambda project: True) if everyone else (lambda project: project == self.project_id)
            return {
                "leases": [
                    f"{lease.name} {lease.status}"
                    for lease in self.leases.values()
                    if mine(lease.project) and lease.status != "TERMINATED"
                ],
                "servers": [f"{each.name} {each.status}" for each in self.servers.values() if mine(each.project)],
                "containers": [f"{each.name} {each.status}" for each in self.containers.values() if mine(each.project)],
                "floating_ips": [each.address for each in self.floating_ips.values() if mine(each.project)],
                "volumes": [f"{each.name} {each.status}" for each in self.volumes.values() if mine(each.project)],
                "keypairs": [name for _, name in self.keypairs],
            }

    def book_flavor(self, name: str, start: datetime, end: datetime, amount: int = 1) -> Lease:
        """Another project's lease of so many instances of a flavor at KVM@TACC."""
        with self.lock:
            source = next(each for each in seed.KVM_FLAVORS if each["name"] == name)
            now, ids = self.now(), {"start_lease": new_id(), "end_lease": new_id()}
            wish = {"amount": amount, "source": source}
            one = Reservation(new_id(), "flavor:instance", wish, amount, amount, [], new_id(), now)
            lease = Lease(
                new_id(), "somebody-else", new_hex(), new_hex(), "KVM@TACC", start, end, now, now,
                reservations=[one], event_ids=ids, status_since=FOREVER,
            )  # fmt: skip
            self.leases[lease.id] = lease
            return lease

    def book(self, resource_name: str, start: datetime, end: datetime, name: str = "somebody-else") -> Lease:
        """Another project's lease on the host or device of that name: a block in the calendar."""
        with self.lock:
            resource = next(
                each
                for each in self.resources.values()
                if resource_name in (each.properties.get("node_name"), each.properties.get("name"))
            )
            now = self.now()
            reservation = Reservation(
                new_id(), resource.kind, {"resource_properties": ""}, 1, 1, [resource.id], new_id(), now
            )
            lease = Lease(
                new_id(),
                name,
                new_hex(),
                new_hex(),
                resource.site,
                start,
                end,
                now,
                now,
                reservations=[reservation],
                event_ids={"start_lease": new_id(), "end_lease": new_id()},
                status_since=FOREVER,
            )
            self.leases[lease.id] = lease
            return lease
