"""Security groups, which decide who reaches a virtual machine at KVM@TACC: Neutron's, and Nova's list for a server.

A project has few of them, and its members share them: they are named for what they let in, as in the reference labs,
found by that name, and left in place.
"""

from __future__ import annotations

from typing import Any

from reserve.errors import Missing, SiteError, SiteUnreachable
from reserve.sites.chameleon.rest import Gone, Rest

NAMES = {22: "allow-ssh", 8888: "allow-8888"}


class Groups:
    """The project's security groups at one site."""

    def __init__(self, site: str, rest: Rest) -> None:
        self.site, self.rest = site, rest

    def open(self, server_id: str, ports: tuple[int, ...]) -> None:
        """Let everybody reach these ports of the server. Idempotent.

        Raises Quota if the project has no more groups or rules, Missing if a group is deleted meanwhile.
        """
        path = f"/servers/{server_id}/os-security-groups"
        answer = self.rest.call("GET", "compute", path, "looking at the server's security groups")
        held = {str(one.get("id")) for one in (answer or {}).get("security_groups", [])}
        for port in ports:
            self._add(server_id, self._with_rule(port), held)

    def _with_rule(self, port: int) -> str:
        """The id of the group that lets this port in, with that rule; both are made where they are not there."""
        name = NAMES.get(port, f"allow-{port}")
        answer = self.rest.call("GET", "network", "/security-groups", "listing security groups")
        found = answer.get("security_groups") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise SiteUnreachable("Neutron sent no list of security groups. Repeat the command.")
        named = [one for one in found if one.get("name") == name]
        group = next((one for one in named if _lets_in(one, port)), named[0] if named else None)
        if group is None:
            body = {"security_group": {"name": name, "description": f"lets in TCP port {port}"}}
            answer = self.rest.call("POST", "network", "/security-groups", "making a security group", body=body)
            group = (answer or {}).get("security_group") or {}
            if "id" not in group:
                raise SiteUnreachable("Neutron sent no security group. Repeat the command.")
        if not _lets_in(group, port):
            self._make_rule(str(group["id"]), port)
        return str(group["id"])

    def _make_rule(self, group: str, port: int) -> None:
        rule = {"direction": "ingress", "protocol": "tcp", "port_range_min": port, "port_range_max": port}
        body = {"security_group_rule": {**rule, "security_group_id": group}}
        try:
            self.rest.call("POST", "network", "/security-group-rules", "making a group's rule", body=body)
        except SiteError as error:
            if "already exists" not in str(error):
                raise

    def _add(self, server_id: str, group: str, held: set[str]) -> None:
        if group in held:
            return
        doing = "adding a security group to the server"
        try:
            body = {"addSecurityGroup": {"name": group}}
            self.rest.call("POST", "compute", f"/servers/{server_id}/action", doing, body=body)
        except Gone as gone:
            raise Missing(f"{gone} Somebody deleted it meanwhile: repeat the command, which makes it again.") from None
        except SiteError as error:
            if "Duplicate items" not in str(error):  # an earlier request got through although its answer was lost
                raise


def _lets_in(group: dict[str, Any], port: int) -> bool:
    return any(
        rule.get("direction") == "ingress"
        and rule.get("protocol") in ("tcp", None)
        and rule.get("remote_group_id") is None
        and rule.get("remote_ip_prefix") in (None, "0.0.0.0/0")
        and (rule.get("port_range_min") or 1) <= port <= (rule.get("port_range_max") or 65535)
        for rule in group.get("security_group_rules") or []
    )
