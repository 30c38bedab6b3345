"""Every fault of the table does on the wire, or on the node, what its row says."""
from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import requests

from .conversation import Cloud, lease_body
from .emulator import Emulator
from .faults import CONTAINER, HTTP, LEASE, NODE, SERVER, TABLE
from .student import Student, until

SHORT_S = 0.4
Case = Callable[[Emulator, Student], None]
CASES: dict[str, Case] = {}
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
LOST = (asyncssh.Error, OSError, TimeoutError)


def case(*names: str) -> Callable[[Case], Case]:
    def keep(function: Case) -> Case:
        CASES.update(dict.fromkeys(names, function))
        return function
    return keep


def striking(emulator: Emulator) -> str:
    """The name of the fault that is on."""
    return next(name for name in TABLE if emulator.faults.is_on(name))


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_the_table_has_forty_rows_and_more_each_with_a_remedy() -> None:
    assert len(TABLE) == len(HTTP + LEASE + SERVER + CONTAINER + NODE) >= 40
    assert all(len(fault.does) > 10 and len(fault.remedy) > 10 for fault in TABLE.values())
    services = {"keystone", "blazar", "nova", "neutron", "glance", "zun", "reference", "node", "any"}
    assert {fault.service for fault in TABLE.values()} <= services
    for fault in TABLE.values():
        re.compile(fault.match)


def test_every_fault_has_its_case() -> None:
    assert CASES.keys() == TABLE.keys()


@pytest.mark.parametrize("name", list(TABLE))
def test_fault(emulator: Emulator, name: str) -> None:
    edge = TABLE[name].service == "zun"
    student = Student(emulator, "CHI@Edge" if edge else "CHI@TACC")
    if TABLE[name].service == "node" and name not in ("server-never-reachable", "lease-ended-mid-run"):
        student.home = student.node()
    emulator.faults.on(name)
    CASES[name](emulator, student)
    assert emulator.faults.hits[name] > 0


# asking a service

def get(student: Student, **options: Any) -> requests.Response:
    return requests.get(student.cloud.at("reservation", "/os-hosts"), headers=student.headers(),
                        **{"timeout": SHORT_S, **options})


@case("http-401", "http-403", "http-404", "http-409", "http-429", "http-500", "http-502", "http-503", "http-504")
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
    student.cloud.sign_in("", "pw")
    assert get(student).status_code == 200


@case("credentials-rejected", "keystone-forbidden", "keystone-unavailable")
def sign_in_fails(emulator: Emulator, student: Student) -> None:
    expected = {"credentials-rejected": 401, "keystone-forbidden": 403, "keystone-unavailable": 503}
    assert student.cloud.sign_in("", "pw").status_code == expected[striking(emulator)]
    assert get(student).status_code == 200


@case("keystone-hangs")
def sign_in_is_not_answered(emulator: Emulator, student: Student) -> None:
    with pytest.raises(requests.Timeout):
        requests.post(emulator.env()["OS_AUTH_URL"] + "/auth/tokens", json={}, timeout=SHORT_S)


@case("catalog-without-reservations", "catalog-without-containers")
def catalog_lacks_a_service(emulator: Emulator, student: Student) -> None:
    kind = "reservation" if striking(emulator).endswith("reservations") else "container"
    fresh = Cloud(emulator.env("CHI@Edge"))
    assert fresh.sign_in("", "pw").status_code == 201
    assert kind not in fresh.endpoints and "image" in fresh.endpoints


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


@case("sites-unavailable", "nodes-unavailable")
def the_reference_api_is_down(emulator: Emulator, student: Student) -> None:
    page = "sites.json" if striking(emulator).startswith("sites") else "sites/tacc/clusters/chameleon/nodes.json"
    assert requests.get(f"{emulator.env()['CHI_RESOURCE_API_URL']}/{page}", timeout=5).status_code == 503


@case("clock-skew")
def the_date_is_wrong(emulator: Emulator, student: Student) -> None:
    seen = parsedate_to_datetime(get(student).headers["Date"]).replace(tzinfo=None)
    assert 3500 < (seen - emulator.clock.now()).total_seconds() < 3700


# leases

@case("blazar-create-refused")
def lease_is_refused(emulator: Emulator, student: Student) -> None:
    answer = student.ask("POST", "reservation", "/leases", lease_body())
    assert answer.status_code == 500 and "Not enough resources available" in answer.json()["error_message"]
    emulator.assert_empty()


@case("blazar-create-lost", "blazar-create-silent")
def lease_is_made_and_its_answer_lost(emulator: Emulator, student: Student) -> None:
    with pytest.raises((*BROKEN, requests.Timeout)):
        requests.post(student.cloud.at("reservation", "/leases"), json=lease_body(name="lost"), timeout=SHORT_S,
                      headers=student.headers())
    assert [each["name"] for each in student.ask("GET", "reservation", "/leases").json()["leases"]] == ["lost"]


