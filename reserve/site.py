"""The one contract that every site keeps, and the plain data that crosses it.

`reserve.lease`, `reserve.node` and the verbs are written against this alone; `reserve.sites.local` (this machine) and
`reserve.sites.chameleon` (Chameleon's sites) keep it. `Site` shows the whole way from a lease to nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from reserve.calendar import Calendar
from reserve.errors import NodeCommandFailed
from reserve.hardware import Hardware

OnLine = Callable[[str], None]


@dataclass(frozen=True)
class LeaseSpec:
    """A lease to ask for: its name, what of, from when to when (aware UTC).

    `node` names one node or device, '' means any of the kind. `at_once`: begin now, whatever `start` says.
    """

    name: str
    hardware: Hardware
    start: datetime
    end: datetime
    node: str = ""
    at_once: bool = False


ENDED = ("TERMINATED", "DELETED")
"""The statuses of a lease that is over or gone."""


@dataclass(frozen=True)
class Lease:
    """A lease as the site sees it. `status`: PENDING, STARTING, ACTIVE, UPDATING, TERMINATING, TERMINATED, ERROR."""

    id: str
    name: str
    site: str
    status: str
    start: datetime
    end: datetime
    reservation_id: str = ""
    detail: str = ""
    address_reservations: tuple[str, ...] = ()
    """The ids of the reservations of floating IPs that go with it."""

    @property
    def ended(self) -> bool:
        """Whether it is over or gone."""
        return self.status in ENDED


@dataclass(frozen=True)
class Node:
    """A server, a container or this machine. `status`: BUILD, ACTIVE, ERROR, or what else the site says."""

    id: str
    name: str
    site: str
    kind: str
    status: str
    address: str = ""
    user: str = ""
    detail: str = ""

    def at(self, address: str) -> Node:
        """The same node, reached at `address`."""
        return replace(self, address=address)


@dataclass(frozen=True)
class Thing:
    """Something that exists on the site and costs: kind as in the journal."""

    kind: str
    id: str
    name: str
    site: str
    detail: str = ""


@dataclass(frozen=True)
class CommandResult:
    """What a command on a machine printed (both streams) and its exit status."""

    status: int
    output: str

    def succeeded(self, machine: str) -> CommandResult:
        """This result. Raises NodeCommandFailed, with the end of what was printed, unless the status is 0."""
        if self.status != 0:
            message = f"a command on {machine} ended with status {self.status}: {self.output[-400:].strip()}"
            raise NodeCommandFailed(message, status=self.status, output=self.output)
        return self


def packing(folder: str, target: str = "-") -> str:
    """Shell text that packs the files named on standard input, under `folder`, into the tar file `target`.

    A notebook may be saved while it is read: tar then ends with status 1. That is no failure, because the copy has
    the older time and is fetched again; missing files are left out.
    """
    return f"{{ tar -cf {target} -C {shlex.quote(folder)} --ignore-failed-read -T - || test $? -eq 1; }}"


class Machine(Protocol):
    """A place where commands run: this machine, a server behind SSH, a container. `close` it when done.

    `name` is for messages, `home` the user's home folder there. Commands are POSIX shell text, run in that folder,
    each in a shell of its own with nothing on standard input. Folders are relative to the home unless absolute.
    Every method may raise ConnectionLost; the next call then connects again.
    """

    name: str
    home: str
    batch_bytes: int
    """How much `pull` should be asked for at once: what a broken connection loses."""

    def run(
        self, command: str, *, timeout_s: float = 60.0, check: bool = True, on_line: OnLine | None = None
    ) -> CommandResult:
        """Run and wait, at most `timeout_s` seconds; `on_line` gets each line as it is printed.

        Raises NodeCommandFailed for a status other than 0 (if `check`), ConnectionLost, WaitedTooLong.
        """
        ...

    def push(self, archive: bytes, folder: str) -> None:
        """Unpack a tar (gzip) archive into `folder`, which is made if need be. Raises NodeCommandFailed."""
        ...

    def pull(self, folder: str, names: Sequence[str]) -> bytes:
        """A tar archive of the files `names` under `folder`; those that are not there are left out."""
        ...

    def close(self) -> None:
        """Let go of the connection. Calling it twice is fine."""
        ...


class Site(Protocol):
    """A place where nodes can be leased. From nothing to a node and back:

        site.sign_in()                                    # credentials checked, nothing made
        calendar = site.calendar(hardware)                # when its nodes are taken
        site.check_can_lease()
        lease = site.find_lease(spec.name) or site.create_lease(spec)
        while site.get_lease(lease.id).status != "ACTIVE": ...
        node = site.find_node(name, hardware) or site.create_node(name, lease, hardware)
        while site.get_node(node.id, hardware).status != "ACTIVE": ...
        address = site.give_address(node)                 # where it has none
        machine = site.open(node.at(address.detail))      # run commands, send and fetch files
        for thing in site.inventory():                    # everything back, and looked after
            site.delete(thing)
            while site.exists(thing): ...

    Asking (`find_`, `get_`, `calendar`, `inventory`, `exists`) changes nothing and may be repeated. Nothing that makes
    something looks whether it is there: that is the caller's part, by name (`find_lease`, `find_node`), after writing
    the intention into the journal. Every method signs in first if need be, so each may raise what `sign_in` raises,
    SiteUnreachable (no usable answer; what was asked for may have happened all the same), Quota, and SiteError. All
    times are aware UTC.
    """

    @property
    def name(self) -> str:
        """What the site is called in commands and in hardware.toml: `CHI@TACC`, `local`."""
        ...

    def sign_in(self) -> str:
        """Check the credentials, early; returns `user in project`, for people. Makes nothing; once is enough.

        Raises CredentialsError saying how to get the right ones.
        """
        ...

    def check_can_lease(self) -> None:
        """Raise CredentialsError if this sign-in cannot make leases, before anything is asked for."""
        ...

    def now(self) -> datetime:
        """The site's own time, which decides when a lease begins and ends."""
        ...

    def calendar(self, hardware: Hardware) -> Calendar:
        """When each node or device of this kind is taken. Raises Missing if there is none, SiteError if
        it is not shown."""
        ...

    def find_lease(self, name: str) -> Lease | None:
        """The project's newest lease of that name that has not ended, whoever made it; this user's own before
        anybody else's. None if there is none."""
        ...

    def project_leases(self) -> list[Lease]:
        """Every lease of the project that has not ended, whoever made it."""
        ...

    def get_lease(self, id: str) -> Lease | None:
        """The lease with that id in its present state; None if the site does not know it (any more)."""
        ...

    def create_lease(self, spec: LeaseSpec) -> Lease:
        """Ask for the lease; it may not have begun yet. Not idempotent.

        Raises LeaseRefused with the site's reason; SiteUnreachable if nobody knows whether it was made.
        """
        ...

    def extend_lease(self, lease: Lease, until: datetime) -> Lease:
        """Move the end to `until`; the lease as it is then. Raises LeaseRefused where somebody holds the time."""
        ...

    def find_node(self, name: str, hardware: Hardware) -> Node | None:
        """This user's node of that name, a working one before a broken one; None if there is none."""
        ...

    def get_node(self, id: str, hardware: Hardware) -> Node | None:
        """The node with that id in its present state; None if it is gone."""
        ...

    def create_node(self, name: str, lease: Lease, hardware: Hardware, *, public: bool = False) -> Node:
        """Ask for a node on the lease; it boots afterwards. `public`: open JupyterLab's port. Not idempotent.

        Raises Missing (image, network or flavor), Quota; SiteUnreachable if nobody knows whether it was made.
        """
        ...

    def open_ports(self, node: Node, hardware: Hardware, *, public: bool) -> None:
        """Let SSH in, and JupyterLab's port if `public`, where the site itself keeps others out. Idempotent."""
        ...

    def give_address(self, node: Node, lease: Lease) -> Thing:
        """Attach an address that reaches the node from outside: the lease's own, else one that is made; it is in the
        thing's `detail`.

        Not idempotent. Raises Quota if the project has no more.
        """
        ...

    def addresses_of_lease(self, lease: Lease) -> list[Thing]:
        """The addresses that were reserved with the lease and are there: they go when it goes."""
        ...

    def all_named(self, name: str, hardware: Hardware) -> list[Thing]:
        """Every server or container of that name that is this user's, broken ones too."""
        ...

    def find_addresses(self, name: str, node_ids: set[str]) -> list[Thing]:
        """The addresses that were made for the node `name`, or are attached to one of `node_ids`."""
        ...

    def inventory(self) -> list[Thing]:
        """Everything of this user here that the kit names or tags: what a crash may have left."""
        ...

    def exists(self, thing: Thing) -> bool:
        """Whether it is still there, and so may still cost."""
        ...

    def delete(self, thing: Thing) -> None:
        """Ask for its deletion, which takes its time: ask `exists`. Idempotent: fine if it is gone already."""
        ...

    def open(self, node: Node) -> Machine:
        """A machine on which commands run. Raises ConnectionLost while the node does not answer."""
        ...
