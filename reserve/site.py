"""The one contract that every site keeps, and the plain data that crosses it.

    site.sign_in()                      credentials checked, early, nothing made
    site.calendar(hardware)             when its nodes are taken
    site.find_lease(name)               idempotence: by name, whatever a crash left
    site.create_lease(spec)           raises LeaseRefused with the site's reason
    site.find_node / create_node / give_address
    site.open(node) -> Machine          run commands, push and pull archives
    site.inventory()                    all that is held; site.delete(thing), site.exists(thing)

`leases`, `nodes`, `release`, `up` and `go` are written against this alone; `chameleon_site` and `local` keep it.
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
    """A lease to ask for. `node` names one node or device; empty means any of the type. `at_once`: start now."""

    name: str
    hardware: Hardware
    start: datetime
    end: datetime
    node: str = ""
    at_once: bool = False


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
        """This outcome. Raises NodeCommandFailed, with the end of what was printed, unless the status is 0."""
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
    """A place where commands run. Commands are POSIX shell text, run in the user's home."""

    name: str
    home: str

    def run(
        self, command: str, *, timeout_s: float = 60.0, check: bool = True, on_line: OnLine | None = None
    ) -> CommandResult:
        """Run and wait. Raises NodeCommandFailed (if `check`), ConnectionLost, WaitedTooLong."""
        ...

    def push(self, archive: bytes, folder: str) -> None:
        """Unpack a tar (gzip) archive into `folder`, which is made if need be."""
        ...

    def pull(self, folder: str, names: Sequence[str]) -> bytes:
        """A tar archive of `names` under `folder`."""
        ...

    def close(self) -> None: ...


class Site(Protocol):
    """See the module's docstring."""

    @property
    def name(self) -> str: ...

    def sign_in(self) -> str: ...

    def now(self) -> datetime: ...

    def calendar(self, hardware: Hardware) -> Calendar: ...

    def find_lease(self, name: str) -> Lease | None: ...

    def get_lease(self, id: str) -> Lease | None: ...

    def create_lease(self, spec: LeaseSpec) -> Lease: ...

    def extend_lease(self, lease: Lease, until: datetime) -> Lease: ...

    def find_node(self, name: str, hardware: Hardware) -> Node | None: ...

    def get_node(self, id: str, hardware: Hardware) -> Node | None: ...

    def create_node(self, name: str, lease: Lease, hardware: Hardware, *, public: bool = False) -> Node: ...

    def give_address(self, node: Node) -> Thing: ...

    def all_named(self, name: str, hardware: Hardware) -> list[Thing]: ...

    def find_addresses(self, name: str, node_ids: set[str]) -> list[Thing]: ...

    def inventory(self) -> list[Thing]: ...

    def exists(self, thing: Thing) -> bool: ...

    def delete(self, thing: Thing) -> None: ...

    def open(self, node: Node) -> Machine: ...
