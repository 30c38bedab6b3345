"""Containers on CHI@Edge devices: Zun's REST API, which the published clients cannot speak, and no SSH."""

from __future__ import annotations

import base64
import io
import shlex
import tarfile
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from reserve.clock import Clock
from reserve.errors import ConnectionLost, SiteError, SiteUnreachable
from reserve.hardware import Hardware
from reserve.site import CommandResult, Lease, Node, OnLine, Thing, packing
from reserve.sites.chameleon.rest import TIMEOUT_S, Gone, Rest

JUPYTER_PORT = 8888


class Containers:
    """Zun of one site."""

    def __init__(self, site: str, rest: Rest, user_id: str) -> None:
        self.site, self.rest, self.user_id = site, rest, user_id

    def mine(self) -> list[dict[str, Any]]:
        """Zun's own words on every container of this user."""
        answer = self.rest.call("GET", "container", "/containers", "listing containers")
        found = answer.get("containers") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise SiteUnreachable("Zun sent no list of containers. Repeat the command.")
        return [one for one in found if one.get("user_id") in (self.user_id, None)]

    def _node(self, body: dict[str, Any], user: str) -> Node:
        if "uuid" not in body:
            raise SiteUnreachable("Zun sent a container without an id. Repeat the command.")
        status = str(body.get("status") or "Creating")
        known = {"Running": "ACTIVE", "Error": "ERROR", "Creating": "BUILD", "Created": "BUILD"}
        detail = str(body.get("status_reason") or body.get("status_detail") or "")
        return Node(
            str(body["uuid"]),
            str(body.get("name")),
            self.site,
            "container",
            known.get(status, status.upper()),
            user=user,
            detail=detail,
        )

    def find(self, name: str, user: str) -> Node | None:
        """The user's container of this name, a working one before a broken one. `user` signs in on it."""
        found = [self._node(one, user) for one in self.mine() if one.get("name") == name]
        found = [node for node in found if node.status not in ("DELETED", "DELETING")]
        found.sort(key=lambda node: node.status == "ERROR")
        return found[0] if found else None

    def all_named(self, name: str) -> list[Thing]:
        """Every container of this name, broken ones too."""
        return [Thing("container", str(one["uuid"]), name, self.site) for one in self.mine() if one.get("name") == name]

    def get(self, id: str, user: str) -> Node | None:
        """The container in its present state; None if it is gone."""
        try:
            answer = self.rest.call("GET", "container", f"/containers/{id}", "looking at the container")
        except Gone:
            return None
        node = self._node(answer or {}, user)
        return None if node.status in ("DELETED", "DELETING") else node

    def create(self, name: str, lease: Lease, hardware: Hardware, public: bool) -> Node:
        """Start the container on the leased device. Without `public` no port is opened."""
        body: dict[str, Any] = {
            "name": name,
            "image": hardware.container_image,
            "command": ["sleep", "infinity"],
            "environment": {},
            "hints": {"reservation": lease.reservation_id},
        }
        if public:
            body["exposed_ports"] = {str(JUPYTER_PORT): {}}
        answer = self.rest.call("POST", "container", "/containers", "asking for the container", body=body)
        return self._node(answer or {}, hardware.user)

    def delete(self, id: str) -> None:
        """Ask for its deletion, running or not; fine if it is gone."""
        path = f"/containers/{id}?{urlencode({'stop': False, 'force': True})}"
        try:
            self.rest.call("DELETE", "container", path, "deleting the container")
        except Gone:
            return

    def port(self, id: str) -> str:
        """The Neutron port of a container, to which a floating IP is attached."""
        answer = self.rest.call("GET", "container", f"/containers/{id}", "looking for the container's port")
        for addresses in ((answer or {}).get("addresses") or {}).values():
            for address in addresses:
                if address.get("port"):
                    return str(address["port"])
        raise SiteError("the container has no network port yet. Repeat the command in a minute.")


