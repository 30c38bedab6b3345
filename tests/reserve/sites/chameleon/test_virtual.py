"""The whole way at KVM@TACC: a flavor reserved, a machine booted from a disk, reached and given back; and faults."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from reserve import hardware
from reserve.calendar import next_hour
from reserve.desk import Desk
from reserve.errors import Faulted, LeaseRefused, Missing, Quota, SiteError, SiteUnreachable, UsageError, WaitedTooLong
from reserve.lease.leases import node_name, wait_active
from reserve.lease.wishes import LeaseWishes
from reserve.node.attach import attach
from reserve.node.boot import ensure_node, reach
from reserve.node.provision import examine
from reserve.verbs.down import down
from reserve.verbs.keep import keep_node
from reserve.verbs.reserve import reserve_block
from reserve.verbs.slots import show_slots
from reserve.verbs.status import orphans, show_status
from tests.chameleon import Emulator
from tests.reserve.scenario import NETID, NOW, next_command
from tests.reserve.sites.chameleon.fault_rows import Row

SITE, PCI = "KVM@TACC", "g1.h100.pci.1"


def offered(folder: Path, *keys: str, **changes: str) -> Path:
    """A course's hardware table that offers these and nothing else of their part; `changes`: lines to replace."""
    text = hardware.TABLE.read_text()
    tables = re.split(r"(?m)^(?=\[[a-z0-9_]+\])", text)
    found = []
    for table in tables:
        key = re.match(r"\[([a-z0-9_]+)\]", table)
        if key and key[1] in keys:
            table = table.replace("offered = false\n", "")
            for name, value in changes.items():
                table = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", table)
        elif key and 'part = "model"' in table:
            table = table.replace("\n", "\noffered = false\n", 1) if "offered" not in table else table
        found.append(table)
    path = folder / "hardware.toml"
    path.write_text("".join(found))
    return path


