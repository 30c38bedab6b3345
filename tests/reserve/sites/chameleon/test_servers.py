"""Nova and Neutron: the user's servers, the key pair, and addresses that are found again."""

from __future__ import annotations

from typing import Any

import pytest

from reserve.errors import CredentialsError, Missing, Quota, SiteUnreachable
from reserve.site import Node
from reserve.sites.chameleon.credentials import SignIn
from reserve.sites.chameleon.rest import Gone
from reserve.sites.chameleon.servers import Servers, fingerprint, tag
from tests.reserve.sites.chameleon.fake_rest import FakeRest

ZEROS = "ssh-ed25519 AAAA servelab"  # base64 of three zero bytes
ZEROS_MD5 = "69:3e:9a:f8:4d:3d:fc:c7:1e:64:0e:00:5b:dc:5e:2e"
NODE = Node("s1", "node-x", "CHI@TACC", "server", "ACTIVE")


@pytest.fixture
def rest() -> FakeRest:
    return FakeRest()


@pytest.fixture
def servers(rest: FakeRest) -> Servers:
    return Servers("CHI@TACC", rest, SignIn("openrc", "v3password", {}), "me")  # type: ignore[arg-type]


def server(id: str, status: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "name": "node-x", "status": status, "user_id": "me", **more}


def test_a_fingerprint_is_md5_with_colons() -> None:
    assert fingerprint(ZEROS) == ZEROS_MD5


def test_a_working_server_is_found_before_a_broken_one_and_others_never(servers: Servers, rest: FakeRest) -> None:
    rest.answers["GET /servers/detail"] = {
        "servers": [
            server("broken", "ERROR"),
            server("building", "BUILD"),
            server("good", "ACTIVE"),
            server("gone", "DELETED"),
            server("theirs", "ACTIVE", user_id="you"),
        ]
    }
    found = servers.find("node-x", "cc")
    assert found is not None and (found.id, found.user) == ("good", "cc")
    assert [thing.id for thing in servers.all_named("node-x")] == ["broken", "building", "good"]
    assert servers.find("node-y", "cc") is None


def test_the_floating_address_counts_and_a_fault_is_the_detail(servers: Servers, rest: FakeRest) -> None:
    fixed = {"addr": "10.0.0.5", "OS-EXT-IPS:type": "fixed"}
    floating = {"addr": "129.114.0.9", "OS-EXT-IPS:type": "floating"}
    rest.answers["GET /servers/s1"] = {"server": server("s1", "active", addresses={"net": [fixed, floating]})}
    found = servers.get("s1", "cc")
    assert found is not None and (found.status, found.address, found.detail) == ("ACTIVE", "129.114.0.9", "10.0.0.5")
    rest.answers["GET /servers/s1"] = {"server": server("s1", "ERROR", fault={"message": "No valid host"})}
    broken = servers.get("s1", "cc")
    assert broken is not None and (broken.address, broken.detail) == ("", "No valid host")


def test_a_server_that_is_gone_is_none(servers: Servers, rest: FakeRest) -> None:
    rest.answers["GET /servers/s1"] = rest.answers["DELETE /servers/s1"] = Gone("404")
    assert servers.get("s1", "") is None
    servers.delete("s1")
    rest.answers["GET /servers/s1"] = {"server": server("s1", "deleted")}
    assert servers.get("s1", "") is None


def test_an_answer_that_is_no_list_is_told(servers: Servers, rest: FakeRest) -> None:
    rest.answers["GET /servers/detail"] = {}
    with pytest.raises(SiteUnreachable, match="no list of servers"):
        servers.mine()


def test_a_key_is_uploaded_once_and_another_of_its_name_never_replaced(servers: Servers, rest: FakeRest) -> None:
    rest.answers["GET /os-keypairs/k"] = Gone("404")
    rest.answers["POST /os-keypairs"] = {}
    assert servers.ensure_keypair("k", ZEROS)
    assert rest.asked[-1][1]["keypair"]["public_key"] == ZEROS
    rest.answers["GET /os-keypairs/k"] = {"keypair": {"fingerprint": ZEROS_MD5}}
    assert not servers.ensure_keypair("k", ZEROS)
    rest.answers["GET /os-keypairs/k"] = {"keypair": {"fingerprint": "00:11"}}
    with pytest.raises(CredentialsError, match="00:11 there.*--key.*OS_KEYPAIR_NAME"):
        servers.ensure_keypair("k", ZEROS)


