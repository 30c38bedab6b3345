"""CHI@TACC, CHI@UC, CHI@Edge and KVM@TACC behind the one contract of `reserve.site`."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from reserve.calendar import Calendar
from reserve.clock import Clock
from reserve.errors import CredentialsError, SiteError
from reserve.hardware import Hardware
from reserve.journal import Journal
from reserve.site import Lease, LeaseSpec, Machine, Node, Thing
from reserve.sites.chameleon import chi, credentials
from reserve.sites.chameleon.blazar import Leases, cannot_lease, parse_lease
from reserve.sites.chameleon.groups import Groups
from reserve.sites.chameleon.rest import Rest
from reserve.sites.chameleon.servers import Servers, over
from reserve.sites.chameleon.volumes import Volumes
from reserve.sites.chameleon.zun import ContainerMachine, Containers
from reserve.sites.ssh import HostKeys, SshMachine, find_key, public_key
from snippets.files import sha256_text


class ChameleonSite:
    """One site, signed in on first use. `key` is the private key file for its nodes ('' = the usual ones)."""

    def __init__(self, name: str, journal: Journal, clock: Clock | None = None, key: str = "") -> None:
        self.name = name
        self.clock = clock or Clock()
        self.journal = journal
        self._key = key
        self._facts: dict[str, Any] = {}
        self._who = ""

    # Signing in

    def sign_in(self) -> str:
        """Sign in; returns `user in project`. Raises CredentialsError with the remedy; makes nothing."""
        if self._facts:
            return self._who
        signin = credentials.find(self.name)
        rest = chi.connect(self.name, signin, self.clock)
        facts = chi.token_facts(rest)
        project = facts.get("project") or {}
        if not project:
            raise CredentialsError(self._which_project(rest, signin))
        if credentials.takes_first_project():
            self._check_choice(rest, str(project.get("name")))
        self.signin, self.rest = signin, rest
        self.user_id = str((facts.get("user") or {}).get("id", ""))
        self._who = f"{(facts.get('user') or {}).get('name', '?')} in project {project.get('name', '?')}"
        self._facts = facts
        self.leases = Leases(self.name, rest, signin, str(project.get("id", "")))
        self.servers = Servers(self.name, rest, signin, self.user_id)
        self.containers = Containers(self.name, rest, self.user_id)
        self.groups = Groups(self.name, rest)
        self.volumes = Volumes(self.name, rest, self.user_id)
        return self._who

    def _projects(self, rest: Rest) -> list[str]:
        answer = rest.call("GET", "identity", "/auth/projects", "listing your projects")
        return [str(one.get("name")) for one in (answer or {}).get("projects", []) if one.get("enabled", True)]

    def _check_choice(self, rest: Rest, taken: str) -> None:
        """The JupyterHub takes the first of somebody's projects; which one pays is for them to say."""
        names = self._projects(rest)
        if len(names) > 1:
            raise CredentialsError(
                f"you are in several projects at {self.name}, and the JupyterHub would take {taken}: say which pays, "
                f"one of {', '.join(names)}: `project` in the notebook's parameters, or `export SERVELAB_PROJECT=...`."
            )

    def _which_project(self, rest: Rest, signin: credentials.SignIn) -> str:
        names = self._projects(rest)
        if not names:
            return f"you are in no project at {self.name}. Join the course's on https://chameleoncloud.org first."
        # The variable is not read where an entry of clouds.yaml is used.
        how = f"`project_name: ...` in {signin.source}" if signin.cloud else "`export OS_PROJECT_NAME=...`"
        return f"say which project pays: {how}, one of {', '.join(names)}."

    def check_can_lease(self) -> None:
        """Raise CredentialsError if this sign-in cannot make leases, before anything is asked for."""
        self.sign_in()
        if not self.signin.is_application_credential:
            return
        refused = CredentialsError(cannot_lease(self.name, self.signin.source) + ".")
        if (self._facts.get("application_credential") or {}).get("restricted"):
            raise refused
        try:
            # A Keystone that keeps trusts from application credentials forbids even listing one's own.
            self.rest.call(
                "GET", "identity", f"/OS-TRUST/trusts?trustor_user_id={self.user_id}", "checking the sign-in"
            )
        except CredentialsError as error:
            if "elegated" in str(error):
                raise refused from None
        except SiteError:
            return

    def now(self) -> datetime:
        """The site's own time, by the Date of its answers."""
        return self.rest.site_now() if self._facts else self.clock.now()

    # Leases

    def calendar(self, hardware: Hardware) -> Calendar:
        """By Blazar's allocations."""
        self.sign_in()
        return self.leases.calendar(hardware, self.now())

    def find_lease(self, name: str) -> Lease | None:
        """By name among all leases of the project."""
        self.sign_in()
        return self.leases.find(name, self.user_id)

    def project_leases(self) -> list[Lease]:
        """One listing."""
        self.sign_in()
        return [parse_lease(one, self.name) for one in self.leases.living()]

    def get_lease(self, id: str) -> Lease | None:
        """By id."""
        self.sign_in()
        return self.leases.get(id)

    def create_lease(self, spec: LeaseSpec) -> Lease:
        """With the reservation that python-chi would ask for, and Blazar's refusal in words."""
        self.check_can_lease()
        chi.activate(self.name, self.signin)
        return self.leases.create(spec)

    def extend_lease(self, lease: Lease, until: datetime) -> Lease:
        """Blazar moves the end if nobody holds the time."""
        self.sign_in()
        return self.leases.extend(lease, until)

    # Nodes

    def key_path(self) -> Path:
        """The private key file for nodes, made on first use. Raises CredentialsError where the named one is not."""
        return find_key(self._key, self.journal.folder)

    def find_node(self, name: str, hardware: Hardware) -> Node | None:
        """A server of Nova, or a container of Zun, by name and user."""
        self.sign_in()
        if hardware.by_ssh:
            return self.servers.find(name, hardware.user)
        return self.containers.find(name, hardware.user)

    def get_node(self, id: str, hardware: Hardware) -> Node | None:
        """A server of Nova, or a container of Zun, by id."""
        self.sign_in()
        if hardware.by_ssh:
            return self.servers.get(id, hardware.user)
        return self.containers.get(id, hardware.user)

    def prepare_node(self, name: str, part: str) -> str:
        """Upload the user's public key (journaled if it was not there); returns the key pair's name."""
        self.sign_in()
        public = public_key(self.key_path())
        digest = sha256_text(public.split()[1])[:8]
        key_name = os.environ.get("OS_KEYPAIR_NAME") or f"servelab-{digest}"
        known = any(e.name == key_name for e in self.journal.open_entries(site=self.name, kind="keypair"))
        entry = None if known else self.journal.intend("keypair", key_name, self.name, part)
        made = False
        try:
            made = self.servers.ensure_keypair(key_name, public)
        finally:
            if entry and made:
                self.journal.made(entry, key_name)
            elif entry:
                self.journal.gone(entry, "was there before, or was not made")
        return key_name

    def create_node(self, name: str, lease: Lease, hardware: Hardware, *, public: bool = False) -> Node:
        """A server with the user's key, or a container, on the leased node or device."""
        self.sign_in()
        if hardware.by_ssh:
            key, disk = self.prepare_node(name, hardware.part), ""
            if hardware.boot_volume_gb:
                image = chi.image_id(self.name, self.signin, hardware)
                disk = self.volumes.ready(name, hardware, image, self.journal, self.clock)
            return self.servers.create(chi.ServerWish(name, lease.reservation_id, key, disk), hardware)
        return self.containers.create(name, lease, hardware, public)

    def all_named(self, name: str, hardware: Hardware) -> list[Thing]:
        """Every server or container of this name that is this user's, and every disk of such a server."""
        self.sign_in()
        if not hardware.by_ssh:
            return self.containers.all_named(name)
        return self.servers.all_named(name) + (self.volumes.all_named(name) if self._has_volumes else [])

    @property
    def _has_volumes(self) -> bool:
        """Disks are made where machines are virtual, and nowhere else."""
        return self.name.startswith("KVM@")

    def open_ports(self, node: Node, hardware: Hardware, *, public: bool) -> None:
        """By security groups, where machines are virtual; bare metal and devices have none."""
        self.sign_in()
        if hardware.kind == "vm":
            self.groups.open(node.id, (22, 8888) if public else (22,))

    def exists(self, thing: Thing) -> bool:
        """Whether it is still there: what `down` asks after each deletion."""
        self.sign_in()
        if thing.kind == "server":
            return self.servers.get(thing.id, "") is not None
        if thing.kind == "container":
            return self.containers.get(thing.id, "") is not None
        if thing.kind == "lease":
            lease = self.leases.get(thing.id)
            return lease is not None and not lease.ended
        if thing.kind == "floating_ip":
            return any(one["id"] == thing.id for one in self.servers.addresses())
        if thing.kind == "borrowed_ip":
            held = [one for one in self.servers.addresses() if one["id"] == thing.id]
            return any(one.get("port_id") or over(one, self.leases.living_addresses()) for one in held)
        if thing.kind == "volume":
            return self.volumes.exists(thing.id)
        return False

    def delete(self, thing: Thing) -> None:
        """Ask for its deletion; fine if it is gone already."""
        self.sign_in()
        {
            "server": self.servers.delete,
            "container": self.containers.delete,
            "lease": self.leases.delete,
            "floating_ip": self.servers.delete_address,
            "borrowed_ip": self._give_back_address,
            "volume": self.volumes.delete,
            "keypair": self.servers.delete_keypair,
        }[thing.kind](thing.id)

    def _give_back_address(self, id: str) -> None:
        self.servers.give_back_address(id, self.leases.living_addresses())

    def give_address(self, node: Node, lease: Lease) -> Thing:
        """A floating IP on the node's port: the lease's own (`borrowed_ip`), else a new one."""
        self.sign_in()
        port = self.servers.port(node) if node.kind == "server" else self.containers.port(node.id)
        return self.servers.attach_address(port, node.name, lease.address_reservations)

    def addresses_of_lease(self, lease: Lease) -> list[Thing]:
        """Those that Blazar tagged with the lease's reservations."""
        self.sign_in()
        return [
            Thing("borrowed_ip", str(one["id"]), lease.name, self.name, str(one.get("floating_ip_address", "")))
            for one in self.servers.reserved(lease.address_reservations)
        ]

    def find_addresses(self, name: str, node_ids: set[str]) -> list[Thing]:
        """By our tag, or by the server that they are attached to."""
        self.sign_in()
        return self.servers.addresses_of(name, node_ids)

    def inventory(self) -> list[Thing]:
        """Everything of this user here that has a name or a tag of ours: what a crash may have left."""
        self.sign_in()
        things = [
            Thing("lease", str(one["id"]), str(one["name"]), self.name, f"{one['status']} until {one['end_date'][:16]}")
            for one in self.leases.living()
            if str(one.get("name", "")).startswith("serve_") and one.get("user_id") == self.user_id
        ]
        if self.name.endswith("@Edge"):
            listed = [(one["uuid"], one["name"], one.get("status"), "container") for one in self.containers.mine()]
        else:
            listed = [(one["id"], one["name"], one.get("status"), "server") for one in self.servers.mine()]
        things += [
            Thing(kind, str(id), str(name), self.name, str(status))
            for id, name, status, kind in listed
            if str(name).startswith("node-serve-") and str(status).upper() != "DELETED"
        ]
        if self._has_volumes:
            things += self.volumes.all_ours()
        return things + self.servers.tagged_addresses()

    def open(self, node: Node) -> Machine:
        """SSH to a server; requests to Zun for a container."""
        self.sign_in()
        if node.kind == "container":
            return ContainerMachine(self.rest, node, self.clock)
        return SshMachine(node, self.key_path(), HostKeys(self.journal.folder))
