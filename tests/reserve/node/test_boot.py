"""From a lease to a node that answers: made once, every bad state told, reachability proved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reserve import hardware
from reserve.clock import Clock
from reserve.errors import ConnectionLost, Faulted, Missing, Quota, SiteUnreachable, WaitedTooLong
from reserve.node.boot import ensure_node, node_kind, reach
from reserve.site import Lease, Node, Thing
from reserve.sites.local import on_this_machine

HERE = on_this_machine(hardware.load()["gpu_p100"])
NOW = datetime.now(UTC)
LEASE = Lease("serve_system_ab123", "serve_system_ab123", "local", "ACTIVE", NOW, NOW + timedelta(hours=3))
NAME = "node-serve-system-ab123"
NODE = Node(NAME, NAME, "local", "server", "ACTIVE", address="127.0.0.1")


class Quick(Clock):
    """A wait moves the time, at once."""

    def __init__(self) -> None:
        self.at = 0.0

    def seconds(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def desk(here):
    here.clock = Quick()
    return here


def test_a_kind_of_hardware_is_a_kind_of_thing() -> None:
    assert node_kind(HERE) == "server" and node_kind(hardware.load()["raspberrypi5"]) == "container"


def test_a_node_is_made_once_and_on_record_once(desk) -> None:
    first = ensure_node(desk, LEASE, HERE, NAME)
    again = ensure_node(desk, LEASE, HERE, NAME)
    assert first.id == again.id == NAME
    (entry,) = desk.journal.open_entries(kind="server")
    assert (entry.id, entry.facts["lease"]) == (NAME, LEASE.id)
    assert sum("asked for" in word for word in desk.words) == 1


def test_what_the_journal_knew_and_the_site_does_not_is_struck_out(desk) -> None:
    stale = desk.journal.intend("server", NAME, "local", "system")
    ensure_node(desk, LEASE, HERE, NAME)
    assert stale not in {entry.key for entry in desk.journal.open_entries()}


@pytest.mark.parametrize(
    ("seen", "error", "told"),
    [
        (
            replace(NODE, status="ERROR", detail="No valid host"),
            Faulted,
            "in ERROR at local: No valid host.*down system",
        ),
        (replace(NODE, status="SHUTOFF"), Faulted, "state SHUTOFF.*dashboard"),
        (replace(NODE, status="BUILD"), WaitedTooLong, "to boot, in vain.*console"),
        (None, Missing, "is gone from local.*servelab up system"),
    ],
    ids=["error", "off", "for ever", "gone"],
)
def test_a_node_that_does_not_come_up_is_told(seen, error, told, desk, monkeypatch) -> None:
    monkeypatch.setattr(desk.site("local"), "get_node", lambda id, hardware: seen)
    with pytest.raises(error, match=told):
        ensure_node(desk, LEASE, HERE, NAME)
    assert desk.journal.open_entries(kind="server"), "what may exist stays on record"


@pytest.mark.parametrize(("error", "left"), [(SiteUnreachable, []), (Quota, [])])
def test_a_node_that_was_not_made_leaves_no_record(error, left, desk, monkeypatch) -> None:
    def refuses(*args, **options):
        raise error("no")

    monkeypatch.setattr(desk.site("local"), "create_node", refuses)
    with pytest.raises(error):
        ensure_node(desk, LEASE, HERE, NAME)
    assert desk.journal.open_entries() == left


def bare(desk, monkeypatch) -> None:
    """The node has no address yet."""
    monkeypatch.setattr(desk.site("local"), "get_node", lambda id, hardware: replace(NODE, address=""))


def test_a_node_without_an_address_gets_one_that_is_on_record(desk, monkeypatch) -> None:
    bare(desk, monkeypatch)
    assert ensure_node(desk, LEASE, HERE, NAME).address == "127.0.0.1"
    (entry,) = desk.journal.open_entries(kind="floating_ip")
    assert entry.id == f"{NAME}-address" and entry.facts["address"] == "127.0.0.1"


def test_an_address_of_the_project_is_on_record_as_borrowed(desk, monkeypatch) -> None:
    bare(desk, monkeypatch)
    lent = Thing("borrowed_ip", "f1", NAME, "local", "9.9.9.9")
    monkeypatch.setattr(desk.site("local"), "give_address", lambda node, lease: lent)
    assert ensure_node(desk, LEASE, HERE, NAME).address == "9.9.9.9"
    assert desk.journal.open_entries(kind="floating_ip") == []
    assert [entry.id for entry in desk.journal.open_entries(kind="borrowed_ip")] == ["f1"]


def test_a_machine_counts_only_when_a_command_ran(desk, monkeypatch) -> None:
    ensure_node(desk, LEASE, HERE, NAME)
    site, tries = desk.site("local"), []
    real = site.open

    def open_late(node):
        tries.append(node)
        if len(tries) < 3:
            raise ConnectionLost("refused")
        return real(node)

    monkeypatch.setattr(site, "open", open_late)
    assert reach(desk, NODE).run("echo yes").output == "yes\n" and len(tries) == 3


def test_a_node_that_never_answers_is_told_with_the_last_reason(desk, monkeypatch) -> None:
    def refuses(node):
        raise ConnectionLost("no route")

    monkeypatch.setattr(desk.site("local"), "open", refuses)
    with pytest.raises(WaitedTooLong, match="to let us in at 127.0.0.1, in vain.*console.*Last: no route"):
        reach(desk, NODE, limit_s=20)
