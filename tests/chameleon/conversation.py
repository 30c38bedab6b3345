"""One conversation with a cloud, request by request, the same for the emulator and for a real OpenStack.

`python -m tests.chameleon.conversation` holds it with the OpenStack that OS_* name and writes every answer to
recorded/openstack.json; test_recorded.py holds it with the emulator and compares.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

RECORDED = Path(__file__).with_name("recorded")
NAME = "recorded-conversation"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJDmzhDpIyuXk4Zr1yo5Gv1c3e8q6x5mJcV3X8T5h4aW recorded"
NOWHERE = "00000000-0000-0000-0000-000000000000"
Answers = dict[str, dict[str, Any]]


class Cloud:
    """Signed in, by plain HTTP; every `say` with a name is kept in `answers`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env, self.answers = env, Answers()
        self._session = requests.Session()
        self.endpoints: dict[str, str] = {}

    def say(self, name: str, method: str, url: str, body: Any = None, **headers: str) -> requests.Response:
        answer = self._session.request(method, url, json=body, headers=headers, timeout=60)
        if name:
            try:
                content = answer.json() if answer.content else None
            except ValueError:
                content = answer.text
            self.answers[name] = {
                "status": answer.status_code,
                "body": content,
                "versions": {
                    key: value for key, value in answer.headers.items() if key.lower().endswith("api-version")
                },
            }
        return answer

    def sign_in(self, name: str = "", password: str = "") -> requests.Response:
        env = self.env
        user = {
            "name": env["OS_USERNAME"],
            "password": password or env["OS_PASSWORD"],
            "domain": {"name": env["OS_USER_DOMAIN_NAME"]},
        }
        scope = {"project": {"name": env["OS_PROJECT_NAME"], "domain": {"name": env["OS_PROJECT_DOMAIN_NAME"]}}}
        answer = self.say(
            name,
            "POST",
            env["OS_AUTH_URL"] + "/auth/tokens",
            {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}},
        )
        if answer.ok:
            self._session.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
            for entry in answer.json()["token"]["catalog"]:
                for endpoint in entry["endpoints"]:
                    if endpoint["region"] == env["OS_REGION_NAME"] and endpoint["interface"] == "public":
                        self.endpoints[entry["type"]] = endpoint["url"].rstrip("/")
        return answer

    def at(self, kind: str, path: str) -> str:
        base = self.endpoints[kind]
        version = {"network": "/v2.0", "image": "/v2"}.get(kind, "")
        return base + ("" if base.endswith(version) else version) + path

    def until(self, name: str, url: str, true: Callable[[Any], bool], timeout_s: float = 60, **headers: str) -> Any:
        """GET again and again until it is so."""
        deadline = time.monotonic() + timeout_s
        while True:
            body = self.say(name, "GET", url, **headers)
            if true(body):
                return body
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name}: not so after {timeout_s} s: {body.text[:500]}")
            time.sleep(0.02 if timeout_s < 30 else 0.5)


def wish(amount: int = 1, node_type: str = "gpu_p100", kind: str = "physical:host") -> dict[str, Any]:
    return {
        "resource_type": kind,
        "resource_properties": json.dumps(["==", "$node_type", node_type]),
        "hypervisor_properties": "",
        "min": amount,
        "max": amount,
    }


def lease_body(start: str = "now", hours: float = 3, **changes: Any) -> dict[str, Any]:
    end = datetime.now(UTC) + timedelta(hours=hours)
    return {
        "name": NAME,
        "start_date": start,
        "end_date": end.strftime("%Y-%m-%d %H:%M"),
        "before_end_date": None,
        "events": [],
        "reservations": [wish()],
        **changes,
    }


