"""The whole way in one command: on this machine, on an emulated node, on an emulated Raspberry Pi."""

from __future__ import annotations

import io
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest

from reserve import hardware
from reserve.calendar import next_hour
from reserve.desk import Desk
from reserve.errors import ConnectionLost, LeaseRefused, NodeCommandFailed
from reserve.journal import Journal
from reserve.lease.wishes import LeaseWishes
from reserve.node.sync import push_run
from reserve.verbs.down import down
from reserve.verbs.go import Order, go
from reserve.verbs.pull import pull_part
from reserve.verbs.reserve import reserve_block
from reserve.verbs.status import status
from reserve.verbs.up import UpOptions, up
from snippets.errors import UsageError
from snippets.record.run import load_record
from tests.reserve.scenario import NOW, tasks_without_jupyter

P100 = hardware.load()["gpu_p100"]


@pytest.fixture
def without_jupyter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reserve.verbs.up.tasks_for", tasks_without_jupyter)
    monkeypatch.setattr("reserve.verbs.up.with_address", lambda opened, public: opened)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch, short_timeouts: None) -> None:
    """In a container a command is one request: it may take seconds."""
    monkeypatch.setattr("reserve.sites.chameleon.rest.TIMEOUT_S", 45.0)
    monkeypatch.setattr("reserve.sites.chameleon.chi.TIMEOUT_S", 45.0)


def test_go_on_this_machine_needs_no_account(small_kit, tmp_path, monkeypatch, without_jupyter):
    monkeypatch.setenv("SERVELAB_RUNS", str(tmp_path / "runs"))
    words: list[str] = []
    desk = Desk(journal=Journal(tmp_path / "state"), voice=words.append, kit=small_kit)
    (home,) = go(desk, "model", Order(LeaseWishes(netid="ab123", site="local")))
    record = load_record(home)
    assert len(record.steps) == 4 and not record.verify()
    assert desk.journal.open_entries() == [] and desk.site("local").inventory() == []
    assert "nothing is held" in status(desk)


def test_go_on_a_device_runs_in_its_container(desk, chameleon):
    desk.clock.pause_s = 0.1
    (home,) = go(desk, "edge", Order(NOW))
    record = load_record(home)
    assert len(record.steps) == 4 and not record.verify()
    chameleon.assert_empty()


def test_go_waits_for_a_lease_that_starts_later_and_takes_the_next_free_one(desk, chameleon, without_jupyter):
    desk.clock.pause_s = 0.05
    (home,) = go(desk, "system", Order(LeaseWishes(netid="ab123")))
    assert any(word.startswith("next free: ") for word in desk.words)
    assert any("waiting" in word and "for the lease to start" in word for word in desk.words)
    assert len(load_record(home).steps) == 4
    chameleon.assert_empty()


def test_up_twice_makes_nothing_and_collect_verifies(desk, chameleon, without_jupyter):
    reserve_block(desk, "edge", NOW)
    first = up(desk, "edge")
    before = chameleon.inventory()
    second = up(desk, "edge")
    assert second.node.id == first.node.id and chameleon.inventory() == before
    with pytest.raises(Exception, match="no run of edge .* yet.*servelab run edge"):
        pull_part(desk, "edge")
    down(desk, "edge")
    chameleon.assert_empty()


@pytest.mark.slow
def test_a_public_container_gets_an_address_and_says_what_it_exposes(desk, chameleon):
    reserve_block(desk, "edge", NOW)
    desk.clock.pause_s = 0.1
    ready = up(desk, "edge", UpOptions(public=True))
    assert ready.node.address and ready.url.startswith(f"http://{ready.node.address}:8888/lab?token=")
    assert "PUBLIC" in ready.hint and "the whole internet" in ready.hint
    down(desk, "edge")
    chameleon.assert_empty()


def test_a_named_node_that_does_not_exist_is_refused_with_the_names(desk, chameleon):
    start = next_hour(desk.clock.now()) + timedelta(hours=1)
    with pytest.raises((LeaseRefused, UsageError), match="p100-0"):
        reserve_block(desk, "system", LeaseWishes(netid="ab123", start=start, node="p100-99"))
    chameleon.assert_empty()


def test_a_named_node_is_the_one_reserved(desk, chameleon):
    start = next_hour(desk.clock.now()) + timedelta(hours=1)
    reserve_block(desk, "system", LeaseWishes(netid="ab123", start=start, node="p100-02"))
    calendar = desk.site("CHI@TACC").calendar(P100)
    assert [name for name, busy in calendar.nodes.items() if busy] == ["p100-02"]
    assert "starts in" in status(desk)
    down(desk, "system")
    chameleon.assert_empty()


def test_status_tells_what_is_on_record_when_a_site_does_not_answer(desk, chameleon):
    reserve_block(desk, "system", NOW)
    chameleon.faults.on("http-503", service="blazar")
    assert "by the record here; the site does not tell" in status(desk)
    chameleon.faults.off()
    down(desk, "system")


def test_a_container_is_a_machine_like_any_other(desk, chameleon, without_jupyter):
    """Statuses, long commands, files both ways: all through Zun's three requests."""
    reserve_block(desk, "edge", NOW)
    machine = up(desk, "edge").machine
    assert machine.run("exit 3", check=False).status == 3
    with pytest.raises(NodeCommandFailed, match="status 4: told why"):
        machine.run("echo told why; exit 4")
    lines: list[str] = []
    long = machine.run("echo one; echo two; exit 5", timeout_s=300, check=False, on_line=lines.append)
    assert (long.status, lines) == (5, ["one", "two"])
    with pytest.raises(ConnectionLost, match="took longer"):
        machine.run("sleep 30", timeout_s=1)
    push_run(machine, _folder_with(desk.journal.folder / "sent", {"a/b.txt": "content", "c.txt": "more"}), "there")
    with tarfile.open(fileobj=io.BytesIO(machine.pull("there", ["a/b.txt"]))) as tar:
        member = tar.extractfile("a/b.txt")
        assert member is not None and member.read() == b"content"
    down(desk, "edge")
    chameleon.assert_empty()


def _folder_with(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
