"""From an ACTIVE lease to a node that answers: boot, address, reachability proved. Idempotent by name."""

from __future__ import annotations

from reserve.clock import Patience, wait_for
from reserve.desk import Desk
from reserve.errors import ConnectionLost, Faulted, Missing, NodeCommandFailed, SiteUnreachable, WaitedTooLong
from reserve.hardware import Hardware
from reserve.site import Lease, Machine, Node, Thing

REACH_LIMIT_S = 900.0
BOOTS = {
    "node": "bare metal takes 10 to 30 minutes",
    "vm": "a virtual machine takes minutes",
    "device": "a container takes minutes",
}


def node_kind(hardware: Hardware) -> str:
    """What a node of this hardware is in the journal: `server` or `container`."""
    return "server" if hardware.by_ssh else "container"


def ensure_node(desk: Desk, lease: Lease, hardware: Hardware, name: str, *, public: bool = False) -> Node:
    """The server or container of this name, ACTIVE, with its address: found if it is there, made if not.

    `public`: a container gets an address too, and opens JupyterLab's port. Raises Faulted with the site's own fault,
    Missing if it goes away meanwhile, WaitedTooLong.
    """
    site, journal = desk.site(lease.site), desk.journal
    part, kind = hardware.part, node_kind(hardware)
    node = site.find_node(name, hardware)
    known = [e for e in journal.open_entries(part=part, site=site.name, kind=kind) if e.name == name]
    if node is None:
        for stale in known:
            journal.gone(stale.key, "not at the site")
        if hardware.boot_volume_gb:
            desk.say(f"{name} boots from a disk of {hardware.boot_volume_gb} GB, which is made from the image first")
        key = journal.intend(kind, name, site.name, part, lease=lease.id)
        try:
            node = site.create_node(name, lease, hardware, public=public)
        except SiteUnreachable:
            node = site.find_node(name, hardware)  # it may have been made although the answer was lost
            if node is None:
                journal.gone(key, "not made")
                raise
        except Exception:
            journal.gone(key, "not made")
            raise
        journal.made(key, node.id)
        desk.say(f"{kind} {name} asked for; {BOOTS[hardware.kind]}")
    else:
        key = known[-1].key if known else journal.intend(kind, name, site.name, part, lease=lease.id)
        journal.made(key, node.id)
    node = _wait_active(desk, node, hardware)
    site.open_ports(node, hardware, public=public)
    if not node.address and (kind == "server" or public):
        address = _address_for(desk, node, part, lease)
        desk.say(f"{node.name} has the address {address.detail}")
        node = node.at(address.detail)
    return node


def _wait_active(desk: Desk, node: Node, hardware: Hardware) -> Node:
    site, part = desk.site(node.site), hardware.part

    def probe() -> Node | None:
        seen = site.get_node(node.id, hardware)
        if seen is None:
            raise Missing(
                f"{node.name} is gone from {site.name}: deleted, or its lease has ended. See `servelab status`, then "
                f"`servelab up {part}` again."
            )
        if seen.status == "ERROR":
            raise Faulted(
                f"{node.name} is in ERROR at {site.name}: {seen.detail or 'no reason given'}. Release it with "
                f"`servelab down {part}`, then reserve again, another node if you can (--node)."
            )
        if seen.status not in ("BUILD", "ACTIVE"):
            raise Faulted(
                f"{node.name} is in state {seen.status} at {site.name}, where it cannot be used. Start it on the "
                f"dashboard, or release it with `servelab down {part}` and `servelab up {part}` again."
            )
        return seen if seen.status == "ACTIVE" else None

    remedy = f"Look at its console on {site.name}'s dashboard; `servelab down {part}` gives it back."
    patience = Patience(hardware.boot_minutes * 120.0, remedy, poll_s=10.0)
    return wait_for(f"{node.name} to boot", probe, patience, desk.clock, desk.say)


def _address_for(desk: Desk, node: Node, part: str, lease: Lease) -> Thing:
    """A floating IP on the node, one that a crash left if there is one; the journal knows of it first."""
    site, journal = desk.site(node.site), desk.journal
    held = site.find_addresses(node.name, {node.id})
    known = {
        entry.id
        for entry in journal.open_entries(part=part, site=site.name)
        if entry.kind in ("floating_ip", "borrowed_ip")
    }
    if held:
        left = held[0]
        if left.id not in known:
            journal.made(journal.intend(left.kind, node.name, site.name, part), left.id, address=left.detail)
        if left.kind == "borrowed_ip":
            return left  # it is attached: the node's own list is a moment behind
        if not any(one.detail == node.address for one in held):
            site.delete(left)  # a crash left it unattached: a fresh one is attached as it is made
    key = journal.intend("floating_ip", node.name, site.name, part)
    try:
        given = site.give_address(node, lease)
    except SiteUnreachable:
        found = site.find_addresses(node.name, {node.id})
        if not found:
            journal.gone(key, "not made")
            raise
        given = found[0]
    except Exception:
        journal.gone(key, "not made")
        raise
    if given.kind == "borrowed_ip":
        journal.gone(key, "the address that was reserved with the lease is used instead")
        key = journal.intend("borrowed_ip", node.name, site.name, part)
    journal.made(key, given.id, address=given.detail)
    return given


def reach(desk: Desk, node: Node, limit_s: float = REACH_LIMIT_S) -> Machine:
    """A machine on which a command really ran. Raises WaitedTooLong with the last reason, or what cannot get better."""
    site = desk.site(node.site)
    last = "no answer"

    def probe() -> Machine | None:
        nonlocal last
        try:
            machine = site.open(node)
        except ConnectionLost as error:
            last = str(error)
            return None
        try:
            machine.run("true", timeout_s=30)
        except (ConnectionLost, NodeCommandFailed, WaitedTooLong) as error:
            machine.close()
            last = str(error)
            return None
        return machine

    what = f"{node.name} to let us in" + (f" at {node.address}" if node.address else "")
    remedy = (
        "It runs, but nobody answers: look at its console on the dashboard, check that this network lets SSH out, or "
        "`servelab down` and try another node."
    )
    try:
        return wait_for(what, probe, Patience(limit_s, remedy), desk.clock, desk.say)
    except WaitedTooLong as error:
        raise WaitedTooLong(f"{error} Last: {last}") from None
