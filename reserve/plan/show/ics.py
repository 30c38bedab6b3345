"""Calendar files: one for each student, in their own time zone, and one for the course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from reserve.plan.course.schedule import Booking

PRODUCT = "-//ServeLab//servelab plan//EN"


@dataclass(frozen=True)
class Edition:
    """What every event of one plan carries. `term`: the same for all plans of a course in a term, and different in the
    next; `number` counts the plans, so that a calendar replaces an event by a later one; `stamp`: when it was made.
    `lines[lease]` is an event's description."""

    term: str
    number: int
    stamp: datetime
    lines: Mapping[str, str] = field(default_factory=dict)


def _local(moment: datetime, tz: ZoneInfo) -> datetime:
    """The moment by the local clock; in UTC within the hour that the clocks repeat, which has no name of its own."""
    local = moment.astimezone(tz)
    return local if local.replace(fold=0).astimezone(UTC) == moment else moment.astimezone(UTC)


def calendar(
    bookings: Sequence[Booking], tz: ZoneInfo, name: str, edition: Edition, cancelled: Sequence[Booking] = ()
) -> bytes:
    """An RFC 5545 calendar with times in `tz`, whose rules are included (VTIMEZONE), so that daylight-saving
    changes come out right in every program. `cancelled`: what an earlier plan had and this one has not."""
    from icalendar import Alarm, Calendar, Event, Timezone

    cal = Calendar()
    cal.add("prodid", PRODUCT)
    cal.add("version", "2.0")
    cal.add("method", "PUBLISH")
    cal.add("x-wr-calname", name)
    for booking, status in [(b, "CONFIRMED") for b in bookings] + [(b, "CANCELLED") for b in cancelled]:
        event = Event()
        event.add("uid", f"{booking.lease}-{edition.term}@servelab")
        event.add("sequence", edition.number)
        event.add("status", status)
        event.add("dtstamp", edition.stamp)
        event.add("last-modified", edition.stamp)
        event.add("dtstart", _local(booking.start, tz))
        event.add("dtend", _local(booking.end, tz))
        event.add("summary", f"{booking.part} lab: {booking.hardware} ({', '.join(booking.netids)})")
        event.add("location", f"{booking.site} {booking.node}")
        event.add("description", edition.lines.get(booking.lease, ""))
        if status == "CONFIRMED":
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", f"{booking.part} lab begins in an hour")
            alarm.add("trigger", timedelta(hours=-1))
            event.add_component(alarm)
        cal.add_component(event)
    if not bookings and not cancelled:  # a calendar without any component is none (RFC 5545, section 3.6)
        cal.add_component(Timezone.from_tzinfo(tz))
    cal.add_missing_timezones()
    return cal.to_ical()


def cancelled_since(earlier: Sequence[Booking], bookings: Sequence[Booking]) -> list[Booking]:
    """The last booking that an earlier plan had for each lease that `bookings` have no more."""
    last = {booking.lease: booking for booking in earlier}
    kept = {booking.lease for booking in bookings}
    return [booking for lease, booking in last.items() if lease not in kept]


def write_calendars(
    folder: Path,
    bookings: Sequence[Booking],
    zones: Mapping[str, ZoneInfo],
    tz: ZoneInfo,
    edition: Edition,
    earlier: Sequence[Booking] = (),
) -> int:
    """course.ics and students/NETID.ics under `folder`; the number of files. Old ones of students who left go."""
    students = folder / "students"
    students.mkdir(parents=True, exist_ok=True)
    for old in students.glob("*.ics"):
        if old.stem not in zones:
            old.unlink()
    gone = cancelled_since(earlier, bookings)
    (folder / "course.ics").write_bytes(calendar(bookings, tz, "Lab leases of the course", edition, gone))
    for netid, zone in zones.items():
        mine, lost = ([b for b in some if netid in b.netids] for some in (bookings, gone))
        (students / f"{netid}.ics").write_bytes(calendar(mine, zone, f"Lab leases of {netid}", edition, lost))
    return 1 + len(zones)