@pytest.fixture
def kvm(desk: Desk, chameleon: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk of a course that uses whole H100s at KVM@TACC."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    for name, value in chameleon.env(SITE).items():
        monkeypatch.setenv(name, value)
    desk.hardware_file = offered(tmp_path, "kvm_h100")
    return desk


def reserved(desk: Desk) -> None:
    reserve_block(desk, "model", NOW)


def booted(desk: Desk) -> None:
    reserved(desk)
    entry = desk.journal.lease_for_command("model")
    lease, kind = wait_active(desk, entry, 120), desk.hardware_of(entry)
    machine = reach(desk, ensure_node(desk, lease, kind, node_name("model", NETID)))
    try:
        examine(machine, kind, desk.clock, desk.say)
    finally:
        machine.close()


def looked(desk: Desk) -> None:
    show_slots(desk, "model")


def kept_longer(desk: Desk) -> None:
    reserved(desk)
    keep_node(desk, "model", "1h")


def test_a_flavor_becomes_a_machine_with_its_disk_group_and_address_and_all_is_given_back(
    kvm: Desk, chameleon: Emulator
) -> None:
    booted(kvm)
    (server,) = chameleon.state.servers.values()
    (lease,) = chameleon.state.leases.values()
    assert server.flavor["name"] == f"reservation:{lease.reservations[0].id}"
    assert [one.kind for one in lease.reservations] == ["flavor:instance", "virtual:floatingip"]
    (volume,) = chameleon.state.volumes.values()
    assert (volume.name, volume.size, volume.server) == ("boot-node-serve-model-ab123", 100, server.id)
    assert chameleon.state.floating_of(server.port_id).tags[1].startswith("reservation:")
    assert any("1 x NVIDIA H100" in word for word in kvm.words)
    assert "node-serve-model-ab123 ACTIVE" in show_status(kvm)
    assert orphans(kvm) == []
    booted(kvm)
    assert len(chameleon.state.servers) == len(chameleon.state.volumes) == len(chameleon.state.floating_ips) == 1
    attach(next_command(kvm), "model").machine.close()
    groups = [one.name for one in chameleon.state.groups.values()]
    down(next_command(kvm), "model")
    chameleon.assert_empty()
    assert groups == ["allow-ssh"] and kvm.journal.open_entries() == []


def test_a_slice_needs_its_image_and_the_flavors_own_disk_will_do(
    kvm: Desk, chameleon: Emulator, tmp_path: Path
) -> None:
    kvm.hardware_file = offered(tmp_path, "kvm_h100_slice", boot_volume_gb="0")
    booted(kvm)
    (server,) = chameleon.state.servers.values()
    assert server.image["name"] == "CC-Ubuntu24.04-CUDA-VGPU" and not chameleon.state.volumes
    down(kvm, "model")
    chameleon.assert_empty()


def test_a_flavor_without_a_disk_of_its_own_wants_a_boot_volume(kvm: Desk, chameleon: Emulator, tmp_path: Path) -> None:
    kvm.hardware_file = offered(tmp_path, "kvm_h100", boot_volume_gb="0")
    chameleon.faults.on("flavor-without-disk")
    with pytest.raises(SiteError, match=r"no disk of its own.*boot_volume_gb.*\[kvm_h100\].*hardware.toml"):
        booted(kvm)
    kvm.hardware_file = offered(tmp_path, "kvm_h100")
    booted(next_command(kvm))
    down(next_command(kvm), "model")
    chameleon.assert_empty()


def test_free_times_are_counted_by_instances(kvm: Desk, chameleon: Emulator) -> None:
    start = next_hour(kvm.clock.now() + timedelta(hours=1))
    plain = start.replace(tzinfo=None)
    chameleon.state.book_flavor(PCI, plain, plain + timedelta(hours=3), 2)
    chameleon.state.book_flavor(PCI, plain + timedelta(hours=3), plain + timedelta(hours=4))
    site = kvm.site(SITE)
    site.sign_in()
    (kind,) = kvm.options("model")
    calendar = site.calendar(kind)
    assert list(calendar.nodes) == [f"{PCI}#1", f"{PCI}#2"]
    text = show_slots(kvm, "model")
    assert f"{PCI} at KVM@TACC" in text and "of 2" in text
    with pytest.raises(LeaseRefused, match="every g1.h100.pci.1 is taken.*Next free: "):
        reserve_block(kvm, "model", LeaseWishes(NETID, start))
    reserve_block(kvm, "model", LeaseWishes(NETID, start + timedelta(hours=3)))
    down(next_command(kvm), "model")
    chameleon.assert_empty()


def test_a_row_of_the_calendar_may_be_named_and_anything_else_is_refused(kvm: Desk, chameleon: Emulator) -> None:
    start = next_hour(kvm.clock.now() + timedelta(hours=1))
    with pytest.raises(UsageError, match="no site of this part has a node h100-01"):
        reserve_block(kvm, "model", LeaseWishes(NETID, start, node="h100-01"))
    reserve_block(kvm, "model", LeaseWishes(NETID, start, node=f"{PCI}#2"))
    down(kvm, "model")
    chameleon.assert_empty()


def test_a_group_that_a_classmate_made_is_used_and_completed(kvm: Desk, chameleon: Emulator) -> None:
    site = kvm.site(SITE)
    site.sign_in()
    for _ in range(2):  # two of one name, as when two students began at once
        body = {"security_group": {"name": "allow-ssh", "description": ""}}
        site.rest.call("POST", "network", "/security-groups", "preparing", body=body)
    booted(kvm)
    assert [len(one.rules) for one in chameleon.state.groups.values()] == [1, 0]
    down(kvm, "model")
    assert len(chameleon.state.groups) == 2, "others use them"


def test_jupyter_s_port_is_opened_only_where_it_is_public(kvm: Desk, chameleon: Emulator) -> None:
    booted(kvm)
    entry = kvm.journal.lease_for_command("model")
    lease, kind = wait_active(kvm, entry, 120), kvm.hardware_of(entry)
    ensure_node(kvm, lease, kind, node_name("model", NETID), public=True)
    assert {one.name for one in chameleon.state.groups.values()} == {"allow-ssh", "allow-8888"}
    down(kvm, "model")


NOVA = {"service": "nova", "match": "^POST"}
CINDER = {"service": "cinder", "match": "^(GET|POST)"}
ROWS = [
    Row("flavor-calendar-absent", looked, "does not show its calendar of flavors.*Flavor Calendar.*--start"),
    Row("flavor-calendar-forbidden", looked, "does not show its calendar of flavors.*dashboard"),
    Row("flavor-calendar-nonsense", looked, "cannot be read.*Repeat", SiteUnreachable),
    Row("flavor-calendar-absent", reserved, None),
    Row("flavor-missing", looked, "no flavor named g1.h100.pci.1.*hardware.toml", Missing),
    Row("flavor-missing", reserved, "no flavor named g1.h100.pci.1.*hardware.toml", Missing),
    Row("blazar-create-refused", reserved, "every g1.h100.pci.1 is taken.*Next free: ", LeaseRefused),
    Row("blazar-create-lost", reserved, None, times=1),
    Row("budget-user-spent", reserved, "left in user budget.*instructor"),
    Row("lease-extension-refused", kept_longer, "somebody holds the time", LeaseRefused),
    Row("reserved-flavor-missing", booted, "does not list the flavor of the lease.*Repeat.*help desk", Missing),
    Row("reserved-addresses-used-up", booted, None),
    Row("reserved-address-unsupported", booted, None),
    Row("reserved-address-missing", booted, None),
    Row("quota-instances", booted, "quota.*servelab down", Quota),
    Row("server-create-lost", booted, None, times=1),
    Row("server-error", booted, "in ERROR.*Timeout reached", Faulted),
    Row("server-no-valid-host", booted, "in ERROR.*No valid host", Faulted),
    Row("server-build-forever", booted, "to boot, in vain", WaitedTooLong),
    Row("server-never-reachable", booted, "nobody answers.*console", WaitedTooLong),
    Row("security-group-quota", booted, "no more of it.*making a security group.*servelab down", Quota),
    Row("security-rule-quota", booted, "no more of it.*making a group's rule", Quota),
    Row("security-group-vanishes", booted, "deleted it meanwhile.*repeat the command", Missing),
    Row("security-group-vanishes", booted, "deleted it meanwhile", Missing, times=1),
    Row("volume-quota", booted, "Cinder.*allowed gigabytes quota.*servelab down", Quota),
    Row("volume-error", booted, "the disk of node-serve-model-ab123 is in state error.*boot_volume_gb", Faulted),
    Row("volume-creating-forever", booted, "the disk of .* to be made .*in vain.*Volumes", WaitedTooLong),
    Row("volume-create-lost", booted, None, times=1),
    Row("catalog-without-volumes", booted, "catalog has no Cinder"),
    Row("image-missing", booted, "no image named CC-Ubuntu24.04-CUDA.*hardware.toml", Missing),
    Row("http-503", booted, "HTTP 503.*[Rr]epeat", params=CINDER),
    Row("http-timeout", booted, None, times=1, params={"service": "cinder", "match": "^GET"}),
    Row("http-reset", booted, None, times=1, params={"service": "neutron", "match": "^GET"}),
    Row("gpu-missing", booted, "shows no GPU"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_fault_is_told_with_its_remedy_and_leaves_nothing_behind(row: Row, kvm: Desk, chameleon: Emulator) -> None:
    chameleon.faults.on(row.fault, times=row.times, **row.params)
    row.strike(lambda: row.doing(kvm))
    assert chameleon.faults.hits[row.fault] or row.fault == "flavor-calendar-absent"
    chameleon.faults.off()
    down(next_command(kvm), "model")
    chameleon.assert_empty()
    assert kvm.journal.open_entries() == []


def test_the_same_command_goes_on_after_each_fault_of_the_way(kvm: Desk, chameleon: Emulator) -> None:
    """A group that vanished, a flavor that is late, a service that is away: repeat it, and nothing is there twice."""
    for name in ("reserved-flavor-missing", "volume-error", "security-group-vanishes"):
        chameleon.faults.on(name, times=1)
    kvm.site(SITE).sign_in()
    for _ in range(4):
        try:
            booted(next_command(kvm))
            break
        except Faulted:
            for one in list(chameleon.state.volumes.values()):
                kvm.site(SITE).volumes.delete(one.id)
        except SiteError:
            continue
    assert len(chameleon.state.servers) == len(chameleon.state.groups) == len(chameleon.state.volumes) == 1
    down(kvm, "model")
    chameleon.assert_empty()


@pytest.mark.parametrize("fault", ["volume-stays", "reserved-address-stays"])
def test_what_outlives_its_server_or_lease_is_deleted(fault: str, kvm: Desk, chameleon: Emulator) -> None:
    booted(kvm)
    chameleon.faults.on(fault)
    down(next_command(kvm), "model")
    assert chameleon.faults.hits[fault]
    chameleon.assert_empty()
    assert kvm.journal.open_entries() == []


def test_a_disk_that_cannot_be_deleted_is_named_and_goes_the_next_time(kvm: Desk, chameleon: Emulator) -> None:
    booted(kvm)
    for name in ("volume-stays", "volume-delete-refused"):
        chameleon.faults.on(name)
    with pytest.raises(SiteError, match="not everything.*volume node-serve-model-ab123.*Invalid volume.*servelab down"):
        down(kvm, "model")
    chameleon.faults.off()
    down(next_command(kvm), "model")
    chameleon.assert_empty()


def test_a_disk_without_its_server_is_an_orphan(kvm: Desk, chameleon: Emulator) -> None:
    chameleon.faults.on("quota-instances")
    with pytest.raises(Quota):
        booted(kvm)
    chameleon.faults.off()
    other = next_command(kvm)
    other.journal.path.unlink()
    found = {one.thing.kind for one in orphans(other)}
    assert found == {"lease", "volume"}
    down(other, "model", netid=NETID, site=SITE)
    chameleon.assert_empty()
