"""Compute: flavors, servers that boot on a reserved host."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

from . import flavors as kinds
from . import groups, keypairs
from .clock import dots, zulu
from .model import Reservation, Server, Volume, new_id
from .state import BOOT_S, SHOWN_S, SSH_AFTER_ACTIVE_S, State
from .wire import Refusal, Reply, Request, Service

NO_HOST = "No valid host was found. There are not enough hosts available."
KINDS = {
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    409: "conflictingRequest",
    413: "overLimit",
    500: "computeFault",
}
NEWEST = "2.104"


def error(refusal: Refusal) -> Reply:
    return Reply(
        refusal.status,
        {KINDS.get(refusal.status, "computeFault"): {"code": refusal.status, "message": refusal.message}},
    )


def _version_asked(request: Request) -> str:
    asked = request.headers.get("openstack-api-version", "").removeprefix("compute ").strip() or request.headers.get(
        "x-openstack-nova-api-version", "2.1"
    )
    return NEWEST if asked == "latest" else asked


def _at_least(request: Request, minor: int) -> bool:
    return int(_version_asked(request).partition(".")[2] or 1) >= minor


def headers(request: Request) -> dict[str, str]:
    """novaclient checks that both are echoed."""
    version = _version_asked(request)
    return {
        "OpenStack-API-Version": f"compute {version}",
        "X-OpenStack-Nova-API-Version": version,
        "Vary": "OpenStack-API-Version, X-OpenStack-Nova-API-Version",
    }


def _url(request: Request, path: str) -> str:
    return f"http://{request.state.sites[request.site].address}:8774{path}"


def _links(request: Request, kind: str, number: str) -> list[dict[str, str]]:
    return [
        {"rel": "self", "href": _url(request, f"/v2.1/{kind}/{number}")},
        {"rel": "bookmark", "href": _url(request, f"/{kind}/{number}")},
    ]


def version(request: Request) -> Reply:
    one = {
        "id": "v2.1",
        "status": "CURRENT",
        "version": NEWEST,
        "min_version": "2.1",
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": _url(request, "/v2.1/")}],
    }
    types = {
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}]
    }
    return Reply(200, {"versions": [one]} if request.path == "/" else {"version": {**one, **types}})


# flavors


def flavors(request: Request) -> Reply:
    if request.state.faults.take("flavor-missing") is not None:
        return Reply(200, {"flavors": []})
    return Reply(200, {"flavors": [_flavor_json(request, each) for each in _visible(request)]})


def _visible(request: Request) -> list[dict[str, Any]]:
    """The site's flavors, and those that Blazar made for the project's leases that are under way."""
    private = kinds.reserved(request.state, request.site, request.project)
    if private and request.state.faults.take("reserved-flavor-missing") is not None:
        private = []
    return [*kinds.public(request.site), *private]


def _flavor_json(request: Request, one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "links": _links(request, "flavors", one["id"])}


def _flavor(request: Request, number: Any) -> dict[str, Any] | None:
    return next((each for each in _visible(request) if each["id"] == number), None)


def flavor(request: Request, number: str) -> Reply:
    found = _flavor(request, number)
    if found is None:
        raise Refusal(404, f"Flavor {number} could not be found.")
    return Reply(200, {"flavor": _flavor_json(request, found)})


def flavor_specs(request: Request, number: str) -> Reply:
    found = _flavor(request, number)
    if found is None:
        raise Refusal(404, f"Flavor {number} could not be found.")
    return Reply(200, {"extra_specs": found["extra_specs"]})


# servers


def create(request: Request) -> Reply:
    state, body = request.state, request.json()
    wish = body.get("server") or {}
    site = state.sites[request.site]
    if state.faults.take("quota-instances") is not None:
        raise Refusal(403, "Quota exceeded for instances: Requested 1, but already used 1 of 1 instances")
    volume = _boot_volume(request, wish)
    image_id = volume.image if volume else wish.get("imageRef")
    image = next((each for each in site.images if each["id"] == image_id), None)
    if image is None:
        raise Refusal(400, "Can not find requested image")
    if not volume and state.faults.take("flavor-without-disk") is not None:
        raise Refusal(403, "Only volume-backed servers are allowed for flavors with zero disk.")
    flavor = _flavor(request, wish.get("flavorRef"))
    if flavor is None:
        raise Refusal(400, f"Flavor {wish.get('flavorRef')} could not be found.")
    asked = wish.get("networks")
    number = asked[0].get("uuid") if isinstance(asked, list) and asked else None
    network = next((each for each in site.networks if each["id"] == number), None)
    if network is None:
        raise Refusal(400, f"Network {number} could not be found.")
    key_name, public_key = wish.get("key_name"), ""
    if key_name:
        known = state.keypairs.get((request.site, key_name))
        if known is None:
            raise Refusal(400, "Invalid key_name provided.")
        public_key = known.public_key
    hints = body.get("OS-SCH-HNT:scheduler_hints") or body.get("os:scheduler_hints") or {}
    now = state.now()
    active_at = now + state.clock.delay(BOOT_S)
    server = Server(
        new_id(),
        wish.get("name", ""),
        request.user,
        request.project,
        request.site,
        key_name,
        public_key,
        image,
        flavor,
        network,
        hints.get("reservation") or _reservation_of(flavor),
        now,
        now,
        active_at,
        active_at + state.clock.delay(SSH_AFTER_ACTIVE_S),
        port_id=new_id(),
    )
    n = state.next_number()
    server.fixed_ip, server.mac = f"10.140.{80 + n // 250}.{n % 250 + 4}", f"fa:16:3e:00:{n >> 8:02x}:{n & 255:02x}"
    _schedule(state, server)
    state.servers[server.id] = server
    if volume:
        server.volume, volume.server, volume.status = volume.id, server.id, "in-use"
        volume.ends_with = bool(wish["block_device_mapping_v2"][0].get("delete_on_termination"))
    return Reply(
        202,
        {
            "server": {
                "id": server.id,
                "links": _links(request, "servers", server.id),
                "OS-DCF:diskConfig": "MANUAL",
                "security_groups": [{"name": "default"}],
                "adminPass": secrets.token_urlsafe(9),
            }
        },
    )


def _boot_volume(request: Request, wish: dict[str, Any]) -> Volume | None:
    """The disk that the server boots from, in place of an image. Raises Refusal where it cannot."""
    disks = wish.get("block_device_mapping_v2") or []
    if not disks:
        return None
    if wish.get("imageRef"):
        text = "Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping "
        raise Refusal(400, text + "combination is not valid.")
    found = request.state.volumes.get(str(disks[0].get("uuid")))
    if found is None:
        raise Refusal(400, f"Block Device Mapping is Invalid: failed to get volume {disks[0].get('uuid')}.")
    if found.status != "available":
        raise Refusal(400, f"Invalid volume: Volume {found.id} status {found.status} is not available.")
    return found


def _reservation_of(flavor: dict[str, Any]) -> str | None:
    return flavor["extra_specs"].get("aggregate_instance_extra_specs:reservation")


def _schedule_virtual(state: State, server: Server) -> str | None:
    """A host at the KVM site: one instance for each that was reserved, and none of a GPU that was not."""
    found = state.reservation(_reservation_of(server.flavor))
    if found is None:
        return None if kinds.needs_reservation(server.flavor) else "kvm"
    running = [each for each in state.servers.values() if each.reservation == found[1].id]
    return "kvm-h100" if len(running) < found[1].minimum else None


def _schedule(state: State, server: Server) -> None:
    found = state.reservation(server.reservation)
    host = None
    if state.sites[server.site].site_class == "kvm":
        found, host = None, _schedule_virtual(state, server)
    if (
        found is not None
        and found[0].status == "ACTIVE"
        and found[0].site == server.site
        and found[1].kind == "physical:host"
    ):
        host = _free_host(state, found[1])
    if host is None:
        _fail(server, NO_HOST, server.created)
        return
    server.host = host
    if state.faults.take("server-no-valid-host") is not None:
        _fail(server, NO_HOST, server.created)
    elif state.faults.take("server-error") is not None:
        _fail(
            server,
            "Build of instance " + server.id + " aborted: Failed to provision instance: "
            "Timeout reached while waiting for callback for node " + host,
            server.created,
        )
    elif state.faults.take("server-build-forever") is not None:
        server.active_at = server.reachable_at = datetime(9999, 1, 1)
    elif state.faults.take("server-wrong-state") is not None:
        server.ends_as = "SHUTOFF"
    if state.faults.take("server-never-reachable") is not None:
        server.reachable_at = datetime(9999, 1, 1)


def _fail(server: Server, message: str, moment: datetime) -> None:
    server.status = "ERROR"
    server.fault = {"code": 500, "created": zulu(moment), "message": message}


def _free_host(state: State, reservation: Reservation) -> str | None:
    used = {each.host for each in state.servers.values() if each.reservation == reservation.id}
    return next((each for each in reservation.resources if each not in used), None)


def _addresses(state: State, server: Server) -> dict[str, list[dict[str, Any]]]:
    if server.status in ("BUILD", "ERROR"):
        return {}
    rows = [(server.fixed_ip, "fixed")]
    floating = state.floating_of(server.port_id)
    if floating is not None and state.now() >= server.shown_ip_at:
        rows.append((floating.address, "floating"))
    return {
        server.network["name"]: [
            {"version": 4, "addr": address, "OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": server.mac}
            for address, kind in rows
        ]
    }


def _task(state: State, server: Server) -> str | None:
    if state.now() >= server.gone_at or server.gone_at.year < 9999:
        return "deleting"
    if server.status != "BUILD":
        return None
    part = (state.now() - server.created) / state.clock.delay(BOOT_S)
    return "scheduling" if part < 0.02 else "networking" if part < 0.05 else "spawning"


def _server_json(request: Request, server: Server) -> dict[str, Any]:
    state = request.state
    vm, power = {"ACTIVE": ("active", 1), "BUILD": ("building", 0), "ERROR": ("error", 0), "SHUTOFF": ("stopped", 4)}[
        server.status
    ]
    shown = {
        "original_name": server.flavor["name"],
        **{key: server.flavor[key] for key in ("vcpus", "ram", "disk")},
        "ephemeral": 0,
        "swap": 0,
        "extra_specs": server.flavor["extra_specs"],
    }
    image: dict[str, Any] = {"id": server.image["id"], "links": _links(request, "images", server.image["id"])[1:]}
    virtual = state.sites[server.site].site_class == "kvm"
    zone = "nova" if virtual else f"blazar_{server.reservation}"
    attached = [{"id": server.volume}] if server.volume else []
    answer = {
        "id": server.id,
        "name": server.name,
        "status": server.status,
        "created": zulu(server.created),
        "updated": zulu(server.updated),
        "tenant_id": server.project,
        "user_id": server.user,
        "hostId": hashlib.sha224((server.project + server.host).encode()).hexdigest()
        if server.host and server.status not in ("BUILD", "ERROR")
        else "",
        "key_name": server.key_name,
        "metadata": {},
        "tags": [],
        "description": None,
        "image": "" if server.volume else image,
        "flavor": shown,
        "addresses": _addresses(state, server),
        "OS-EXT-AZ:availability_zone": zone if server.status == "ACTIVE" else "",
        "OS-EXT-STS:task_state": _task(state, server),
        "OS-EXT-STS:vm_state": vm,
        "OS-EXT-STS:power_state": power,
        "OS-SRV-USG:launched_at": dots(server.launched) if server.launched else None,
        "OS-SRV-USG:terminated_at": None,
        "OS-DCF:diskConfig": "MANUAL",
        "accessIPv4": "",
        "accessIPv6": "",
        "config_drive": "",
        "locked": False,
        "os-extended-volumes:volumes_attached": attached,
        "links": _links(request, "servers", server.id),
    }
    if server.status != "ERROR":
        answer["progress"] = 0
    if server.status not in ("ERROR", "BUILD"):
        answer["security_groups"] = [{"name": "default"}]
    if server.fault is not None:
        answer["fault"] = server.fault
    if _at_least(request, 100):
        image["properties"] = {}
        hints = {"reservation": [server.reservation]} if server.reservation else {}
        answer |= {
            "scheduler_hints": hints,
            "pinned_availability_zone": None,
            "locked_reason": None,
            "server_groups": [],
            "trusted_image_certificates": None,
            "OS-EXT-SRV-ATTR:hostname": server.name,
        }
    return answer


def _mine(request: Request) -> list[Server]:
    newest_first = reversed(request.state.servers.values())
    return [each for each in newest_first if each.project == request.project and each.site == request.site]


def servers(request: Request) -> Reply:
    if _mine(request) and request.state.faults.take("server-vanishes") is not None:
        _mine(request)[0].gone_at = request.state.now()
        request.state.settle()
    name = request.query.get("name")
    found = [each for each in _mine(request) if name is None or name in each.name]
    if request.path.endswith("detail"):
        return Reply(200, {"servers": [_server_json(request, each) for each in found]})
    return Reply(
        200,
        {
            "servers": [
                {"id": each.id, "name": each.name, "links": _links(request, "servers", each.id)} for each in found
            ]
        },
    )


def _find(request: Request, number: str) -> Server:
    for each in _mine(request):
        if each.id == number:
            return each
    raise Refusal(404, f"Instance {number} could not be found.")


def server(request: Request, number: str) -> Reply:
    return Reply(200, {"server": _server_json(request, _find(request, number))})


def delete(request: Request, number: str) -> Reply:
    state, one = request.state, _find(request, number)
    if state.faults.take("server-delete-ignored") is None:
        one.gone_at = min(one.gone_at, state.now() + state.clock.delay(SHOWN_S))
    return Reply(204)


def action(request: Request, number: str) -> Reply:
    """`removeFloatingIp` is gone since 2.44; python-chi still asks for it."""
    one, wish = _find(request, number), request.json().get("addSecurityGroup")
    if wish is None:
        raise Refusal(404, "The resource could not be found.")
    named = [each for each in groups.own(request) if wish.get("name") in (each.id, each.name)]
    if not named or request.state.faults.take("security-group-vanishes") is not None:
        raise Refusal(404, f"Security group {wish.get('name')} is not found for project {request.project}")
    if len(named) > 1:
        raise Refusal(409, f"Multiple security_group matches found for name '{wish['name']}', use an ID.")
    if named[0].id in one.groups:
        text = f"Invalid input for security_groups. Reason: Duplicate items in the list: '{named[0].id}'."
        raise Refusal(400, text)
    one.groups.append(named[0].id)
    request.state.on_server_change()
    return Reply(202)


def groups_of(request: Request, number: str) -> Reply:
    found = [request.state.groups[each] for each in _find(request, number).groups if each in request.state.groups]
    rows = [{"id": each.id, "name": each.name, "description": each.description, "rules": []} for each in found]
    default = {"id": request.state.sites[request.site].security_group, "name": "default", "rules": []}
    return Reply(200, {"security_groups": [*rows, {**default, "description": "Default security group"}]})


SERVICE = Service(
    "nova",
    8774,
    (
        ("GET", r"/", version),
        ("GET", r"/v2\.1/?", version),
        ("GET", r"/v2\.1/flavors/detail", flavors),
        ("GET", r"/v2\.1/flavors/([^/]+)", flavor),
        ("GET", r"/v2\.1/flavors/([^/]+)/os-extra_specs", flavor_specs),
        *keypairs.ROUTES,
        ("POST", r"/v2\.1/servers", create),
        ("GET", r"/v2\.1/servers(?:/detail)?", servers),
        ("GET", r"/v2\.1/servers/([^/]+)", server),
        ("DELETE", r"/v2\.1/servers/([^/]+)", delete),
        ("POST", r"/v2\.1/servers/([^/]+)/action", action),
        ("GET", r"/v2\.1/servers/([^/]+)/os-security-groups", groups_of),
    ),
    error,
    open_paths=r"^(/|/v2\.1/?)$",
    headers=headers,
)
