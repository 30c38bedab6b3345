"""Flavors of the KVM site and Blazar's reservations of them (`flavor:instance`), as its flavor plugin does it.

Blazar makes a private flavor for each reservation, named `reservation:ID`, whose id is the reservation's; the project
sees it from the lease's start to its end, and one instance of it can be booted for each one that was reserved.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import seed
from .model import Lease, Reservation, new_id
from .wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from .state import State

KIND = "flavor:instance"
DATES = "%Y-%m-%d %H:%M"


def public(site: str) -> tuple[dict[str, Any], ...]:
    """The flavors that everybody sees at the site."""
    return seed.KVM_FLAVORS if site.startswith("KVM@") else (seed.FLAVOR,)


def reserved(state: State, site: str, project: str) -> list[dict[str, Any]]:
    """The private flavors of the project's leases that are under way at the site."""
    return [
        _private(one)
        for lease in state.leases.values()
        if lease.site == site and lease.project == project and lease.status == "ACTIVE"
        for one in lease.reservations
        if one.kind == KIND
    ]


def _private(one: Reservation) -> dict[str, Any]:
    specs = {
        **one.wish["source"]["extra_specs"],
        "aggregate_instance_extra_specs:reservation": one.id,
        f"resources:CUSTOM_RESERVATION_{one.id.upper().replace('-', '_')}": "1",
    }
    name = f"reservation:{one.id}"
    return {**one.wish["source"], "id": one.id, "name": name, "os-flavor-access:is_public": False, "extra_specs": specs}


def needs_reservation(flavor: dict[str, Any]) -> bool:
    """Whether an instance of it gets no host unless it was reserved: hosts with GPUs are Blazar's."""
    return any(key.startswith("resources:CUSTOM_H100") for key in flavor["extra_specs"])


def _resource(flavor: dict[str, Any]) -> str:
    keys = (key.removeprefix("resources:") for key in flavor["extra_specs"])
    return next((key for key in keys if key in seed.KVM_CAPACITY), "")


def _in_use(leases: Iterable[Lease], site: str, resource: str, moment: datetime, but: str = "") -> int:
    return sum(
        int(one.wish["amount"])
        for lease in leases
        if lease.site == site and lease.id != but and lease.status != "TERMINATED" and lease.start <= moment < lease.end
        for one in lease.reservations
        if one.kind == KIND and _resource(one.wish["source"]) == resource
    )


def free(state: State, site: str, flavor: dict[str, Any], start: datetime, end: datetime, but: str = "") -> int:
    """How many instances can be reserved for the whole stretch. `but`: a lease that does not count."""
    resource = _resource(flavor)
    if not resource:
        return 100
    leases = list(state.leases.values())
    moments = {start} | {each.start for each in leases if start < each.start < end}
    return seed.KVM_CAPACITY[resource] - max(_in_use(leases, site, resource, each, but) for each in moments)


def reserve(request: Request, lease: Lease, wish: dict[str, Any]) -> Reservation:
    """One reservation of a lease. Raises Refusal as Blazar 18 does it."""
    missing = [key for key in ("amount", "flavor_id", "affinity") if key not in wish]
    if missing:
        raise Refusal(400, f"Missing parameter: {','.join(missing)}")
    flavor = next((one for one in public(request.site) if one["id"] == wish["flavor_id"]), None)
    if flavor is None:
        raise Refusal(404, f"Flavor {wish['flavor_id']} could not be found. (HTTP 404)")
    if wish["affinity"] is not None:
        raise Refusal(409, "Affinity not supported yet")
    amount = int(wish["amount"])
    taken = request.state.faults.take("blazar-create-refused") is not None
    if taken or free(request.state, request.site, flavor, lease.start, lease.end) < amount:
        raise Refusal(500, "Not enough hosts available")
    kept = {**wish, "source": {key: value for key, value in flavor.items() if key != "description"}}
    return Reservation(new_id(), KIND, kept, amount, amount, [], new_id(), request.state.now())


def reservation_json(one: Reservation) -> dict[str, Any]:
    """What Blazar says of it beside what it says of every reservation; its `flavor_id` is the private flavor's."""
    source = one.wish["source"]
    return {
        "vcpus": source["vcpus"],
        "memory_mb": source["ram"],
        "disk_gb": source["disk"],
        "amount": one.minimum,
        "affinity": None,
        "resource_properties": json.dumps(source),
        "flavor_id": one.id,
        "aggregate_id": 2,
        "server_group_id": None,
    }


def availability(request: Request) -> Reply:
    """The calendar of flavors, which the newest sources of Chameleon's Blazar have and upstream 18 has not."""
    state = request.state
    if state.branch == "upstream" or state.faults.take("flavor-calendar-absent") is not None:
        raise Refusal(404, "The requested URL was not found on the server.")
    now = state.now()
    start, end = _date(request, "start_date", now), _date(request, "end_date", now + timedelta(days=30))
    wanted = request.query.get("flavor_id")
    found = [each for each in public(request.site) if wanted in (None, each["id"])]
    if wanted and not found:
        raise Refusal(404, f"Flavor {wanted} could not be found. (HTTP 404)")
    rows = [
        {
            "flavor_id": each["id"],
            "resource_spec": {"vcpus": each["vcpus"], "memory_mb": each["ram"], "disk_gb": each["disk"]},
            "availability": _segments(state, request.site, each, start, end),
        }
        for each in found
    ]
    return Reply(200, {"flavor_instances": rows})


def _date(request: Request, name: str, otherwise: datetime) -> datetime:
    text = request.query.get(name)
    try:
        return datetime.strptime(text, DATES) if text else otherwise
    except ValueError:
        raise Refusal(400, f"Invalid {name}: expected format '{DATES}'") from None


def _segments(state: State, site: str, flavor: dict[str, Any], start: datetime, end: datetime) -> list[dict[str, Any]]:
    """The stretch without gaps, cut where the number of free instances changes."""
    edges = {moment for lease in state.leases.values() for moment in (lease.start, lease.end) if start < moment < end}
    total = seed.KVM_CAPACITY.get(_resource(flavor), 100)
    found: list[dict[str, Any]] = []
    marks = [start, *sorted(edges), end]
    for begins, ends in zip(marks, marks[1:], strict=False):
        count = free(state, site, flavor, begins, ends)
        if found and found[-1]["available"] == count:
            found[-1]["end"] = ends.strftime(DATES)
        else:
            one = {"start": begins.strftime(DATES), "end": ends.strftime(DATES), "available": count, "total": total}
            found.append(one)
    return found
