"""Reservations: leases, hosts, devices and their calendars, as upstream 18 or as Chameleon's branch answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from . import addresses, calendar, flavors
from .clock import dots, plain
from .model import Lease, Reservation, Resource, new_id
from .wire import Refusal, Reply, Request, Service

FORMAT = "%Y-%m-%d %H:%M"
KINDS = {
    "upstream": ("physical:host",),
    "chameleon": ("physical:host", "device", flavors.KIND, addresses.KIND),
}
"""The plugins of each Blazar here: the recorded upstream one ran without those for flavors and addresses."""
TOO_FEW = "Not enough hosts available"


def error(refusal: Refusal) -> Reply:
    name: Any = refusal.kind if refusal.kind.isupper() else refusal.status
    return Reply(refusal.status, {"error_code": refusal.status, "error_message": refusal.message, "error_name": name})


# what goes out


def lease_json(request: Request, lease: Lease, status: str = "") -> dict[str, Any]:
    return {
        "id": lease.id,
        "name": lease.name,
        "user_id": lease.user,
        "project_id": lease.project,
        "trust_id": lease.trust,
        "start_date": dots(lease.start),
        "end_date": dots(lease.end),
        "status": status or lease.status,
        "degraded": False,
        "created_at": plain(lease.created),
        "updated_at": plain(lease.updated),
        "reservations": [_reservation_json(request, lease, each) for each in lease.reservations],
        "events": [_event_json(lease, "start_lease", lease.start), _event_json(lease, "end_lease", lease.end)],
    }


def _reservation_json(request: Request, lease: Lease, one: Reservation) -> dict[str, Any]:
    answer = {
        "id": one.id,
        "lease_id": lease.id,
        "resource_id": one.resource_row,
        "resource_type": one.kind,
        "status": one.status,
        "missing_resources": lease.node_missing,
        "resources_changed": False,
        "created_at": plain(one.created),
        "updated_at": plain(one.updated or one.created),
    }
    if one.kind in (flavors.KIND, addresses.KIND):
        return answer | {flavors.KIND: flavors, addresses.KIND: addresses}[one.kind].reservation_json(one)
    answer |= {
        "resource_properties": one.wish.get("resource_properties", ""),
        "before_end": "default",
        "min": one.minimum,
        "max": one.maximum,
    }
    if one.kind == "physical:host":
        answer["hypervisor_properties"] = one.wish.get("hypervisor_properties", "")
        if request.state.branch == "chameleon":
            answer["on_start"] = "default"
    return answer


def _event_json(lease: Lease, kind: str, moment: datetime) -> dict[str, Any]:
    done = lease.event_done.get(kind)
    failed = kind == "start_lease" and lease.status == "ERROR"
    return {
        "id": lease.event_ids[kind],
        "lease_id": lease.id,
        "event_type": kind,
        "time": dots(moment),
        "status": "ERROR" if failed else "DONE" if done else "UNDONE",
        "created_at": plain(lease.created),
        "updated_at": plain(done),
    }


# leases

LONGEST = timedelta(days=7)
EXTENDED_WITHIN = timedelta(hours=48)
NOT_A_SU = "Reservation for {} would spend 6.00 SUs, only {}"
REFUSALS = {
    "budget-project-spent": (400, NOT_A_SU.format("project CHI-course", "3.10 left")),
    "budget-user-spent": (400, NOT_A_SU.format("user student", "1.00 left in user budget")),
    "project-expired": (
        400,
        "Cannot create a lease beyond Chameleon project expiration date. Please ask your PI to request an allocation "
        "renewal.",
    ),
    "lease-stacking": (403, "Project CHI-course holds leases on more than half of the gpu_p100 nodes: lease stacking."),
    "usage-enforcement-down": (403, "External Service Filter returned a non expected response"),
    "lease-policy-unknown": (403, "This node type may be reserved on Tuesdays."),
}
"""What the portal's accounting and the filters of Chameleon's Blazar say, as they stand in their sources."""


def _refused(request: Request, names: Iterable[str]) -> None:
    for name in names:
        if request.state.faults.take(name) is not None:
            raise Refusal(*REFUSALS[name])


def _check_length(request: Request, length: timedelta) -> None:
    if request.state.branch == "chameleon" and length > LONGEST:
        raise Refusal(
            403,
            f"Lease duration of {length.total_seconds():.0f} seconds must be less than or equal to the maximum lease "
            f"duration of {LONGEST.total_seconds():.0f} seconds.",
        )


def _moment(text: Any, now: datetime) -> datetime:
    if text == "now":
        return now.replace(second=0, microsecond=0)
    try:
        return datetime.strptime(str(text), FORMAT)
    except ValueError:
        raise Refusal(400, f"{text} is an invalid date. Required format: {FORMAT}") from None


def _whole(text: Any) -> int:
    try:
        return int(text)
    except (TypeError, ValueError):
        raise Refusal(400, f"Invalid values for min/max: {text}") from None


def create(request: Request) -> Reply:
    state, body = request.state, request.json()
    now = state.now()
    for key in ("name", "start_date", "end_date", "reservations"):
        if key not in body:
            raise Refusal(400, f"Missing parameter: {key}")
    start, end = _moment(body["start_date"], now), _moment(body["end_date"], now)
    if start < now.replace(second=0, microsecond=0):
        raise Refusal(400, "Start date must be later than current date")
    if end <= start:
        raise Refusal(400, "End date must be later than start date.")
    _check_length(request, end - start)
    _refused(request, REFUSALS)
    assert request.token is not None
    refused = not state.app_credential_trusts or state.faults.is_on("lease-trust-refused")
    if request.token.method == "application_credential" and refused:
        state.faults.take("lease-trust-refused")
        raise Refusal(500, "Internal Server Error", "INTERNAL_SERVER_ERROR")
    lease = Lease(
        new_id(),
        body["name"],
        request.user,
        request.project,
        request.site,
        start,
        end,
        now,
        now,
        event_ids={"start_lease": new_id(), "end_lease": new_id()},
    )
    for wish in body["reservations"]:
        lease.reservations.append(_reserve(request, lease, wish))
    lease.stuck = state.faults.take("lease-pending-forever") is not None
    lease.node_missing = state.faults.take("lease-node-missing") is not None
    lease.fails_at_start = state.faults.take("lease-error") is not None
    state.leases[lease.id] = lease
    return Reply(201, {"lease": lease_json(request, lease)})


def _reserve(request: Request, lease: Lease, wish: dict[str, Any]) -> Reservation:
    state, kind = request.state, wish.get("resource_type")
    if kind not in KINDS[state.branch]:
        raise Refusal(500, f"The {kind} resource type is not supported")
    if kind in (flavors.KIND, addresses.KIND):
        return {flavors.KIND: flavors, addresses.KIND: addresses}[kind].reserve(request, lease, wish)
    minimum, maximum = _whole(wish.get("min", 1)), _whole(wish.get("max", 1))
    triples = calendar.constraints(wish.get("resource_properties") or "")
    busy = calendar.taken(state.leases.values(), lease.start, lease.end)
    busy |= {each for other in lease.reservations for each in other.resources}
    closed = state.faults.take("hosts-not-reservable") is not None
    busy |= {each.id for each in state.resources.values() if not _may_have(request, each)}
    free = [] if closed else calendar.choose(state.resources.values(), kind, request.site, triples, busy)
    if len(free) < minimum or state.faults.take("blazar-create-refused") is not None:
        raise Refusal(500, TOO_FEW if state.branch == "upstream" else _too_few(request, lease, wish, minimum, maximum))
    return Reservation(new_id(), kind, dict(wish), minimum, maximum, free[:maximum], new_id(), state.now())


def _too_few(request: Request, lease: Lease, wish: dict[str, Any], minimum: int, maximum: int) -> str:
    query = {
        "resource_type": wish["resource_type"],
        "min": minimum,
        "max": maximum,
        "resource_properties": wish.get("resource_properties", ""),
        "start_date": lease.start,
        "end_date": lease.end,
        "project_id": request.project,
        "count_range": f"{minimum}-{maximum}",
        "before_end": "default",
        "on_start": "default",
    }
    return f"Not enough resources available with query {query}"


def _find(request: Request, number: str) -> Lease:
    lease = request.state.leases.get(number)
    if lease is None or lease.project != request.project or lease.site != request.site:
        raise Refusal(404, f"Object with {{'lease_id': '{number}'}} not found")
    return lease


def list_all(request: Request) -> Reply:
    return Reply(
        200,
        {
            "leases": [
                lease_json(request, lease)
                for lease in request.state.leases.values()
                if lease.project == request.project and lease.site == request.site
            ]
        },
    )


def show(request: Request, number: str) -> Reply:
    lease = request.state.leases.get(number)
    if lease is not None and request.state.faults.take("lease-vanishes") is not None:
        request.state.drop_lease(lease)
    return Reply(200, {"lease": lease_json(request, _find(request, number))})


def update(request: Request, number: str) -> Reply:
    state, lease, body = request.state, _find(request, number), request.json()
    now = state.now()
    start = _moment(body["start_date"], now) if "start_date" in body else lease.start
    end = _moment(body["end_date"], now) if "end_date" in body else lease.end
    if lease.status in ("TERMINATED", "TERMINATING", "ERROR") and set(body) - {"name"}:
        raise Refusal(403, "Terminated lease can only be renamed")
    if end <= start or end < now:
        raise Refusal(400, "End date must be later than current and start date")
    if end > lease.end and state.branch == "chameleon":
        early = now < lease.end - EXTENDED_WITHIN or state.faults.take("extension-too-early") is not None
        if early:
            within = f"{EXTENDED_WITHIN.total_seconds():.0f} seconds of the leases current end time"
            raise Refusal(403, f"Lease can only be extended within {within}.")
        _check_length(request, end - now)
        if state.faults.take("extension-budget-spent") is not None:
            raise Refusal(400, "Reservation update would spend 2.00 more SUs, only 0.10 left")
    busy = calendar.taken(state.leases.values(), start, end, but=lease.id)
    clash = any(each in busy for one in lease.reservations for each in one.resources)
    clash |= any(
        flavors.free(state, lease.site, one.wish["source"], start, end, lease.id) < one.minimum
        for one in lease.reservations
        if one.kind == flavors.KIND
    )
    if clash or state.faults.take("lease-extension-refused") is not None:
        raise Refusal(500, TOO_FEW)
    lease.start, lease.end, lease.name, lease.updated = start, end, body.get("name", lease.name), now
    return Reply(200, {"lease": lease_json(request, lease, "UPDATING")})


def delete(request: Request, number: str) -> Reply:
    lease = _find(request, number)
    if request.state.faults.take("lease-delete-refused") is not None:
        raise Refusal(500, "Internal Server Error", "INTERNAL_SERVER_ERROR")
    request.state.drop_lease(lease)
    return Reply(204) if request.state.branch == "upstream" else Reply(200, {})


# hosts and devices


def _may_have(request: Request, one: Resource) -> bool:
    """Nodes may be set aside for some projects: only these get them."""
    return request.project in (allowed := _set_aside(request, one)) or not allowed


def _set_aside(request: Request, one: Resource) -> list[str]:
    if request.state.faults.is_on("hosts-set-aside"):
        request.state.faults.take("hosts-set-aside")
        return ["0" * 32]
    return [each for each in str(one.properties.get("authorized_projects") or "").split(",") if each]


def _resource_json(request: Request, one: Resource) -> dict[str, Any]:
    set_aside = _set_aside(request, one)
    reservable = one.reservable and not request.state.faults.is_on("hosts-not-reservable")
    return {
        "id": one.id,
        **one.properties,
        **({"authorized_projects": ",".join(set_aside)} if set_aside else {}),
        "reservable": reservable,
        "created_at": plain(one.created),
        "updated_at": None,
    }


def _resources(request: Request, kind: str) -> list[Resource]:
    return [each for each in request.state.resources.values() if each.kind == kind and each.site == request.site]


def _allocation(request: Request, one: Resource) -> dict[str, Any]:
    rows = []
    for lease in request.state.leases.values():
        for reservation in lease.reservations:
            if one.id in reservation.resources and lease.status != "TERMINATED":
                row: dict[str, Any] = {
                    "id": reservation.id,
                    "lease_id": lease.id,
                    "start_date": dots(lease.start),
                    "end_date": dots(lease.end),
                }
                rows.append({**row, "extras": {}} if one.kind == "device" else row)
    return {"resource_id": one.id, "reservations": rows}


def hosts(request: Request) -> Reply:
    return Reply(200, {"hosts": [_resource_json(request, each) for each in _resources(request, "physical:host")]})


def host_allocations(request: Request) -> Reply:
    return Reply(200, {"allocations": [_allocation(request, each) for each in _resources(request, "physical:host")]})


def host_allocation(request: Request, number: str) -> Reply:
    for each in _resources(request, "physical:host"):
        if each.id == number:
            return Reply(200, {"allocation": _allocation(request, each)})
    raise Refusal(404, f"Object with {{'host_id': '{number}'}} not found")


def host(request: Request, number: str) -> Reply:
    for each in _resources(request, "physical:host"):
        if each.id == number:
            return Reply(200, {"host": _resource_json(request, each)})
    raise Refusal(404, f"Object with {{'host_id': '{number}'}} not found")


def _needs_branch(request: Request) -> None:
    if request.state.branch == "upstream":
        raise Refusal(404, "Not Found")


def devices(request: Request) -> Reply:
    _needs_branch(request)
    return Reply(200, {"devices": [_resource_json(request, each) for each in _resources(request, "device")]})


def device_allocations(request: Request) -> Reply:
    _needs_branch(request)
    return Reply(200, {"allocations": [_allocation(request, each) for each in _resources(request, "device")]})


def device_allocation(request: Request, number: str) -> Reply:
    """A bug of the branch, which python-chi works around."""
    _needs_branch(request)
    raise Refusal(500, "Internal Server Error", "INTERNAL_SERVER_ERROR")


SERVICE = Service(
    "blazar",
    1234,
    (
        ("POST", r"/v1/leases", create),
        ("GET", r"/v1/leases", list_all),
        ("GET", r"/v1/leases/([^/]+)", show),
        ("PUT", r"/v1/leases/([^/]+)", update),
        ("DELETE", r"/v1/leases/([^/]+)", delete),
        ("GET", r"/v1/os-hosts", hosts),
        ("GET", r"/v1/os-hosts/allocations", host_allocations),
        ("GET", r"/v1/os-hosts/([^/]+)/allocation", host_allocation),
        ("GET", r"/v1/os-hosts/([^/]+)", host),
        ("GET", r"/v1/flavor-instances/availability", flavors.availability),
        ("GET", r"/v1/devices", devices),
        ("GET", r"/v1/devices/allocations", device_allocations),
        ("GET", r"/v1/devices/([^/]+)/allocation", device_allocation),
    ),
    error,
    headers=lambda request: {"OpenStack-API-Version": "reservation 1.0"} if re.match("/v1", request.path) else {},
)
