"""Containers on CHI@Edge devices: Zun's REST API, which the published clients cannot speak, and no SSH."""

from __future__ import annotations

import base64
import io
import re
import shlex
import tarfile
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from reserve.clock import Clock
from reserve.errors import ConnectionLost, Faulted, SiteError, SiteUnreachable
from reserve.hardware import Hardware
from reserve.site import CommandResult, Lease, Node, OnLine, Thing, packing
from reserve.sites.chameleon.rest import Gone, Rest
from snippets.files import sha256_bytes

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
    """The Machine contract over Zun's execute and archives: short requests only, as Zun on Kubernetes serves them.

    Zun listens to a command for five seconds, takes a command from the request's address, and carries an archive in one
    websocket frame. So every command is a job on the device that is asked after until it ends; a long one is sent as a
    file; archives travel in pieces and are compared by their SHA-256. A file is fetched by its folder: the archive of a
    file is looked for in the container's working directory and comes back empty.
    """

    STATUS = "servelab-status:"
    LOOKS = 40
    """How often one request looks for a command's end, 0.05 s apart: well within Zun's five seconds."""
    ADDRESS_BYTES = 2500
    """The longest command that goes into an address; request line and headers together may have 4,096 bytes."""
    PIECE_BYTES = 500_000
    UNHEARD = 5
    """How many requests in a row may bring no word of a command before the device is given up."""
    batch_bytes = 4_000_000

    def __init__(self, rest: Rest, node: Node, clock: Clock) -> None:
        self._rest, self._node, self._clock, self.name = rest, node, clock, node.name
        self._ended = "/tmp/servelab-none"
        self.home = self.run("pwd", timeout_s=30).output.strip().splitlines()[-1]

    def run(
        self, command: str, *, timeout_s: float = 60.0, check: bool = True, on_line: OnLine | None = None
    ) -> CommandResult:
        """Run as a job on the device and ask until it ends, at most `timeout_s` seconds. Raises as `Machine.run`."""
        result = self._run(_new_place(), command, timeout_s, on_line)
        return result.succeeded(self.name) if check else result

    def _run(self, place: str, command: str, timeout_s: float, on_line: OnLine | None = None) -> CommandResult:
        """The same; `place` is the job's folder on the device, $D for the command."""
        text, deadline = f"cd; {command}", self._clock.seconds() + timeout_s
        begin = self._beginning(place, f"sh -c {shlex.quote(text)}", timeout_s)
        as_file = len(_query(begin)) > self.ADDRESS_BYTES
        if as_file:
            self._put(place, "run", text.encode())
            begin = self._beginning(place, "sh $D/run", timeout_s, "[ -f $D/run ] && ")
        self._ended, tries = place, 3 if as_file else 1
        output, read, unheard, lines = "", 0, 0, Lines(on_line)
        heard = self._look(begin, place, 0)
        while True:
            if heard is None:
                unheard += 1
                if unheard == self.UNHEARD:
                    raise ConnectionLost(
                        f"{self.name} does not say how a command goes: {unheard} requests in a row were cut short. Its "
                        "device is overloaded or offline. Repeat the command; if it stays so, `servelab down` and take "
                        "another device (--node)."
                    )
            else:
                unheard, (state, read, new) = 0, heard
                output += new
                lines.add(new)
                if state == "none":
                    tries -= 1
                    if not tries:
                        raise ConnectionLost(f"{self.name} did not begin a command. Repeat the command.")
                    self._put(place, "run", text.encode())
                    heard = self._look(begin, place, 0)
                    continue
                if state == "124":  # as `timeout` ends
                    break
                if state != "-":
                    lines.end()
                    return CommandResult(int(state) if state.isdigit() else 1, output)
            if self._clock.seconds() > deadline:
                break
            self._clock.sleep(0.5)
            heard = self._look("", place, read)
        raise ConnectionLost(f"a command on {self.name} took longer than {timeout_s:.0f} s. Repeat the command.")

    def _beginning(self, place: str, words: str, timeout_s: float, condition: str = "") -> str:
        """Start the job, where the shell text `condition` holds, and forget the one before: a look that was cut short
        must find the same as the next."""
        return (
            f"rm -rf {self._ended}; D={place}; export D; {condition}mkdir -p $D; if [ -d $D ]; then : >$D/log; "
            f"(trap '' HUP; timeout {max(1, int(timeout_s))} {words} >$D/log 2>&1 </dev/null; "
            "echo $? >$D/end; mv $D/end $D/exit) >/dev/null 2>&1 & fi; "
        )

    def _look(self, begin: str, place: str, read: int) -> tuple[str, int, str] | None:
        """The job's state (`-`: it goes on), the size of its output and what is new of it; None: not heard."""
        script = (
            f"{begin}D={place}; i=0; while [ ! -f $D/exit ] && [ -d $D ] && [ $i -lt {self.LOOKS} ]; do sleep 0.05; "
            "i=$((i+1)); done; s=-; [ -d $D ] || s=none; if [ -f $D/exit ]; then s=$(cat $D/exit); fi; "
            f"n=$(wc -c <$D/log); tail -c +{read + 1} $D/log | head -c $((n-{read})); "
            f"echo; echo {self.STATUS} $s $n"
        )
        answer = self._ask("POST", f"/execute?{_query(script)}", f"running a command on {self.name}")
        output = str(answer.get("output") or "")
        new, found, words = output.rpartition(self.STATUS)
        if found:
            state, *size = words.split() or ["none"]
            return state, int(size[0]) if size and size[0].isdigit() else read, new.removesuffix("\n")
        if answer.get("exit_code") is None:
            return None
        raise ConnectionLost(
            f"the container {self.name} ended a command (exit {answer['exit_code']}: {output.strip()[-200:]}): perhaps "
            "the device's memory is full. Repeat the command."
        )

    def _ask(self, method: str, path: str, doing: str, body: Any = None, again: bool | None = None) -> dict[str, Any]:
        """One request about this container. Raises ConnectionLost, Faulted for a container that does not run."""
        path = f"/containers/{self._node.id}{path}"
        try:
            return self._rest.call(method, "container", path, doing, body=body, again=again) or {}
        except Gone:
            raise ConnectionLost(
                f"the container {self.name} is gone: its lease has ended or it was deleted. What was synced is kept; "
                "reserve again and repeat the command to go on."
            ) from None
        except SiteUnreachable as error:
            if re.search(r"no space left", str(error), re.I):
                raise SiteError(
                    f"the disk of {self.name} is full ({error}) Delete what is not needed there, or `servelab down` "
                    "and take another device (--node)."
                ) from None
            raise ConnectionLost(str(error)) from None
        except SiteError as error:
            if re.search(r"Cannot \w+ container", str(error)):
                raise Faulted(
                    f"the container {self.name} does not run any more ({error}) Its device restarted, or its memory "
                    "was full. What was synced is kept: `servelab down`, reserve again and repeat the command to go on."
                ) from None
            raise

    def _put(self, place: str, name: str, content: bytes) -> None:
        body = {"data": base64.b64encode(_one_file(f"{place.rpartition('/')[2]}/{name}", content)).decode()}
        path = f"/put_archive?path={quote('/tmp', safe='')}"
        self._ask("POST", path, f"sending files to {self.name}", body, again=True)

    def push(self, archive: bytes, folder: str) -> None:
        """In pieces to /tmp, joined and unpacked there by a command: the files then belong to the container's user."""
        place, digest = _new_place(), sha256_bytes(archive)
        for number, at in enumerate(range(0, len(archive), self.PIECE_BYTES)):
            self._put(place, f"part-{number:05}", archive[at : at + self.PIECE_BYTES])
        target, zipped = shlex.quote(folder), "z" if archive[:2] == b"\x1f\x8b" else ""
        done = self._run(
            place,
            f"[ $(cat $D/part-* | sha256sum | cut -c-64) = {digest} ] || exit 97; "
            f"mkdir -p {target} && cat $D/part-* | tar -x{zipped}f - -C {target}",
            300.0,
        )
        if done.status == 97:
            raise ConnectionLost(f"an archive did not arrive whole on {self.name}. Repeat the command.")
        done.succeeded(self.name)

    def pull(self, folder: str, names: Sequence[str]) -> bytes:
        """Packed on the device, fetched in pieces. Raises NodeCommandFailed, ConnectionLost."""
        place = _new_place()
        self._put(place, "names", "".join(f"{name}\n" for name in names).encode())
        packed = self._run(
            place,
            "[ -f $D/names ] || exit 97; P=$D.out; mkdir -p $P; "
            f"{packing(folder, '$P/all')} <$D/names || exit $?; cd $P; sha256sum <all; "
            f"split -b {self.PIECE_BYTES} -a 5 all part-; for p in part-*; do mkdir in-$p; mv $p in-$p/part; done; "
            "ls -d in-*",
            300.0,
        )
        if packed.status == 97:
            raise ConnectionLost(f"a list of files did not arrive on {self.name}. Repeat the command.")
        packed.succeeded(self.name)
        digest, *folders = packed.output.splitlines()
        content = b"".join(self._piece(f"{place}.out/{name}") for name in folders)
        self.run(f"rm -rf {place}.out", check=False)
        if sha256_bytes(content) != digest.split()[0]:
            raise ConnectionLost(f"{self.name} sent files that did not arrive whole. Repeat the command.")
        return content

    def _piece(self, folder: str) -> bytes:
        trouble = ""
        for _ in range(3):
            path = f"/get_archive?path={quote(folder, safe='')}"
            answer = self._ask("GET", path, f"fetching files from {self.name}")
            try:
                with tarfile.open(fileobj=io.BytesIO(base64.b64decode(answer.get("data") or ""))) as tar:
                    # `./part` from Kubernetes, `FOLDER/part` from Docker
                    found = [tar.extractfile(member) for member in tar if member.name.split("/")[-1] == "part"]
                    return found[0].read()  # type: ignore[union-attr]
            except (tarfile.TarError, ValueError, LookupError, AttributeError) as error:
                trouble = type(error).__name__
        raise ConnectionLost(f"{self.name} sent an archive that cannot be read ({trouble}). Repeat the command.")

    def close(self) -> None:
        """Nothing is held open between requests."""


class Lines:
    """Hands whole lines to `on_line` as output comes in pieces."""

    def __init__(self, on_line: OnLine | None) -> None:
        self._on_line, self._begun = on_line, ""

    def add(self, text: str) -> None:
        """More of the output."""
        *whole, self._begun = (self._begun + text).split("\n")
        if self._on_line:
            for line in whole:
                self._on_line(line)

    def end(self) -> None:
        """No more comes: the last line may lack its end."""
        if self._on_line and self._begun:
            self._on_line(self._begun)


def _query(script: str) -> str:
    """The part of an address that has Zun run a script."""
    return urlencode({"command": "sh -c " + shlex.quote(script), "run": True})


def _new_place() -> str:
    return f"/tmp/servelab-{uuid.uuid4().hex[:8]}"


def _one_file(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o644
        tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()
