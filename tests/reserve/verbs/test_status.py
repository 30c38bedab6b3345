"""`servelab status`: leases, nodes and jobs on record; and what is on no record."""

from __future__ import annotations

import os
import re

import pytest

from reserve.desk import Desk
from reserve.errors import ConnectionLost, SiteError
from reserve.lease.lost import lost_at
from reserve.lease.wishes import LeaseWishes
from reserve.node.boot import ensure_node
from reserve.site import Thing
from reserve.verbs import status as module
from reserve.verbs.down import down
from reserve.verbs.reserve import reserve_block
from reserve.verbs.status import orphans, show_status, status
from tests.reserve.scenario import booted, next_command

LOCAL = LeaseWishes("ab123", site="local")


@pytest.fixture
def signed_out(tmp_path, monkeypatch) -> None:
    """No way to sign in to Chameleon here."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_nothing_is_said_to_be_nothing_and_who_was_not_asked(here, signed_out) -> None:
    first, second = show_status(here).splitlines()
    assert first == "nothing is held. See free blocks with `servelab slots PART`."
    assert second.startswith("The sites were not asked: no Chameleon sign-in found")


def test_what_a_lost_journal_does_not_know_is_looked_for_at_the_sites(desk, chameleon) -> None:
    booted(desk)
    desk.journal.path.unlink()
    told = status(next_command(desk))
    assert re.search(r"system +lease serve_system_ab123 at CHI@TACC .*not on record here. `servelab down system`", told)
    assert "server node-serve-system-ab123" in told and "nothing is held" not in told
    chameleon.faults.on("http-503", service="blazar")
    assert "CHI@TACC cannot be asked what is held there" in status(next_command(desk))
    with pytest.raises(SiteError, match="CHI@TACC cannot be asked.*CHI@UC cannot be asked"):
        orphans(next_command(desk))
    with pytest.raises(SiteError, match="CHI@TACC cannot be asked what is held there"):
        down(next_command(desk), "system")
    chameleon.faults.off()
    assert down(next_command(desk), "system") == 3
    chameleon.assert_empty()
    assert status(next_command(desk)).startswith("nothing is held")


def test_a_site_where_nobody_can_sign_in_does_not_hide_the_others(desk, chameleon, monkeypatch) -> None:
    """An application credential of CHI@TACC is none at CHI@UC: the part that runs at both goes to the first."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    for name, value in chameleon.env("CHI@TACC", "application_credential").items():
        monkeypatch.setenv(name, value)
    reserve_block(desk, "model", LeaseWishes("ab123"))
    assert any(word.startswith("left out: ") and "CHI@TACC" in word for word in desk.words)
    assert chameleon.inventory()["leases"] == ["serve_model_ab123 PENDING"]
    assert down(next_command(desk), "model") == 1
    chameleon.assert_empty()


def test_a_lease_its_node_and_what_runs_there_are_told(here) -> None:
    lease = reserve_block(here, "model", LOCAL)
    assert re.match(r"model   serve_model_ab123 at local: ACTIVE, .* left \(ends .* UTC\); no node yet", status(here))
    hardware = here.hardware_of(here.journal.lease_for_command("model"))
    node = ensure_node(here, lease, hardware, "node-serve-model-ab123")
    assert "node-serve-model-ab123 ACTIVE 127.0.0.1; nothing is running" in status(here)
    machine = here.site("local").open(node)
    machine.run("mkdir -p .servelab/jobs/model-quick; cd .servelab/jobs/model-quick; echo 1 >pid; echo 0 >exit")
    assert "; model-quick ended (0)," in status(here)
    assert status(here).splitlines()[-1] == "used so far: 0.0 node-hours of compute_liqid"


