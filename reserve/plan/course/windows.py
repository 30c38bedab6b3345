"""Times as a roster writes them: `Mon-Fri 09:00-17:00`, `2027-03-05`, `2027-03-05T13:00/2027-03-07T12:00`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reserve.calendar import Interval
from snippets.errors import PlanError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NAMES = {name: day for names in (DAYS, _LONG) for day, name in enumerate(names)}
_NAMES |= {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
_SETS = {"daily": frozenset(range(7)), "weekdays": frozenset(range(5)), "weekends": frozenset({5, 6})}
_HEAD = re.compile(r"([A-Za-z][A-Za-z\s+,/&\u2013-]*?)\s*(\d.*)?")
_CLOCKS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_YEARS = range(1990, 2200)  # a date outside is a slip, and far outside it cannot be reckoned with
_NO_PLACE = ("posix/", "right/", "localtime", "posixrules", "Factory")  # zone files that name no place's clock
FORMS = "`Mon-Fri 09:00-17:00`, `Sat`, `daily 18:00-22:00`, `2027-03-05`, `2027-03-05T13:00/2027-03-07T12:00`"


@dataclass(frozen=True)
class Weekly:
    """The same minutes of the local clock on some days of every week; up to midnight is 1440."""

    days: frozenset[int]
    start_minute: int = 0
    end_minute: int = 1440


@dataclass(frozen=True)
class Dated:
    """One stretch of local wall-clock time."""

    start: datetime
    end: datetime


Window = Weekly | Dated


def zone_named(name: str, where: str) -> ZoneInfo:
    """The IANA zone of that name. Raises PlanError naming `where` the unknown one stands."""
    try:
        if name.strip().startswith(_NO_PLACE):
            raise ValueError(name)
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PlanError(
            f"{where}: unknown time zone {name[:60]!r}; write an IANA name such as America/New_York or Asia/Kolkata"
        ) from None


def local_moment(text: str, tz: ZoneInfo, option: str, *, last: bool = False) -> datetime:
    """`2027-03-20T23:59` in the course's zone (or with an offset) as UTC; a day alone is its first minute, with `last`
    its last. Raises PlanError naming the option, also for a time that the clocks skip that day."""
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PlanError(f"{option}: {text!r} is not a time such as 2027-03-20T23:59") from None
    if moment.year not in _YEARS:
        raise PlanError(f"{option}: {text!r} has the year {moment.year}; write a time such as 2027-03-20T23:59")
    if last and _is_day(text):
        moment = moment.replace(hour=23, minute=59)
    if moment.tzinfo:
        return moment.astimezone(UTC)
    found = moment.replace(tzinfo=tz).astimezone(UTC)
    if found.astimezone(tz).replace(tzinfo=None) != moment:
        raise PlanError(
            f"{option}: {text!r} does not exist in {tz.key}: the clocks skip it that day; name another time"
        )
    return found


def _is_day(text: str) -> bool:
    """Whether an ISO date has no time of day."""
    return not re.search(r"[T\s:]", text.strip())


def _weekdays(text: str) -> frozenset[int] | None:
    """`Mon-Fri`, `Mon+Wed`, `Mon, Wed`, `Mon/Wed & Fri`, `daily`; None if a word is no day."""
    found: set[int] = set()
    text = re.sub(r"\s*[-\u2013]\s*", "-", text.lower().strip())
    for piece in re.split(r"\s*[+,/&]\s*|\s+and\s+|\s+", text):
        first, dash, last = piece.partition("-")
        if piece in _SETS:
            found |= _SETS[piece]
        elif first in _NAMES and (last in _NAMES or not dash):
            at, until = _NAMES[first], _NAMES[last or first]
            found |= {(at + step) % 7 for step in range((until - at) % 7 + 1)}
        else:
            return None
    return frozenset(found)


def clock_minutes(text: str, where: str) -> tuple[int, int]:
    """`09:00-24:00` as minutes of the day. Raises PlanError unless it starts before it ends."""
    match = _CLOCKS.fullmatch(text.strip())
    if match:
        h1, m1, h2, m2 = (int(group) for group in match.groups())
        start, end = 60 * h1 + m1, 60 * h2 + m2
        if m1 < 60 and m2 < 60 and start < end <= 1440:
            return start, end
    raise PlanError(f"{where}: {text!r} is not a time of day such as 09:00-17:00 (from before until, at most 24:00)")


def parse_window(text: str, where: str) -> Window:
    """One window. Raises PlanError naming `where` it stands and the forms that are understood."""
    text = text.strip()
    head = _HEAD.fullmatch(text)
    days = _weekdays(head[1]) if head else None
    if head and days is not None:
        return Weekly(days, *clock_minutes(head[2], where)) if head[2] else Weekly(days)
    first, _, last = text.partition("/")
    try:
        start = datetime.fromisoformat(first.strip())
        end = datetime.fromisoformat((last or first).strip())
    except ValueError:
        pass
    else:
        if not {start.year, end.year} <= set(_YEARS):
            raise PlanError(f"{where}: {text!r} is in the year {end.year if start.year in _YEARS else start.year}")
        if _is_day(last or first):
            end += timedelta(days=1)
        if start.tzinfo is not None or end.tzinfo is not None:
            raise PlanError(f"{where}: {text!r} has an offset; times are the student's own clock, so leave it out")
        if start >= end:
            raise PlanError(f"{where}: {text!r} ends before it begins; write the earlier time first")
        return Dated(start, end)
    raise PlanError(f"{where}: cannot read the time {text!r}; write for example {FORMS}; separate several with ;")


def parse_windows(text: str, where: str) -> tuple[Window, ...]:
    """All windows of one field, separated by semicolons."""
    return tuple(parse_window(piece, where) for piece in text.split(";") if piece.strip())


def _local(moment: datetime, tz: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=tz).astimezone(UTC)


def _midnight_plus(day: date, minute: int, tz: ZoneInfo) -> datetime:
    """The wall clock at `minute` of that day: on the days clocks change, not `minute` after midnight."""
    moment = datetime.combine(day + timedelta(days=minute // 1440), time(minute % 1440 // 60, minute % 60))
    return _local(moment, tz)


def expand(windows: Iterable[Window], tz: ZoneInfo, start: datetime, end: datetime) -> Iterator[Interval]:
    """The windows as UTC intervals that touch `start` to `end`; daylight-saving changes are followed."""
    first = start.astimezone(tz).date() - timedelta(days=1)
    days = [first + timedelta(days=n) for n in range((end.astimezone(tz).date() - first).days + 2)]
    for window in windows:
        if isinstance(window, Dated):
            pairs = [(_local(window.start, tz), _local(window.end, tz))]
        else:
            pairs = [
                (_midnight_plus(day, window.start_minute, tz), _midnight_plus(day, window.end_minute, tz))
                for day in days
                if day.weekday() in window.days
            ]
        for begin, finish in pairs:
            if begin < finish and finish > start and begin < end:
                yield Interval(begin, finish)
