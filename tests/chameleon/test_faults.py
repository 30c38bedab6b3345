"""Every fault of the table does on the wire, or on the node, what its row says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from . import cases_cloud, cases_node, cases_virtual, cases_wire
from .cases import CASES
from .emulator import Emulator
from .faults import CONTAINER, HTTP, LEASE, NODE, SERVER, TABLE, VIRTUAL
from .student import Student

REGISTERED = (cases_wire, cases_cloud, cases_node, cases_virtual)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_the_table_has_a_hundred_and_fifty_rows_and_more_each_with_a_remedy() -> None:
    assert len(TABLE) == len(HTTP + LEASE + SERVER + VIRTUAL + CONTAINER + NODE) >= 150
    assert all(len(fault.does) > 10 and len(fault.remedy) > 10 for fault in TABLE.values())
    services = {"keystone", "blazar", "nova", "neutron", "glance", "cinder", "zun", "reference", "node", "any"}
    assert {fault.service for fault in TABLE.values()} <= services
    for fault in TABLE.values():
        re.compile(fault.match)


def test_every_fault_has_its_case() -> None:
    assert CASES.keys() == TABLE.keys()


@pytest.mark.parametrize("name", list(TABLE))
def test_fault(emulator: Emulator, name: str) -> None:
    virtual = any(fault.name == name for fault in VIRTUAL)
    site = "CHI@Edge" if TABLE[name].service == "zun" else "KVM@TACC" if virtual else "CHI@TACC"
    student = Student(emulator, site)
    if TABLE[name].service == "node" and name not in ("server-never-reachable", "lease-ended-mid-run"):
        student.home = student.node()
    emulator.faults.on(name)
    CASES[name](emulator, student)
    assert emulator.faults.hits[name] > 0
