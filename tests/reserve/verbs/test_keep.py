"""`servelab keep`: how long the node is still yours, and longer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from reserve.errors import SiteError, UsageError
from reserve.lease.leases import ensure_lease
from reserve.site import LeaseSpec
from reserve.verbs.keep import keep_node


def leased(here, minutes: float) -> LeaseSpec:
    now = datetime.now(UTC)
    spec = LeaseSpec("serve_model_ab123", here.options("model", "local")[0], now, now + timedelta(minutes=minutes))
    ensure_lease(here, spec, "ab123")
    here.words.clear()
    return spec


def test_the_time_left_and_what_was_used_are_told(here) -> None:
    leased(here, 120.5)
    keep_node(here, "model")
    assert re.match(r"serve_model_ab123: 2 h 00 min left \(ends .* UTC\)\.$", here.words[0])
    assert here.words[1] == "used so far: 0.0 node-hours of compute_liqid"


def test_ten_minutes_before_the_end_it_warns(here) -> None:
    leased(here, 9)
    keep_node(here, "model")
    assert here.words[0].endswith("WARNING: collect now.")


def test_more_time_is_noted_in_the_journal(here) -> None:
    spec = leased(here, 60)
    keep_node(here, "model", "30m")
    entry = here.journal.lease_for_command("model")
    until = datetime.fromisoformat(entry.facts["end"])
    assert timedelta(minutes=30) <= until - spec.end < timedelta(minutes=91) and until.minute == 50
    assert "now ends" in here.words[0]


def test_without_a_lease_or_with_a_wrong_length_nothing_changes(here) -> None:
    with pytest.raises(SiteError, match="no lease for model"):
        keep_node(here, "model")
    leased(here, 60)
    with pytest.raises(UsageError, match="'soon' is no length"):
        keep_node(here, "model", "soon")
