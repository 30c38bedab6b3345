"""What a student does with a site, as functions: run against the emulator and against real OpenStack services alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from reserve import hardware as table
from reserve.calendar import next_hour
from reserve.clock import Clock
from reserve.errors import LeaseRefused
from reserve.hardware import Hardware
from reserve.journal import Journal
from reserve.lease.give_back import release
from reserve.lease.leases import current, ensure_lease, lease_name, node_name, wait_active
from reserve.node.boot import ensure_node
from reserve.site import Lease, LeaseSpec, Node
from reserve.sites.chameleon.site import ChameleonSite

NETID = "ab123"


@dataclass
class Student:
    """One student at one site, with the words that were said."""

    site: ChameleonSite
    journal: Journal
    clock: Clock
    words: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.words.append(text)

    def wanted(self, hardware: Hardware, hours: int = 1, netid: str = NETID) -> LeaseSpec:
        """A lease that starts at once, which no course's rule allows but every test needs."""
        now = self.site.now().replace(second=0, microsecond=0)
        name = lease_name(hardware.part, netid)
        return LeaseSpec(name, hardware, now, now + timedelta(hours=hours), at_once=True)


def lease_at_once(student: Student, hardware: Hardware) -> Lease:
    student.site.sign_in()
    ensure_lease(student.site, student.wanted(hardware), NETID, student.journal, student.say)
    entry = student.journal.lease_for_command(hardware.part)
    return wait_active(student.site, entry, student.journal, student.clock, student.say, start_limit_s=120)


def node_at_once(student: Student, hardware: Hardware) -> Node:
    lease = lease_at_once(student, hardware)
    name = node_name(hardware.part, NETID)
    return ensure_node(student.site, lease, hardware, name, student.journal, student.clock, student.say)


def down(student: Student, hardware: Hardware) -> None:
    release(student.site, hardware.part, {NETID}, hardware, student.journal, student.clock, student.say)


def from_lease_to_release(student: Student) -> None:
    """Reserve, boot, address; each of them twice, which makes nothing twice; everything back."""
    hardware = table.load()["gpu_p100"]
    try:
        lease = lease_at_once(student, hardware)
        assert lease.status == "ACTIVE"
        again = ensure_lease(student.site, student.wanted(hardware), NETID, student.journal, student.say)
        assert again.id == lease.id
        name = node_name(hardware.part, NETID)

        def boot() -> Node:
            return ensure_node(student.site, lease, hardware, name, student.journal, student.clock, student.say)

        node = boot()
        assert node.status == "ACTIVE" and node.address
        second = boot()
        assert second.id == node.id
        held = {thing.kind for thing in student.site.inventory()}
        assert held == {"lease", "server", "floating_ip"}
        assert len(student.site.find_addresses(name, {node.id})) == 1
        longer = student.site.extend_lease(lease, lease.end + timedelta(hours=1))
        assert longer.end == lease.end + timedelta(hours=1)
        entry = student.journal.lease_for_command(hardware.part)
        assert current(student.site, entry, student.journal).end == longer.end
    finally:
        down(student, hardware)
    assert student.site.inventory() == []
    assert student.journal.open_entries() == []


def conflict(student: Student) -> None:
    """Two students want the last node: the second is told the next three free blocks."""
    hardware = table.load()["compute_gigaio"]
    start = next_hour(student.site.now()) + timedelta(hours=2)
    block = hardware.block.at(start)
    first = LeaseSpec(lease_name("model", NETID), hardware, block.start, block.end)
    second = LeaseSpec(lease_name("model", "other"), hardware, block.start, block.end)
    try:
        ensure_lease(student.site, first, NETID, student.journal, student.say)
        with pytest.raises(LeaseRefused) as refused:
            ensure_lease(student.site, second, "other", student.journal, student.say)
        text = str(refused.value)
        assert "taken" in text or "does not show its calendar" in text
        assert "Next free" in text or "servelab slots" in text
        assert [thing.name for thing in student.site.inventory()] == [first.name]
    finally:
        down(student, hardware)
    assert student.site.inventory() == []
