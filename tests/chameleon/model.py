"""What the emulated cloud holds. Mutable on purpose: this is the one state that all services share."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

FOREVER = datetime(9999, 1, 1)


def new_id() -> str:
    return str(uuid.uuid4())


def new_hex() -> str:
    return uuid.uuid4().hex


@dataclass
class Site:
    """One Chameleon site: its own hosts, networks, images; its own loopback address `address`."""

    name: str
    uid: str
    site_class: str
    address: str = ""
    router: str = field(default_factory=new_id)
    security_group: str = field(default_factory=new_id)
    networks: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Token:
    id: str
    user: str
    project: str
    expires: datetime
    method: str


@dataclass
class Resource:
    """A host (`physical:host`) or a device (`device`) that Blazar lends. Flavors and addresses are only counted."""

    id: str
    kind: str
    site: str
    properties: dict[str, Any]
    created: datetime
    reservable: bool = True


@dataclass
class Reservation:
    id: str
    kind: str
    wish: dict[str, Any]
    minimum: int
    maximum: int
    resources: list[str]
    resource_row: str
    created: datetime
    status: str = "pending"
    updated: datetime | None = None


@dataclass
class Lease:
    id: str
    name: str
    user: str
    project: str
    site: str
    start: datetime
    end: datetime
    created: datetime
    updated: datetime
    status: str = "PENDING"
    reservations: list[Reservation] = field(default_factory=list)
    event_ids: dict[str, str] = field(default_factory=dict)
    event_done: dict[str, datetime] = field(default_factory=dict)
    trust: str = field(default_factory=new_hex)
    stuck: bool = False
    fails_at_start: bool = False
    node_missing: bool = False
    status_since: datetime = FOREVER


@dataclass
class Server:
    id: str
    name: str
    user: str
    project: str
    site: str
    key_name: str | None
    public_key: str
    image: dict[str, Any]
    flavor: dict[str, Any]
    network: dict[str, Any]
    reservation: str | None
    created: datetime
    updated: datetime
    active_at: datetime
    reachable_at: datetime
    host: str = ""
    status: str = "BUILD"
    fault: dict[str, Any] | None = None
    fixed_ip: str = ""
    port_id: str = ""
    mac: str = ""
    launched: datetime | None = None
    gone_at: datetime = FOREVER
    ends_as: str = "ACTIVE"
    shown_ip_at: datetime = FOREVER
    home: Path | None = None
    groups: list[str] = field(default_factory=list)
    volume: str = ""


@dataclass
class Group:
    """A security group: who may reach which port of a virtual machine."""

    id: str
    name: str
    description: str
    project: str
    site: str
    created: datetime
    rules: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Volume:
    """A disk of Cinder. `server`: to which it is attached; `ends_with`: whether it goes when that server goes."""

    id: str
    name: str
    size: int
    image: str
    user: str
    project: str
    site: str
    created: datetime
    ready_at: datetime
    status: str = "creating"
    ends_as: str = "available"
    server: str = ""
    ends_with: bool = False
    gone_at: datetime = FOREVER


@dataclass
class FloatingIP:
    id: str
    address: str
    network: str
    project: str
    site: str
    created: datetime
    updated: datetime
    port_id: str | None = None
    revision: int = 1
    description: str = ""
    tags: list[str] = field(default_factory=list)


@dataclass
class Keypair:
    name: str
    public_key: str
    fingerprint: str
    user: str
    site: str
    created: datetime
    number: int


@dataclass
class Container:
    uuid: str
    name: str
    user: str
    project: str
    site: str
    body: dict[str, Any]
    created: datetime
    running_at: datetime
    root: Path
    reservation: str | None
    device: str = ""
    status: str = "Creating"
    reason: str | None = None
    port_id: str = field(default_factory=new_id)
    fixed_ip: str = ""
    ends_as: str = "Running"
