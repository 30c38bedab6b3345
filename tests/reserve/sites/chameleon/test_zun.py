"""Zun: containers of the user, and commands and files through its requests."""

from __future__ import annotations

import base64
import io
import tarfile
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from reserve import hardware
from reserve.calendar import from_text
from reserve.clock import Clock
from reserve.errors import ConnectionLost, NodeCommandFailed, SiteError, SiteUnreachable
from reserve.site import Lease, Node
from reserve.sites.chameleon.rest import Gone
from reserve.sites.chameleon.zun import ContainerMachine, Containers
from tests.reserve.sites.chameleon.fake_rest import FakeRest

PI = hardware.load()["raspberrypi5"]
NOON = from_text("2027-03-04T12:00Z")
LEASE = Lease("l", "serve_edge_ab123", "CHI@Edge", "ACTIVE", NOON, NOON, reservation_id="r1")
NODE = Node("c1", "node-serve-edge-ab123", "CHI@Edge", "container", "ACTIVE")


@pytest.fixture
def rest() -> FakeRest:
    return FakeRest()


@pytest.fixture
def containers(rest: FakeRest) -> Containers:
    return Containers("CHI@Edge", rest, "me")  # type: ignore[arg-type]


def container(id: str, status: str | None, **more: Any) -> dict[str, Any]:
    return {"uuid": id, "name": "node-x", "status": status, "user_id": "me", **more}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("Running", "ACTIVE"), ("Error", "ERROR"), ("Creating", "BUILD"), (None, "BUILD"), ("Stopped", "STOPPED")],
)
def test_states_have_the_words_of_every_site(containers: Containers, rest: FakeRest, theirs, ours) -> None:
    rest.answers["GET /containers/c1"] = container("c1", theirs, status_reason="why")
    found = containers.get("c1", "root")
    assert found is not None and (found.status, found.detail, found.user) == (ours, "why", "root")


def test_a_working_container_is_found_first_and_one_that_goes_is_gone(containers: Containers, rest: FakeRest) -> None:
    rest.answers["GET /containers"] = {
        "containers": [
            container("broken", "Error"),
            container("good", "Running"),
            container("going", "Deleting"),
            container("theirs", "Running", user_id="you"),
        ]
    }
    found = containers.find("node-x", "root")
    assert found is not None and found.id == "good"
    rest.answers["GET /containers/c1"] = container("c1", "Deleting")
    assert containers.get("c1", "root") is None
    rest.answers["GET /containers/c1"] = Gone("404")
    assert containers.get("c1", "root") is None


def test_no_port_is_opened_unless_it_is_public(containers: Containers, rest: FakeRest) -> None:
    rest.answers["POST /containers"] = container("c1", "Creating")
    containers.create("node-x", LEASE, PI, public=False)
    assert "exposed_ports" not in rest.asked[-1][1] and rest.asked[-1][1]["hints"] == {"reservation": "r1"}
    containers.create("node-x", LEASE, PI, public=True)
    assert rest.asked[-1][1]["exposed_ports"] == {"8888": {}}


def test_a_container_is_deleted_running_or_not(containers: Containers, rest: FakeRest) -> None:
    rest.answers["DELETE /containers/c1?stop=False&force=True"] = Gone("404")
    containers.delete("c1")
    assert rest.asked


def test_the_port_is_in_its_addresses(containers: Containers, rest: FakeRest) -> None:
    rest.answers["GET /containers/c1"] = {"addresses": {"net": [{"addr": "x"}, {"port": "p1"}]}}
    assert containers.port("c1") == "p1"
    rest.answers["GET /containers/c1"] = {"addresses": {}}
    with pytest.raises(SiteError, match="no network port yet"):
        containers.port("c1")


class Device(FakeRest):
    """Answers every command with the next of `outputs`, and keeps the commands."""

    def __init__(self, *outputs: Any) -> None:
        super().__init__()
        self.outputs, self.commands = list(outputs), []  # type: ignore[var-annotated]

    def call(self, method, service, path, doing, *, body=None, again=None):  # type: ignore[no-untyped-def]
        if "/execute?" not in path:
            return super().call(method, service, path, doing, body=body, again=again)
        self.commands.append(parse_qs(urlsplit(path).query)["command"][0])
        answer = self.outputs.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def said(text: str, status: int = 0) -> dict[str, Any]:
    return {"output": f"{text}\nservelab-status:{status}\n", "exit_code": 0}


class AtOnce(Clock):
    def sleep(self, seconds: float) -> None:
        """No test waits."""


def machine(*outputs: Any) -> tuple[ContainerMachine, Device]:
    device = Device(said("/root"), *outputs)
    return ContainerMachine(device, NODE, AtOnce()), device  # type: ignore[arg-type]


def test_a_command_is_bounded_and_its_status_is_read_from_its_words() -> None:
    here, device = machine(said("hello", 0), said("why", 3), said("why", 3))
    assert here.home == "/root"
    assert here.run("echo hello", timeout_s=20).output == "hello"
    assert device.commands[-1].startswith("sh -c ") and "timeout " in device.commands[-1]
    assert here.run("false", check=False).status == 3
    with pytest.raises(NodeCommandFailed, match="status 3: why"):
        here.run("false")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (said("", 124), "took longer than 20 s"),
        ({"output": "half", "exit_code": None}, "cut a command short"),
        (Gone("404"), "is gone.*reserve again"),
        (SiteUnreachable("silence"), "silence"),
    ],
)
def test_whatever_goes_wrong_between_us_is_a_lost_connection(answer: Any, told: str) -> None:
    here, _ = machine(answer)
    with pytest.raises(ConnectionLost, match=told):
        here.run("x", timeout_s=20)


def test_a_long_command_runs_detached_and_is_asked_after() -> None:
    here, device = machine(said("started"), said("-\none\n"), said("5\ntwo\n"), said(""))
    lines: list[str] = []
    done = here.run("long", timeout_s=300, check=False, on_line=lines.append)
    assert (done.status, lines) == (5, ["one", "two"])
    assert "nohup timeout 300" in device.commands[1]


def test_files_are_fetched_as_the_archive_that_the_device_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reserve.sites.chameleon.zun.uuid.uuid4", lambda: type("Id", (), {"hex": "0" * 32}))
    outer = io.BytesIO()
    with tarfile.open(fileobj=outer, mode="w") as tar:
        info = tarfile.TarInfo("servelab-00000000.tar")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"inner"))
    packed = [said("started"), said("0\n"), said(""), said("")]  # packing may take long: it runs detached
    here, device = machine(*packed)
    path = "GET /containers/c1/get_archive?path=%2Ftmp%2Fservelab-00000000.tar"
    device.answers[path] = {"data": base64.b64encode(outer.getvalue()).decode()}
    assert here.pull("runs", ["a.npy"]) == b"inner"
    broken, device = machine(*packed)
    device.answers[path] = {"data": base64.b64encode(b"not a tar").decode()}
    with pytest.raises(ConnectionLost, match="archive that cannot be read"):
        broken.pull("runs", ["a.npy"])
