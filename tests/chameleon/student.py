"""What a student has, made with plain HTTP: a lease, a server with an address, a container; for tests."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import tarfile
import time
from collections.abc import Callable
from typing import Any

import asyncssh
import requests

from .conversation import Cloud, lease_body
from .emulator import Emulator

SERVER = "node-serve-model-student"


def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """Poll something that the emulator brings about in milliseconds."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError("not so in time")
        time.sleep(0.005)
    return found


class Student:
    def __init__(self, emulator: Emulator, site: str = "CHI@TACC") -> None:
        self.emulator, self.site = emulator, emulator.state.sites[site]
        self.cloud = Cloud(emulator.env(site))
        self.cloud.sign_in().raise_for_status()
        self.home = ""  # the address of this student's node, for tests that have one
        self.key = asyncssh.generate_private_key("ssh-ed25519")

    def ask(self, method: str, kind: str, path: str, body: Any = None) -> requests.Response:
        return self.cloud.say("", method, self.cloud.at(kind, path), body)

    def lease(self, name: str = "serve_model_student", **changes: Any) -> dict[str, Any]:
        if self.site.site_class == "edge" and "reservations" not in changes:
            changes["reservations"] = [{"resource_type": "device", "min": 1, "max": 1, "resource_properties": ""}]
        made = self.ask("POST", "reservation", "/leases", lease_body(name=name, **changes))
        assert made.status_code == 201, made.text
        number = made.json()["lease"]["id"]
        return dict(until(lambda: (one := self.show_lease(number))["status"] in ("ACTIVE", "ERROR") and one))

    def flavor_lease(self, flavor: str = "g1.h100.pci.1", address: bool = False) -> dict[str, Any]:
        """A lease of one instance of a flavor at KVM@TACC, with an address of its own if that is wished."""
        from . import seed

        number = next(each["id"] for each in seed.KVM_FLAVORS if each["name"] == flavor)
        wishes = [{"resource_type": "flavor:instance", "flavor_id": number, "amount": 1, "affinity": None}]
        if address:
            network = self.site.networks[1]["id"]
            wishes.append({"resource_type": "virtual:floatingip", "network_id": network, "amount": 1})
        return self.lease(reservations=wishes)

    def virtual_server(self, lease: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A server of the lease's private flavor that has left BUILD."""
        self.key_pair()
        body = {
            "name": SERVER,
            "key_name": "student",
            "flavorRef": lease["reservations"][0]["id"],
            "imageRef": self.site.images[0]["id"],
            "networks": [{"uuid": self.site.networks[0]["id"]}],
            **changes,
        }
        answer = self.ask("POST", "compute", "/servers", {"server": body})
        assert answer.status_code == 202, answer.text
        number = answer.json()["server"]["id"]
        return dict(until(lambda: (one := self.show_server(number))["status"] != "BUILD" and one))

    def volume(self) -> requests.Response:
        """A disk from the first image."""
        body = {"volume": {"name": f"boot-{SERVER}", "size": 40, "imageRef": self.site.images[0]["id"]}}
        return self.ask("POST", "volumev3", "/volumes", body)

    def show_volume(self, number: str) -> dict[str, Any]:
        answer = self.ask("GET", "volumev3", f"/volumes/{number}").json()
        return dict(answer.get("volume") or {"status": "gone"})

    def show_lease(self, number: str) -> dict[str, Any]:
        answer = self.ask("GET", "reservation", f"/leases/{number}").json()
        return dict(answer.get("lease") or {"status": "gone"})

    def key_pair(self) -> requests.Response:
        public = self.key.export_public_key().decode().strip()
        return self.ask("POST", "compute", "/os-keypairs", {"keypair": {"name": "student", "public_key": public}})

    def new_server(self, reservation: str, name: str = SERVER) -> requests.Response:
        from . import seed

        return self.ask(
            "POST",
            "compute",
            "/servers",
            {
                "server": {
                    "name": name,
                    "key_name": "student",
                    "flavorRef": seed.FLAVOR["id"],
                    "imageRef": self.site.images[0]["id"],
                    "networks": [{"uuid": self.site.networks[0]["id"]}],
                },
                "OS-SCH-HNT:scheduler_hints": {"reservation": reservation},
            },
        )

    def server(self, lease: dict[str, Any] | None = None) -> dict[str, Any]:
        """A server that has left BUILD."""
        reservation = (lease or self.lease())["reservations"][0]["id"]
        self.key_pair()
        answer = self.new_server(reservation)
        assert answer.status_code == 202, answer.text
        number = answer.json()["server"]["id"]
        return dict(until(lambda: (one := self.show_server(number))["status"] != "BUILD" and one))

    def show_server(self, number: str) -> dict[str, Any]:
        return dict(self.ask("GET", "compute", f"/servers/{number}").json().get("server") or {"status": "gone"})

    def address(self, device: str) -> str:
        """A floating IP on the port of a server or container."""
        made = self.ask(
            "POST", "network", "/floatingips", {"floatingip": {"floating_network_id": self.site.networks[1]["id"]}}
        ).json()["floatingip"]
        port = self.ask("GET", "network", f"/ports?device_id={device}").json()["ports"][0]["id"]
        put = self.ask("PUT", "network", f"/floatingips/{made['id']}", {"floatingip": {"port_id": port}})
        assert put.status_code == 200, put.text
        return str(made["floating_ip_address"])

    def node(self) -> str:
        """The address of a node that answers SSH."""
        address = self.address(self.server()["id"])
        until(lambda: any(host.address for host in self.emulator.nodes.hosts.values()))
        return address

    def connect(self, address: str, **options: Any) -> Any:
        return asyncssh.connect(
            address,
            self.emulator.ssh_port,
            **{
                "username": "cc",
                "client_keys": [self.key],
                "known_hosts": None,
                "config": None,
                "connect_timeout": 5,
                **options,
            },
        )

    def ssh(self, address: str, command: str, timeout_s: float = 15, **options: Any) -> asyncssh.SSHCompletedProcess:
        async def go() -> asyncssh.SSHCompletedProcess:
            async with self.connect(address, **options) as connection:
                return await connection.run(command, timeout=timeout_s)

        return asyncio.run(go())

    # the edge

    def container(self, **changes: Any) -> dict[str, Any]:
        reservation = self.lease("serve_edge_student")["reservations"][0]["id"]
        body = {"name": "node-serve-edge-student", "image": "python:3.11", "hints": {"reservation": reservation}}
        answer = self.ask("POST", "container", "/containers", {**body, **changes})
        assert answer.status_code == 202, answer.text
        number = answer.json()["uuid"]
        return dict(until(lambda: (one := self.show_container(number))["status"] != "Creating" and one))

    def show_container(self, number: str) -> dict[str, Any]:
        answer = self.ask("GET", "container", f"/containers/{number}")
        return dict(answer.json()) if answer.ok else {"status": "gone"}

    def execute(self, number: str, command: str) -> dict[str, Any]:
        answer = requests.post(
            self.cloud.at("container", f"/containers/{number}/execute"),
            timeout=30,
            params={"command": command, "run": "True"},
            headers=self.headers(),
        )
        return dict(answer.json())

    def headers(self) -> dict[str, str]:
        return {"X-Auth-Token": str(self.cloud._session.headers["X-Auth-Token"])}

    def upload(self, number: str, path: str, name: str, content: bytes) -> requests.Response:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        return requests.post(
            self.cloud.at("container", f"/containers/{number}/put_archive"),
            params={"path": path},
            headers=self.headers(),
            timeout=30,
            data=json.dumps({"data": base64.b64encode(packed.getvalue()).decode()}),
        )

    def download(self, number: str, path: str, name: str) -> bytes:
        """The file `name` out of the archive of the folder `path`."""
        answer = requests.get(
            self.cloud.at("container", f"/containers/{number}/get_archive"),
            params={"path": path},
            headers=self.headers(),
            timeout=30,
        ).json()
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(answer["data"]))) as archive:
            found = archive.extractfile(f"./{name}")
            assert found is not None
            return found.read()
