"""The class list: one row a student, with time zone, times, extra time and partner."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

from reserve.lease.leases import NETID
from reserve.plan.course.windows import Dated, Window, local_moment, parse_windows, zone_named
from snippets.errors import PlanError

COLUMNS = ("netid", "tz", "unavailable", "preferred", "extra_time", "pair", "from", "due")
MOST_STUDENTS = 5000
LONGEST_WEEKS = 26


@dataclass(frozen=True)
class Student:
    """One row: `extra` multiplies block lengths (1.5 for half as long again); `pair` is the partner's netid; `begin`
    and `due` are their own first hour and due date (UTC) where they differ from the course's."""

    netid: str
    tz: ZoneInfo
    unavailable: tuple[Window, ...] = ()
    preferred: tuple[Window, ...] = ()
    extra: float = 1.0
    pair: str = ""
    row: int = 0
    begin: datetime | None = None
    due: datetime | None = None


def _extra(text: str, where: str) -> float:
    """`1.5`, `50%` (half as long again) or `150%`; empty is 1."""
    text = text.strip()
    if not text:
        return 1.0
    try:
        number = float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        number = -1.0
    if text.endswith("%") and number == 1:
        raise PlanError(f"{where}: extra_time '100%' can mean none or twice as long; write 1 or 2")
    factor = number if number >= 1 else 1 + number
    if not (0 <= number <= 4 and factor <= 4):
        raise PlanError(f"{where}: extra_time {text!r} is not a factor such as 1.5 or a share such as 50% (at most 4)")
    return factor


def _check_pairs(students: list[Student], source: str) -> None:
    by_id = {student.netid: student for student in students}
    for student in students:
        where = f"{source} row {student.row}"
        if not student.pair:
            continue
        if student.pair == student.netid:
            raise PlanError(f"{where}: {student.netid} is paired with themselves; name the partner or leave it empty")
        partner = by_id.get(student.pair)
        if partner is None:
            raise PlanError(f"{where}: {student.netid}'s partner {student.pair!r} is not in the roster")
        if partner.pair not in ("", student.netid):
            raise PlanError(
                f"{where}: {student.netid} names {partner.netid} as partner, but {partner.netid} (row "
                f"{partner.row}) names {partner.pair}; a lease is shared by two"
            )
        others = [s.netid for s in students if s.pair == partner.netid and s.netid != student.netid]
        if others:
            raise PlanError(f"{where}: {student.netid} and {others[0]} both name {partner.netid} as partner")


# What exports of learning platforms have besides: read over, not used.
EXPORTED = frozenset(
    {"name", "student", "student name", "first name", "last name", "surname", "preferred name", "section", "sections"}
    | {"email", "email address", "e-mail", "id", "student id", "user id", "sis id", "sis user id", "sis login id"}
    | {"username", "group", "role", "status", "notes", "comment"}
)


# Headers, without spaces, under which exports have what this kit calls a netid.
NETID_ALSO = frozenset({"netid", "netids", "networkid", "sisloginid", "loginid", "login", "username", "uniqname"})