def hold(env: Mapping[str, str], timeout_s: float = 60) -> Answers:
    """Talk through a student's session; leaves nothing behind."""
    cloud = Cloud(env)
    cloud.sign_in("token-wrong-password", "not the password")
    cloud.sign_in("token").raise_for_status()
    leases = cloud.at("reservation", "/leases")
    refusals(cloud, leases)
    made = cloud.say("lease-create", "POST", leases, lease_body()).json()["lease"]
    one = f"{leases}/{made['id']}"
    try:
        cloud.until("lease-active", one, lambda r: r.json()["lease"]["status"] == "ACTIVE", timeout_s)
        cloud.say("lease-list", "GET", leases)
        cloud.say("lease-by-name", "GET", f"{leases}/{NAME}")
        cloud.say("lease-taken", "POST", leases, lease_body(reservations=[wish(2)]))
        cloud.say("hosts", "GET", cloud.at("reservation", "/os-hosts"))
        cloud.say("host-allocations", "GET", cloud.at("reservation", "/os-hosts/allocations"))
        cloud.say("host-allocation", "GET", cloud.at("reservation", "/os-hosts/1/allocation"))
        cloud.say("lease-extend", "PUT", one, {"end_date": lease_body(hours=4)["end_date"]})
        cloud.until("", one, lambda r: r.json()["lease"]["status"] == "ACTIVE", timeout_s)
        extensions(cloud, leases, one, timeout_s)
        images(cloud)
        servers(cloud, made["reservations"][0]["id"], timeout_s)
    finally:
        cloud.say("lease-delete", "DELETE", one)
    cloud.say("lease-delete-again", "DELETE", one)
    return cloud.answers


def refusals(cloud: Cloud, leases: str) -> None:
    for name, body in {
        "lease-too-many": lease_body(reservations=[wish(7)]),
        "lease-unknown-type": lease_body(reservations=[wish(node_type="nothing")]),
        "lease-past": lease_body("2020-01-01 00:00"),
        "lease-ends-first": lease_body(hours=-3),
        "lease-bad-date": lease_body("2020"),
        "lease-no-plugin": lease_body(reservations=[wish(kind="virtual:floatingip")]),
        "lease-malformed-properties": lease_body(reservations=[{**wish(), "resource_properties": '["=="]'}]),
    }.items():
        cloud.say(name, "POST", leases, body)
    cloud.say("lease-unknown", "GET", f"{leases}/{NOWHERE}")
    cloud.say("lease-no-token", "GET", leases, **{"X-Auth-Token": "nonsense"})


def extensions(cloud: Cloud, leases: str, one: str, timeout_s: float) -> None:
    """Another lease on both nodes from the minute on in which the first one ends; then the first one wants longer."""
    end = cloud.say("", "GET", one).json()["lease"]["end_date"][:16].replace("T", " ")
    after = lease_body(end, 6, reservations=[wish(2)], name=NAME + "-after")
    made = cloud.say("lease-adjacent", "POST", leases, after).json()["lease"]
    try:
        cloud.say("lease-pending", "GET", f"{leases}/{made['id']}")
        cloud.say("lease-extend-taken", "PUT", one, {"end_date": lease_body(hours=5)["end_date"]})
        cloud.until("", one, lambda r: r.json()["lease"]["status"] == "ACTIVE", timeout_s)
        cloud.say("lease-extend-past", "PUT", one, {"end_date": "2020-01-01 00:00"})
        cloud.until("", one, lambda r: r.json()["lease"]["status"] == "ACTIVE", timeout_s)
        cloud.say("lease-rename", "PUT", one, {"name": NAME})
        cloud.until("", one, lambda r: r.json()["lease"]["status"] == "ACTIVE", timeout_s)
    finally:
        cloud.say("", "DELETE", f"{leases}/{made['id']}")


def images(cloud: Cloud) -> None:
    url = cloud.at("image", "/images")
    found = cloud.say("image-list", "GET", f"{url}?name=CC-Ubuntu24.04-CUDA&limit=200").json()["images"]
    cloud.say("image-none", "GET", f"{url}?name=nothing&limit=200")
    cloud.say("image", "GET", f"{url}/{found[0]['id']}")
    cloud.say("image-unknown", "GET", f"{url}/{NOWHERE}")
    cloud.say("image-schema", "GET", cloud.at("image", "/schemas/image"))


