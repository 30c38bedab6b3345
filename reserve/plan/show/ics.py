"""Calendar files: one for each student, in their own time zone, and one for the course."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from reserve.plan.course.schedule import Booking

PRODUCT = "-//ServeLab//servelab plan//EN"


def calendar(bookings: Sequence[Booking], tz: ZoneInfo, name: str, stamp: datetime, lines: dict[str, str]) -> bytes:
    """An RFC 5545 calendar with times in `tz`, whose rules are included (VTIMEZONE), so that daylight-saving
    changes come out right in every program. `lines[lease]` is the description; `stamp` is when it was made."""
    from icalendar import Alarm, Calendar, Event

    cal = Calendar()
    cal.add("prodid", PRODUCT)
    cal.add("version", "2.0")
    cal.add("x-wr-calname", name)
    for booking in bookings:
        event = Event()
        event.add("uid", f"{booking.lease}@servelab")
        event.add("dtstamp", stamp)
        event.add("dtstart", booking.start.astimezone(tz))
        event.add("dtend", booking.end.astimezone(tz))
        event.add("summary", f"{booking.part} lab: {booking.hardware} ({', '.join(booking.netids)})")
        event.add("location", f"{booking.site} {booking.node}")
        event.add("description", lines.get(booking.lease, ""))
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", f"{booking.part} lab begins in an hour")
        alarm.add("trigger", timedelta(hours=-1))
        event.add_component(alarm)
        cal.add_component(event)
    if bookings:
        cal.add_missing_timezones()
    return cal.to_ical()


def write_calendars(
    folder: Path,
    bookings: Sequence[Booking],
    zones: dict[str, ZoneInfo],
    tz: ZoneInfo,
    stamp: datetime,
    lines: dict[str, str],
) -> int:
    """course.ics and students/NETID.ics under `folder`; the number of files. Old ones of students who left go."""
    students = folder / "students"
    students.mkdir(parents=True, exist_ok=True)
    for old in students.glob("*.ics"):
        if old.stem not in zones:
            old.unlink()
    (folder / "course.ics").write_bytes(calendar(bookings, tz, "Lab leases of the course", stamp, lines))
    for netid, zone in zones.items():
        mine = [booking for booking in bookings if netid in booking.netids]
        (students / f"{netid}.ics").write_bytes(calendar(mine, zone, f"Lab leases of {netid}", stamp, lines))
    return 1 + len(zones)
