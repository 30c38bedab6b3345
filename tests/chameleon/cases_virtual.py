"""Faults of virtual machines by flavor, their groups and disks, and of addresses that are reserved with a lease."""

from __future__ import annotations

import pytest
import requests

from .cases import BROKEN, case, striking
from .emulator import Emulator
from .student import Student, until

CALENDAR = "/flavor-instances/availability"


@case("flavor-calendar-absent", "flavor-calendar-forbidden", "flavor-calendar-nonsense")
def the_calendar_of_flavors_is_not_to_be_had(emulator: Emulator, student: Student) -> None:
    answer = student.ask("GET", "reservation", CALENDAR)
    status = {"flavor-calendar-absent": 404, "flavor-calendar-forbidden": 403, "flavor-calendar-nonsense": 200}
    assert answer.status_code == status[striking(emulator)]
    if answer.ok:
        assert "available" not in answer.json()["flavor_instances"][0]["availability"][0]


@case("reserved-flavor-missing")
def the_private_flavor_is_not_listed(emulator: Emulator, student: Student) -> None:
    student.flavor_lease()
    names = [each["name"] for each in student.ask("GET", "compute", "/flavors/detail").json()["flavors"]]
    assert names and not any(name.startswith("reservation:") for name in names)


@case("flavor-without-disk")
def a_server_without_a_boot_volume_is_refused(emulator: Emulator, student: Student) -> None:
    student.key_pair()
    site, lease = student.site, student.flavor_lease()
    body = {"name": "x", "key_name": "student", "flavorRef": lease["reservations"][0]["id"]}
    body |= {"imageRef": site.images[0]["id"], "networks": [{"uuid": site.networks[0]["id"]}]}
    assert student.ask("POST", "compute", "/servers", {"server": body}).status_code == 403


def _group(student: Student) -> requests.Response:
    return student.ask("POST", "network", "/security-groups", {"security_group": {"name": "allow-ssh"}})


def _rule(student: Student, group: str) -> requests.Response:
    rule = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    body = {"security_group_rule": {**rule, "security_group_id": group}}
    return student.ask("POST", "network", "/security-group-rules", body)


@case("security-group-quota")
def no_group_within_the_quota(emulator: Emulator, student: Student) -> None:
    assert _group(student).json()["NeutronError"]["type"] == "OverQuota"


@case("security-rule-quota")
def no_rule_within_the_quota(emulator: Emulator, student: Student) -> None:
    assert _rule(student, _group(student).json()["security_group"]["id"]).status_code == 409


@case("security-group-vanishes")
def the_group_is_gone_when_it_is_added(emulator: Emulator, student: Student) -> None:
    group = _group(student).json()["security_group"]["id"]
    server = student.virtual_server(student.flavor_lease())["id"]
    path, body = f"/servers/{server}/action", {"addSecurityGroup": {"name": group}}
    assert student.ask("POST", "compute", path, body).status_code == 404


@case("volume-quota")
def no_volume_within_the_quota(emulator: Emulator, student: Student) -> None:
    answer = student.volume()
    assert answer.status_code == 413 and "quota" in answer.json()["overLimit"]["message"]
    emulator.assert_empty()


@case("volume-error")
def the_volume_fails(emulator: Emulator, student: Student) -> None:
    number = student.volume().json()["volume"]["id"]
    assert until(lambda: student.show_volume(number)["status"] == "error")


@case("volume-creating-forever")
def the_volume_is_never_made(emulator: Emulator, student: Student) -> None:
    number = student.volume().json()["volume"]["id"]
    emulator.clock.advance(minutes=30)
    assert student.show_volume(number)["status"] == "creating"


@case("volume-create-lost")
def the_volume_is_made_and_its_answer_lost(emulator: Emulator, student: Student) -> None:
    with pytest.raises(BROKEN):
        student.volume()
    assert len(emulator.inventory()["volumes"]) == 1


@case("volume-stays")
def the_volume_outlives_its_server(emulator: Emulator, student: Student) -> None:
    number = student.volume().json()["volume"]["id"]
    until(lambda: student.show_volume(number)["status"] == "available")
    disk = {"boot_index": 0, "uuid": number, "source_type": "volume", "destination_type": "volume"}
    disks = [{**disk, "delete_on_termination": True}]
    server = student.virtual_server(student.flavor_lease(), imageRef="", block_device_mapping_v2=disks)
    assert server["status"] == "ACTIVE" and server["image"] == ""
    student.ask("DELETE", "compute", f"/servers/{server['id']}")
    until(lambda: student.show_server(server["id"])["status"] == "gone")
    assert student.show_volume(number)["status"] == "available"


@case("volume-delete-refused")
def the_volume_is_not_deleted(emulator: Emulator, student: Student) -> None:
    number = student.volume().json()["volume"]["id"]
    until(lambda: student.show_volume(number)["status"] == "available")
    assert student.ask("DELETE", "volumev3", f"/volumes/{number}").status_code == 400


@case("reserved-addresses-used-up", "reserved-address-unsupported")
def no_address_is_reserved(emulator: Emulator, student: Student) -> None:
    with pytest.raises(AssertionError, match="Not enough floating IPs available|type is not supported"):
        student.flavor_lease(address=True)
    emulator.assert_empty()
    assert student.flavor_lease()["status"] == "ACTIVE"


@case("reserved-address-missing")
def the_address_does_not_come(emulator: Emulator, student: Student) -> None:
    assert student.flavor_lease(address=True)["status"] == "ACTIVE"
    assert emulator.inventory()["floating_ips"] == []


@case("reserved-address-stays")
def the_address_outlives_its_lease(emulator: Emulator, student: Student) -> None:
    lease = student.flavor_lease(address=True)
    assert student.ask("DELETE", "reservation", f"/leases/{lease['id']}").ok
    assert len(emulator.inventory()["floating_ips"]) == 1
