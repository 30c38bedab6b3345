"""Networks, ports and floating IPs. Floating IPs are loopback addresses, so that a node can listen on them."""

from __future__ import annotations

from typing import Any

from . import groups
from .clock import zulu
from .model import Container, FloatingIP, Server, new_id
from .state import SHOWN_S
from .wire import Refusal, Reply, Request, Service

KINDS = {401: "Unauthorized", 409: "Conflict", 404: "HTTPNotFound", 400: "BadRequest"}
FIRST, LAST = 10, 250


def error(refusal: Refusal) -> Reply:
    return Reply(
        refusal.status,
        {
            "NeutronError": {
                "type": refusal.kind or KINDS.get(refusal.status, "HTTPError"),
                "message": refusal.message,
                "detail": "",
            }
        },
    )


def _filter(request: Request, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        row for row in rows if all(str(row.get(key)) == value for key, value in request.query.items() if key in row)
    ]


def networks(request: Request) -> Reply:
    if request.state.faults.take("network-missing") is not None:
        return Reply(200, {"networks": []})
    return Reply(200, {"networks": _filter(request, request.state.sites[request.site].networks)})


def network(request: Request, number: str) -> Reply:
    for each in request.state.sites[request.site].networks:
        if each["id"] == number:
            return Reply(200, {"network": each})
    raise Refusal(404, f"Network {number} could not be found.", "NetworkNotFound")


def _holders(request: Request) -> list[Server | Container]:
    state = request.state
    up = ("ACTIVE", "SHUTOFF", "Running")
    every: list[Server | Container] = [*state.servers.values(), *state.containers.values()]
    every = [each for each in every if each.status in up]
    return [each for each in every if each.site == request.site and each.project == request.project]


def _port_json(request: Request, holder: Server | Container) -> dict[str, Any]:
    home = request.state.sites[request.site].networks[0]
    server = holder if isinstance(holder, Server) else None
    return {
        "id": holder.port_id,
        "name": "",
        "network_id": home["id"],
        "admin_state_up": True,
        "status": "ACTIVE",
        "tenant_id": holder.project,
        "project_id": holder.project,
        "mac_address": server.mac if server else "fa:16:3e:ed:9e:01",
        "fixed_ips": [{"subnet_id": home["subnets"][0], "ip_address": holder.fixed_ip}],
        "device_id": server.id if server else getattr(holder, "uuid", ""),
        "device_owner": _owner(request, server),
        "security_groups": [request.state.sites[holder.site].security_group, *(server.groups if server else ())],
        "allowed_address_pairs": [],
        "extra_dhcp_opts": [],
        "port_security_enabled": True,
        "binding:vnic_type": "normal",
        "description": "",
        "tags": [],
        "created_at": zulu(holder.created),
        "updated_at": zulu(holder.created),
        "revision_number": 4,
    }


def _owner(request: Request, server: Server | None) -> str:
    if server is None:
        return "compute:zun"
    virtual = request.state.sites[server.site].site_class == "kvm"
    return "compute:nova" if virtual else f"compute:blazar_{server.reservation}"


def ports(request: Request) -> Reply:
    return Reply(200, {"ports": _filter(request, [_port_json(request, each) for each in _holders(request)])})


def port(request: Request, number: str) -> Reply:
    for each in _holders(request):
        if each.port_id == number:
            return Reply(200, {"port": _port_json(request, each)})
    raise Refusal(404, f"Port {number} could not be found.", "PortNotFound")


def _holder(request: Request, port_id: str | None) -> Server | Container | None:
    return next((each for each in _holders(request) if each.port_id == port_id), None)


def _floating_json(request: Request, one: FloatingIP) -> dict[str, Any]:
    holder = _holder(request, one.port_id)
    details = None
    if holder is not None:
        port = _port_json(request, holder)
        details = {
            key: port[key]
            for key in ("name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner")
        }
    return {
        "id": one.id,
        "floating_ip_address": one.address,
        "floating_network_id": one.network,
        "port_id": one.port_id,
        "fixed_ip_address": holder.fixed_ip if holder else None,
        "router_id": request.state.sites[request.site].router if holder else None,
        "status": "ACTIVE" if holder else "DOWN",
        "port_details": details,
        "project_id": one.project,
        "tenant_id": one.project,
        "description": one.description,
        "tags": one.tags,
        "created_at": zulu(one.created),
        "updated_at": zulu(one.updated),
        "revision_number": one.revision + 1,
    }


def _own(request: Request) -> list[FloatingIP]:
    return [
        each
        for each in request.state.floating_ips.values()
        if each.project == request.project and each.site == request.site
    ]