def servers(cloud: Cloud, reservation: str, timeout_s: float) -> None:
    v61 = {"OpenStack-API-Version": "compute 2.61", "X-OpenStack-Nova-API-Version": "2.61"}
    v100 = {"OpenStack-API-Version": "compute 2.100", "X-OpenStack-Nova-API-Version": "2.100"}
    compute, keys = cloud.at("compute", "/servers"), cloud.at("compute", "/os-keypairs")
    cloud.say("compute-version", "GET", cloud.at("compute", ""))
    flavor = cloud.say("flavors", "GET", cloud.at("compute", "/flavors/detail"), **v61).json()["flavors"][0]
    networks = cloud.say("networks", "GET", cloud.at("network", "/networks")).json()["networks"]
    by_name = {each["name"]: each["id"] for each in networks}
    cloud.say("network-by-name", "GET", cloud.at("network", "/networks/sharednet1"))
    cloud.say("network", "GET", cloud.at("network", f"/networks/{by_name['sharednet1']}"))
    image = cloud.answers["image-list"]["body"]["images"][0]["id"]
    cloud.say("keypair-unknown", "GET", f"{keys}/{NAME}", **v61)
    key = {"keypair": {"name": NAME, "type": "ssh", "public_key": PUBLIC_KEY}}
    cloud.say("keypair-create", "POST", keys, key, **v61)
    cloud.say("keypair-create-again", "POST", keys, key, **v61)
    cloud.say("keypair", "GET", f"{keys}/{NAME}", **v61)

    def body(hint: str) -> dict[str, Any]:
        return {
            "server": {
                "name": NAME,
                "key_name": NAME,
                "flavorRef": flavor["id"],
                "imageRef": image,
                "networks": [{"uuid": by_name["sharednet1"]}],
            },
            "OS-SCH-HNT:scheduler_hints": {"reservation": hint},
        }

    made: list[str] = []
    try:
        made.append(cloud.say("server-create", "POST", compute, body(reservation), **v100).json()["server"]["id"])
        url = f"{compute}/{made[0]}"
        cloud.say("server-building", "GET", url, **v61)
        cloud.until("server-active", url, lambda r: r.json()["server"]["status"] == "ACTIVE", timeout_s, **v61)
        cloud.say("server-active-2.100", "GET", url, **v100)
        made.append(cloud.say("", "POST", compute, body(NOWHERE), **v100).json()["server"]["id"])
        cloud.until(
            "server-error", f"{compute}/{made[1]}", lambda r: r.json()["server"]["status"] == "ERROR", timeout_s, **v61
        )
        cloud.say("server-list", "GET", f"{compute}/detail", **v61)
        cloud.say("server-unknown", "GET", f"{compute}/{NOWHERE}", **v61)
        bad = body(reservation)
        cloud.say("server-no-key", "POST", compute, {**bad, "server": {**bad["server"], "key_name": "none"}}, **v100)
        cloud.say("server-no-image", "POST", compute, {**bad, "server": {**bad["server"], "imageRef": NOWHERE}}, **v100)
        addresses(cloud, url, made[0], by_name["public"], timeout_s, v61)
        cloud.say("server-remove-ip", "POST", f"{url}/action", {"removeFloatingIp": {"address": "127.0.10.11"}}, **v100)
    finally:
        for number in made:
            cloud.say("server-delete", "DELETE", f"{compute}/{number}", **v61)
        cloud.say("keypair-delete", "DELETE", f"{keys}/{NAME}", **v61)
    for number in made:
        cloud.until("server-gone", f"{compute}/{number}", lambda r: r.status_code == 404, timeout_s, **v61)


def addresses(cloud: Cloud, server_url: str, server: str, public: str, timeout_s: float, v61: dict[str, str]) -> None:
    url = cloud.at("network", "/floatingips")
    made = cloud.say("floatingip-create", "POST", url, {"floatingip": {"floating_network_id": public}}).json()
    one = f"{url}/{made['floatingip']['id']}"
    try:
        cloud.say("floatingips", "GET", url)
        ports = cloud.say("ports", "GET", cloud.at("network", f"/ports?device_id={server}")).json()["ports"]
        cloud.say("floatingip-attach", "PUT", one, {"floatingip": {"port_id": ports[0]["id"]}})
        address = made["floatingip"]["floating_ip_address"]
        cloud.until("server-with-address", server_url, lambda r: address in r.text, timeout_s, **v61)
        cloud.say("floatingip-bad-port", "PUT", one, {"floatingip": {"port_id": NOWHERE}})
        cloud.say("floatingip-bad-network", "POST", url, {"floatingip": {"floating_network_id": NOWHERE}})
        cloud.say("floatingip-python-chi-delete", "DELETE", cloud.at("network", f"/{made['floatingip']['id']}"))
    finally:
        cloud.say("floatingip-delete", "DELETE", one)
    cloud.say("floatingip-gone", "GET", one)


if __name__ == "__main__":
    answers = hold(os.environ)
    (RECORDED / "openstack.json").write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
    print(f"{len(answers)} answers recorded")
