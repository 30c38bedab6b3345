"""Free blocks as a person reads them: their own time, UTC beside it, every option of a part compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reserve.calendar import Calendar, Slot, free_slots, next_hour, utc
from reserve.errors import UsageError
from reserve.hardware import Hardware


@dataclass(frozen=True)
class Option:
    """One kind of hardware for a part, with its free blocks; `problem` says why there are none to show."""

    hardware: Hardware
    slots: tuple[Slot, ...] = ()
    problem: str = ""
    nodes: int = 0


def zone(name: str = "") -> tzinfo | None:
    """The named zone (`America/New_York`); None, for '', is this machine's own, whatever its rules."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"unknown time zone {name!r}: use a name such as America/New_York or Europe/Berlin") from None


def parse_moment(text: str, tz_name: str = "") -> datetime:
    """A moment that a person typed, as aware UTC. Without an offset it is UTC, or of `tz_name` if that is given.

    Raises UsageError for text that is no time, and for a local time that a clock change skips or repeats.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{text!r} is not a time. Write 2027-03-04 15:00 (UTC), or 2027-03-04T15:00-05:00.") from None
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    local = zone(tz_name)
    if local is None:
        return moment.replace(tzinfo=UTC)
    first, second = (moment.replace(tzinfo=local, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        back = first.astimezone(UTC).astimezone(local).replace(tzinfo=None)
        what = "happens twice" if back == moment else "does not exist"
        raise UsageError(f"{text} {what} in {tz_name}, where the clocks change. Write the time in UTC.")
    return first.astimezone(UTC)


def next_free(calendar: Calendar, hardware: Hardware, after: datetime, count: int = 3, node: str = "") -> list[Slot]:
    """The first `count` free blocks that start at or after `after`, within the following 30 days."""
    if node and node not in calendar.nodes:
        node = ""
    slots = free_slots(calendar, hardware.block, after, utc(after) + timedelta(days=30), node or None)
    return slots[:count]


def options(
    pairs: Iterable[tuple[Hardware, Calendar | str]], start: datetime, until: datetime, node: str = ""
) -> list[Option]:
    """The options of a part side by side; a text in place of a calendar is the reason why it is missing."""
    found = []
    for hardware, calendar in pairs:
        if isinstance(calendar, str):
            found.append(Option(hardware, problem=calendar))
        elif node and node not in calendar.nodes:
            names = ", ".join(calendar.nodes)
            found.append(Option(hardware, problem=f"no node {node} of this type; there are: {names}"))
        else:
            slots = free_slots(calendar, hardware.block, start, until, node or None)
            found.append(Option(hardware, tuple(slots), nodes=1 if node else len(calendar.nodes)))
    if node and all(option.problem for option in found):
        raise UsageError("; ".join(f"{option.hardware.key}: {option.problem}" for option in found))
    return found


def local_text(moment: datetime, tz: tzinfo | None) -> str:
    """`Thu 4 Mar 10:00 EST`: in the given zone, or the machine's."""
    local = moment.astimezone(tz)
    return f"{local:%a} {local.day:2d} {local:%b %H:%M %Z}"


def runs_of(slots: Sequence[Slot]) -> list[tuple[Slot, Slot, int]]:
    """Consecutive starts with the same number of free nodes, as (first, last, free nodes)."""
    groups: list[tuple[Slot, Slot, int]] = []
    for slot in slots:
        if groups:
            first, last, free = groups[-1]
            if slot.start - last.start == timedelta(hours=1) and len(slot.nodes) == free:
                groups[-1] = (first, slot, free)
                continue
        groups.append((slot, slot, len(slot.nodes)))
    return groups


def table(found: Sequence[Option], start: datetime, until: datetime, tz: tzinfo | None, limit: int = 40) -> str:
    """What `servelab slots` prints. A line stands for one start, or for a row of starts an hour apart."""
    lines = []
    for option in found:
        h = option.hardware
        length = f"{h.block_hours} h block, to {h.end_margin_minutes} min before the hour"
        lines.append(f"{h.type_name} at {h.site}: {h.about} ({length})")
        if option.problem:
            lines += [f"  {option.problem}", ""]
            continue
        groups = runs_of(option.slots)
        if not groups:
            lines += [f"  nothing free from {start:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC", ""]
            continue
        lines.append("  start (UTC)                  start (your time)                          free nodes")
        for first, last, free in groups[:limit]:
            span = f"{first.start:%Y-%m-%d %H:%M}"
            local = local_text(first.start, tz)
            if last is not first:
                same_day = last.start.date() == first.start.date()
                span += f" ... {last.start:%H:%M}" if same_day else f" ... {last.start:%m-%d %H:%M}"
                local += f" ... {local_text(last.start, tz)}"
            names = f" ({', '.join(first.nodes)})" if free <= 3 and first is last else ""
            lines.append(f"  {span:28} {local:42} {free} of {option.nodes}{names}")
        if len(groups) > limit:
            lines.append(f"  ... and {len(groups) - limit} more lines: narrow it with --from and --until")
        lines.append("")
    firsts = [(o.slots[0].start, o.hardware) for o in found if o.slots]
    if len(found) > 1 and firsts:
        best_start, best = min(firsts, key=lambda pair: pair[0])
        counts = ", ".join(f"{o.hardware.key} {len(o.slots)} starts" for o in found)
        lines.append(f"Soonest: {best.key} at {best.site}, {best_start:%Y-%m-%d %H:%M} UTC. In all: {counts}.")
    return "\n".join(lines).rstrip()


def window(text_from: str, text_until: str, tz_name: str, now: datetime) -> tuple[datetime, datetime]:
    """The stretch to search: from the next whole hour, for seven days, unless said otherwise."""
    start = parse_moment(text_from, tz_name) if text_from else next_hour(now)
    until = parse_moment(text_until, tz_name) if text_until else start + timedelta(days=7)
    if until <= start:
        raise UsageError(f"--until {until:%Y-%m-%d %H:%M} is not after --from {start:%Y-%m-%d %H:%M} (UTC)")
    return max(start, next_hour(now)), until
