"""Messages say every time by the student's own clock, with the exact lines."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from reserve.plan.course.schedule import Booking
from reserve.plan.show.mail import EVENTS, message, write_events, write_messages
from reserve.plan.show.table import command

START = datetime(2027, 3, 9, 3, tzinfo=UTC)
KOLKATA, NEW_YORK = ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")
PARTS = ("model", "edge")


def booking(part: str, netids: tuple[str, ...], start: datetime) -> Booking:
    return Booking(netids, part, "compute_liqid", "CHI@TACC", "liqid-1", start, start + timedelta(hours=3, minutes=-10))


MODEL = booking("model", ("ab1", "cd2"), START)
EDGE = booking("edge", ("ab1", "cd2"), START + timedelta(days=1))
LINES = {one.lease: command(one, 3) for one in (MODEL, EDGE)}


def test_each_partner_reads_their_own_clock_and_the_same_lines() -> None:
    text = message("cd2", [EDGE, MODEL], KOLKATA, LINES, PARTS)
    assert "model: Tue Mar 09 2027 08:30 to 11:20 IST, liqid-1, with ab1" in text
    assert "model: Mon Mar 08 2027 22:00 to Tue Mar 09 00:50 EST, liqid-1, with cd2" in message(
        "ab1", [MODEL], NEW_YORK, LINES, PARTS
    )
    assert text.index("model:") < text.index("edge:")
    assert all(f"  {line}\n" in text for line in LINES.values()) and "no time for you" not in text


def test_who_lacks_a_part_is_told_which() -> None:
    assert "There is no time for you yet for edge:" in message("ab1", [MODEL], KOLKATA, LINES, PARTS)
    nothing = message("zz9", [], KOLKATA, LINES, PARTS)
    assert "yet for model, edge" in nothing and "Type these lines" not in nothing


def test_a_message_and_a_row_for_everyone_and_none_for_those_who_left(tmp_path: Path) -> None:
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "gone.txt").write_text("old")
    write_messages(tmp_path, [MODEL, EDGE], {"ab1": NEW_YORK, "zz9": KOLKATA}, LINES, PARTS)
    assert sorted(path.name for path in (tmp_path / "messages").iterdir()) == ["ab1.txt", "zz9.txt"]
    rows = list(csv.DictReader((tmp_path / "messages.csv").open(encoding="utf-8", newline="")))
    assert [row["netid"] for row in rows] == ["ab1", "zz9"]
    assert rows[0]["body"] == (tmp_path / "messages" / "ab1.txt").read_text()


def test_events_have_the_columns_that_calendars_import(tmp_path: Path) -> None:
    write_events(tmp_path / "course.csv", [MODEL], NEW_YORK, LINES)
    (row,) = csv.DictReader((tmp_path / "course.csv").open(encoding="utf-8", newline=""))
    assert tuple(row) == EVENTS
    assert (row["Start Date"], row["Start Time"]) == ("03/08/2027", "10:00 PM")
    assert (row["End Date"], row["End Time"]) == ("03/09/2027", "12:50 AM")
    assert row["Description"] == LINES[MODEL.lease]
