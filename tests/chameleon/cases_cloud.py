"""Faults of leases, servers, addresses and containers."""

from __future__ import annotations

import re
import tarfile

import pytest
import requests

from .blazar import REFUSALS
from .cases import BROKEN, SHORT_S, case, striking
from .conversation import lease_body
from .emulator import Emulator
from .student import Student, until


@case("blazar-create-refused")
def lease_is_refused(emulator: Emulator, student: Student) -> None:
    answer = student.ask("POST", "reservation", "/leases", lease_body())
    assert answer.status_code == 500 and "Not enough resources available" in answer.json()["error_message"]
    emulator.assert_empty()


@case(*REFUSALS)
def lease_is_refused_by_a_rule(emulator: Emulator, student: Student) -> None:
    status, sentence = REFUSALS[striking(emulator)]
    answer = student.ask("POST", "reservation", "/leases", lease_body())
    assert (answer.status_code, answer.json()["error_message"]) == (status, sentence)
    emulator.assert_empty()


@case("extension-too-early", "extension-budget-spent")
def extension_is_refused_by_a_rule(emulator: Emulator, student: Student) -> None:
    lease = student.lease()
    answer = student.ask("PUT", "reservation", f"/leases/{lease['id']}", {"end_date": lease_body(hours=4)["end_date"]})
    assert re.search("within 172800 seconds|only 0.10 left", answer.json()["error_message"])
    assert student.show_lease(lease["id"])["end_date"] == lease["end_date"]


@case("hosts-set-aside")
def hosts_are_for_others(emulator: Emulator, student: Student) -> None:
    hosts = student.ask("GET", "reservation", "/os-hosts").json()["hosts"]
    assert {each["authorized_projects"] for each in hosts} == {"0" * 32}
    assert student.ask("POST", "reservation", "/leases", lease_body()).status_code == 500


@case("lease-node-missing")
def the_node_of_the_lease_is_missing(emulator: Emulator, student: Student) -> None:
    lease = student.lease()
    assert lease["status"] == "ACTIVE" and lease["reservations"][0]["missing_resources"] is True


@case("blazar-create-lost", "blazar-create-silent")
def lease_is_made_and_its_answer_lost(emulator: Emulator, student: Student) -> None:
    with pytest.raises((*BROKEN, requests.Timeout)):
        requests.post(
            student.cloud.at("reservation", "/leases"),
            json=lease_body(name="lost"),
            timeout=SHORT_S,
            headers=student.headers(),
        )
    assert [each["name"] for each in student.ask("GET", "reservation", "/leases").json()["leases"]] == ["lost"]


@case("lease-answer-unparsable")
def created_at_has_a_fraction(emulator: Emulator, student: Student) -> None:
    made = student.ask("POST", "reservation", "/leases", lease_body()).json()["lease"]
    assert re.fullmatch(r"[-\d]+ [:\d]+\.\d+", made["created_at"])


@case("lease-trust-refused")
def an_application_credential_makes_no_lease(emulator: Emulator, student: Student) -> None:
    number, secret = emulator.state.app_credential
    answer = requests.post(
        emulator.env()["OS_AUTH_URL"] + "/auth/tokens",
        timeout=5,
        json={
            "auth": {
                "identity": {
                    "methods": ["application_credential"],
                    "application_credential": {"id": number, "secret": secret},
                }
            }
        },
    )
    assert answer.json()["token"]["methods"] == ["application_credential"]
    refused = requests.post(
        student.cloud.at("reservation", "/leases"),
        json=lease_body(),
        timeout=5,
        headers={"X-Auth-Token": answer.headers["X-Subject-Token"]},
    )
    assert refused.status_code == 500
    assert student.ask("POST", "reservation", "/leases", lease_body()).status_code == 201


@case("lease-pending-forever")
def lease_never_starts(emulator: Emulator, student: Student) -> None:
    made = student.ask("POST", "reservation", "/leases", lease_body()).json()["lease"]
    emulator.clock.advance(minutes=30)
    assert student.show_lease(made["id"])["status"] == "PENDING"


@case("lease-error")
def lease_fails(emulator: Emulator, student: Student) -> None:
    lease = student.lease()
    assert (lease["status"], lease["reservations"][0]["status"]) == ("ERROR", "error")
    assert student.ask("DELETE", "reservation", f"/leases/{lease['id']}").ok
    emulator.assert_empty()


@case("lease-vanishes")
def lease_is_gone(emulator: Emulator, student: Student) -> None:
    made = student.ask("POST", "reservation", "/leases", lease_body()).json()["lease"]
    assert student.ask("GET", "reservation", f"/leases/{made['id']}").status_code == 404


