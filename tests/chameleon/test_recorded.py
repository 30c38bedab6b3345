"""The emulator's answers beside those that were recorded from real services."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from .conversation import RECORDED, Answers, Cloud, hold, lease_body, wish
from .emulator import Emulator
from .shape import differences, message_of, words

REAL: Answers = json.loads((RECORDED / "openstack.json").read_text())
BRANCH = json.loads((RECORDED / "branch.json").read_text())


@pytest.fixture(scope="module")
def answers() -> Answers:
    with Emulator(branch="upstream") as emulator:
        held = hold(emulator.env(), timeout_s=20)
        emulator.assert_empty()
        return held


def test_the_same_requests_are_answered(answers: Answers) -> None:
    assert answers.keys() == REAL.keys()
    assert len(REAL) >= 60


@pytest.mark.parametrize("name", sorted(REAL))
def test_answer_is_as_recorded_from_openstack(answers: Answers, name: str) -> None:
    real, seen = REAL[name], answers[name]
    assert seen["status"] == real["status"]
    assert differences(real["body"], seen["body"]) == []
    assert {k.lower(): v for k, v in seen["versions"].items()} == {k.lower(): v for k, v in real["versions"].items()}
    if real["status"] >= 400:
        assert words(message_of(seen["body"])) == words(message_of(real["body"])) != ""


# Chameleon's branch and the edge, whose recorded facts are written down by hand


def matches(expected: Any, seen: Any) -> bool:
    if isinstance(expected, str) and expected.startswith("~"):
        return isinstance(seen, str) and re.fullmatch(expected[1:], seen) is not None
    if isinstance(expected, dict):
        return (
            isinstance(seen, dict)
            and expected.keys() == seen.keys()
            and all(matches(expected[key], seen[key]) for key in expected)
        )
    if isinstance(expected, list):
        return (
            isinstance(seen, list) and bool(seen) == bool(expected) and all(matches(expected[0], each) for each in seen)
        )
    return bool(type(expected) is type(seen) and expected == seen)


def assert_as_recorded(name: str, answer: requests.Response) -> Any:
    body = answer.json()
    assert answer.status_code == BRANCH[name]["status"]
    if "body" in BRANCH[name]:
        assert matches(BRANCH[name]["body"], body), body
    return body


@pytest.fixture(scope="module")
def branch() -> Any:
    with Emulator() as emulator:
        yield emulator


def signed_in(emulator: Emulator, site: str) -> Cloud:
    cloud = Cloud(emulator.env(site))
    assert cloud.sign_in("token").status_code == 201
    return cloud


def test_the_comparison_sees_what_differs() -> None:
    recorded = {"a": "2026-11-23T22:52:05.000000", "b": [{"c": 1}], "d": None}
    assert differences(recorded, recorded) == []
    assert differences(recorded, {**recorded, "a": "2026-11-23 22:52:05"}) != []
    assert differences(recorded, {**recorded, "b": [{"c": "1"}]}) != []
    assert differences(recorded, {**recorded, "b": []}) != []
    assert differences(recorded, {"a": recorded["a"], "b": recorded["b"]}) == [".d: missing"]
    assert not matches({"a": "~x+"}, {"a": "y"})


def test_the_branch_refuses_in_its_own_words(branch: Emulator) -> None:
    cloud = signed_in(branch, "CHI@TACC")
    body = lease_body(reservations=[wish(7)])
    assert_as_recorded("lease-refused", cloud.say("", "POST", cloud.at("reservation", "/leases"), body))


def test_the_branch_answers_a_deleted_lease_with_an_empty_object(branch: Emulator) -> None:
    cloud = signed_in(branch, "CHI@TACC")
    leases = cloud.at("reservation", "/leases")
    made = cloud.say("", "POST", leases, lease_body()).json()["lease"]
    recorded = REAL["lease-create"]["body"]["lease"]["reservations"][0]
    assert sorted(made["reservations"][0].keys() - recorded.keys()) == BRANCH["host-reservation-extra-keys"]
    assert_as_recorded("lease-delete", cloud.say("", "DELETE", f"{leases}/{made['id']}"))


def test_the_branch_refuses_an_extension_onto_another_lease(branch: Emulator) -> None:
    cloud = signed_in(branch, "CHI@TACC")
    leases = cloud.at("reservation", "/leases")
    made = cloud.say("", "POST", leases, lease_body()).json()["lease"]
    end = datetime.fromisoformat(made["end_date"])
    for name in ("p100-01", "p100-02"):
        branch.state.book(name, end, end + timedelta(hours=2))
    later = (end + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M")
    assert_as_recorded("lease-extend-taken", cloud.say("", "PUT", f"{leases}/{made['id']}", {"end_date": later}))
    assert cloud.say("", "GET", f"{leases}/{made['id']}").json()["lease"]["end_date"] == made["end_date"]


def test_devices_and_their_calendar(branch: Emulator) -> None:
    cloud = signed_in(branch, "CHI@Edge")
    devices = assert_as_recorded("devices", cloud.say("", "GET", cloud.at("reservation", "/devices")))["devices"]
    assert [each["name"] for each in devices] == ["rpi5-1", "rpi5-2"]
    now = datetime.now(UTC).replace(tzinfo=None)
    for each in devices:
        branch.state.book(each["name"], now + timedelta(days=1), now + timedelta(days=1, hours=2))
    assert_as_recorded("device-allocations", cloud.say("", "GET", cloud.at("reservation", "/devices/allocations")))
    assert_as_recorded(
        "device-allocation", cloud.say("", "GET", cloud.at("reservation", f"/devices/{devices[0]['id']}/allocation"))
    )


@pytest.mark.parametrize(
    "properties",
    ['["==", "$machine_name", "raspberrypi5"]', '["==", "$name", "rpi5-2"]', '["==", "$model", "Raspberry Pi 5"]', ""],
)
def test_a_device_is_leased_by_machine_name_name_or_model(branch: Emulator, properties: str) -> None:
    cloud = signed_in(branch, "CHI@Edge")
    leases = cloud.at("reservation", "/leases")
    reservation = {"resource_type": "device", "min": 1, "max": 1, "resource_properties": properties}
    answer = cloud.say("", "POST", leases, lease_body(reservations=[reservation]))
    assert answer.status_code == 201
    made = answer.json()["lease"]["reservations"][0]
    recorded = REAL["lease-create"]["body"]["lease"]["reservations"][0]
    assert sorted(recorded.keys() - made.keys()) == BRANCH["device-reservation-missing-keys"]
    assert (made["resource_type"], made["resource_properties"]) == ("device", properties)
    cloud.say("", "DELETE", f"{leases}/{answer.json()['lease']['id']}")


def test_upstream_knows_no_devices() -> None:
    with Emulator(branch="upstream") as emulator:
        cloud = signed_in(emulator, "CHI@Edge")
        assert cloud.say("", "GET", cloud.at("reservation", "/devices")).status_code == 404


def test_the_reference_api_needs_no_token(branch: Emulator) -> None:
    env = branch.env()
    sites = requests.get(env["CHI_RESOURCE_API_URL"] + "/sites.json", timeout=5).json()
    assert [each["name"] for each in sites["items"]] == ["CHI@TACC", "CHI@UC", "CHI@Edge"]
    assert all(sorted(each) == BRANCH["sites"]["keys"] for each in sites["items"])
    nodes = requests.get(env["CHI_RESOURCE_API_URL"] + "/sites/tacc/clusters/chameleon/nodes.json", timeout=5).json()
    assert {each["node_type"] for each in nodes["items"]} == {"compute_liqid", "gpu_p100", "gpu_mi100", "gpu_h100"}
    assert all(sorted(each) == BRANCH["node"]["keys"] for each in nodes["items"])
    devices = requests.get(env["EDGE_RESOURCE_API_URL"], timeout=5).json()
    assert all(sorted(each) == BRANCH["edge-device"]["keys"] for each in devices)