@case("lease-answer-unparsable")
def created_at_has_a_fraction(emulator: Emulator, student: Student) -> None:
    made = student.ask("POST", "reservation", "/leases", lease_body()).json()["lease"]
    assert re.fullmatch(r"[-\d]+ [:\d]+\.\d+", made["created_at"])


@case("lease-trust-refused")
def an_application_credential_makes_no_lease(emulator: Emulator, student: Student) -> None:
    number, secret = emulator.state.app_credential
    answer = requests.post(emulator.env()["OS_AUTH_URL"] + "/auth/tokens", timeout=5, json={"auth": {"identity": {
        "methods": ["application_credential"], "application_credential": {"id": number, "secret": secret}}}})
    assert answer.json()["token"]["methods"] == ["application_credential"]
    refused = requests.post(student.cloud.at("reservation", "/leases"), json=lease_body(), timeout=5,
                            headers={"X-Auth-Token": answer.headers["X-Subject-Token"]})
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
    kind, path, key = {"flavor-missing": ("compute", "/flavors/detail", "flavors"),
                       "image-missing": ("image", "/images?name=CC-Ubuntu24.04-CUDA", "images"),
                       "network-missing": ("network", "/networks", "networks")}[striking(emulator)]
    assert student.ask("GET", kind, path).json()[key] == []


@case("quota-floating-ips", "no-floating-ip")
def no_address_is_given(emulator: Emulator, student: Student) -> None:
    answer = student.ask("POST", "network", "/floatingips",
                         {"floatingip": {"floating_network_id": student.site.networks[1]["id"]}})
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


@case("container-disk-full")
def upload_finds_no_space(emulator: Emulator, student: Student) -> None:
    answer = student.upload(student.container()["uuid"], "/tmp", "a", b"a")
    assert answer.status_code == 500 and "no space left" in answer.json()["errors"][0]["detail"]


@case("container-delete-ignored")
def container_stays(emulator: Emulator, student: Student) -> None:
    number = student.container()["uuid"]
    assert student.ask("DELETE", "container", f"/containers/{number}?force=True").status_code == 204
    assert student.show_container(number)["status"] == "Running"


# the node

def ssh(student: Student, command: str, **options: Any) -> asyncssh.SSHCompletedProcess:
    return student.ssh(student.home, command, **options)


def whole(done: asyncssh.SSHCompletedProcess) -> None:
    """asyncssh gives a command whose connection broke no exit status."""
    if done.exit_status is None:
        raise asyncssh.ConnectionLost("no exit status")


@case("server-never-reachable")
def port_stays_closed(emulator: Emulator, student: Student) -> None:
    address = student.address(student.server()["id"])
    emulator.clock.advance(hours=1)
    with pytest.raises(ConnectionRefusedError):
        student.ssh(address, "true")


@case("ssh-refused", "ssh-drop-at-banner", "ssh-drop-at-auth", "ssh-drop-before-command", "ssh-drop-after-command")
def the_session_is_lost(emulator: Emulator, student: Student) -> None:
    name, witness = striking(emulator), node_home(emulator) / "witness"
    emulator.faults.on(name, times=1)
    with pytest.raises(LOST):
        whole(ssh(student, "touch witness", timeout_s=5))
    assert witness.exists() == (name == "ssh-drop-after-command")
    assert ssh(student, "echo again").stdout == "again\n"


def node_home(emulator: Emulator) -> Path:
    return next(iter(emulator.nodes.hosts.values())).node.home


@case("ssh-no-banner")
def no_banner_comes(emulator: Emulator, student: Student) -> None:
    with pytest.raises(LOST):
        ssh(student, "true", connect_timeout=SHORT_S)


@case("keypair-mismatch")
def key_is_refused(emulator: Emulator, student: Student) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        ssh(student, "true")


@case("ssh-host-key-changed")
def host_key_is_another(emulator: Emulator, student: Student) -> None:
    def key() -> Any:
        found = asyncio.run(asyncssh.get_server_host_key(
            student.home, emulator.ssh_port, config=None))
        assert found is not None
        return found.public_data

    changed = key()
    emulator.faults.off()
    assert key() != changed


@case("ssh-drop-mid-command", "node-reboots")
def the_command_is_cut_off(emulator: Emulator, student: Student) -> None:
    name = striking(emulator)
    emulator.faults.on(name, times=1, match="sleep", seconds=0.1)
    assert ssh(student, "echo not this one").stdout == "not this one\n"
    with pytest.raises(LOST):
        whole(ssh(student, "echo begun > begun; sleep 30", timeout_s=5))
    assert ssh(student, "cat begun").stdout == "begun\n"


@case("ssh-session-hangs")
def no_answer_to_a_command(emulator: Emulator, student: Student) -> None:
    with pytest.raises(LOST):
        ssh(student, "true", timeout_s=SHORT_S)


