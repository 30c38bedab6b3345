"""Neutron's security groups. They count at the KVM site only: bare metal has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .clock import zulu
from .model import Group, Server, new_id
from .wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from .state import State


def lets_in(state: State, server: Server, port: int) -> bool:
    """Whether somebody outside reaches this port of the server."""
    if state.sites[server.site].site_class != "kvm":
        return True
    return any(
        rule["direction"] == "ingress" and rule["protocol"] == "tcp" and rule["port_range_min"] == port
        for number in server.groups
        if number in state.groups
        for rule in state.groups[number].rules
    )


def _json(one: Group) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "stateful": True,
        "tenant_id": one.project,
        "project_id": one.project,
        "description": one.description,
        "shared": False,
        "security_group_rules": one.rules,
        "tags": [],
        "created_at": zulu(one.created),
        "updated_at": zulu(one.created),
        "revision_number": len(one.rules),
    }


def own(request: Request) -> list[Group]:
    groups = request.state.groups.values()
    return [each for each in groups if each.project == request.project and each.site == request.site]


def listed(request: Request) -> Reply:
    return Reply(200, {"security_groups": [_json(each) for each in own(request)]})


def create(request: Request) -> Reply:
    state, wish = request.state, request.json().get("security_group") or {}
    if state.faults.take("security-group-quota") is not None:
        raise Refusal(409, "Quota exceeded for resources: ['security_group'].", "OverQuota")
    name, text = str(wish.get("name") or ""), str(wish.get("description") or "")
    one = Group(new_id(), name, text, request.project, request.site, state.now())
    state.groups[one.id] = one
    return Reply(201, {"security_group": _json(one)})


def create_rule(request: Request) -> Reply:
    state, wish = request.state, request.json().get("security_group_rule") or {}
    group = next((each for each in own(request) if each.id == wish.get("security_group_id")), None)
    if group is None:
        raise Refusal(404, f"Security group {wish.get('security_group_id')} does not exist", "SecurityGroupNotFound")
    if state.faults.take("security-rule-quota") is not None:
        raise Refusal(409, "Quota exceeded for resources: ['security_group_rule'].", "OverQuota")
    rule = {
        "id": new_id(),
        "project_id": group.project,
        "tenant_id": group.project,
        "security_group_id": group.id,
        "ethertype": "IPv4",
        "remote_ip_prefix": wish.get("remote_ip_prefix"),
        **{key: wish.get(key) for key in ("direction", "protocol", "port_range_min", "port_range_max")},
    }
    same = ("direction", "protocol", "port_range_min", "port_range_max")
    for known in group.rules:
        if all(known[key] == rule[key] for key in same):
            text = f"Security group rule already exists. Rule id is {known['id']}."
            raise Refusal(409, text, "SecurityGroupRuleExists")
    group.rules.append(rule)
    state.on_server_change()
    return Reply(201, {"security_group_rule": rule})


ROUTES = (
    ("GET", r"/v2\.0/security-groups", listed),
    ("POST", r"/v2\.0/security-groups", create),
    ("POST", r"/v2\.0/security-group-rules", create_rule),
)
