"""The node flows against real Keystone, Nova, Neutron, Glance and Blazar: whatever the OS_* variables point to.

    eval "$(cloud env)"; pytest -m openstack

Needs a site with `gpu_p100` and `compute_gigaio` hosts; makes leases and servers and gives all of them back. With a
flavor `g1.h100.pci.1` and Blazar's `flavor.instance.plugin` there, a virtual machine too; with addresses that Blazar
may lend (`virtual.floatingip.plugin`), these go with the leases.
"""

import os
from dataclasses import replace

import pytest

from reserve import hardware as table
from reserve.clock import Clock
from reserve.desk import Desk
from reserve.journal import Journal
from tests.reserve import scenario

pytestmark = [
    pytest.mark.openstack,
    pytest.mark.timeout(900),
    pytest.mark.skipif("OS_AUTH_URL" not in os.environ, reason="no OS_* variables: source an openrc first"),
]


class ShortWaits(Clock):
    """The real clock; polls every second, because a fake hypervisor boots in seconds."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 1.0))


@pytest.fixture
def real(tmp_path, short_timeouts, monkeypatch):
    monkeypatch.setattr("reserve.sites.chameleon.rest.TIMEOUT_S", 60.0)
    monkeypatch.setattr("reserve.sites.chameleon.chi.TIMEOUT_S", 60.0)

    clock = ShortWaits()
    return Desk(journal=Journal(tmp_path / "state", clock), clock=clock, voice=lambda text: None)


def test_a_lease_becomes_a_node_and_everything_is_given_back(real):
    scenario.from_lease_to_release(real)


def test_a_reserved_flavor_becomes_a_machine_that_a_group_lets_us_into(real):
    site = real.site("CHI@TACC")
    site.sign_in()
    listed = site.rest.call("GET", "compute", "/flavors/detail", "listing flavors")["flavors"]
    if "g1.h100.pci.1" not in {one["name"] for one in listed}:
        pytest.skip("no flavor g1.h100.pci.1 at this site")
    hardware = replace(table.load()["kvm_h100"], site="CHI@TACC", boot_volume_gb=0)
    real.hardware_of = lambda entry: hardware
    try:
        lease = scenario.lease_at_once(real, hardware)
        # By this a flavor's calendar knows which of its instances the course holds.
        assert [held.lease for held in site.leases.holding_flavor(hardware.flavor, [])] == [lease.id]
        name = scenario.node_name(hardware.part, scenario.NETID)
        node = scenario.ensure_node(real, lease, hardware, name)
        assert node.status == "ACTIVE" and node.address
        assert scenario.ensure_node(real, lease, hardware, name).id == node.id
        groups = site.rest.call("GET", "compute", f"/servers/{node.id}/os-security-groups", "looking")
        assert "allow-ssh" in {one["name"] for one in groups["security_groups"]}
        kind = "borrowed_ip" if lease.address_reservations else "floating_ip"
        assert [entry.id for entry in real.journal.open_entries(kind=kind)]
    finally:
        scenario.release(real, hardware.part, hardware, {scenario.NETID})
    assert site.inventory() == [] and real.journal.open_entries() == []
    assert not [one for one in site.servers.addresses() if one.get("tags")], "the lease took its address along"


def test_a_refused_lease_is_explained(real):
    scenario.conflict(real)
