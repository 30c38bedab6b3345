"""Times as a roster writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from reserve.plan.course.windows import Dated, Weekly, clock_minutes, expand, parse_window, parse_windows, zone_named
from snippets.errors import PlanError


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("Mon-Fri 09:00-17:00", Weekly(frozenset(range(5)), 540, 1020)),
        ("Sat", Weekly(frozenset({5}))),
        ("Fri-Mon", Weekly(frozenset({4, 5, 6, 0}))),
        ("Tue+Thursday 8:30-9:00", Weekly(frozenset({1, 3}), 510, 540)),
        ("daily 18:00-24:00", Weekly(frozenset(range(7)), 1080, 1440)),
        ("weekends", Weekly(frozenset({5, 6}))),
        ("weekdays", Weekly(frozenset(range(5)))),
        ("Mon/Wed 09:00-12:00", Weekly(frozenset({0, 2}), 540, 720)),
        ("Mon,Wed 09:00-12:00", Weekly(frozenset({0, 2}), 540, 720)),
        ("Mon & Wed 09:00-12:00", Weekly(frozenset({0, 2}), 540, 720)),
        ("Mon, Wed and Fri", Weekly(frozenset({0, 2, 4}))),
        ("Mon - Wed 09:00 - 12:00", Weekly(frozenset({0, 1, 2}), 540, 720)),
        ("Thurs", Weekly(frozenset({3}))),
        ("2027-03-05", Dated(datetime(2027, 3, 5), datetime(2027, 3, 6))),
        ("2027-03-05/2027-03-07", Dated(datetime(2027, 3, 5), datetime(2027, 3, 8))),
        ("2027-03-05T13:00/2027-03-07T12:00", Dated(datetime(2027, 3, 5, 13), datetime(2027, 3, 7, 12))),
    ],
)
def test_every_form_is_read(text: str, window: Weekly | Dated) -> None:
    assert parse_window(text, "row 2") == window


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon 9-17",
        "Monday-ish",
        "Monkey",
        "MonWed",
        "Mon+Moonday",
        "2027-13-01",
        "2027-03-05T12:00/2027-03-05T11:00",
    ],
)
def test_what_is_no_time_is_told_with_where_it_stands(text: str) -> None:
    with pytest.raises(PlanError, match="^row 2: "):
        parse_window(text, "row 2")


def test_a_field_holds_several_separated_by_semicolons() -> None:
    assert len(parse_windows("Mon; ;2027-03-05;", "x")) == 2 and parse_windows("", "x") == ()


@pytest.mark.parametrize("text", ["09:60-10:00", "10:00-09:00", "10:00-10:00", "23:00-24:30", "now"])
def test_a_time_of_day_begins_before_it_ends(text: str) -> None:
    assert clock_minutes("00:00-24:00", "x") == (0, 1440)
    with pytest.raises(PlanError, match="not a time of day"):
        clock_minutes(text, "x")


def test_an_unknown_zone_is_named() -> None:
    assert zone_named(" Europe/Berlin ", "--tz").key == "Europe/Berlin"
    with pytest.raises(PlanError, match="--tz: unknown time zone 'Moon'"):
        zone_named("Moon", "--tz")


def test_only_what_touches_the_stretch_is_given() -> None:
    start, end = datetime(2027, 3, 2, tzinfo=UTC), datetime(2027, 3, 4, tzinfo=UTC)  # Tuesday and Wednesday
    found = list(expand(parse_windows("daily 22:00-24:00; 2027-04-01", "x"), ZoneInfo("UTC"), start, end))
    assert [(one.start.day, one.start.hour, one.end.day) for one in found] == [(2, 22, 3), (3, 22, 4)]
