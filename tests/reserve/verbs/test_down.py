"""`servelab down`: whatever is on record, and what another machine made, given back."""

from __future__ import annotations

import pytest

from reserve.errors import SiteError, UsageError
from reserve.journal import Journal
from reserve.lease.wishes import LeaseWishes
from reserve.node.boot import ensure_node
from reserve.verbs.down import down, take_down
from reserve.verbs.reserve import reserve_block

LOCAL = LeaseWishes("ab123", site="local")


def with_node(desk, part: str) -> None:
    lease = reserve_block(desk, part, LOCAL)
    hardware = desk.hardware_of(desk.journal.lease_for_command(part))
    ensure_node(desk, lease, hardware, f"node-serve-{part}-ab123")


def test_a_node_and_its_lease_are_given_back_once(here) -> None:
    with_node(here, "model")
    assert down(here, "model") == 2 and down(here, "model") == 0
    assert here.site("local").inventory() == [] and here.journal.open_entries() == []
    assert here.words[-1].startswith("model: nothing is held")


def test_what_is_on_no_record_here_is_found_by_netid_and_site(here, tmp_path) -> None:
    with_node(here, "model")
    here.journal.path.unlink()
    here.journal = Journal(tmp_path / "state")
    assert down(here, "model") == 0
    assert down(here, "model", netid="AB123", site="local") == 2
    assert here.site("local").inventory() == []


def test_leases_of_several_people_go_only_by_name(here) -> None:
    with_node(here, "model")
    reserve_block(here, "model", LeaseWishes("cd456", at_once=True, site="local"))
    with pytest.raises(UsageError, match="leases of 2 people for model .*ab123, cd456.*--netid NETID"):
        down(here, "model")
    assert len(here.site("local").inventory()) == 3
    assert down(here, "model", netid="cd456") == 1
    assert {thing.name for thing in here.site("local").inventory()} == {"serve_model_ab123", "node-serve-model-ab123"}
    assert down(here, "model") == 2, "one person's are left: no name is needed"


def test_all_means_every_part(here) -> None:
    for part in ("model", "edge", "system"):
        reserve_block(here, part, LOCAL)
    take_down(here, "system")
    assert len(here.journal.open_entries()) == 2
    take_down(here, "all")
    assert here.journal.open_entries() == []


def test_what_stays_is_named_and_stays_on_record(here, monkeypatch) -> None:
    reserve_block(here, "model", LOCAL)

    def refuses(thing):
        raise SiteError("it is locked.")

    monkeypatch.setattr(here.site("local"), "delete", refuses)
    with pytest.raises(SiteError, match="lease serve_model_ab123 .*: it is locked.*down model` again"):
        down(here, "model")
    assert here.journal.open_entries()
