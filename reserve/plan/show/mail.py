"""What to tell each student: a message with their times and lines, and a table for a mail merge or a calendar."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from reserve.plan.course.schedule import Booking

FOLDER = "messages"
SUBJECT = "Your times on the lab machines"
EVENTS = ("Subject", "Start Date", "Start Time", "End Date", "End Time", "Location", "Description")


def message(netid: str, mine: Sequence[Booking], tz: ZoneInfo, lines: Mapping[str, str], parts: Sequence[str]) -> str:
    """The text to mail to one student. `lines`: the command of each lease; `parts`: all that the course has."""
    say = [f"Hello {netid},", "", f"these are your times, by the clock of {tz.key}:", ""]
    for booking in sorted(mine, key=lambda b: b.start):
        start, end = booking.start.astimezone(tz), booking.end.astimezone(tz)
        until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%a %b %d %H:%M}"
        others = [other for other in booking.netids if other != netid]
        shared = f", with {' and '.join(others)}" if others else ""
        say.append(f"  {booking.part}: {start:%a %b %d %Y %H:%M} to {until} {start:%Z}, {booking.node}{shared}")
    missing = [part for part in parts if part not in {booking.part for booking in mine}]
    if missing:
        say += ["", f"There is no time for you yet for {', '.join(missing)}: please write to the instructor."]
    if mine:
        say += ["", "Type these lines, each up to a week before its time; a lease that is there already is found:", ""]
        say += [f"  {lines[booking.lease]}" for booking in sorted(mine, key=lambda b: b.start)]
        say += ["", f"The times are in {netid}.ics as well, for your calendar. If one does not suit you, say so soon."]
    return "\n".join(say) + "\n"


def write_messages(
    folder: Path,
    bookings: Sequence[Booking],
    zones: Mapping[str, ZoneInfo],
    lines: Mapping[str, str],
    parts: Sequence[str],
) -> None:
    """messages/NETID.txt for every student, and messages.csv (netid, subject, body) for a mail merge. Messages to
    students who left go."""
    texts = folder / FOLDER
    texts.mkdir(parents=True, exist_ok=True)
    for old in texts.glob("*.txt"):
        if old.stem not in zones:
            old.unlink()
    with (folder / "messages.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("netid", "subject", "body"))
        for netid, tz in zones.items():
            text = message(netid, [b for b in bookings if netid in b.netids], tz, lines, parts)
            (texts / f"{netid}.txt").write_text(text, encoding="utf-8")
            table.writerow((netid, SUBJECT, text))


def write_events(path: Path, bookings: Sequence[Booking], tz: ZoneInfo, lines: Mapping[str, str]) -> None:
    """course.csv: an event a lease, in the columns that Google Calendar and Outlook import, by the course's clock."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(EVENTS)
        for booking in bookings:
            start, end = booking.start.astimezone(tz), booking.end.astimezone(tz)
            times = [f"{start:%m/%d/%Y}", f"{start:%I:%M %p}", f"{end:%m/%d/%Y}", f"{end:%I:%M %p}"]
            who = ", ".join(booking.netids)
            table.writerow([f"{booking.part} lab: {who}", *times, booking.node, lines[booking.lease]])
