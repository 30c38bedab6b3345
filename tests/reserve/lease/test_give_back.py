"""Giving back: verified, in order, stubborn things named; other people's things untouched."""

from __future__ import annotations

import pytest

from reserve.errors import Quota, SiteError
from reserve.lease.give_back import release
from reserve.verbs import go as going
from reserve.verbs.down import down
from reserve.verbs.go import Order
from tests.reserve.scenario import NOW, booted


@pytest.mark.parametrize(
    ("fault", "thing"),
    [
        ("lease-delete-refused", "lease serve_system_ab123"),
        ("server-delete-ignored", "server node-serve-system-ab123"),
        ("floating-ip-delete-refused", "floating_ip node-serve-system-ab123"),
    ],
)
def test_what_does_not_go_is_named_and_goes_the_next_time(fault, thing, desk, chameleon):
    booted(desk)
    chameleon.faults.on(fault)
    with pytest.raises(SiteError, match=f"not everything.*{thing}.*servelab down"):
        down(desk, "system")
    assert desk.journal.open_entries(), "the journal must keep what was not seen to go"
    chameleon.faults.off()
    down(desk, "system")
    chameleon.assert_empty()
    assert desk.journal.open_entries() == []


def test_down_twice_is_down_once(desk, chameleon):
    booted(desk)
    assert down(desk, "system") >= 3
    assert down(desk, "system") == 0


def test_what_vanished_by_itself_is_not_missed(desk, chameleon):
    booted(desk)
    chameleon.clock.advance(hours=5)  # the lease ends, and its server with it
    down(desk, "system")
    chameleon.assert_empty()
    assert desk.journal.open_entries() == []


def free_address(desk) -> tuple[object, str]:
    """The site, and an address of the project that nobody uses at the moment."""
    site = desk.site("CHI@TACC")
    site.sign_in()
    nets = site.rest.call("GET", "network", "/networks", "listing networks")["networks"]
    public = next(net["id"] for net in nets if net["name"] == "public")
    body = {"floatingip": {"floating_network_id": public}}
    return site, site.rest.call("POST", "network", "/floatingips", "preparing", body=body)["floatingip"]["id"]


def test_a_classmates_free_address_is_never_taken(desk, chameleon):
    site, id = free_address(desk)
    chameleon.faults.on("quota-floating-ips")
    with pytest.raises(Quota, match="may be classmates': none was taken.*dashboard"):
        booted(desk)
    assert chameleon.state.floating_ips[id].port_id is None
    chameleon.faults.off()
    down(desk, "system")
    site.servers.delete_address(id)
    chameleon.assert_empty()


def test_the_address_that_was_reserved_with_the_lease_is_used_and_goes_back(desk, chameleon, monkeypatch):
    site, id = free_address(desk)
    chameleon.state.floating_ips[id].tags = ["blazar", "reservation:r-of-the-lease"]
    monkeypatch.setattr(type(site.leases), "reserved_addresses", lambda *_: frozenset({"r-of-the-lease"}))
    booted(desk)
    assert chameleon.state.floating_ips[id].port_id and len(chameleon.state.floating_ips) == 1
    down(desk, "system")
    assert chameleon.state.floating_ips[id].port_id is None
    site.servers.delete_address(id)
    chameleon.assert_empty()


def test_ctrl_c_gives_everything_back(desk, chameleon, monkeypatch):
    def interrupted(*args, **kwargs):
        booted(desk)
        raise KeyboardInterrupt

    monkeypatch.setattr(going, "up", interrupted)
    with pytest.raises(KeyboardInterrupt):
        going.go(desk, "system", Order(NOW))
    chameleon.assert_empty()


def test_keep_keeps(desk, chameleon, monkeypatch):
    def fails(*args, **kwargs):
        raise SiteError("no")

    monkeypatch.setattr(going, "up", fails)
    with pytest.raises(SiteError):
        going.go(desk, "system", Order(NOW, keep=True))
    assert chameleon.inventory()["leases"]
    down(desk, "system")
    chameleon.assert_empty()


def test_the_wait_for_a_deletion_is_bounded(desk, chameleon):
    booted(desk)
    chameleon.faults.on("server-delete-ignored")
    hardware = desk.hardware_of(desk.journal.lease_for_command("system"))
    began = desk.clock.seconds()
    with pytest.raises(SiteError, match="in vain"):
        release(desk, "system", hardware, {"ab123"}, limit_s=30)
    assert desk.clock.seconds() - began < 120
    chameleon.faults.off()
    down(desk, "system")
