"""`servelab reserve`: goes on with what is on record, unless a time is asked for."""

from __future__ import annotations

import pytest

from reserve.errors import UsageError
from reserve.lease.wishes import LeaseWishes
from reserve.verbs.down import down
from reserve.verbs.reserve import reserve_block

LOCAL = LeaseWishes("ab123", site="local")


def test_without_a_time_the_lease_on_record_is_gone_on_with(here) -> None:
    first = reserve_block(here, "model", LOCAL)
    assert reserve_block(here, "model", LeaseWishes("ab123")) == first
    assert here.words[-1] == "going on with the lease serve_model_ab123 at local (ACTIVE)"


def test_a_lease_that_is_over_is_not_gone_on_with(here) -> None:
    reserve_block(here, "model", LOCAL)
    here.site("local").delete(here.site("local").inventory()[0])
    reserve_block(here, "model", LOCAL)
    assert not here.words[-1].startswith("going on") and len(here.journal.open_entries(kind="lease")) == 1


def test_parts_have_leases_of_their_own(here) -> None:
    names = {reserve_block(here, part, LOCAL).name for part in ("model", "system")}
    assert names == {"serve_model_ab123", "serve_system_ab123"}
    down(here, "model")
    assert [entry.name for entry in here.journal.open_entries()] == ["serve_system_ab123"]


def test_a_wrong_netid_or_part_makes_nothing(here) -> None:
    with pytest.raises(UsageError, match="cannot be part of a lease's name"):
        reserve_block(here, "model", LeaseWishes("not a netid", site="local"))
    with pytest.raises(UsageError, match="no hardware for part 'physics'"):
        reserve_block(here, "physics", LOCAL)
    assert here.journal.entries() == []
