"""`servelab go all`, unattended, on the emulator: the lab's own notebooks in quick profile, on emulated nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve.desk import Desk
from reserve.verbs.go import Order, go
from snippets.parts import PARTS
from snippets.record.run import load_record
from tests.reserve.scenario import NOW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


def test_three_parts_from_nothing_to_verified_runs_at_home(desk, chameleon, root: Path, monkeypatch):
    monkeypatch.setattr("reserve.sites.chameleon.rest.TIMEOUT_S", 60.0)
    monkeypatch.setattr("reserve.sites.chameleon.chi.TIMEOUT_S", 60.0)
    # These nodes are processes here: no GPU for a run to use, and no Triton container.
    monkeypatch.setattr("reserve.verbs.run.node_settings", lambda *_: {})
    desk.clock.pause_s = 1.0
    whole = Desk(journal=desk.journal, clock=desk.clock, voice=desk.voice, kit=root)
    homes = go(whole, "all", Order(NOW))
    assert [home.parent.name for home in homes] == list(PARTS)
    for home in homes:
        record = load_record(home)
        assert record.steps and not record.verify(), home
        assert record.lease["name"] == f"serve_{record.part}_ab123"
    chameleon.assert_empty()
    assert whole.journal.open_entries() == []
