"""Giving back: verified, in order, stubborn things named; other people's things untouched."""

from __future__ import annotations

import pytest

from reserve.errors import Quota, SiteError
from reserve.lease.give_back import release
from reserve.verbs import go as going
from reserve.verbs.down import down
from reserve.verbs.go import Order
from reserve.verbs.reserve import reserve_block
from tests.reserve.scenario import NOW, booted, reserved


@pytest.mark.parametrize(
    ("fault", "thing"),
    [
        ("lease-delete-refused", "lease serve_system_ab123"),
        ("server-delete-ignored", "server node-serve-system-ab123"),
        ("floating-ip-delete-refused", "floating_ip node-serve-system-ab123"),
    ],
)
def test_what_does_not_go_is_named_and_goes_the_next_time(fault, thing, desk, chameleon):
    chameleon.faults.on("reserved-addresses-used-up")
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
    chameleon.faults.on("reserved-addresses-used-up")
    chameleon.faults.on("quota-floating-ips")
    with pytest.raises(Quota, match="may be classmates': none was taken.*dashboard"):
        booted(desk)
    assert chameleon.state.floating_ips[id].port_id is None
    chameleon.faults.off()
    down(desk, "system")
    site.servers.delete_address(id)
    chameleon.assert_empty()


def test_the_address_that_was_reserved_with_the_lease_is_used_and_goes_with_it(desk, chameleon):
    booted(desk)
    (address,) = chameleon.state.floating_ips.values()
    assert address.port_id and address.address.endswith(".251") and address.tags[1].startswith("reservation:")
    asked = [(method, path) for _, _, method, path, _ in chameleon.state.requests]
    assert ("POST", "/v2.0/floatingips") not in asked, "no other was asked for"
    down(desk, "system")
    chameleon.assert_empty()
    assert desk.journal.open_entries() == []


def test_an_address_is_given_back_with_a_lease_that_was_never_used(desk, chameleon):
    reserved(desk)
    chameleon.clock.advance(minutes=5)
    assert len(chameleon.state.floating_ips) == 1, "it is there from the lease's start"
    chameleon.faults.on("reserved-address-stays")
    down(desk, "system")
    assert chameleon.faults.hits["reserved-address-stays"]
    chameleon.assert_empty()


def test_the_address_of_another_lease_of_ones_own_is_left_alone(desk, chameleon):
    booted(desk)
    reserve_block(desk, "model", NOW)
    chameleon.clock.advance(minutes=5)
    assert len(chameleon.state.floating_ips) == 2
    down(desk, "system")
    assert len(chameleon.state.floating_ips) == 1
    down(desk, "model")
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