def test_a_lease_that_ended_and_a_node_that_is_silent_are_told(here, monkeypatch) -> None:
    lease = reserve_block(here, "model", LOCAL)
    hardware = here.hardware_of(here.journal.lease_for_command("model"))
    ensure_node(here, lease, hardware, "node-serve-model-ab123")

    def silent(node):
        raise ConnectionLost("no route")

    monkeypatch.setattr(here.site("local"), "open", silent)
    assert "it does not answer now: no route" in status(here)
    monkeypatch.setattr(here.site("local"), "get_lease", lambda id: None)
    assert "model   serve_model_ab123 at local: ended. `servelab down model`" in status(here)


class Site:
    """A site with these things; what is deleted elsewhere but exists is in `hidden`."""

    def __init__(self, *things: Thing, hidden: str = "") -> None:
        self.things, self.hidden = things, hidden

    def sign_in(self) -> str:
        return "me"

    def inventory(self) -> list[Thing]:
        return list(self.things)

    def exists(self, thing: Thing) -> bool:
        return thing.id == self.hidden


@pytest.fixture
def at(here, monkeypatch):
    """A desk whose every site is the given one."""

    def make(site: Site) -> Desk:
        monkeypatch.setattr(here, "site", lambda name: site)
        monkeypatch.setattr(module.hardware, "load", lambda path: {"x": here_hardware})
        return here

    here_hardware = here.options("system")[0]
    return make


def known(desk, kind: str, name: str, id: str) -> None:
    desk.journal.made(desk.journal.intend(kind, name, "CHI@TACC", "system"), id)


def test_what_is_on_record_with_its_lease_is_no_orphan(at) -> None:
    lease = Thing("lease", "l1", "serve_system_ab123", "CHI@TACC")
    desk = at(Site(lease, Thing("server", "s1", "node-serve-system-ab123", "CHI@TACC")))
    known(desk, "lease", lease.name, "l1")
    known(desk, "server", "node-serve-system-ab123", "s1")
    assert orphans(desk) == []
    assert show_status(desk, lost=True).startswith("no orphans")


def test_what_is_on_no_record_or_lost_its_lease_is_told_with_the_command_that_ends_it(at) -> None:
    desk = at(
        Site(Thing("server", "s1", "node-serve-system-ab123", "CHI@TACC"), Thing("lease", "l9", "odd", "CHI@TACC"))
    )
    known(desk, "server", "node-serve-system-ab123", "s1")
    lines = show_status(desk, lost=True).splitlines()
    assert lines[0].endswith("its lease has ended. Give it back: servelab down system --netid ab123 --site CHI@TACC")
    assert "no record here. Give it back: servelab down PART --netid NETID --site CHI@TACC" in lines[1]


def test_what_is_on_record_under_another_name_is_looked_for_by_id(at) -> None:
    desk = at(Site(hidden="s7"))
    known(desk, "server", "mine", "s7")
    known(desk, "server", "gone", "s8")
    (one,) = orphans(desk)
    assert one.thing.id == "s7" and "not the course's" in one.why


def test_a_site_that_cannot_be_asked_is_not_taken_for_empty(at, monkeypatch) -> None:
    site = Site()

    def silent() -> list[Thing]:
        raise SiteError("silence")

    monkeypatch.setattr(site, "inventory", silent)
    with pytest.raises(SiteError, match="silence"):
        orphans(at(site))


def test_leases_that_were_made_for_a_class_are_the_students_and_nothing_lost(at) -> None:
    """On the instructor's desk: neither an orphan, nor taken up, nor given back by a `down` with an empty journal."""
    mine = Thing("lease", "l2", "serve_system_prof", "CHI@TACC")
    desk = at(Site(Thing("lease", "l1", "serve_system_ab123", "CHI@TACC"), mine))
    assert {one.thing.id for one in orphans(desk)} == {"l1", "l2"}
    desk.journal.remember_for_class("l1")
    assert [one.thing.id for one in orphans(desk)] == ["l2"]
    assert [one.thing.id for one in lost_at(desk, "local")] == ["l2"]
