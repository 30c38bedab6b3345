"""Start and stop an emulated Chameleon on loopback."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from . import blazar, cinder, glance, keystone, neutron, nova, reference, zun
from .clock import Clock
from .faults import TABLE
from .model import new_hex
from .nodes import Nodes, free_ssh_port
from .state import State
from .switch import Faults
from .wire import Door, Doors, Service

SERVICES: tuple[Service, ...] = (
    keystone.SERVICE,
    blazar.SERVICE,
    nova.SERVICE,
    neutron.SERVICE,
    glance.SERVICE,
    zun.SERVICE,
    cinder.SERVICE,
)


class Emulator:
    """A Chameleon of four sites; `with Emulator() as emu: os.environ.update(emu.env())`, before `import chi`.

    Each emulator takes a network 127.77.N.0/24 of the loopback: .1 CHI@TACC, .2 CHI@UC, .3 CHI@Edge, .4 KVM@TACC,
    floating IPs from .10 on; so several run side by side. `branch`: Blazar as `chameleon` (its branch) or `upstream`
    answers. `speed` divides the emulated delays (see Clock); `frozen` stops time between `clock.advance` calls;
    `hosts`: further hosts, as `more_hosts(100)`; `node_path`, `node_env`: more folders on the PATH of nodes and
    containers, more variables in their environment.
    """

    def __init__(
        self,
        *,
        branch: str = "chameleon",
        speed: float = 10_000.0,
        frozen: bool = False,
        clock: Clock | None = None,
        hosts: tuple[Any, ...] | list[Any] = (),
        node_path: tuple[Path, ...] = (),
        node_env: dict[str, str] | None = None,
        **state: Any,
    ) -> None:
        if branch not in blazar.KINDS:
            raise ValueError(f"branch {branch!r}: chameleon or upstream")
        self.clock = clock or Clock(speed=speed, frozen=frozen)
        self.faults = Faults(TABLE)
        self.state = State(self.clock, self.faults, branch=branch, hosts=tuple(hosts), **state)
        self.state.container_path, self.state.container_env = node_path, dict(node_env or {})
        self._doors: Doors | None = None
        self._nodes: Nodes | None = None
        self._node_path, self._node_env = node_path, node_env

    @property
    def nodes(self) -> Nodes:
        assert self._nodes is not None, "not started"
        return self._nodes

    @property
    def ssh_port(self) -> int:
        """22, or another where 22 needs a right that we lack; in `env()` as SERVELAB_SSH_PORT."""
        return self.nodes.port

    @property
    def folder(self) -> Path:
        """Scratch space: homes of nodes, roots of containers. Gone after `stop`."""
        return self.state.folder

    def start(self) -> Emulator:
        doors = self._take_addresses()
        self._doors = Doors(doors, self.state.settle)
        self._nodes = Nodes(
            self.state, port=free_ssh_port(f"{self.state.floating_prefix}.10"), path=self._node_path, env=self._node_env
        )
        self.clock.on_move(self.state.settle)
        self._doors.start()
        return self

    def _take_addresses(self) -> list[Door]:
        sites = list(self.state.sites.values())
        for n in range(1, 250):
            first = Door(SERVICES[0], sites[0].name, self.state, f"127.77.{n}.1")
            try:
                first.open()
            except OSError:
                continue
            break
        else:
            raise RuntimeError(
                "no loopback network 127.77.N.0/24 is free; the emulator needs Linux, where all of "
                "127.0.0.0/8 is this machine, and none of its other runs holding all 249"
            )
        self.state.floating_prefix = f"127.77.{n}"
        for number, site in enumerate(sites, start=1):
            site.address = f"127.77.{n}.{number}"
        doors = [first]
        for site in sites:
            for service in SERVICES:
                if service is not SERVICES[0] or site is not sites[0]:
                    doors.append(Door(service, site.name, self.state, site.address))
        doors.append(Door(reference.SERVICE, sites[0].name, self.state, sites[0].address))
        for door in doors[1:]:
            door.open()
        return doors

    def stop(self) -> None:
        self.faults.off()
        if self._doors is not None:
            self._doors.stop()
            self._doors = None
        if self._nodes is not None:
            self._nodes.stop()
        for root in list(self.state.roots.values()):
            root.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def add_user(self, name: str) -> str:
        """One more member of the project, with the first one's password; the user's id."""
        return self.state.users.setdefault(name, new_hex())

    def env(self, site: str = "CHI@TACC", auth: str = "password", user: str = "") -> dict[str, str]:
        """The environment of a signed-in student; `auth`: password, application_credential, openrc or jupyterhub;
        `user`: one that `add_user` made, '' the first (password only)."""
        state, address = self.state, self.state.sites[site].address
        first = next(iter(state.sites.values())).address
        shared = {
            "OS_AUTH_URL": f"http://{address}:5000/v3",
            "OS_REGION_NAME": site,
            "OS_IDENTITY_API_VERSION": "3",
            "OS_INTERFACE": "public",
            "SERVELAB_SSH_PORT": str(self.ssh_port),
            "CHI_RESOURCE_API_URL": f"http://{first}:{reference.PORT}",
            "EDGE_RESOURCE_API_URL": f"http://{first}:{reference.PORT}/edge-hw-discovery/devices",
        }
        if auth == "application_credential":
            number, secret = state.app_credential
            return {
                **shared,
                "OS_AUTH_TYPE": "v3applicationcredential",
                "OS_APPLICATION_CREDENTIAL_ID": number,
                "OS_APPLICATION_CREDENTIAL_SECRET": secret,
            }
        federated = {"OS_IDENTITY_PROVIDER": "chameleon", "OS_PROTOCOL": "openid"}
        named = {"OS_PROJECT_NAME": state.project_name, "OS_PROJECT_DOMAIN_NAME": "chameleon"}
        if auth == "openrc":  # as the dashboards of 2026 write it
            return {
                **shared,
                **federated,
                "OS_AUTH_TYPE": "v3oidcpassword",
                "OS_USERNAME": "ab123_uni_edu",
                "OS_PASSWORD": state.password,
                "OS_PROJECT_ID": state.project_id,
                "OS_DISCOVERY_ENDPOINT": f"http://{address}:5000/idp/.well-known/openid-configuration",
                "OS_CLIENT_ID": "keystone-tacc-prod",
                "OS_CLIENT_SECRET": "none",
                "OS_ACCESS_TOKEN_TYPE": "access_token",
            }
        if auth == "jupyterhub":
            token = {"OS_AUTH_TYPE": "v3oidcaccesstoken", "OS_ACCESS_TOKEN": keystone.ACCESS_TOKEN}
            return {**shared, **federated, **named, **token}
        return {
            **shared,
            "OS_AUTH_TYPE": "v3password",
            "OS_USERNAME": user or state.user_name,
            "OS_PASSWORD": state.password,
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_NAME": state.project_name,
            "OS_PROJECT_DOMAIN_NAME": "chameleon",
        }

    def inventory(self, everyone: bool = False) -> dict[str, list[str]]:
        return self.state.inventory(everyone)

    def assert_empty(self) -> None:
        """Nothing of the student's is left; key pairs may stay."""
        held = {kind: names for kind, names in self.inventory().items() if names and kind != "keypairs"}
        assert not held, f"still held on the emulator: {held}"

    def wait_until(self, condition: Any, timeout_s: float = 10.0) -> None:
        """Wait for `condition()` without touching the services."""
        pause, waited = threading.Event(), 0.0
        while not condition():
            if waited > timeout_s:
                raise TimeoutError(f"not so after {timeout_s} s")
            pause.wait(0.01)
            waited += 0.01
