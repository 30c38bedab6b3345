"""Blazar's words as plain data: leases, refusals in words, calendars."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from reserve import hardware
from reserve.calendar import Interval
from reserve.errors import CredentialsError, LeaseRefused, Missing, SiteError, SiteUnreachable
from reserve.site import LeaseSpec
from reserve.sites.chameleon import chi
from reserve.sites.chameleon.blazar import Leases, parse_lease, parse_time
from reserve.sites.chameleon.credentials import SignIn
from reserve.sites.chameleon.rest import Gone
from tests.reserve.sites.chameleon.fake_rest import FakeRest

DAY = datetime(2027, 3, 4, tzinfo=UTC)
P100 = hardware.load()["gpu_p100"]
SPEC = LeaseSpec("serve_system_ab123", P100, DAY, DAY + timedelta(hours=3))
BODY = {
    "id": "l1",
    "name": "serve_system_ab123",
    "status": "active",
    "start_date": "2027-03-04T00:00:00.000000",
    "end_date": "2027-03-04 02:50",
    "reservations": [{"id": "r1", "status": "active"}],
}


@pytest.fixture
def rest() -> FakeRest:
    return FakeRest()


@pytest.fixture
def leases(rest: FakeRest, monkeypatch: pytest.MonkeyPatch) -> Leases:
    monkeypatch.setattr(chi, "reservations", lambda spec: [{"resource_type": "physical:host"}])
    rest.answers["GET /networks"] = {"networks": []}
    return Leases("CHI@TACC", rest, SignIn("openrc", "v3password", {}))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["2027-03-04T15:30:00.000000", "2027-03-04 15:30", "2027-03-04T15:30:00Z"])
def test_times_come_in_several_forms_and_are_utc(text: str) -> None:
    assert parse_time(text) == datetime(2027, 3, 4, 15, 30, tzinfo=UTC)


def test_a_time_that_is_none_is_no_answer() -> None:
    with pytest.raises(SiteUnreachable, match="'soon'.*Repeat"):
        parse_time("soon")


def test_a_lease_is_read_with_its_reservation_and_its_trouble() -> None:
    lease = parse_lease(BODY, "CHI@TACC")
    assert (lease.id, lease.status, lease.reservation_id, lease.detail) == ("l1", "ACTIVE", "r1", "")
    assert lease.end - lease.start == timedelta(hours=2, minutes=50)
    bad = {**BODY, "reservations": [{"status": "error", "missing_resources": True}]}
    bad["events"] = [{"event_type": "start_lease", "status": "ERROR"}]
    assert parse_lease(bad, "x").detail == "reservation error, event start_lease failed, its node is missing"
    with pytest.raises(SiteUnreachable, match="without 'id'"):
        parse_lease({"name": "x"}, "x")


def test_ones_own_newest_lease_that_has_not_ended_is_found_or_else_another_members(
    leases: Leases, rest: FakeRest
) -> None:
    rest.answers["GET /leases"] = {
        "leases": [
            {**BODY, "id": "old", "user_id": "me", "created_at": "2027-03-01"},
            {**BODY, "id": "new", "user_id": "me", "created_at": "2027-03-02"},
            {**BODY, "id": "ended", "user_id": "me", "created_at": "2027-03-03", "status": "TERMINATED"},
            {**BODY, "id": "theirs", "user_id": "you", "created_at": "2027-03-04"},
        ]
    }
    found = leases.find("serve_system_ab123", "me")
    assert found is not None and found.id == "new"
    theirs = leases.find("serve_system_ab123", "somebody new")
    assert theirs is not None and theirs.id == "theirs", "an instructor may have made it"
    assert leases.find("serve_model_ab123", "me") is None
    assert [one["id"] for one in leases.living()] == ["old", "new", "theirs"]


def test_the_addresses_of_leases_that_have_not_ended_are_known(leases: Leases, rest: FakeRest) -> None:
    both = [{"id": "f1", "resource_type": "virtual:floatingip"}, {"id": "r1", "resource_type": "physical:host"}]
    mine = {**BODY, "user_id": "me", "reservations": both}
    late = [{"id": "f2", "resource_type": "virtual:floatingip"}, both[1]]
    rest.answers["GET /leases"] = {"leases": [mine, {**mine, "status": "TERMINATED", "reservations": late}]}
    assert leases.living_addresses() == {"f1"}
    lease = parse_lease(mine, "x")
    assert (lease.reservation_id, lease.address_reservations) == ("r1", ("f1",))


@pytest.mark.parametrize("said", ["Not enough floating IPs available", "The virtual:floatingip resource type is not"])
def test_a_lease_is_made_without_an_address_where_none_can_be_reserved(
    leases: Leases, rest: FakeRest, said: str
) -> None:
    rest.answers["GET /networks"] = {"networks": [{"name": "public", "id": "n1"}]}
    tried: list[int] = []

    def once_refused(body: dict) -> dict:
        tried.append(len(body["reservations"]))
        if len(tried) == 1:
            raise SiteError(said)
        return {"lease": BODY}

    leases._ask = once_refused  # type: ignore[method-assign]
    assert leases.create(SPEC).address_reservations == () and tried == [2, 1]
    tried.clear()
    rest.answers["GET /networks"] = SiteUnreachable("silence")
    with pytest.raises(SiteError, match=said):
        leases.create(SPEC)
    assert tried == [1], "no address was asked for: nothing is to be left out"


def test_free_instances_of_a_flavor_become_rows_of_a_calendar(leases: Leases, rest: FakeRest) -> None:
    kind = hardware.load()["kvm_h100"]
    rest.answers["GET /flavors/detail"] = {"flavors": [{"name": kind.flavor, "id": "f"}]}
    path = "GET /flavor-instances/availability?flavor_id=f&start_date=2027-03-04+00%3A00&end_date=2027-04-04+00%3A00"
    counts = [("2027-03-04 00:00", "2027-03-04 05:00", 2), ("2027-03-04 05:00", "2027-03-04 08:00", 0)]
    counts.append(("2027-03-04 08:00", "2027-04-04 00:00", 1))
    segments = [{"start": start, "end": end, "available": free, "total": 2} for start, end, free in counts]
    rest.answers[path] = {"flavor_instances": [{"flavor_id": "f", "availability": segments}]}
    rest.answers["GET /leases"] = {"leases": []}
    calendar = leases.calendar(kind, DAY)
    five, eight = DAY + timedelta(hours=5), DAY + timedelta(hours=8)
    assert calendar.nodes == {
        "g1.h100.pci.1#1": (Interval(five, eight),),
        "g1.h100.pci.1#2": (Interval(five, datetime(2027, 4, 4, tzinfo=UTC)),),
    }
    # A lease of the project holds one of them, by the words that Blazar keeps of the flavor; another flavor's does not.
    held = {"resource_type": "flavor:instance", "amount": 1, "resource_properties": json.dumps({"name": kind.flavor})}
    other = {**held, "resource_properties": json.dumps({"name": "m1.tiny"})}
    ours = {**BODY, "name": "placeholder_model_g1.h100.pci.1#1_0304T05", "reservations": [held]}
    ours |= {"start_date": "2027-03-04T05:00:00.0", "end_date": "2027-03-04T08:00:00.0"}
    rest.answers["GET /leases"] = {
        "leases": [ours, {**ours, "id": "o", "reservations": [other, {**held, "resource_properties": ""}]}]
    }
    assert leases.calendar(kind, DAY).holds["g1.h100.pci.1#1"] == ((Interval(five, eight), str(BODY["id"])),)
    rest.answers[path] = {"flavor_instances": [{"availability": [{**segments[0], "available": 0, "total": 0}]}]}
    with pytest.raises(Missing, match="can lend no g1.h100.pci.1 to this project"):
        leases.calendar(kind, DAY)
    rest.answers["GET /flavors/detail"] = {"flavors": []}
    with pytest.raises(Missing, match="no flavor named g1.h100.pci.1"):
        leases.calendar(kind, DAY)


def test_a_lease_is_asked_for_to_the_minute_or_now(leases: Leases, rest: FakeRest) -> None:
    rest.answers["POST /leases"] = {"lease": BODY}
    leases.create(SPEC)
    assert rest.asked[-1][1]["start_date"] == "2027-03-04 00:00" and rest.asked[-1][1]["end_date"] == "2027-03-04 03:00"
    leases.create(LeaseSpec("x", P100, DAY, DAY + timedelta(hours=3), at_once=True))
    assert rest.asked[-1][1]["start_date"] == "now"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Not enough hosts available", "every compute_.* is taken|every gpu_p100 is taken"),
        ("Start date must be later than current date", "its start has passed. This machine's clock is 90 s behind"),
        ("end date must be later than start date", "would end before it starts"),
    ],
)
def test_a_refusal_is_told_in_words(leases: Leases, rest: FakeRest, said: str, told: str) -> None:
    rest.answers["POST /leases"] = SiteError(said)
    rest.skew_s = 90.0
    with pytest.raises(LeaseRefused, match=told):
        leases.create(SPEC)


def test_what_is_no_refusal_stays_what_it_was(leases: Leases, rest: FakeRest) -> None:
    rest.answers["POST /leases"] = SiteUnreachable("silence")
    with pytest.raises(SiteUnreachable, match="silence"):
        leases.create(SPEC)


def test_a_credential_without_trust_is_told_what_to_sign_in_with(leases: Leases, rest: FakeRest) -> None:
    leases.signin = SignIn("clouds.yaml", "v3applicationcredential", {})
    rest.answers["POST /leases"] = SiteError("could not create trust")
    with pytest.raises(CredentialsError, match="clouds.yaml cannot make leases.*Unrestricted"):
        leases.create(SPEC)


def test_an_extension_that_somebody_prevents_is_refused(leases: Leases, rest: FakeRest) -> None:
    lease = parse_lease(BODY, "CHI@TACC")
    rest.answers["PUT /leases/l1"] = SiteError("Not enough hosts")
    with pytest.raises(LeaseRefused, match="somebody holds the time"):
        leases.extend(lease, DAY + timedelta(hours=4))
    rest.answers["PUT /leases/l1"] = {}
    rest.answers["GET /leases/l1"] = Gone("404")
    with pytest.raises(SiteError, match="ended while it was being extended"):
        leases.extend(lease, DAY + timedelta(hours=4))


def test_a_lease_that_is_gone_is_deleted_and_unknown(leases: Leases, rest: FakeRest) -> None:
    rest.answers["DELETE /leases/l1"] = rest.answers["GET /leases/l1"] = Gone("404")
    leases.delete("l1")
    assert leases.get("l1") is None


def test_the_calendar_has_the_nodes_of_the_type_and_what_is_still_held(leases: Leases, rest: FakeRest) -> None:
    rest.answers["GET /os-hosts"] = {
        "hosts": [
            {"id": 1, "node_type": P100.node_type, "node_name": "p1"},
            {"id": 2, "node_type": P100.node_type, "uid": "u2"},
            {"id": 3, "node_type": "compute_liqid", "node_name": "l1"},
            {"id": 4, "node_type": P100.node_type, "node_name": "broken", "reservable": False},
        ]
    }
    held = [
        {"start_date": "2027-03-03T20:00:00", "end_date": "2027-03-03T22:00:00"},  # over for two hours
        {"start_date": "2027-03-04T01:00:00", "end_date": "2027-03-04T04:00:00"},
    ]
    rest.answers["GET /os-hosts/allocations"] = {
        "allocations": [{"resource_id": "1", "reservations": held}, {"resource_id": "9", "reservations": held}]
    }
    found = leases.calendar(P100, DAY)
    one = Interval(DAY + timedelta(hours=1), DAY + timedelta(hours=4))
    assert dict(found.nodes) == {"p1": (one,), "u2": ()}


def test_a_calendar_that_is_not_there_or_not_shown_is_told(leases: Leases, rest: FakeRest) -> None:
    rest.answers["GET /os-hosts"] = {"hosts": []}
    with pytest.raises(SiteError, match="no reservable gpu_p100.*hardware.toml against https"):
        leases.calendar(P100, DAY)
    rest.answers["GET /os-hosts"] = {"hosts": [{"id": 1, "node_type": P100.node_type, "node_name": "p1"}]}
    rest.answers["GET /os-hosts/allocations"] = CredentialsError("403")
    with pytest.raises(SiteError, match="does not show its calendar"):
        leases.calendar(P100, DAY)
