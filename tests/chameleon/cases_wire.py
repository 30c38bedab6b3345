"""Faults of requests, whatever the service."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from .cases import BROKEN, SHORT_S, case, striking
from .conversation import Cloud
from .emulator import Emulator
from .student import Student


def get(student: Student, **options: Any) -> requests.Response:
    return requests.get(
        student.cloud.at("reservation", "/os-hosts"), headers=student.headers(), **{"timeout": SHORT_S, **options}
    )


@case(
    "http-401",
    "http-403",
    "http-404",
    "http-409",
    "http-414",
    "http-429",
    "http-500",
    "http-502",
    "http-503",
    "http-504",
)
def refused_with_a_status(emulator: Emulator, student: Student) -> None:
    answer = get(student)
    name = striking(emulator)
    assert answer.status_code == int(name[-3:])
    assert answer.headers["Content-Type"].startswith("text/html" if answer.status_code > 501 else "application/json")
    assert (answer.headers.get("Retry-After") == "1") == (name == "http-429")
    emulator.faults.off(name)
    assert get(student).status_code == 200


@case("token-expired")
def token_is_void_until_the_next_sign_in(emulator: Emulator, student: Student) -> None:
    emulator.faults.on("token-expired", times=1)
    assert [get(student).status_code, get(student).status_code] == [401, 401]
    student.cloud.sign_in()
    assert get(student).status_code == 200


@case("credentials-rejected", "keystone-forbidden", "keystone-unavailable", "project-disabled")
def sign_in_fails(emulator: Emulator, student: Student) -> None:
    expected = {"credentials-rejected": 401, "keystone-forbidden": 403, "keystone-unavailable": 503}
    expected["project-disabled"] = 401
    assert student.cloud.sign_in().status_code == expected[striking(emulator)]
    assert get(student).status_code == 200


@case("keystone-hangs")
def sign_in_is_not_answered(emulator: Emulator, student: Student) -> None:
    with pytest.raises(requests.Timeout):
        requests.post(emulator.env()["OS_AUTH_URL"] + "/auth/tokens", json={}, timeout=SHORT_S)


LACKING = {"reservations": "reservation", "containers": "container"}
LACKING |= {"servers": "compute", "networks": "network", "images": "image", "volumes": "volumev3"}


@case(*(f"catalog-without-{name}" for name in LACKING))
def catalog_lacks_a_service(emulator: Emulator, student: Student) -> None:
    kind = LACKING[striking(emulator).rpartition("-")[2]]
    fresh = Cloud(emulator.env("KVM@TACC" if kind == "volumev3" else "CHI@Edge"))
    assert fresh.sign_in().status_code == 201
    assert kind not in fresh.endpoints and "identity" in fresh.endpoints


@case("keystone-nonsense")
def sign_in_is_answered_with_a_page(emulator: Emulator, student: Student) -> None:
    answer = requests.post(emulator.env()["OS_AUTH_URL"] + "/auth/tokens", json={}, timeout=5)
    assert answer.text.startswith("<!DOCTYPE html>")


@case("cli-password-wrong", "idp-unavailable")
def the_identity_provider_gives_no_token(emulator: Emulator, student: Student) -> None:
    env = emulator.env(auth="openrc")
    found = requests.get(env["OS_DISCOVERY_ENDPOINT"], timeout=5).json()["token_endpoint"]
    form = {"grant_type": "password", "username": env["OS_USERNAME"], "password": env["OS_PASSWORD"]}
    expected = 401 if striking(emulator) == "cli-password-wrong" else 503
    assert requests.post(found, data=form, timeout=5).status_code == expected


@case("several-projects", "no-project")
def the_users_projects_are_others(emulator: Emulator, student: Student) -> None:
    count = 3 if striking(emulator) == "several-projects" else 0
    assert len(student.ask("GET", "identity", "/auth/projects").json()["projects"]) == count


@case("http-timeout")
def no_answer_comes(emulator: Emulator, student: Student) -> None:
    with pytest.raises(requests.Timeout):
        get(student)


@case("http-half-open")
def half_an_answer_comes(emulator: Emulator, student: Student) -> None:
    with get(student, stream=True) as answer:
        assert answer.status_code == 200
        part = next(answer.iter_content(16))
        assert part.startswith(b'{"hosts"')
        with pytest.raises((requests.ConnectionError, requests.Timeout)):
            _ = answer.content


@case("http-truncated", "http-drop", "http-reset")
def the_connection_breaks(emulator: Emulator, student: Student) -> None:
    with pytest.raises(BROKEN):
        get(student)


@case("malformed-json")
def the_body_is_no_json(emulator: Emulator, student: Student) -> None:
    answer = get(student)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="char"):
        answer.json()


@case("empty-json", "maintenance-page")
def the_answer_is_another(emulator: Emulator, student: Student) -> None:
    answer = get(student)
    assert answer.status_code == 200
    assert answer.text == "{}" or answer.text.startswith("<!DOCTYPE html>")


@case("sites-empty", "sites-page-instead")
def the_list_of_sites_is_of_no_use(emulator: Emulator, student: Student) -> None:
    said = requests.get(f"{emulator.env()['CHI_RESOURCE_API_URL']}/sites.json", timeout=5).text
    assert said.startswith("<!DOCTYPE html>") or '"items": []' in said


@case("sites-unavailable", "nodes-unavailable")
def the_reference_api_is_down(emulator: Emulator, student: Student) -> None:
    page = "sites.json" if striking(emulator).startswith("sites") else "sites/tacc/clusters/chameleon/nodes.json"
    assert requests.get(f"{emulator.env()['CHI_RESOURCE_API_URL']}/{page}", timeout=5).status_code == 503


@case("clock-skew")
def the_date_is_wrong(emulator: Emulator, student: Student) -> None:
    seen = parsedate_to_datetime(get(student).headers["Date"]).replace(tzinfo=None)
    assert 3500 < (seen - emulator.clock.now()).total_seconds() < 3700
