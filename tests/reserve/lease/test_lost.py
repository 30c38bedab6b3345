"""What a site holds under the course's names, whatever the journal knows."""

from __future__ import annotations

import os

import pytest

from reserve.lease.lost import NoSignIn, lost_at
from reserve.lease.wishes import LeaseWishes
from reserve.verbs.reserve import reserve_block


def test_what_is_held_here_is_found_without_a_journal(here) -> None:
    reserve_block(here, "model", LeaseWishes("ab123", site="local"))
    here.journal.path.unlink()
    (one,) = lost_at(here, "local")
    assert (one.part, one.netid, one.thing.kind) == ("model", "ab123", "lease")


def test_where_nobody_is_signed_in_nobody_is_asked(here, monkeypatch, tmp_path) -> None:
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoSignIn, match="README"):
        lost_at(here, "CHI@TACC")