@case("lease-extension-refused")
def extension_is_refused(emulator: Emulator, student: Student) -> None:
    lease = student.lease()
    answer = student.ask("PUT", "reservation", f"/leases/{lease['id']}", {"end_date": lease_body(hours=4)["end_date"]})
    assert answer.json()["error_message"] == "Not enough hosts available"
    assert student.show_lease(lease["id"])["end_date"] == lease["end_date"]


@case("lease-delete-refused")
def lease_stays(emulator: Emulator, student: Student) -> None:
    lease = student.lease()
    assert student.ask("DELETE", "reservation", f"/leases/{lease['id']}").status_code == 500
    assert emulator.inventory()["leases"]


@case("hosts-not-reservable")
def hosts_are_out_of_service(emulator: Emulator, student: Student) -> None:
    hosts = student.ask("GET", "reservation", "/os-hosts").json()["hosts"]
    assert not any(each["reservable"] for each in hosts)
    assert student.ask("POST", "reservation", "/leases", lease_body()).status_code == 500


@case("allocations-forbidden")
def calendar_is_closed(emulator: Emulator, student: Student) -> None:
    assert student.ask("GET", "reservation", "/os-hosts/allocations").status_code == 403
    assert student.ask("GET", "reservation", "/os-hosts").status_code == 200


# servers and addresses


@case("quota-instances")
def no_server_within_the_quota(emulator: Emulator, student: Student) -> None:
    student.key_pair()
    answer = student.new_server(student.lease()["reservations"][0]["id"])
    assert answer.status_code == 403 and "Quota exceeded" in answer.json()["forbidden"]["message"]


@case("keypair-quota")
def no_key_pair_within_the_quota(emulator: Emulator, student: Student) -> None:
    assert student.key_pair().status_code == 403 and not emulator.inventory()["keypairs"]


@case("server-create-lost")
def server_is_made_and_its_answer_lost(emulator: Emulator, student: Student) -> None:
    student.key_pair()
    with pytest.raises(BROKEN):
        student.new_server(student.lease()["reservations"][0]["id"])
    assert len(emulator.inventory()["servers"]) == 1


@case("server-error")
def server_fails_and_says_why(emulator: Emulator, student: Student) -> None:
    server = student.server()
    assert server["status"] == "ERROR" and "Failed to provision instance" in server["fault"]["message"]


@case("server-no-valid-host")
def no_host_is_found(emulator: Emulator, student: Student) -> None:
    server = student.server()
    assert server["status"] == "ERROR" and "No valid host was found" in server["fault"]["message"]


@case("images-forbidden")
def images_are_for_readers(emulator: Emulator, student: Student) -> None:
    assert student.ask("GET", "image", "/images").status_code == 403


@case("public-network-missing")
def no_public_network_is_listed(emulator: Emulator, student: Student) -> None:
    names = [each["name"] for each in student.ask("GET", "network", "/networks").json()["networks"]]
    assert names and "public" not in names


@case("port-missing")
def no_port_is_listed(emulator: Emulator, student: Student) -> None:
    number = student.server()["id"]
    assert student.ask("GET", "network", f"/ports?device_id={number}").json()["ports"] == []


@case("server-build-forever")
def server_stays_in_build(emulator: Emulator, student: Student) -> None:
    student.key_pair()
    number = student.new_server(student.lease()["reservations"][0]["id"]).json()["server"]["id"]
    emulator.clock.advance(minutes=40)
    assert student.show_server(number)["status"] == "BUILD"


@case("server-wrong-state")
def server_is_off(emulator: Emulator, student: Student) -> None:
    assert student.server()["status"] == "SHUTOFF"


@case("server-vanishes")
def server_is_gone(emulator: Emulator, student: Student) -> None:
    number = student.server()["id"]
    assert student.ask("GET", "compute", "/servers/detail").json() == {"servers": []}
    assert student.show_server(number) == {"status": "gone"}


@case("server-delete-ignored")
def server_stays(emulator: Emulator, student: Student) -> None:
    number = student.server()["id"]
    assert student.ask("DELETE", "compute", f"/servers/{number}").status_code == 204
    emulator.clock.advance(minutes=5)
    assert student.show_server(number)["status"] == "ACTIVE"


@case("flavor-missing", "image-missing", "network-missing")
def nothing_is_listed(emulator: Emulator, student: Student) -> None:
    kind, path, key = {
        "flavor-missing": ("compute", "/flavors/detail", "flavors"),
        "image-missing": ("image", "/images?name=CC-Ubuntu24.04-CUDA", "images"),
        "network-missing": ("network", "/networks", "networks"),
    }[striking(emulator)]
    assert student.ask("GET", kind, path).json()[key] == []


