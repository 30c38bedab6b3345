"""Time left, more time, and what it came to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reserve import hardware
from reserve.errors import LeaseRefused
from reserve.journal import Entry
from reserve.lease.leases import ensure_lease
from reserve.lease.time_left import Watch, extend, extended_end, node_hours, parse_length
from reserve.site import Lease, LeaseSpec
from reserve.verbs.down import down
from reserve.verbs.keep import keep_node
from snippets.errors import UsageError
from tests.reserve.scenario import reserved

DAY = datetime(2027, 3, 4, 15, tzinfo=UTC)
P100 = hardware.load()["gpu_p100"]
LEASE = Lease("id", "serve_system_ab123", "CHI@TACC", "ACTIVE", DAY, DAY + timedelta(hours=2, minutes=50))


def test_warnings_come_once_at_30_10_and_5_minutes():
    words: list[str] = []
    watch = Watch(LEASE, words.append)
    for minutes in (60, 31, 30, 29, 12, 9, 8, 4, 3):
        watch.tick(LEASE.end - timedelta(minutes=minutes))
    assert [word.split(" left")[0].removeprefix("WARNING: ") for word in words] == ["30 min", "9 min", "4 min"]


@pytest.mark.parametrize(("text", "minutes"), [("1h", 60), ("90m", 90), ("2h30m", 150)])
def test_lengths(text, minutes):
    assert parse_length(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "soon", "1", "h", "-1h"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(UsageError):
        parse_length(text)


def test_an_extended_lease_again_ends_before_the_hour():
    assert extended_end(LEASE, timedelta(hours=1), P100, DAY) == DAY + timedelta(hours=3, minutes=50)
    assert extended_end(LEASE, timedelta(minutes=30), P100, DAY) == DAY + timedelta(hours=3, minutes=50)


def test_a_lease_is_never_longer_than_the_site_allows():
    with pytest.raises(UsageError, match="at most 7 days"):
        extended_end(LEASE, timedelta(days=7), P100, DAY)


def test_more_time_is_given_if_nobody_holds_it(desk, chameleon):
    reserved(desk)
    before = desk.site("CHI@TACC").find_lease("serve_system_ab123").end
    keep_node(desk, "system", "1h")
    after = desk.site("CHI@TACC").find_lease("serve_system_ab123").end
    assert after - before == timedelta(hours=1)
    assert any("node-hours of gpu_p100" in word for word in desk.words)
    down(desk, "system")
    chameleon.assert_empty()


def test_time_that_somebody_holds_is_refused_with_their_start(desk, chameleon):
    site = desk.site("CHI@TACC")
    reserved(desk)
    mine = site.find_lease("serve_system_ab123")
    later = mine.end + timedelta(minutes=10)
    for number in (1, 2):
        spec = LeaseSpec(f"serve_system_other{number}", P100, later, later + timedelta(hours=3))
        ensure_lease(desk, spec, f"other{number}")
    newest = desk.journal.lease_of("system")
    assert newest and newest.name != mine.name
    entry = next(e for e in desk.journal.open_entries(kind="lease") if e.name == mine.name)
    with pytest.raises(LeaseRefused, match=f"taken by somebody else from {later:%Y-%m-%d %H:%M} UTC.*servelab slots"):
        extend(desk, entry, mine, timedelta(hours=1))
    for netid in ("ab123", "other1", "other2"):
        down(desk, "system", netid=netid)
    chameleon.assert_empty()


def test_a_refusal_of_the_site_itself_is_told_too(desk, chameleon):
    reserved(desk)
    chameleon.faults.on("lease-extension-refused")
    with pytest.raises(LeaseRefused, match="refuses to extend|somebody holds"):
        keep_node(desk, "system", "1h")
    chameleon.faults.off()
    down(desk, "system")


def test_node_hours_count_from_start_to_release():
    facts = {"hardware": "gpu_p100", "start": "2027-03-04T15:00:00Z", "end": "2027-03-04T17:50:00Z"}
    running = Entry("k", "lease", "a", "CHI@TACC", "system", id="i", facts=facts)
    released = Entry(
        "l", "lease", "b", "CHI@TACC", "system", id="j", facts={**facts, "gone_at": "2027-03-04T15:30:00Z"}
    )
    future = Entry("m", "lease", "c", "CHI@TACC", "system", id="n", facts={**facts, "start": "2027-03-05T15:00:00Z"})
    hours = node_hours([running, released, future], DAY + timedelta(hours=1))
    assert hours == {"gpu_p100": pytest.approx(1.5)}