@case("lease-ended-mid-run")
def the_lease_ends_under_a_command(emulator: Emulator, student: Student) -> None:
    student.home = student.node()
    emulator.faults.on("lease-ended-mid-run", times=1, match="sleep", seconds=0.05)
    with pytest.raises(LOST):
        whole(ssh(student, "sleep 30", timeout_s=5))
    held = until(lambda: (now := emulator.inventory())["leases"] == now["servers"] == [] and now)
    assert held["leases"] == []
    with pytest.raises(OSError):
        ssh(student, "true")


@case("ssh-drop-in-upload", "ssh-drop-in-download")
def a_transfer_breaks(emulator: Emulator, student: Student) -> None:
    (node_home(emulator) / "big").write_bytes(b"x" * 500_000)
    local = emulator.folder / "local"
    local.write_bytes(b"x" * 500_000)

    async def go() -> None:
        async with student.connect(student.home) as connection:
            async with connection.start_sftp_client() as sftp:
                if striking(emulator).endswith("upload"):
                    await sftp.put(local, "up")
                else:
                    await sftp.get("big", local)

    with pytest.raises(LOST):
        asyncio.run(asyncio.wait_for(go(), 5))


@case("tunnel-refused")
def no_tunnel(emulator: Emulator, student: Student) -> None:
    async def go() -> None:
        async with student.connect(student.home) as connection:
            await connection.open_connection("127.0.0.1", 9)
    with pytest.raises(asyncssh.ChannelOpenError, match="prohibited|denied|refused|failed|rejected"):
        asyncio.run(go())


@case("node-command-fails")
def command_fails(emulator: Emulator, student: Student) -> None:
    emulator.faults.on("node-command-fails", times=1, match="pip install", code=7, text="no matching distribution")
    assert ssh(student, "echo fine").exit_status == 0
    done = ssh(student, "pip install nothing")
    assert (done.exit_status, done.stderr) == (7, "no matching distribution\n")


@case("node-disk-full")
def disk_is_full(emulator: Emulator, student: Student) -> None:
    done = ssh(student, "df -k / | tail -1; tar cf x.tar /dev/null; git-receive-pack x; sudo apt-get install -y tree")
    assert " 0 100% /" in str(done.stdout)
    assert str(done.stderr).count("No space left on device") == 2 and "enough free space" in str(done.stderr)

    async def go() -> None:
        async with student.connect(student.home) as connection:
            async with connection.start_sftp_client() as sftp, sftp.open("file", "wb") as file:
                await file.write(b"x")
    with pytest.raises(asyncssh.SFTPError, match="No space left"):
        asyncio.run(go())


FAILING = {
    "node-no-internet": ("curl -fsSL https://example.org/x", 6, "Could not resolve host"),
    "sudo-asks-password": ("sudo -n true", 1, "a password is required"),
    "apt-locked": ("sudo apt-get install -y tree", 100, "Could not get lock"),
    "apt-no-network": ("sudo apt-get update", 100, "Temporary failure resolving"),
    "docker-install-fails": ("sudo apt-get install -y docker-ce", 100, "502  Bad Gateway"),
    "docker-daemon-down": ("docker ps", 1, "Cannot connect to the Docker daemon"),
    "docker-pull-fails": ("docker pull x", 1, "toomanyrequests"),
    "docker-build-fails": ("docker build -t x .", 1, "did not complete successfully"),
    "service-fails": ("sudo systemctl start docker", 1, "Job for docker.service failed"),
    "gpu-driver-missing": ("nvidia-smi", 9, "couldn't communicate with the NVIDIA driver"),
}


@case(*FAILING)
def a_program_fails_once_and_then_works(emulator: Emulator, student: Student) -> None:
    name = striking(emulator)
    command, code, message = FAILING[name]
    if command.startswith("docker"):
        emulator.faults.off()
        ssh(student, "sudo apt-get install -y docker-ce")
    emulator.faults.on(name, times=1)
    done = ssh(student, f"{command}; echo $?; {command} > /dev/null; echo $?")
    assert str(done.stdout).splitlines()[-2:] == [str(code), "0"]
    assert message in str(done.stdout) + str(done.stderr)
    until(lambda: emulator.faults.hits[name] == 1)
    assert not emulator.faults.is_on(name)


@case("gpu-missing")
def no_gpu_is_seen(emulator: Emulator, student: Student) -> None:
    done = ssh(student, "nvidia-smi --query-gpu=name --format=csv,noheader")
    assert (done.exit_status, done.stdout) == (6, "No devices were found\n")


@case("node-clock-skew")
def the_nodes_date_is_wrong(emulator: Emulator, student: Student) -> None:
    ahead_s = int(str(ssh(student, "date +%s").stdout)) - int(str(ssh(student, "/bin/date +%s").stdout))
    assert 7100 < ahead_s < 7300


@case("kernel-dies-on-node")
def the_kernel_is_killed(emulator: Emulator, student: Student) -> None:
    done = ssh(student, "python3 -c 'import time; time.sleep(30)' ipykernel_launcher; echo $?")
    assert done.stdout == "137\n"