@case("quota-floating-ips", "no-floating-ip")
def no_address_is_given(emulator: Emulator, student: Student) -> None:
    answer = student.ask(
        "POST", "network", "/floatingips", {"floatingip": {"floating_network_id": student.site.networks[1]["id"]}}
    )
    assert answer.status_code == 409
    assert answer.json()["NeutronError"]["type"] in ("OverQuota", "IpAddressGenerationFailure")
    emulator.assert_empty()


@case("floating-ip-create-lost")
def address_is_taken_and_its_answer_lost(emulator: Emulator, student: Student) -> None:
    with pytest.raises(BROKEN):
        student.address(student.server()["id"])
    assert len(emulator.inventory()["floating_ips"]) == 1


@case("floating-ip-not-attached")
def address_does_not_reach_the_server(emulator: Emulator, student: Student) -> None:
    with pytest.raises(AssertionError, match="not reachable"):
        student.address(student.server()["id"])


@case("floating-ip-delete-refused")
def address_stays(emulator: Emulator, student: Student) -> None:
    student.address(student.server()["id"])
    number = next(iter(emulator.state.floating_ips))
    assert student.ask("DELETE", "network", f"/floatingips/{number}").status_code == 409
    assert emulator.inventory()["floating_ips"]


# containers


@case("container-quota")
def no_container_within_the_quota(emulator: Emulator, student: Student) -> None:
    with pytest.raises(AssertionError, match="Quota exceeded"):
        student.container()


@case("container-image-missing", "container-error")
def container_fails_and_says_why(emulator: Emulator, student: Student) -> None:
    made = student.container()
    assert made["status"] == "Error" and re.search("manifest unknown|did not answer", made["status_reason"])


@case("container-creating-forever")
def container_never_runs(emulator: Emulator, student: Student) -> None:
    reservation = student.lease()["reservations"][0]["id"]
    made = student.ask("POST", "container", "/containers", {"image": "x", "hints": {"reservation": reservation}}).json()
    emulator.clock.advance(minutes=30)
    assert student.show_container(made["uuid"])["status"] == "Creating"


@case("container-execute-fails")
def command_is_killed(emulator: Emulator, student: Student) -> None:
    emulator.faults.on("container-execute-fails", match="train")
    number = student.container()["uuid"]
    assert student.execute(number, "echo hi")["exit_code"] == 0
    assert student.execute(number, "echo train")["exit_code"] == 137


@case("container-execute-mute")
def nothing_is_answered(emulator: Emulator, student: Student) -> None:
    done = student.execute(student.container()["uuid"], "echo hi")
    assert (done["output"], done["exit_code"]) == ("", None)


@case("container-command-slow")
def a_slow_command_goes_on_unheard(emulator: Emulator, student: Student) -> None:
    number = student.container()["uuid"]
    done = student.execute(number, "sh -c 'echo begun; sleep 0.3; echo ended > /tmp/ended'")
    assert (done["output"], done["exit_code"]) == ("begun\n", None)
    root = emulator.state.roots[number].root
    until(lambda: (root / "tmp" / "ended").exists())


@case("container-device-offline")
def device_is_not_reached(emulator: Emulator, student: Student) -> None:
    assert "no such host" in str(student.execute(student.container()["uuid"], "true"))


@case("container-stops", "container-vanishes")
def container_is_no_more(emulator: Emulator, student: Student) -> None:
    number, vanishes = student.container()["uuid"], striking(emulator) == "container-vanishes"
    assert ("could not be found" if vanishes else "Stopped state") in str(student.execute(number, "true"))
    assert student.show_container(number)["status"] == ("gone" if vanishes else "Stopped")


@case("container-upload-breaks", "container-piece-lost")
def upload_does_not_arrive(emulator: Emulator, student: Student) -> None:
    number, lost = student.container()["uuid"], striking(emulator) == "container-piece-lost"
    assert student.upload(number, "/tmp", "a", b"a").status_code == (200 if lost else 500)
    assert not (emulator.state.roots[number].root / "tmp" / "a").exists()


@case("container-download-breaks", "container-archive-damaged", "container-archive-empty")
def download_cannot_be_read(emulator: Emulator, student: Student) -> None:
    number = student.container()["uuid"]
    (emulator.state.roots[number].root / "tmp" / "a").write_bytes(b"x" * 30_000)
    with pytest.raises((KeyError, tarfile.TarError)):
        student.download(number, "/tmp", "a")


@case("container-disk-full")
def upload_finds_no_space(emulator: Emulator, student: Student) -> None:
    answer = student.upload(student.container()["uuid"], "/tmp", "a", b"a")
    assert answer.status_code == 500 and "no space left" in answer.json()["errors"][0]["detail"]


@case("container-delete-ignored")
def container_stays(emulator: Emulator, student: Student) -> None:
    number = student.container()["uuid"]
    assert student.ask("DELETE", "container", f"/containers/{number}?force=True").status_code == 204
    assert student.show_container(number)["status"] == "Running"
