"""Giving back: verified, in order, stubborn things named; other people's things untouched."""

from __future__ import annotations

import pytest

from reserve.errors import SiteError
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


def test_a_borrowed_address_goes_back_to_the_project(desk, chameleon):
    site = desk.site("CHI@TACC")
    site.sign_in()
    nets = site.rest.call("GET", "network", "/networks", "listing networks")["networks"]
    public = next(net["id"] for net in nets if net["name"] == "public")
    body = {"floatingip": {"floating_network_id": public}}
    made = site.rest.call("POST", "network", "/floatingips", "preparing", body=body)["floatingip"]
    chameleon.faults.on("quota-floating-ips")
    booted(desk)
    chameleon.faults.off()
    down(desk, "system")
    left = site.rest.call("GET", "network", "/floatingips", "looking")["floatingips"]
    assert [one["id"] for one in left] == [made["id"]] and left[0]["port_id"] is None
    site.servers.delete_address(made["id"])
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
