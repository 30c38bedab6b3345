"""From an ACTIVE lease to a node that answers: boot, address, reachability proved. Idempotent by name."""

from __future__ import annotations

from reserve.clock import Clock, Say, wait_for
from reserve.errors import ConnectionLost, Faulted, Missing, NodeCommandFailed, SiteUnreachable, WaitedTooLong
from reserve.hardware import Hardware
from reserve.journal import Journal
from reserve.site import Lease, Machine, Node, Site

REACH_LIMIT_S = 900.0


def node_kind(hardware: Hardware) -> str:
    return "server" if hardware.kind == "node" else "container"


def ensure_node(
    site: Site,
    lease: Lease,
    hardware: Hardware,
    name: str,
    journal: Journal,
    clock: Clock,
    say: Say,
    *,
    public: bool = False,
) -> Node:
    """The server or container of this name, ACTIVE, with its address. Raises Faulted with the site's own fault."""
    part, kind = hardware.part, node_kind(hardware)
    node = site.find_node(name, hardware)
    known = [e for e in journal.open_entries(part=part, site=site.name, kind=kind) if e.name == name]
    if node is None:
        for stale in known:
            journal.gone(stale.key, "not at the site")
        entry = journal.intend(kind, name, site.name, part, lease=lease.id)
        try:
            node = site.create_node(name, lease, hardware, public=public)
        except SiteUnreachable as lost:
            node = site.find_node(name, hardware)
            if node is None:
                journal.gone(entry, "not made")
                raise lost
        except Exception:
            journal.gone(entry, "not made")
            raise
        journal.made(entry, node.id)
        say(
            f"{kind} {name} asked for; "
            f"{'bare metal takes 10 to 20 minutes' if kind == 'server' else 'a container takes minutes'}"
        )
    else:
        entry = known[-1].key if known else journal.intend(kind, name, site.name, part, lease=lease.id)
        journal.made(entry, node.id)
    node = _wait_active(site, node, hardware, clock, say)
    if not node.address and (kind == "server" or public):
        node = _address(site, node, part, journal, clock, say)
    return node


def _wait_active(site: Site, node: Node, hardware: Hardware, clock: Clock, say: Say) -> Node:
    part, id = hardware.part, node.id

    def probe() -> Node | None:
        seen = site.get_node(id, hardware)
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

    return wait_for(
        f"{node.name} to boot",
        probe,
        limit_s=hardware.boot_minutes * 120.0,
        remedy=f"Look at its console on {site.name}'s dashboard; `servelab down {part}` gives it back.",
        clock=clock,
        say=say,
        poll_s=10.0,
    )


def _address(site: Site, node: Node, part: str, journal: Journal, clock: Clock, say: Say) -> Node:
    """Give the node a floating IP, one that a crash left if there is one."""
    held = site.find_addresses(node.name, {node.id})
    known = journal.open_entries(part=part, site=site.name, kind="floating_ip")
    if held:
        thing = held[0]
        if thing.id not in {entry.id for entry in known}:
            journal.made(journal.intend(thing.kind, node.name, site.name, part), thing.id, address=thing.detail)
        if not any(one.detail == node.address for one in held):
            site.delete(thing)  # a crash left it unattached: a fresh one is attached as it is made
    entry = journal.intend("floating_ip", node.name, site.name, part)
    try:
        thing = site.give_address(node)
    except SiteUnreachable:
        found = site.find_addresses(node.name, {node.id})
        if not found:
            journal.gone(entry, "not made")
            raise
        thing = found[0]
    except Exception:
        journal.gone(entry, "not made")
        raise
    if thing.kind == "borrowed_ip":
        journal.gone(entry, "quota: a free address of the project is used instead")
        entry = journal.intend("borrowed_ip", node.name, site.name, part)
    journal.made(entry, thing.id, address=thing.detail)
    say(f"{node.name} has the address {thing.detail}")
    return node.at(thing.detail)


def reach(site: Site, node: Node, clock: Clock, say: Say, limit_s: float = REACH_LIMIT_S) -> Machine:
    """A machine on which a command really ran. Raises WaitedTooLong with the last reason, or what cannot get better."""
    last: list[str] = []

    def probe() -> Machine | None:
        try:
            machine = site.open(node)
        except ConnectionLost as error:
            last[:] = [str(error)]
            return None
        try:
            machine.run("true", timeout_s=30)
        except (ConnectionLost, NodeCommandFailed, WaitedTooLong) as error:
            machine.close()
            last[:] = [str(error)]
            return None
        return machine

    try:
        return wait_for(
            f"{node.name} to let us in" + (f" at {node.address}" if node.address else ""),
            probe,
            limit_s=limit_s,
            remedy=(
                "It runs, but nobody answers: look at its console on the dashboard, check "
                "that this network lets SSH out, or `servelab down` and try another node."
            ),
            clock=clock,
            say=say,
        )
    except WaitedTooLong as error:
        raise WaitedTooLong(f"{error} Last: {last[0] if last else 'no answer'}") from None
