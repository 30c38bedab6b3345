"""The one contract that every site keeps, and the plain data that crosses it.

    site.sign_in() -> who            credentials checked, early, nothing made
    site.calendar(hardware)          when its nodes are taken
    site.find_lease(name)            idempotence: by name, whatever a crash left
    site.create_lease(wanted)        raises LeaseRefused with the site's reason
    site.extend_lease(lease, until)
    site.delete_lease(lease)
    site.find_node(name) / create_node(...) / delete_node(node)
    site.open(node) -> Machine       run commands, push and pull archives

`leases`, `nodes`, `release` and `go` are written against this alone; `chameleon` and `local` implement it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from reserve.calendar import Calendar
from reserve.hardware import Hardware

OnLine = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
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
class Outcome:
    """What a command on a machine printed (both streams) and its exit status."""

    status: int
    output: str


class Machine(Protocol):
    """A place where commands run. Commands are POSIX shell text, run in the user's home."""

    name: str
    home: str

    def run(
        self, command: str, *, timeout_s: float = 60.0, check: bool = True, on_line: OnLine | None = None
    ) -> Outcome:
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

    name: str

    def sign_in(self) -> str: ...

    def now(self) -> datetime: ...

    def calendar(self, hardware: Hardware) -> Calendar: ...

    def find_lease(self, name: str) -> Lease | None: ...

    def get_lease(self, id: str) -> Lease | None: ...

    def create_lease(self, wanted: Wanted) -> Lease: ...

    def extend_lease(self, lease: Lease, until: datetime) -> Lease: ...

    def delete_lease(self, id: str) -> None: ...

    def find_node(self, name: str, hardware: Hardware) -> Node | None: ...

    def get_node(self, id: str, hardware: Hardware) -> Node | None: ...

    def create_node(self, name: str, lease: Lease, hardware: Hardware, *, public: bool = False) -> Node: ...

    def delete_node(self, node: Thing) -> None: ...

    def give_address(self, node: Node, part: str) -> Node: ...

    def find_addresses(self, name: str) -> list[Thing]: ...

    def delete_address(self, id: str) -> None: ...

    def inventory(self) -> list[Thing]: ...

    def open(self, node: Node) -> Machine: ...


@dataclass
class Report:
    """Live words for the person, and the parameters of one command."""

    say: Callable[[str], None]
    facts: dict[str, Any] = field(default_factory=dict)