ADDRESSES = {
    "floatingips": [
        {"id": "ours", "description": "servelab:node-x:me", "floating_ip_address": "1.1.1.1"},
        {"id": "lent", "port_id": "p9", "port_details": {"device_id": "s1"}, "floating_ip_address": "2.2.2.2"},
        {"id": "theirs", "description": "servelab:node-x:you", "floating_ip_address": "3.3.3.3"},
        {"id": "free", "description": "", "port_id": None, "floating_ip_address": "4.4.4.4"},
    ]
}


def test_addresses_are_known_by_their_tag_or_their_server(servers: Servers, rest: FakeRest) -> None:
    assert tag("node-x", "me") == "servelab:node-x:me"
    rest.answers["GET /floatingips"] = ADDRESSES
    found = servers.addresses_of("node-x", {"s1"})
    assert [(thing.kind, thing.id, thing.detail) for thing in found] == [
        ("floating_ip", "ours", "1.1.1.1"),
        ("borrowed_ip", "lent", "2.2.2.2"),
    ]
    assert [thing.id for thing in servers.tagged_addresses()] == ["ours"]


def test_an_address_that_was_reserved_with_the_lease_comes_first(servers: Servers, rest: FakeRest) -> None:
    reserved = {"id": "held", "port_id": None, "tags": ["blazar", "reservation:r1"], "floating_ip_address": "6.6.6.6"}
    rest.answers["GET /floatingips"] = {"floatingips": [*ADDRESSES["floatingips"], reserved]}
    rest.answers["PUT /floatingips/held"] = {}
    thing = servers.attach_address("port", "node-x", ("r1",))
    assert (thing.kind, thing.id, thing.detail) == ("borrowed_ip", "held", "6.6.6.6")
    rest.answers["GET /networks"] = {"networks": [{"name": "public", "id": "n1"}]}
    rest.answers["POST /floatingips"] = Quota("no more.")
    rest.answers["PUT /floatingips/held"] = Gone("the lease has ended")
    for reservations in (("r1",), ("another's",), ()):
        with pytest.raises(Quota, match="no more. Free addresses of the project may be classmates'"):
            servers.attach_address("port", "node-x", reservations)


def test_an_address_that_outlived_its_lease_is_deleted_and_any_other_only_detached(
    servers: Servers, rest: FakeRest
) -> None:
    mine = {"id": "a", "port_id": "p", "tags": ["blazar", "reservation:r1"], "floating_ip_address": "6.6.6.6"}
    rest.answers["GET /floatingips"] = {"floatingips": [mine, {"id": "b", "port_id": None, "tags": []}]}
    rest.answers["PUT /floatingips/a"] = rest.answers["DELETE /floatingips/a"] = {}
    for living, method in (("r1",), "PUT"), (("r2",), "DELETE"):
        servers.give_back_address("a", living)
        assert rest.asked[-1][0] == f"{method} /floatingips/a"
    for id in ("b", "gone"):  # nothing to do
        servers.give_back_address(id, ())
        assert rest.asked[-1][0] == "GET /floatingips"


def test_an_address_is_made_on_its_port_with_our_tag(servers: Servers, rest: FakeRest) -> None:
    rest.answers["GET /networks"] = {"networks": []}
    with pytest.raises(Missing, match="no network named 'public'"):
        servers.attach_address("port", "node-x")
    rest.answers["GET /networks"] = {"networks": [{"name": "public", "id": "n1"}]}
    rest.answers["POST /floatingips"] = {"floatingip": {"id": "f1", "floating_ip_address": "5.5.5.5"}}
    assert servers.attach_address("port", "node-x").detail == "5.5.5.5"
    asked = {"floating_network_id": "n1", "port_id": "port", "description": "servelab:node-x:me"}
    assert rest.asked[-1][1] == {"floatingip": asked}


def test_the_port_of_a_server_is_asked_for_by_its_id(servers: Servers, rest: FakeRest) -> None:
    rest.answers["GET /ports?device_id=s1"] = {"ports": [{"id": "p1"}]}
    assert servers.port(NODE) == "p1"
    rest.answers["GET /ports?device_id=s1"] = {"ports": []}
    with pytest.raises(Missing, match="no network port yet"):
        servers.port(NODE)
