"""Calendar files: whose events, in whose zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from icalendar import Calendar

from reserve.plan.course.schedule import Booking
from reserve.plan.show.ics import calendar, write_calendars
from tests.reserve.plan.small import START

NOW = datetime(2027, 3, 1, tzinfo=UTC)
SHARED = Booking(("a1", "b2"), "model", "compute_liqid", "CHI@TACC", "n1", START, START + timedelta(minutes=170))


def test_an_event_names_lease_place_and_command_and_warns_an_hour_before() -> None:
    text = calendar([SHARED], ZoneInfo("Asia/Kolkata"), "x", NOW, {SHARED.lease: "servelab reserve model"})
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    assert str(event["UID"]) == "serve_model_a1@servelab" and str(event["LOCATION"]) == "CHI@TACC n1"
    assert str(event["SUMMARY"]) == "model lab: compute_liqid (a1, b2)"
    assert str(event["DESCRIPTION"]) == "servelab reserve model"
    assert event["DTSTART"].dt.isoformat() == "2027-03-08T10:30:00+05:30"
    assert event.walk("VALARM")[0]["TRIGGER"].dt == -timedelta(hours=1)


def test_everyone_gets_a_file_and_those_who_left_lose_theirs(tmp_path: Path) -> None:
    (tmp_path / "students").mkdir()
    (tmp_path / "students" / "gone.ics").write_text("old")
    zones = {netid: ZoneInfo("UTC") for netid in ("a1", "b2", "c3")}
    assert write_calendars(tmp_path, [SHARED], zones, ZoneInfo("UTC"), NOW, {}) == 4
    events = {p.stem: len(Calendar.from_ical(p.read_bytes()).walk("VEVENT")) for p in (tmp_path / "students").iterdir()}
    assert events == {"a1": 1, "b2": 1, "c3": 0}
    assert len(Calendar.from_ical((tmp_path / "course.ics").read_bytes()).walk("VEVENT")) == 1
