"""Floating IPs that Blazar reserves with a lease (`virtual:floatingip`): made at its start, deleted at its end.

They come from a pool of their own (`127.77.N.251` and up), never from Neutron's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .model import FloatingIP, Lease, Reservation, new_id
from .wire import Refusal, Request

if TYPE_CHECKING:
    from .state import State

KIND = "virtual:floatingip"
POOL = (251, 252, 253)


def _held(state: State, site: str, lease: Lease) -> int:
    return sum(
        one.minimum
        for other in state.leases.values()
        if other.site == site and other.status != "TERMINATED" and other.start < lease.end and lease.start < other.end
        for one in other.reservations
        if one.kind == KIND
    )


def reserve(request: Request, lease: Lease, wish: dict[str, Any]) -> Reservation:
    """One reservation of a lease. Raises Refusal as Blazar 18 does it."""
    state, faults = request.state, request.state.faults
    if faults.take("reserved-address-unsupported") is not None:
        raise Refusal(500, f"The {KIND} resource type is not supported")
    for key in ("network_id", "amount"):
        if key not in wish:
            raise Refusal(400, f"Missing parameter: {key}")
    amount = int(wish["amount"])
    public = [each["id"] for each in state.sites[request.site].networks if each["router:external"]]
    empty = faults.take("reserved-addresses-used-up") is not None or wish["network_id"] not in public
    if empty or _held(state, request.site, lease) + amount > len(POOL):
        raise Refusal(400, "Not enough floating IPs available")
    return Reservation(new_id(), KIND, dict(wish), amount, amount, [], new_id(), state.now())


def reservation_json(one: Reservation) -> dict[str, Any]:
    """What Blazar says of it beside what it says of every reservation."""
    return {"network_id": one.wish["network_id"], "amount": one.minimum, "required_floatingips": []}


def begin(state: State, lease: Lease) -> None:
    """The lease's start: its addresses appear in the project, tagged with the reservation."""
    for one in lease.reservations:
        if one.kind != KIND or state.faults.take("reserved-address-missing") is not None:
            continue
        for _ in range(one.minimum):
            used = {each.address for each in state.floating_ips.values()}
            free = next(f"{state.floating_prefix}.{n}" for n in POOL if f"{state.floating_prefix}.{n}" not in used)
            now, number = state.now(), new_id()
            tags = ["blazar", f"reservation:{one.id}"]
            network = one.wish["network_id"]
            made = FloatingIP(number, free, network, lease.project, lease.site, now, now, tags=tags)
            state.floating_ips[number] = made


def end(state: State, lease: Lease) -> None:
    """The lease's end, or its deletion: its addresses go, attached or not."""
    tags = {f"reservation:{one.id}" for one in lease.reservations if one.kind == KIND}
    for number, one in list(state.floating_ips.items()):
        if tags & set(one.tags) and state.faults.take("reserved-address-stays") is None:
            del state.floating_ips[number]
