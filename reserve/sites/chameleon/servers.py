"""Bare-metal servers, their addresses and key pairs: Nova and Neutron of one site."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from reserve.errors import CredentialsError, Missing, Quota, SiteUnreachable
from reserve.hardware import Hardware
from reserve.site import Node, Thing
from reserve.sites.chameleon import chi
from reserve.sites.chameleon.blazar import PUBLIC
from reserve.sites.chameleon.credentials import SignIn
from reserve.sites.chameleon.rest import Gone, Rest

TAG = "servelab"


def tag(name: str, user_id: str) -> str:
    """The description of every floating IP that we make, by which it is found again."""
    return f"{TAG}:{name}:{user_id}"


def over(address: dict[str, Any], living: Collection[str]) -> bool:
    """Whether Blazar made this address for a lease that is over: its reservation is not among the `living` ones."""
    of = [str(tag).removeprefix("reservation:") for tag in address.get("tags") or () if str(tag).startswith("reserv")]
    return bool(of) and not set(of) & set(living)


def fingerprint(public_key: str) -> str:
    """Nova's fingerprint of an OpenSSH public key: MD5 with colons."""
    digest = hashlib.md5(base64.b64decode(public_key.split()[1]), usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


class Servers:
    """Servers, floating IPs and key pairs. `user_id` is the signed-in user: others' things are never touched."""

    def __init__(self, site: str, rest: Rest, signin: SignIn, user_id: str) -> None:
        self.site, self.rest, self.signin, self.user_id = site, rest, signin, user_id

    # Servers

    def mine(self) -> list[dict[str, Any]]:
        """Nova's own words on every server of this user."""
        answer = self.rest.call("GET", "compute", "/servers/detail", "listing servers")
        found = answer.get("servers") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise SiteUnreachable("Nova sent no list of servers. Repeat the command.")
        return [server for server in found if server.get("user_id") in (self.user_id, None)]

    def _node(self, server: dict[str, Any], user: str) -> Node:
        fixed, floating = "", ""
        for addresses in (server.get("addresses") or {}).values():
            for address in addresses:
                if address.get("OS-EXT-IPS:type") == "floating":
                    floating = address.get("addr", "")
                else:
                    fixed = address.get("addr", "")
        fault = server.get("fault") or {}
        return Node(
            id=str(server["id"]),
            name=str(server.get("name", "")),
            site=self.site,
            kind="server",
            status=str(server.get("status", "UNKNOWN")).upper(),
            address=floating,
            user=user,
            detail=str(fault.get("message") or server.get("OS-EXT-STS:task_state") or fixed or ""),
        )

    def find(self, name: str, user: str) -> Node | None:
        """The user's server of this name, a working one before a broken one."""
        found = [self._node(s, user) for s in self.mine() if s.get("name") == name and s.get("status") != "DELETED"]
        found.sort(key=lambda node: (node.status == "ERROR", node.status != "ACTIVE"))
        return found[0] if found else None

    def all_named(self, name: str) -> list[Thing]:
        """Every server of this name, broken ones too."""
        return [
            Thing("server", str(s["id"]), name, self.site)
            for s in self.mine()
            if s.get("name") == name and s.get("status") != "DELETED"
        ]

    def get(self, id: str, user: str) -> Node | None:
        """The server in its present state; None if it is gone. `user` signs in on it."""
        try:
            answer = self.rest.call("GET", "compute", f"/servers/{id}", "looking at the server")
        except Gone:
            return None
        if not isinstance(answer, dict) or "server" not in answer:
            raise SiteUnreachable("Nova sent no server. Repeat the command.")
        node = self._node(answer["server"], user)
        return None if node.status == "DELETED" else node

    def create(self, wish: chi.ServerWish, hardware: Hardware) -> Node:
        """Ask for the server on the lease's node. Raises Missing, Quota, or SiteUnreachable if no one knows."""
        chi.submit_server(self.site, self.signin, wish, hardware)
        name = wish.name
        node = self.find(name, hardware.user)
        if node is None:
            raise SiteUnreachable(f"{self.site} took the request for {name} but does not list it. Repeat the command.")
        return node

    def delete(self, id: str) -> None:
        """Ask for its deletion; fine if it is gone."""
        try:
            self.rest.call("DELETE", "compute", f"/servers/{id}", "deleting the server")
        except Gone:
            return

    # Key pairs

    def ensure_keypair(self, name: str, public_key: str) -> bool:
        """Have the key at the site; True if it was made now. Never replaces a different key of that name."""
        try:
            answer = self.rest.call("GET", "compute", f"/os-keypairs/{name}", "looking for the key pair")
        except Gone:
            body = {"keypair": {"name": name, "type": "ssh", "public_key": public_key}}
            self.rest.call("POST", "compute", "/os-keypairs", "uploading the public key", body=body)
            return True
        theirs = (answer or {}).get("keypair", {}).get("fingerprint", "")
        if theirs != fingerprint(public_key):
            raise CredentialsError(
                f"the key pair {name} at {self.site} is not the public key on this machine ({theirs} there, "
                f"{fingerprint(public_key)} here): a node made with it would not let you in. Name your key file with "
                f"--key, or another key pair with OS_KEYPAIR_NAME, or delete {name} on the dashboard."
            )
        return False

    def delete_keypair(self, name: str) -> None:
        """Delete the key pair of this name; fine if it is gone."""
        try:
            self.rest.call("DELETE", "compute", f"/os-keypairs/{name}", "deleting the key pair")
        except Gone:
            return

    # Floating IPs

    def addresses(self) -> list[dict[str, Any]]:
        """Neutron's own words on every floating IP of the project."""
        answer = self.rest.call("GET", "network", "/floatingips", "listing floating IPs")
        return list((answer or {}).get("floatingips") or [])

    def addresses_of(self, name: str, server_ids: set[str]) -> list[Thing]:
        """Floating IPs that carry our tag for `name`, or that are attached to one of these servers."""
        found = []
        for one in self.addresses():
            ours = one.get("description") == tag(name, self.user_id)
            if ours or (one.get("port_details") or {}).get("device_id") in server_ids:
                kind = "floating_ip" if ours else "borrowed_ip"  # not made by us: it goes back, it is not deleted
                found.append(Thing(kind, one["id"], name, self.site, str(one.get("floating_ip_address", ""))))
        return found

    def tagged_addresses(self) -> list[Thing]:
        """Every floating IP that we made for this user, attached or not."""
        found = []
        for one in self.addresses():
            words = str(one.get("description") or "").split(":")
            if len(words) == 3 and words[0] == TAG and words[2] == self.user_id:
                found.append(
                    Thing("floating_ip", one["id"], words[1], self.site, str(one.get("floating_ip_address", "")))
                )
        return found

    def attach_address(self, port: str, name: str, reservations: Collection[str] = ()) -> Thing:
        """Make a floating IP on a port, in one request; one that Blazar holds for `reservations` (ids) comes first.

        Raises Missing without a public network, Quota where there are no more: what others hold is never taken.
        """
        if reservations and (held := self._reserved(port, name, reservations)):
            return held
        nets = self.rest.call("GET", "network", "/networks", "listing networks")
        public = next((n["id"] for n in (nets or {}).get("networks", []) if n.get("name") == PUBLIC), None)
        if public is None:
            raise Missing(f"{self.site} has no network named {PUBLIC!r} to take an address from. Ask the help desk.")
        body = {"floatingip": {"floating_network_id": public, "port_id": port, "description": tag(name, self.user_id)}}
        try:
            answer = self.rest.call("POST", "network", "/floatingips", "asking for a floating IP", body=body)
        except Quota as error:
            raise Quota(
                f"{error} Free addresses of the project may be classmates': none was taken. Delete your own unused "
                "ones on the dashboard (Network > Floating IPs), or reserve one there with your lease, and repeat the "
                "command; the node stays up."
            ) from None
        one = (answer or {}).get("floatingip") or {}
        if "id" not in one:
            raise SiteUnreachable("Neutron sent no floating IP. Repeat the command.")
        return Thing("floating_ip", one["id"], name, self.site, str(one["floating_ip_address"]))

    def reserved(self, reservations: Collection[str]) -> list[dict[str, Any]]:
        """Neutron's own words on the addresses that Blazar tagged with one of these reservations."""
        wanted = {f"reservation:{id}" for id in reservations}
        return [one for one in self.addresses() if wanted & set(one.get("tags") or ())] if wanted else []

    def _reserved(self, port: str, name: str, reservations: Collection[str]) -> Thing | None:
        """A free address that Blazar tagged with one of the reservations; it goes back with the lease."""
        for one in self.reserved(reservations):
            if one.get("port_id"):
                continue
            body, path = {"floatingip": {"port_id": port}}, f"/floatingips/{one['id']}"
            try:
                self.rest.call("PUT", "network", path, "attaching the lease's address", body=body)
            except Missing:
                continue
            return Thing("borrowed_ip", one["id"], name, self.site, str(one["floating_ip_address"]))
        return None

    def port(self, node: Node) -> str:
        """The Neutron port of a server, to which a floating IP is attached. Raises Missing while there is none."""
        path = f"/ports?{urlencode({'device_id': node.id})}"
        answer = self.rest.call("GET", "network", path, "looking for the port")
        ports = (answer or {}).get("ports") or []
        if not ports:
            raise Missing(f"{node.name} has no network port yet. Repeat the command in a minute.")
        return str(ports[0]["id"])

    def give_back_address(self, id: str, living: Collection[str]) -> None:
        """Give back an address that we did not make: delete it if its lease is over (its reservation is not among the
        `living` ones), which should have taken it along; else detach it. Fine if it is gone."""
        one = next((one for one in self.addresses() if one["id"] == id), None)
        if one is None:
            return
        if over(one, living):
            self.delete_address(id)
        elif one.get("port_id"):
            self._detach_address(id)

    def _detach_address(self, id: str) -> None:
        body = {"floatingip": {"port_id": None}}
        try:
            self.rest.call("PUT", "network", f"/floatingips/{id}", "returning the floating IP", body=body)
        except Gone:
            return

    def delete_address(self, id: str) -> None:
        """Give a floating IP that we made back to the pool; fine if it is gone."""
        try:
            self.rest.call("DELETE", "network", f"/floatingips/{id}", "releasing the floating IP")
        except Gone:
            return