class ContainerMachine:
    """The Machine contract over Zun's execute and archives. Each command is one HTTP request."""

    STATUS = "servelab-status:"
    ONE_REQUEST_S = 60.0
    """A command that may take longer runs detached on the device and is asked after: a request has a timeout."""

    def __init__(self, rest: Rest, node: Node, clock: Clock) -> None:
        self._rest, self._node, self._clock, self.name = rest, node, clock, node.name
        self.home = "~"
        self.home = self.run("cd && pwd", timeout_s=30).output.strip().splitlines()[-1]

    def run(
        self, command: str, *, timeout_s: float = 60.0, check: bool = True, on_line: OnLine | None = None
    ) -> CommandResult:
        """Run in one request, or detached where that may take over a minute. Raises as `Machine.run`."""
        if timeout_s > self.ONE_REQUEST_S:
            return self._run_detached(command, timeout_s, check, on_line)
        # The exit status is printed too: Zun gives it as text, and a device that restarts gives none.
        bounded = f"timeout {max(1, int(min(timeout_s, TIMEOUT_S * 0.75)))} sh -c {shlex.quote('cd; ' + command)}"
        script = f"{bounded} 2>&1; s=$?; echo; echo {self.STATUS}$s"
        query = urlencode({"command": "sh -c " + shlex.quote(script), "run": True})
        path = f"/containers/{self._node.id}/execute?{query}"
        try:
            answer = self._rest.call("POST", "container", path, f"running a command on {self.name}")
        except Gone:
            raise ConnectionLost(
                f"the container {self.name} is gone: its lease has ended or it was deleted. What was synced is kept; "
                "reserve again and repeat the command to go on."
            ) from None
        except SiteUnreachable as error:
            raise ConnectionLost(str(error)) from None
        output, found, status_text = str((answer or {}).get("output") or "").rpartition(self.STATUS)
        if not found:
            raise ConnectionLost(
                f"the container {self.name} cut a command short (exit "
                f"{(answer or {}).get('exit_code')}). Repeat the command."
            )
        status = int(status_text.strip() or 1)
        output = output.rstrip("\n")
        if on_line:
            for line in output.splitlines():
                on_line(line)
        if status == 124:
            raise ConnectionLost(f"a command on {self.name} took longer than {timeout_s:.0f} s. Repeat the command.")
        result = CommandResult(status, output)
        return result.succeeded(self.name) if check else result

    def _run_detached(self, command: str, timeout_s: float, check: bool, on_line: OnLine | None) -> CommandResult:
        job = f".servelab-job-{uuid.uuid4().hex[:8]}"
        script = f"cd; ({command}) >{job}.log 2>&1; echo $? >{job}.tmp; mv {job}.tmp {job}.exit"
        self.run(
            f": >{job}.log; "
            f"nohup timeout {int(timeout_s)} sh -c {shlex.quote(script)} >/dev/null 2>&1 </dev/null & echo started",
            timeout_s=30,
        )
        deadline, output = self._clock.seconds() + timeout_s, ""
        while True:
            look = f"cat {job}.exit 2>/dev/null || echo -; tail -c +{len(output.encode()) + 1} {job}.log || true"
            state, _, new = self.run(look, timeout_s=30).output.partition("\n")
            output += new
            if on_line:
                for line in new.splitlines():
                    on_line(line)
            if state.strip() != "-":
                self.run(f"rm -f {job}.log {job}.exit", timeout_s=30, check=False)
                result = CommandResult(int(state.strip() or 1), output)
                return result.succeeded(self.name) if check else result
            if self._clock.seconds() > deadline:
                raise ConnectionLost(
                    f"a command on {self.name} took longer than {timeout_s:.0f} s. Repeat the command."
                )
            self._clock.sleep(1.0)

    def push(self, archive: bytes, folder: str) -> None:
        """One file in a tar, to /tmp, unpacked there by a command: the files then belong to the container's user."""
        name = f"servelab-{uuid.uuid4().hex[:8]}.tar"
        path = f"/containers/{self._node.id}/put_archive?path={quote('/tmp', safe='')}"
        body = {"data": base64.b64encode(_one_file(name, archive)).decode()}
        try:
            self._rest.call("POST", "container", path, f"sending files to {self.name}", body=body, again=True)
        except Gone:
            raise ConnectionLost(f"the container {self.name} is gone. Repeat `servelab up`.") from None
        except SiteUnreachable as error:
            raise ConnectionLost(str(error)) from None
        place, zipped = shlex.quote(folder), "z" if archive[:2] == b"\x1f\x8b" else ""
        self.run(f"mkdir -p {place} && tar -x{zipped}f /tmp/{name} -C {place} && rm -f /tmp/{name}", timeout_s=300)

    def pull(self, folder: str, names: Sequence[str]) -> bytes:
        """Zun hands out one path: the wanted files are packed on the device first."""
        packed = f"servelab-{uuid.uuid4().hex[:8]}.tar"
        listing = "\n".join(names)
        self.run(f"printf '%s\\n' {shlex.quote(listing)} | {packing(folder, f'/tmp/{packed}')}", timeout_s=300)
        path = f"/containers/{self._node.id}/get_archive?path={quote('/tmp/' + packed, safe='')}"
        try:
            answer = self._rest.call("GET", "container", path, f"fetching files from {self.name}")
        except (Gone, SiteUnreachable) as error:
            raise ConnectionLost(f"files cannot be fetched from {self.name}: {error}") from None
        self.run(f"rm -f /tmp/{packed}", check=False)
        try:
            with tarfile.open(fileobj=io.BytesIO(base64.b64decode((answer or {}).get("data") or ""))) as tar:
                member = tar.extractfile(packed)
                assert member is not None
                return member.read()
        except (tarfile.TarError, KeyError, ValueError, AssertionError) as error:
            raise ConnectionLost(
                f"{self.name} sent an archive that cannot be read ({type(error).__name__}). Repeat the command."
            ) from None

    def close(self) -> None:
        """Nothing is held open between requests."""


def _one_file(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o644
        tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()
