"""Free blocks as a person reads them, through clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reserve import hardware
from reserve.calendar import Calendar, Interval
from reserve.lease.slots import local_text, next_free, options, parse_moment, runs_of, table, window, zone
from snippets.errors import UsageError

DAY = datetime(2027, 3, 4, tzinfo=UTC)
LIQID, GIGAIO = (hardware.load()[key] for key in ("compute_liqid", "compute_gigaio"))


def test_a_time_without_a_zone_is_utc_and_an_offset_counts():
    assert parse_moment("2027-03-04 15:00") == datetime(2027, 3, 4, 15, tzinfo=UTC)
    assert parse_moment("2027-03-04T15:00-05:00") == datetime(2027, 3, 4, 20, tzinfo=UTC)
    assert parse_moment("2027-03-04 15:00", "America/New_York") == datetime(2027, 3, 4, 20, tzinfo=UTC)


def test_local_times_follow_the_clock_change():
    new_york = zone("America/New_York")
    assert local_text(datetime(2027, 3, 14, 6, 0, tzinfo=UTC), new_york) == "Sun 14 Mar 01:00 EST"
    assert local_text(datetime(2027, 3, 14, 7, 0, tzinfo=UTC), new_york) == "Sun 14 Mar 03:00 EDT"


@pytest.mark.parametrize(
    ("text", "zone_name", "says"),
    [
        ("2027-03-14 02:30", "America/New_York", "does not exist"),
        ("2027-11-07 01:30", "America/New_York", "happens twice"),
        ("next tuesday", "", "is not a time"),
        ("2027-03-04 15:00", "Mars/Olympus", "unknown time zone"),
    ],
)
def test_a_time_that_is_none_is_refused(text, zone_name, says):
    with pytest.raises(UsageError, match=says):
        parse_moment(text, zone_name)


def test_consecutive_starts_are_one_line_across_a_clock_change():
    calendar = Calendar("compute_liqid", {"liqid01": ()})
    start, until = datetime(2027, 3, 14, 4, tzinfo=UTC), datetime(2027, 3, 14, 12, tzinfo=UTC)
    found = options([(LIQID, calendar)], start, until)
    text = table(found, start, until, zone("America/New_York"))
    assert "2027-03-14 04:00 ... 09:00" in text
    assert "Sat 13 Mar 23:00 EST ... Sun 14 Mar 05:00 EDT" in text


def test_both_options_of_a_part_are_compared_and_the_soonest_is_named():
    taken = Interval(DAY, DAY + timedelta(hours=10))
    pairs = [
        (LIQID, Calendar("compute_liqid", {"liqid01": (taken,)})),
        (GIGAIO, Calendar("compute_gigaio", {"g": ()})),
    ]
    until = DAY + timedelta(days=1)
    text = table(options(pairs, DAY, until), DAY, until, UTC)
    assert "Soonest: compute_gigaio at CHI@UC, 2027-03-04 00:00 UTC" in text
    assert "compute_liqid 11 starts" in text


def test_a_site_that_fails_does_not_hide_the_other():
    pairs = [(LIQID, "CHI@TACC is down"), (GIGAIO, Calendar("compute_gigaio", {"g": ()}))]
    text = table(options(pairs, DAY, DAY + timedelta(hours=4)), DAY, DAY + timedelta(hours=4), UTC)
    assert "CHI@TACC is down" in text and "1 of 1" in text


def test_an_unknown_node_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match="no node nope.*liqid01"):
        options([(LIQID, Calendar("compute_liqid", {"liqid01": ()}))], DAY, DAY + timedelta(days=1), node="nope")


def test_nothing_free_is_said():
    calendar = Calendar("compute_liqid", {"a": (Interval(DAY, DAY + timedelta(days=40)),)})
    assert next_free(calendar, LIQID, DAY) == []
    assert "nothing free" in table(options([(LIQID, calendar)], DAY, DAY + timedelta(days=1)), DAY, DAY, UTC)


def test_runs_end_where_the_number_of_free_nodes_changes():
    busy = Interval(DAY + timedelta(hours=5), DAY + timedelta(hours=6))
    found = options([(LIQID, Calendar("c", {"a": (), "b": (busy,)}))], DAY, DAY + timedelta(hours=12))
    assert [free for _, _, free in runs_of(found[0].slots)] == [2, 1, 2]


def test_the_window_is_a_week_from_the_next_hour_and_never_backwards():
    start, until = window("", "", "", DAY + timedelta(minutes=5))
    assert (start, until - start) == (DAY + timedelta(hours=1), timedelta(days=7))
    with pytest.raises(UsageError, match="is not after"):
        window("2027-03-05 00:00", "2027-03-04 00:00", "", DAY)


def test_the_window_never_begins_in_the_past():
    now, end = DAY + timedelta(minutes=5), DAY + timedelta(days=2)
    assert window("2027-03-01 00:00", "2027-03-06 00:00", "", now) == (DAY + timedelta(hours=1), end)
    assert window("2027-03-05 00:00", "2027-03-06 00:00", "", now)[0] == DAY + timedelta(days=1)
