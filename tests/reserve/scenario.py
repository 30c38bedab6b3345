"""What a student does with a site, as functions: run against the emulator and against real OpenStack services alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from reserve import hardware as table
from reserve.calendar import next_hour
from reserve.desk import Desk
from reserve.errors import LeaseRefused
from reserve.hardware import Hardware
from reserve.lease.give_back import release
from reserve.lease.leases import current, ensure_lease, lease_name, node_name, wait_active
from reserve.lease.wishes import LeaseWishes
from reserve.node.boot import ensure_node, reach
from reserve.node.preparation import tasks_for
from reserve.node.provision import Task
from reserve.site import Lease, LeaseSpec, Node
from reserve.verbs.reserve import reserve_block

NETID = "ab123"
NOW = LeaseWishes(netid=NETID, at_once=True)


# --- Whole verbs, as far as a test needs them


def next_command(desk: Desk, key: str = "") -> Desk:
    """The desk of the next command that is typed: another process, which has not signed in."""
    after = replace(desk, key=key)
    after.words = desk.words  # type: ignore[attr-defined]
    return after


def reserved(desk: Desk) -> None:
    """A lease of part `system` that begins at once."""
    reserve_block(desk, "system", NOW)


def booted(desk: Desk, part: str = "system") -> None:
    """Everything of `up` but provisioning."""
    reserve_block(desk, part, NOW)
    entry = desk.journal.lease_for_command(part)
    lease = wait_active(desk, entry, 120)
    reach(desk, ensure_node(desk, lease, desk.hardware_of(entry), node_name(part, NETID))).close()


def contained(desk: Desk) -> None:
    """The same at CHI@Edge, where nodes are containers."""
    booted(desk, "edge")


def tasks_without_jupyter(*args, **options) -> Sequence[Task]:  # type: ignore[no-untyped-def]
    """JupyterLab takes seconds to start and has a test of its own."""
    return [task for task in tasks_for(*args, **options) if task.name != "jupyter"]


# --- The contract of a site, step by step


def at_once(desk: Desk, hardware: Hardware, hours: int = 1) -> LeaseSpec:
    """A lease that starts at once, which no course's rule allows but every test needs."""
    now = desk.site(hardware.site).now().replace(second=0, microsecond=0)
    return LeaseSpec(lease_name(hardware.part, NETID), hardware, now, now + timedelta(hours=hours), at_once=True)


def lease_at_once(desk: Desk, hardware: Hardware) -> Lease:
    desk.site(hardware.site).sign_in()
    ensure_lease(desk, at_once(desk, hardware), NETID)
    return wait_active(desk, desk.journal.lease_for_command(hardware.part), start_limit_s=120)


def from_lease_to_release(desk: Desk) -> None:
    """Reserve, boot, address; each of them twice, which makes nothing twice; everything back."""
    hardware = table.load()["gpu_p100"]
    site = desk.site(hardware.site)
    try:
        lease = lease_at_once(desk, hardware)
        assert lease.status == "ACTIVE"
        assert ensure_lease(desk, at_once(desk, hardware), NETID).id == lease.id
        name = node_name(hardware.part, NETID)

        def boot() -> Node:
            return ensure_node(desk, lease, hardware, name)

        node = boot()
        assert node.status == "ACTIVE" and node.address
        assert boot().id == node.id
        held = {"lease", "server"} if lease.address_reservations else {"lease", "server", "floating_ip"}
        assert {thing.kind for thing in site.inventory()} == held
        assert len(site.find_addresses(name, {node.id})) == 1
        longer = site.extend_lease(lease, lease.end + timedelta(hours=1))
        assert longer.end == lease.end + timedelta(hours=1)
        assert current(desk, desk.journal.lease_for_command(hardware.part)).end == longer.end
    finally:
        release(desk, hardware.part, hardware, {NETID})
    assert site.inventory() == []
    assert desk.journal.open_entries() == []


def conflict(desk: Desk) -> None:
    """Two students want the last node: the second is told the next three free blocks."""
    hardware = table.load()["compute_gigaio"]
    site = desk.site(hardware.site)
    start = next_hour(site.now()) + timedelta(hours=2)
    block = hardware.block.at(start)
    first = LeaseSpec(lease_name("model", NETID), hardware, block.start, block.end)
    second = LeaseSpec(lease_name("model", "other"), hardware, block.start, block.end)
    try:
        ensure_lease(desk, first, NETID)
        with pytest.raises(LeaseRefused) as refused:
            ensure_lease(desk, second, "other")
        text = str(refused.value)
        assert "taken" in text or "does not show its calendar" in text
        assert "Next free" in text or "servelab slots" in text
        assert [thing.name for thing in site.inventory()] == [first.name]
    finally:
        release(desk, hardware.part, hardware, {NETID})
    assert site.inventory() == []
