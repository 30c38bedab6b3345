"""Leases: the course's names and rules, made once, found again, and every state of a lease told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reserve import hardware
from reserve.errors import Faulted, LeaseRefused, Missing, SiteError, SiteUnreachable, UsageError
from reserve.lease.leases import (
    current,
    ensure_lease,
    lease_name,
    named_for,
    node_name,
    spec_for,
    user_name,
    wait_active,
)
from reserve.site import LeaseSpec
from reserve.sites.local import on_this_machine

NOW = datetime(2027, 3, 4, 12, 20, tzinfo=UTC)
P100 = hardware.load()["gpu_p100"]
HERE = on_this_machine(P100)


def spec(start: datetime | None = None) -> LeaseSpec:
    begin = start or datetime.now(UTC).replace(microsecond=0)
    return replace(
        spec_for(HERE, "ab123", datetime(2027, 3, 4, 13, tzinfo=UTC), "", NOW),
        start=begin,
        end=begin + timedelta(hours=3),
    )


def test_names_are_the_courses() -> None:
    assert (lease_name("model", "ab123"), node_name("model", "ab123")) == (
        "serve_model_ab123",
        "node-serve-model-ab123",
    )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("serve_model_ab123", ("model", "ab123")),
        ("node-serve-edge-ab123", ("edge", "ab123")),
        ("serve_system_a-b-c", ("system", "a-b-c")),
        ("somebody", ("", "")),
    ],
)
def test_part_and_netid_are_in_the_name(name: str, found: tuple[str, str]) -> None:
    assert named_for(name) == found


def test_a_netid_is_the_given_one_else_the_environments_and_fit_for_a_name(monkeypatch) -> None:
    monkeypatch.setenv("SERVELAB_NETID", "XY9")
    assert user_name(" AB123 ") == "ab123" and user_name() == "xy9"
    with pytest.raises(UsageError, match="--netid ab123"):
        user_name("a_b")


def test_a_block_begins_on_the_hour_and_ends_before_one() -> None:
    made = spec_for(P100, "ab123", datetime(2027, 3, 4, 13, tzinfo=UTC), "p100-01", NOW)
    assert (made.name, made.node, made.at_once) == ("serve_system_ab123", "p100-01", False)
    assert made.end - made.start == timedelta(hours=2, minutes=50)
    longer = spec_for(P100, "ab123", datetime(2027, 3, 4, 13, tzinfo=UTC), "", NOW, hours=5)
    assert longer.end - longer.start == timedelta(hours=4, minutes=50)


@pytest.mark.parametrize(
    ("start", "hours", "told"),
    [
        (datetime(2027, 3, 4, 13, 30, tzinfo=UTC), 0, "whole hour .*try 2027-03-04 14:00"),
        (datetime(2027, 3, 4, 12, tzinfo=UTC), 0, "has passed: it is 2027-03-04 12:20 UTC"),
        (datetime(2027, 3, 4, 13, tzinfo=UTC), 200, "at most 7 days"),
    ],
)
def test_a_broken_rule_is_named(start: datetime, hours: int, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        spec_for(P100, "ab123", start, "", NOW, hours)


def test_a_lease_is_made_once_and_on_record_once(here) -> None:
    first = ensure_lease(here, spec(), "ab123")
    again = ensure_lease(here, spec(), "ab123")
    assert again.id == first.id
    (entry,) = here.journal.open_entries(kind="lease")
    assert (entry.id, entry.facts["netid"], entry.facts["hardware"]) == (first.id, "ab123", "gpu_p100")
    assert "nothing new is made" in here.words[-1]


def test_a_lease_of_another_time_is_not_taken_for_this_one(here) -> None:
    ensure_lease(here, spec(), "ab123")
    with pytest.raises(SiteError, match="you have a lease serve_system_ab123 already.*servelab down system"):
        ensure_lease(here, spec(datetime.now(UTC) + timedelta(days=1)), "ab123")


def test_a_refusal_leaves_nothing_on_record(here, monkeypatch) -> None:
    def refuses(asked):
        raise LeaseRefused("taken.")

    monkeypatch.setattr(here.site("local"), "create_lease", refuses)
    with pytest.raises(LeaseRefused, match=r"taken\. Next free: .*servelab reserve system --start"):
        ensure_lease(here, spec(), "ab123")
    assert here.journal.open_entries() == []


@pytest.mark.parametrize("made", [True, False], ids=["made", "not made"])
def test_after_a_lost_answer_the_site_is_looked_at(made, here, monkeypatch) -> None:
    site = here.site("local")
    create = site.create_lease

    def silent(asked):
        if made:
            create(asked)
        raise SiteUnreachable("silence")

    monkeypatch.setattr(site, "create_lease", silent)
    if made:
        ensure_lease(here, spec(), "ab123")
        assert any("the answer was lost" in word for word in here.words)
    else:
        with pytest.raises(SiteUnreachable, match="silence"):
            ensure_lease(here, spec(), "ab123")
    assert bool(here.journal.open_entries()) is made


def test_a_lease_that_ended_or_broke_is_told_with_the_way_on(here, monkeypatch) -> None:
    lease = ensure_lease(here, spec(), "ab123")
    entry = here.journal.lease_for_command("system")
    assert current(here, entry).id == lease.id
    site = here.site("local")
    for status, error in (("ERROR", Faulted), ("TERMINATED", Missing)):
        monkeypatch.setattr(site, "get_lease", lambda id, status=status: replace(lease, status=status))
        with pytest.raises(error, match="servelab down system.*servelab reserve system"):
            current(here, entry)
    monkeypatch.setattr(site, "get_lease", lambda id: None)
    with pytest.raises(Missing, match="ended or was deleted"):
        current(here, entry)


def test_a_lease_far_away_is_not_waited_for(here) -> None:
    ensure_lease(here, spec(datetime.now(UTC) + timedelta(hours=5)), "ab123")
    with pytest.raises(SiteError, match="Come back then, or wait with `servelab go system`"):
        wait_active(here, here.journal.lease_for_command("system"), start_limit_s=3600)