def _rows(source: Path) -> csv.DictReader[str]:
    """The rows, under a header in small letters. Raises PlanError for what is no table with a column `netid`."""
    try:
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PlanError(f"cannot read the roster {source}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise PlanError(f"the roster {source} is not UTF-8 text; export it as CSV (UTF-8)") from None
    first = text.partition("\n")[0]
    # Excel writes semicolons where the comma is the decimal sign, and tabs when asked for text.
    delimiter = max(",;\t", key=first.count)
    stream = io.StringIO(text, newline="")
    if re.fullmatch(r"sep=[,;\t]\s*", first, re.I):  # some programs say so for Excel in a line of its own
        delimiter = first[4]
        stream.readline()
    reader = csv.DictReader(stream, delimiter=delimiter)
    header = [(name or "").strip().lower() for name in reader.fieldnames or []]
    columns = f"columns are {', '.join(COLUMNS)} (only netid is required)"
    if "netid" not in header:
        holds = next((name for name in header if re.sub(r"\W|_", "", name) in NETID_ALSO), "")
        meant = f" (call the column {holds!r} netid, if it has them)" if holds else ""
        raise PlanError(f"{source} row 1: no column `netid`{meant}; {columns}")
    for name in header:
        if header.count(name) > 1 and name:
            raise PlanError(f"{source} row 1: two columns {name!r}; keep one of them")
        if name and name not in COLUMNS and name not in EXPORTED:
            near = get_close_matches(name, COLUMNS, 1)
            meant = f"; do you mean {near[0]!r}?" if near else "; take it out;"
            raise PlanError(f"{source} row 1: unknown column {name!r}{meant} {columns}")
    reader.fieldnames = header
    return reader


def read_roster(path: Path | str, default_tz: str) -> list[Student]:
    """The students in file order (UTF-8 CSV with a header; only `netid` is required). Semicolons or tabs instead of
    commas, a byte-order mark, and the further columns of learning platforms' exports are fine.

    `default_tz`: whose clock a row without `tz` means; '' where every row must say it. Raises PlanError naming the
    file, the row (the header is row 1) and what to correct.
    """
    source = Path(path)
    if default_tz:
        zone_named(default_tz, "--tz")
    reader = _rows(source)
    students: list[Student] = []
    seen: dict[str, int] = {}
    while True:
        row = reader.line_num + 1
        where = f"{source.name} row {row}"
        try:
            line = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise PlanError(f"{where}: {error}; is a quote not closed?") from None
        if None in line:
            sign = {",": "a comma", ";": "a semicolon"}.get(reader.reader.dialect.delimiter, "a tab")
            raise PlanError(f"{where}: more fields than the header has; quote a field that contains {sign}")
        cell = {name: (value or "").strip() for name, value in line.items()}
        netid = cell["netid"].lower()
        if not any(cell.values()):
            continue
        if not NETID.fullmatch(netid):
            raise PlanError(f"{where}: netid {netid!r} is empty or has other characters than letters, digits and -")
        if netid in seen:
            raise PlanError(f"{where}: netid {netid} was already given in row {seen[netid]}; keep one of them")
        zone = cell.get("tz") or default_tz
        if not zone:
            raise PlanError(f"{where}: no time zone for {netid}; give the course's with --tz, or one in the column tz")
        seen[netid] = row
        tz = zone_named(zone, where)
        own = {
            name: local_moment(cell[name], tz, f"{where}, {name}", last=name == "due") if cell.get(name) else None
            for name in ("from", "due")
        }
        students.append(
            Student(
                netid,
                tz,
                parse_windows(cell.get("unavailable", ""), f"{where}, unavailable"),
                parse_windows(cell.get("preferred", ""), f"{where}, preferred"),
                _extra(cell.get("extra_time", ""), where),
                cell.get("pair", "").lower(),
                row,
                own["from"],
                own["due"],
            )
        )
        if len(students) > MOST_STUDENTS:
            raise PlanError(f"the roster {source} names over {MOST_STUDENTS} students; plan the sections one by one")
    if not students:
        raise PlanError(f"the roster {source} names no student")
    _check_pairs(students, source.name)
    return students


def check_dates(students: Sequence[Student], start: datetime, due: datetime, source: str) -> None:
    """Raise PlanError, naming the row, for a dated time in a year that the course (from `start` to `due`, and a month
    around it) does not touch: it would be read over silently."""
    if due <= start:
        raise PlanError(
            f"--due: {due:%Y-%m-%d %H:%M} UTC is not after {start:%Y-%m-%d %H:%M} UTC, from when the course is planned"
        )
    for student in students:
        first, last = student.begin or start, student.due or due
        if (last - start).days > LONGEST_WEEKS * 7 and student.due:
            raise PlanError(
                f"{source} row {student.row}: {student.netid} is due {last:%Y-%m-%d}, over {LONGEST_WEEKS} weeks after "
                f"{start:%Y-%m-%d}, from when the course is planned; give an earlier date"
            )
        if last <= max(first, start):
            raise PlanError(
                f"{source} row {student.row}: {student.netid} is due {last:%Y-%m-%d %H:%M} UTC, which is not after "
                f"{max(first, start):%Y-%m-%d %H:%M} UTC, from when they are planned"
            )
    years = {(moment + timedelta(days=days)).year for moment in (start, due) for days in (-31, 31)}
    for student in students:
        for column in ("unavailable", "preferred"):
            for window in getattr(student, column):
                if isinstance(window, Dated) and not years & {window.start.year, window.end.year}:
                    raise PlanError(
                        f"{source} row {student.row}, {column}: {window.start:%Y-%m-%d} is in another year than the "
                        f"course, {start:%Y-%m-%d} to {due:%Y-%m-%d}"
                    )
