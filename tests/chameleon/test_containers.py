"""Containers of the edge: commands and archives in a root directory of their own."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from .conversation import NOWHERE, RECORDED
from .emulator import Emulator
from .student import Student, until

BRANCH = json.loads((RECORDED / "branch.json").read_text())


@pytest.fixture(scope="module")
def edge() -> Iterator[tuple[Student, dict[str, Any]]]:
    with Emulator() as emulator:
        student = Student(emulator, "CHI@Edge")
        command = ["sh", "-c", "echo started; exec sleep 600"]
        yield (
            student,
            student.container(
                workdir="/w/here",
                environment={"A": "b"},
                command=command,
                exposed_ports={"8000": {}, "53/udp": {}},
                device_profiles=["pi_camera"],
            ),
        )


def test_a_container_has_what_the_client_reads(edge: tuple[Student, dict[str, Any]]) -> None:
    container = edge[1]
    assert container["status"] == "Running" and container["ports"] == [53, 8000]
    assert set(BRANCH["container-keys"]) <= container.keys()
    ((address,),) = container["addresses"].values()
    assert set(BRANCH["container-address-keys"]) <= address.keys()


def test_a_command_runs_and_answers_with_one_stream(edge: tuple[Student, dict[str, Any]]) -> None:
    student, container = edge
    assert student.execute(container["uuid"], "echo hi") == BRANCH["container-execute"]["body"]
    done = student.execute(container["uuid"], "sh -c 'echo out; echo err >&2; echo $A ${OS_PASSWORD:-none}; exit 4'")
    assert (done["output"], done["exit_code"]) == ("out\nerr\nb none\n", 4)
    assert student.execute(container["uuid"], "no-such-program")["exit_code"] == 127


def test_archives_go_in_and_out_below_the_containers_root(edge: tuple[Student, dict[str, Any]]) -> None:
    student, container = edge
    name = "servelab-emulated-container.txt"
    assert student.upload(container["uuid"], "/tmp", name, b"content").status_code == 200
    assert student.execute(container["uuid"], f"cat /tmp/{name}")["output"] == "content"
    assert student.execute(container["uuid"], f"sh -c 'tr a-z A-Z < /tmp/{name} > /home/back'")["exit_code"] == 0
    assert student.download(container["uuid"], "/home", "back") == b"CONTENT"
    assert not Path("/tmp", name).exists()
    assert student.upload(container["uuid"], "/nowhere", name, b"").status_code == 404
    assert student.upload(container["uuid"], "/tmp/../../..", name, b"").status_code in (200, 400, 404)
    assert not Path("/", name).exists()


def test_the_archive_of_a_file_is_looked_for_in_the_working_directory(edge: tuple[Student, dict[str, Any]]) -> None:
    """As Zun's Kubernetes driver packs it: a file elsewhere is an archive without members."""
    student, container = edge
    number = container["uuid"]
    student.execute(number, "sh -c 'echo here > here; echo there > /home/there'")
    for path, names in (("/w/here/here", ["here"]), ("/home/there", [])):
        answer = student.ask("GET", "container", f"/containers/{number}/get_archive?path={path}").json()
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(answer["data"]))) as archive:
            assert archive.getnames() == names


def test_a_large_archive_breaks_and_a_long_address_is_refused(edge: tuple[Student, dict[str, Any]]) -> None:
    student, container = edge
    assert student.upload(container["uuid"], "/tmp", "large", b"x" * (1 << 20)).status_code == 500
    assert student.ask("GET", "container", "/containers/" + "x" * 4000).status_code == 414


def test_a_command_is_listened_to_for_a_while_and_goes_on(
    edge: tuple[Student, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.chameleon.containers.EXECUTE_S", 0.1)
    student, container = edge
    done = student.execute(container["uuid"], "sh -c 'echo one; sleep 0.5; echo two > /tmp/two'")
    assert (done["output"], done["exit_code"]) == ("one\n", None)
    until(lambda: student.execute(container["uuid"], "cat /tmp/two")["output"] == "two\n")


def test_the_log_is_what_the_containers_command_wrote(edge: tuple[Student, dict[str, Any]]) -> None:
    student, container = edge
    url = student.cloud.at("container", f"/containers/{container['uuid']}/logs?stdout=True&stderr=True")
    assert requests.get(url, headers=student.headers(), timeout=5).json() == "started\n"


def test_a_container_gets_a_floating_ip_and_is_found_by_name(edge: tuple[Student, dict[str, Any]]) -> None:
    student, container = edge
    assert student.address(container["uuid"]).startswith("127.77.")
    assert student.show_container(container["name"])["uuid"] == container["uuid"]
    assert student.show_container(NOWHERE) == {"status": "gone"}


def test_without_an_active_device_reservation_it_ends_in_error() -> None:
    with Emulator() as emulator:
        student = Student(emulator, "CHI@Edge")
        container = student.container(hints={"reservation": NOWHERE})
        assert container["status"] == "Error" and "enough hosts" in container["status_reason"]


def test_a_container_whose_command_ends_is_stopped_and_its_processes_end_with_it() -> None:
    with Emulator() as emulator:
        student = Student(emulator, "CHI@Edge")
        container = student.container(command=["sh", "-c", "sleep 600 & wait"])
        root = emulator.state.roots[container["uuid"]]
        assert root.main is not None and root.main.poll() is None
        root.main.terminate()
        until(lambda: student.show_container(container["uuid"])["status"] == "Stopped")
        path = f"/containers/{container['uuid']}?stop=False&force=True"
        assert student.ask("DELETE", "container", path).status_code == 204
        assert student.show_container(container["uuid"]) == {"status": "gone"}
        assert emulator.inventory()["containers"] == []


def test_the_end_of_the_lease_takes_the_container_along() -> None:
    with Emulator() as emulator:
        student = Student(emulator, "CHI@Edge")
        container = student.container(command=["sleep", "600"])
        emulator.clock.advance(hours=4)
        student.cloud.sign_in()
        assert student.show_container(container["uuid"]) == {"status": "gone"}
        emulator.assert_empty()
