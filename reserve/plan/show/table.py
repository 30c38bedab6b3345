"""plan.csv, and the command that each student types."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reserve.calendar import from_text, to_text
from reserve.plan.course.schedule import Booking
from snippets.errors import PlanError

EARLIER = "earlier"
COLUMNS = ("netids", "part", "hardware", "site", "node", "start_utc", "end_utc")


def command(booking: Booking, base_hours: int, name_node: bool = True) -> str:
    """The exact lines that make this lease: `servelab reserve ...`, and for extra time a second one that
    extends it."""
    node = f" --node {booking.node}" if name_node else ""
    line = (
        f'servelab reserve {booking.part} --start "{booking.start:%Y-%m-%d %H:%M}" --netid {booking.netids[0]}'
        f" --site {booking.site}{node}"
    )
    more = booking.hours - base_hours
    return f"{line} && servelab keep {booking.part} --extend {more}h" if more > 0 else line


def write_plan(path: Path, bookings: Sequence[Booking]) -> None:
    """One row a lease, by start."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for b in bookings:
            writer.writerow(["+".join(b.netids), b.part, b.hardware, b.site, b.node, to_text(b.start), to_text(b.end)])


def read_plan(path: Path) -> tuple[Booking, ...]:
    """The bookings of a plan.csv. Raises PlanError naming the row."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise PlanError(f"cannot read {path}: {error.strerror or error}; make a plan first: servelab plan") from None
    reader = csv.DictReader(lines)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise PlanError(f"{path} is no plan: its columns are not {', '.join(COLUMNS)}")
    found = []
    for row in reader:
        try:
            found.append(
                Booking(
                    tuple(row["netids"].split("+")),
                    row["part"],
                    row["hardware"],
                    row["site"],
                    row["node"],
                    from_text(row["start_utc"]),
                    from_text(row["end_utc"]),
                )
            )
        except (ValueError, AttributeError):
            raise PlanError(f"{path} row {reader.line_num}: not a booking; make the plan again") from None
    return tuple(found)


def keep_earlier(out: Path, now: datetime) -> None:
    """Copy the plan.csv that is about to be replaced to earlier/, named by the moment."""
    plan, folder = out / "plan.csv", out / EARLIER
    if not plan.exists():
        return
    folder.mkdir(exist_ok=True)
    kept = sorted(folder.glob("*.csv"))
    if not kept or kept[-1].read_bytes() != plan.read_bytes():
        name = f"{len(kept) + 1:03}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.csv"
        (folder / name).write_bytes(plan.read_bytes())


def read_earlier(out: Path) -> tuple[Booking, ...]:
    """All that plans in this folder had before the present one. Raises PlanError naming a damaged file and row."""
    return tuple(booking for path in sorted((out / EARLIER).glob("*.csv")) for booking in read_plan(path))


@dataclass(frozen=True)
class Lines:
    """Per student: netid, and the commands in order of time."""

    netid: str
    commands: tuple[str, ...]


def command_lines(bookings: Sequence[Booking], base_hours: dict[str, int], name_node: bool) -> list[Lines]:
    """Every student's own lines; a partner who shares a lease gets the same ones."""
    mine: dict[str, list[str]] = {}
    for booking in sorted(bookings, key=lambda b: b.start):
        line = command(booking, base_hours[booking.hardware], name_node)
        for netid in booking.netids:
            mine.setdefault(netid, []).append(line)
    return [Lines(netid, tuple(lines)) for netid, lines in sorted(mine.items())]
