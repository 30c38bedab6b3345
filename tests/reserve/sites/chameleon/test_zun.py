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
from reserve.errors import ConnectionLost, Faulted, NodeCommandFailed, SiteError, SiteUnreachable
from reserve.site import Lease, Node
from reserve.sites.chameleon.rest import Gone
from reserve.sites.chameleon.zun import ContainerMachine, Containers
from snippets.files import sha256_bytes
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
    """Answers every command with the next of `outputs`, and keeps the commands and what was uploaded."""

    def __init__(self, *outputs: Any) -> None:
        super().__init__()
        self.outputs, self.commands = list(outputs), []  # type: ignore[var-annotated]
        self.lines: list[int] = []
        self.uploads: list[bytes] = []

    def call(self, method, service, path, doing, *, body=None, again=None):  # type: ignore[no-untyped-def]
        self.lines.append(len(path))
        if "/put_archive?" in path:
            with tarfile.open(fileobj=io.BytesIO(base64.b64decode(body["data"]))) as tar:
                self.uploads += [tar.extractfile(member).read() for member in tar]  # type: ignore[union-attr]
            return None
        if "/execute?" in path:
            self.commands.append(parse_qs(urlsplit(path).query)["command"][0])
        elif "/get_archive?" not in path:
            return super().call(method, service, path, doing, body=body, again=again)
        answer = self.outputs.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def said(text: str, state: int | str = 0, size: int | None = None) -> dict[str, Any]:
    """What a look at a job answers: `state` is `-` while it goes on."""
    size = len(text) if size is None else size
    return {"output": f"{text}\nservelab-status: {state} {size}\n", "exit_code": 0}


class Ticking(Clock):
    """Time passes by waiting only."""

    at = 0.0

    def seconds(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def machine(*outputs: Any) -> tuple[ContainerMachine, Device]:
    device = Device(said("/root\n"), *outputs)
    return ContainerMachine(device, NODE, Ticking()), device  # type: ignore[arg-type]


MUTE = {"output": "", "exit_code": None}


def test_a_command_is_bounded_and_its_status_is_read_from_its_words() -> None:
    here, device = machine(said("hello"), said("why", 3), said("why", 3))
    assert here.home == "/root"
    assert here.run("echo hello", timeout_s=20).output == "hello"
    assert device.commands[-1].startswith("sh -c ") and "timeout 20 " in device.commands[-1]
    assert here.run("false", check=False).status == 3
    with pytest.raises(NodeCommandFailed, match="status 3: why"):
        here.run("false")


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([said("", 124)], "took longer than 20 s"),
        ([said("", "-")] * 60, "took longer than 20 s"),
        ([MUTE] * 5, "5 requests in a row were cut short.*another device"),
        ([MUTE, said("", "none")], "did not begin a command"),
        ([{"output": "Killed", "exit_code": 137}], "exit 137: Killed.*memory is full"),
        ([Gone("404")], "is gone.*reserve again"),
        ([SiteUnreachable("silence")], "silence"),
    ],
)
def test_whatever_goes_wrong_between_us_is_a_lost_connection(answers: list[Any], told: str) -> None:
    here, _ = machine(*answers)
    with pytest.raises(ConnectionLost, match=told):
        here.run("x", timeout_s=20)


def test_a_container_that_stopped_is_told_as_such() -> None:
    here, _ = machine(SiteError("Zun is busy: Cannot execute container c1 in Stopped state."))
    with pytest.raises(Faulted, match="does not run any more.*servelab down"):
        here.run("x")


def test_a_long_command_is_asked_after_and_its_lines_come_whole() -> None:
    here, device = machine(said("one\ntw", "-"), MUTE, said("", "-", 6), said("o\nend", 5, 12))
    lines: list[str] = []
    done = here.run("long", timeout_s=300, check=False, on_line=lines.append)
    assert (done.status, lines) == (5, ["one", "two", "end"])
    assert "timeout 300" in device.commands[1] and "tail -c +7 " in device.commands[-1]


def test_no_address_is_long_however_long_the_command() -> None:
    here, device = machine(said(""), said(""))
    here.run("echo " + "x" * 500)
    assert device.uploads == []
    here.run("echo " + "x" * 9000)
    assert max(device.lines) < 3000 and device.uploads == [b"cd; echo " + b"x" * 9000]


def test_a_command_whose_file_did_not_arrive_is_sent_again_a_few_times() -> None:
    here, device = machine(said("", "none"), said("done"))
    assert here.run("echo " + "x" * 9000).output == "done" and len(device.uploads) == 2
    here, device = machine(*[said("", "none")] * 3)
    with pytest.raises(ConnectionLost, match="did not begin"):
        here.run("echo " + "x" * 9000)


def test_a_full_disk_is_told_as_such() -> None:
    device = Device(said("/root\n"))
    here = ContainerMachine(device, NODE, Ticking())  # type: ignore[arg-type]
    device.outputs.append(SiteUnreachable("HTTP 500: no space left on device"))
    with pytest.raises(SiteError, match="disk of .* is full.*servelab down"):
        here.run("x")


def test_an_archive_is_sent_in_pieces_and_compared() -> None:
    here, device = machine(said(""), said("", 97))
    here.push(b"x" * 1_200_000, "kit")
    assert [len(piece) for piece in device.uploads] == [500_000, 500_000, 200_000]
    assert sha256_bytes(b"x" * 1_200_000) in device.commands[-1]
    with pytest.raises(ConnectionLost, match="did not arrive whole"):
        here.push(b"x", "kit")


def archive(name: str, content: bytes) -> dict[str, str]:
    outer = io.BytesIO()
    with tarfile.open(fileobj=outer, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return {"data": base64.b64encode(outer.getvalue()).decode()}


@pytest.mark.parametrize("name", ["./part", "part", "in-part-aaaaa/part"])
def test_files_are_fetched_by_folders_and_compared(name: str) -> None:
    packed = said(f"{sha256_bytes(b'innermost')}  -\nin-part-aaaaa\nin-part-aaaab\n")
    here, device = machine(packed, archive(name, b"inner"), archive(name, b"most"), said(""))
    assert here.pull("runs", ["a.npy"]) == b"innermost" and device.uploads == [b"a.npy\n"]
    here, _ = machine(packed, {"data": "AAAA"}, archive(name, b"inner"), archive(name, b"most"), said(""))
    assert here.pull("runs", ["a.npy"]) == b"innermost"
    here, _ = machine(packed, *[archive("other", b"")] * 3)
    with pytest.raises(ConnectionLost, match="archive that cannot be read"):
        here.pull("runs", ["a.npy"])
    here, _ = machine(packed, archive(name, b"inner"), archive(name, b"MOST"), said(""))
    with pytest.raises(ConnectionLost, match="did not arrive whole"):
        here.pull("runs", ["a.npy"])
