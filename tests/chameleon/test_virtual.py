"""Virtual machines by flavor at KVM@TACC, as Blazar 18, Nova and Neutron answered when they were asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from .clock import Clock
from .emulator import Emulator
from .student import SERVER, Student, until

PCI, SLICE = "g1.h100.pci.1", "g1.h100.vgpu.1g.12gb"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def student(emulator: Emulator) -> Student:
    return Student(emulator, "KVM@TACC")


def test_the_list_of_sites_leaves_the_kvm_site_out_and_the_catalog_has_it(emulator: Emulator, student: Student) -> None:
    listed = student.cloud.say("", "GET", emulator.env()["CHI_RESOURCE_API_URL"] + "/sites.json").json()["items"]
    assert "KVM@TACC" not in {each["name"] for each in listed}
    assert {"volumev3", "compute", "reservation"} <= student.cloud.endpoints.keys()
    assert "volumev3" not in Student(emulator).cloud.endpoints


def test_a_reservation_has_a_private_flavor_from_start_to_end_and_one_instance(student: Student) -> None:
    lease = student.flavor_lease(address=True)
    flavor, address = lease["reservations"]
    assert flavor["resource_type"] == "flavor:instance" and flavor["flavor_id"] == flavor["id"] and "min" not in flavor
    assert address["amount"] == 1 and address["required_floatingips"] == []
    listed = {each["id"]: each for each in student.ask("GET", "compute", "/flavors/detail").json()["flavors"]}
    assert listed[flavor["id"]]["name"] == f"reservation:{flavor['id']}"
    assert student.virtual_server(lease)["status"] == "ACTIVE"
    second = student.virtual_server(lease)
    assert second["status"] == "ERROR" and "No valid host" in second["fault"]["message"]
    held = student.ask("GET", "network", "/floatingips").json()["floatingips"]
    assert [each["tags"] for each in held] == [["blazar", f"reservation:{address['id']}"]]
    student.ask("DELETE", "reservation", f"/leases/{lease['id']}")
    names = {each["name"] for each in student.ask("GET", "compute", "/flavors/detail").json()["flavors"]}
    assert not any(name.startswith("reservation:") for name in names)
    assert student.ask("GET", "network", "/floatingips").json()["floatingips"] == []


def test_a_gpu_that_was_not_reserved_gets_no_host_and_a_small_machine_does(student: Student) -> None:
    lease = {"reservations": [{"id": "7a61e1ff-6344-4932-be2b-9e98cabe99fd"}]}
    assert student.virtual_server(lease)["status"] == "ERROR"
    assert student.virtual_server({"reservations": [{"id": "3"}]})["status"] == "ACTIVE"


@pytest.mark.parametrize(("flavor", "capacity"), [(PCI, 2), (SLICE, 4)])
def test_no_more_is_reserved_than_there_is(student: Student, flavor: str, capacity: int) -> None:
    for _ in range(capacity):
        student.flavor_lease(flavor)
    with pytest.raises(AssertionError, match="Not enough hosts available"):
        student.flavor_lease(flavor)


def test_the_calendar_counts_what_is_free_without_gaps() -> None:
    with Emulator(clock=Clock(speed=1, frozen=True)) as emulator:
        student = Student(emulator, "KVM@TACC")
        now = emulator.clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        emulator.state.book_flavor(PCI, now + timedelta(hours=1), now + timedelta(hours=4))
        emulator.state.book_flavor(PCI, now + timedelta(hours=2), now + timedelta(hours=3))
        number = "7a61e1ff-6344-4932-be2b-9e98cabe99fd"
        stretch = f"start_date={now:%Y-%m-%d %H:%M}&end_date={now + timedelta(hours=5):%Y-%m-%d %H:%M}"
        path = f"/flavor-instances/availability?flavor_id={number}&{stretch}"
        one = student.ask("GET", "reservation", path).json()["flavor_instances"][0]
        assert [each["available"] for each in one["availability"]] == [2, 1, 0, 1, 2]
        assert {each["total"] for each in one["availability"]} == {2}
        ends = [each["end"] for each in one["availability"]]
        assert [each["start"] for each in one["availability"]][1:] == ends[:-1]


def test_nobody_reaches_a_machine_before_a_group_lets_them_in(emulator: Emulator, student: Student) -> None:
    server = student.virtual_server(student.flavor_lease())
    student.address(server["id"])
    assert not any(host.address for host in emulator.nodes.hosts.values())
    made = student.ask("POST", "network", "/security-groups", {"security_group": {"name": "allow-ssh"}})
    number = made.json()["security_group"]["id"]
    path, body = f"/servers/{server['id']}/action", {"addSecurityGroup": {"name": number}}
    assert student.ask("POST", "compute", path, body).status_code == 202
    assert not any(host.address for host in emulator.nodes.hosts.values())
    rule = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    body = {"security_group_rule": {**rule, "security_group_id": number}}
    assert student.ask("POST", "network", "/security-group-rules", body).status_code == 201
    until(lambda: any(host.address for host in emulator.nodes.hosts.values()))
    assert "H100" in (emulator.nodes.of(SERVER).folder / "gpus").read_text()
    assert student.ask("POST", "compute", path, {"addSecurityGroup": {"name": number}}).status_code == 400
