"""Calendar files: whose events, in whose zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from reserve.plan.course.schedule import Booking
from reserve.plan.show.ics import Edition, calendar, write_calendars
from tests.reserve.plan.small import START

NOW = datetime(2027, 3, 1, tzinfo=UTC)
FIRST = Edition("20270308", 0, NOW)
SHARED = Booking(("a1", "b2"), "model", "compute_liqid", "CHI@TACC", "n1", START, START + timedelta(minutes=170))


def test_an_event_names_lease_place_and_command_and_warns_an_hour_before() -> None:
    text = calendar(
        [SHARED], ZoneInfo("Asia/Kolkata"), "x", replace(FIRST, lines={SHARED.lease: "servelab reserve model"})
    )
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    assert str(event["UID"]) == "serve_model_a1-20270308@servelab" and str(event["LOCATION"]) == "CHI@TACC n1"
    assert str(event["SUMMARY"]) == "model lab: compute_liqid (a1, b2)"
    assert str(event["DESCRIPTION"]) == "servelab reserve model"
    assert event["DTSTART"].dt.isoformat() == "2027-03-08T10:30:00+05:30"
    assert event.walk("VALARM")[0]["TRIGGER"].dt == -timedelta(hours=1)


def test_everyone_gets_a_file_and_those_who_left_lose_theirs(tmp_path: Path) -> None:
    (tmp_path / "students").mkdir()
    (tmp_path / "students" / "gone.ics").write_text("old")
    zones = {netid: ZoneInfo("UTC") for netid in ("a1", "b2", "c3")}
    assert write_calendars(tmp_path, [SHARED], zones, ZoneInfo("UTC"), FIRST) == 4
    events = {p.stem: len(Calendar.from_ical(p.read_bytes()).walk("VEVENT")) for p in (tmp_path / "students").iterdir()}
    assert events == {"a1": 1, "b2": 1, "c3": 0}
    assert len(Calendar.from_ical((tmp_path / "course.ics").read_bytes()).walk("VEVENT")) == 1


# The hours around each change of the clocks, forward and back, in zones of both hemispheres; Lord Howe moves by half an
# hour; Kolkata never.
CHANGES = [
    ("America/New_York", datetime(2027, 3, 14, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2027, 11, 7, 6, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2027, 10, 31, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 4, 3, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 10, 2, 15, 30, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2027, 3, 14, 7, tzinfo=UTC)),
]


def around(change: datetime) -> list[Booking]:
    """A block of nearly an hour beginning at each whole hour from two days before the change to two days after."""
    first = change.replace(minute=0)
    return [
        Booking((f"s{n}",), "edge", "raspberrypi5", "CHI@Edge", "n1", start, start + timedelta(minutes=55))
        for n in range(-48, 49)
        for start in [first + timedelta(hours=n)]
    ]


@pytest.mark.parametrize(("zone", "change"), CHANGES, ids=lambda value: str(value)[:20])
def test_every_event_is_right_to_the_minute_by_the_files_own_zone_rules(zone: str, change: datetime) -> None:
    bookings = around(change)
    read = Calendar.from_ical(calendar(bookings, ZoneInfo(zone), "x", FIRST))
    rules = {str(part["TZID"]): part.to_tz(lookup_tzid=False) for part in read.walk("VTIMEZONE")}
    assert set(rules) == {zone}
    found = []
    for event in read.walk("VEVENT"):
        times = []
        for key in ("DTSTART", "DTEND"):
            moment, tzid = event[key].dt, event[key].params.get("TZID")
            # By the VTIMEZONE in the file, as a program does that does not know the zone's name.
            times.append((moment.replace(tzinfo=rules[tzid]) if tzid else moment).astimezone(UTC))
        found.append(tuple(times))
    assert found == [(b.start, b.end) for b in bookings]


def test_a_file_is_what_calendars_take() -> None:
    text = calendar([SHARED], ZoneInfo("America/New_York"), "x", FIRST)
    lines = text.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines) and b"\n" not in b"".join(lines)
    assert lines[0] == b"BEGIN:VCALENDAR" and b"VERSION:2.0" in lines and b"METHOD:PUBLISH" in lines
    for zone in ("America/New_York", "Asia/Kolkata", "UTC"):
        empty = Calendar.from_ical(calendar([], ZoneInfo(zone), "x", FIRST))
        assert empty.walk("VEVENT") == [] and [str(part["TZID"]) for part in empty.subcomponents] == [zone]


def test_a_later_plan_replaces_the_event_of_the_earlier_one_and_cancels_what_it_has_not(tmp_path: Path) -> None:
    moved = replace(SHARED, start=SHARED.start + timedelta(days=1), end=SHARED.end + timedelta(days=1))
    lost = replace(SHARED, part="edge", start=SHARED.start + timedelta(days=2), end=SHARED.end + timedelta(days=2))
    zones = {"a1": ZoneInfo("UTC"), "b2": ZoneInfo("UTC")}
    write_calendars(tmp_path, [SHARED, lost], zones, ZoneInfo("UTC"), FIRST)
    before = {str(e["UID"]): e for e in Calendar.from_ical((tmp_path / "course.ics").read_bytes()).walk("VEVENT")}
    write_calendars(tmp_path, [moved], zones, ZoneInfo("UTC"), replace(FIRST, number=1), [SHARED, lost])
    for file in ("course.ics", "students/a1.ics", "students/b2.ics"):
        after = {str(e["UID"]): e for e in Calendar.from_ical((tmp_path / file).read_bytes()).walk("VEVENT")}
        assert set(after) == set(before)
        model, edge = (next(e for uid, e in after.items() if part in uid) for part in ("model", "edge"))
        assert (model["DTSTART"].dt, str(model["STATUS"]), model["SEQUENCE"]) == (moved.start, "CONFIRMED", 1)
        assert (str(edge["STATUS"]), edge["SEQUENCE"], edge.walk("VALARM")) == ("CANCELLED", 1, [])
