"""This machine as a site: the same contract, kept with a file and subprocesses."""

from __future__ import annotations

import io
import signal
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reserve import hardware
from reserve.errors import NodeCommandFailed, WaitedTooLong
from reserve.journal import Journal
from reserve.site import LeaseSpec, Thing
from reserve.sites.local import LocalMachine, LocalSite, on_this_machine

HERE = on_this_machine(hardware.load()["compute_liqid"])


@pytest.fixture
def site(tmp_path: Path) -> LocalSite:
    return LocalSite(Journal(tmp_path / "state"))


@pytest.fixture
def machine(tmp_path: Path) -> LocalMachine:
    return LocalMachine("node", tmp_path / "home")


def spec(hours: float) -> LeaseSpec:
    now = datetime.now(UTC).replace(microsecond=0)
    return LeaseSpec("serve_model_ab123", HERE, now - timedelta(hours=1), now + timedelta(hours=hours))


def test_only_what_a_machine_of_ones_own_has_is_left_of_the_hardware() -> None:
    assert (HERE.site, HERE.kind, HERE.expected, HERE.images, HERE.pins) == ("local", "node", {}, (), {})
    assert HERE.part == "model" and HERE.block_hours == 3


def test_from_a_lease_to_nothing(site: LocalSite) -> None:
    site.check_can_lease()
    assert site.sign_in() == "this machine, no account"
    assert site.calendar(HERE).nodes == {"this machine": ()}
    lease = site.create_lease(spec(2))
    assert site.find_lease(lease.name) == lease == site.get_lease(lease.id) and lease.status == "ACTIVE"
    longer = site.extend_lease(lease, lease.end + timedelta(hours=1))
    assert site.find_lease(lease.name) == longer and longer.end - lease.end == timedelta(hours=1)
    assert site.find_node("node", HERE) is None and site.all_named("node", HERE) == []
    node = site.create_node("node", lease, HERE)
    assert site.get_node("node", HERE) == node and site.give_address(node, lease).detail == "127.0.0.1"
    assert site.find_addresses("node", {"node"}) == []
    assert [(thing.kind, thing.id) for thing in site.inventory()] == [("lease", lease.id), ("server", "node")]
    home = Path(site.open(node).home)
    for thing in site.inventory():
        site.delete(thing)
        assert not site.exists(thing)
        site.delete(thing)
    assert site.inventory() == [] and not home.exists()


def test_a_lease_that_is_over_is_not_found(site: LocalSite) -> None:
    assert site.create_lease(spec(-0.5)).status == "TERMINATED"
    assert site.find_lease("serve_model_ab123") is None
    assert site.exists(Thing("lease", "serve_model_ab123", "serve_model_ab123", "local"))


def test_a_scratch_home_takes_its_processes_along(site: LocalSite) -> None:
    machine = site.open(site.create_node("node", site.create_lease(spec(2)), HERE))
    child = subprocess.Popen(["tail", "-f", "/dev/null"], start_new_session=True)
    machine.run(f"mkdir -p .servelab/jobs/a; echo {child.pid} >.servelab/jobs/a/pid")
    site.delete(Thing("server", "node", "node", "local"))
    assert child.wait(20) == -signal.SIGTERM


def test_a_command_runs_in_the_home_without_the_sign_in(machine: LocalMachine, monkeypatch) -> None:
    monkeypatch.setenv("OS_PASSWORD", "secret")
    fresh = LocalMachine("node", Path(machine.home))
    said = fresh.run('pwd; echo "${OS_PASSWORD-none}"; echo "$HOME"').output.split()
    assert said == [machine.home, "none", machine.home]


def test_words_come_as_they_are_said_and_a_failure_is_told(machine: LocalMachine) -> None:
    lines: list[str] = []
    with pytest.raises(NodeCommandFailed, match="status 3: one\ntwo"):
        machine.run("echo one; echo two >&2; exit 3", on_line=lines.append)
    assert lines == ["one", "two"]
    assert machine.run("exit 3", check=False).status == 3
    with pytest.raises(WaitedTooLong, match="no end within 0 s: 'tail"):
        machine.run("tail -f /dev/null", timeout_s=0.2)


def test_files_go_there_and_back(machine: LocalMachine) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        info = tarfile.TarInfo("a/b.txt")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"here"))
    machine.push(packed.getvalue(), "into")
    with tarfile.open(fileobj=io.BytesIO(machine.pull("into", ["a/b.txt", "missing"]))) as tar:
        assert tar.getnames() == ["a/b.txt"]
    machine.close()