def _find(request: Request, number: str) -> FloatingIP:
    for each in _own(request):
        if each.id == number:
            return each
    raise Refusal(404, f"Floating IP {number} could not be found", "FloatingIPNotFound")


def floatingips(request: Request) -> Reply:
    return Reply(200, {"floatingips": _filter(request, [_floating_json(request, each) for each in _own(request)])})


def floatingip(request: Request, number: str) -> Reply:
    return Reply(200, {"floatingip": _floating_json(request, _find(request, number))})


def create_floatingip(request: Request) -> Reply:
    state, wish = request.state, request.json().get("floatingip") or {}
    public = next(
        (
            each
            for each in state.sites[request.site].networks
            if each["id"] == wish.get("floating_network_id") and each["router:external"]
        ),
        None,
    )
    if public is None:
        raise Refusal(404, f"Network {wish.get('floating_network_id')} could not be found.", "NetworkNotFound")
    if state.faults.take("quota-floating-ips") is not None:
        raise Refusal(409, "Quota exceeded for resources: ['floatingip'].", "OverQuota")
    used = {each.address for each in state.floating_ips.values()}
    free = next(
        (f"{state.floating_prefix}.{n}" for n in range(FIRST, LAST) if f"{state.floating_prefix}.{n}" not in used), None
    )
    if free is None or state.faults.take("no-floating-ip") is not None:
        raise Refusal(409, f"No more IP addresses available on network {public['id']}.", "IpAddressGenerationFailure")
    now = state.now()
    one = FloatingIP(
        new_id(),
        free,
        public["id"],
        request.project,
        request.site,
        now,
        now,
        description=str(wish.get("description") or ""),
    )
    state.floating_ips[one.id] = one
    if wish.get("port_id"):
        _attach(request, one, wish["port_id"])
    return Reply(201, {"floatingip": _floating_json(request, one)})


def _attach(request: Request, one: FloatingIP, port_id: str | None) -> None:
    state = request.state
    if port_id is not None:
        holder = _holder(request, port_id)
        if holder is None:
            raise Refusal(404, f"Port {port_id} could not be found.", "PortNotFound")
        taken = state.floating_of(port_id)
        if taken is not None and taken is not one:
            raise Refusal(
                409,
                f"Cannot associate floating IP {one.address} ({one.id}) with port {port_id} using fixed "
                f"IP {holder.fixed_ip}, as that fixed IP already has a floating IP on external network "
                f"{one.network}.",
                "FloatingIPPortAlreadyAssociated",
            )
        if isinstance(holder, Server):
            holder.shown_ip_at = state.now() + state.clock.delay(SHOWN_S)
    one.port_id, one.updated, one.revision = port_id, state.now(), one.revision + 1


def update_floatingip(request: Request, number: str) -> Reply:
    one, wish = _find(request, number), request.json().get("floatingip") or {}
    if request.state.faults.take("floating-ip-not-attached") is not None:
        raise Refusal(404, "External network is not reachable from subnet.", "ExternalGatewayForFloatingIPNotFound")
    if "port_id" in wish:
        _attach(request, one, wish["port_id"])
    return Reply(200, {"floatingip": _floating_json(request, one)})


def delete_floatingip(request: Request, number: str) -> Reply:
    del request.state.floating_ips[_find(request, number).id]
    return Reply(204)


def empty(kind: str) -> Any:
    return lambda request: Reply(200, {kind: []})


def version(request: Request) -> Reply:
    url = f"http://{request.state.sites[request.site].address}:9696/v2.0/"
    return Reply(200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": url}]}]})


SERVICE = Service(
    "neutron",
    9696,
    (
        ("GET", r"/", version),
        ("GET", r"/v2\.0/networks", networks),
        ("GET", r"/v2\.0/networks/([^/]+)", network),
        ("GET", r"/v2\.0/ports", ports),
        ("GET", r"/v2\.0/ports/([^/]+)", port),
        ("GET", r"/v2\.0/floatingips", floatingips),
        ("POST", r"/v2\.0/floatingips", create_floatingip),
        ("GET", r"/v2\.0/floatingips/([^/]+)", floatingip),
        ("PUT", r"/v2\.0/floatingips/([^/]+)", update_floatingip),
        ("DELETE", r"/v2\.0/floatingips/([^/]+)", delete_floatingip),
        *groups.ROUTES,
        ("GET", r"/v2\.0/subnets", empty("subnets")),
        ("GET", r"/v2\.0/routers", empty("routers")),
        ("GET", r"/v2\.0/extensions", empty("extensions")),
    ),
    error,
    open_paths=r"^/$",
)
