"""The class list: one row a student, with time zone, times, extra time and partner."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from reserve.plan.course.windows import Window, parse_windows, zone_named
from snippets.errors import PlanError

COLUMNS = ("netid", "tz", "unavailable", "preferred", "extra_time", "pair")
_NETID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")  # what a lease name may hold


@dataclass(frozen=True)
class Student:
    """One row: `extra` multiplies block lengths (1.5 for half as long again); `pair` is the partner's netid."""

    netid: str
    tz: ZoneInfo
    unavailable: tuple[Window, ...] = ()
    preferred: tuple[Window, ...] = ()
    extra: float = 1.0
    pair: str = ""
    row: int = 0


def _extra(text: str, where: str) -> float:
    """`1.5`, `50%` (half as long again) or `150%`; empty is 1."""
    text = text.strip()
    if not text:
        return 1.0
    try:
        number = float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        number = -1.0
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


def read_roster(path: Path | str, default_tz: str) -> list[Student]:
    """The students in file order (UTF-8 CSV with a header; only `netid` is required).

    Raises PlanError naming the file, the row (the header is row 1) and what to correct.
    """
    source = Path(path)
    zone_named(default_tz, "--tz")
    try:
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PlanError(f"cannot read the roster {source}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise PlanError(f"the roster {source} is not UTF-8 text; export it as CSV (UTF-8)") from None
    reader = csv.DictReader(text.splitlines())
    header = [(name or "").strip().lower() for name in reader.fieldnames or []]
    if "netid" not in header:
        raise PlanError(f"{source} row 1: no column `netid`; columns are {', '.join(COLUMNS)} (only netid is required)")
    unknown = sorted(set(header) - set(COLUMNS))
    if unknown:
        raise PlanError(f"{source} row 1: unknown column {unknown[0]!r}; columns are {', '.join(COLUMNS)}")
    reader.fieldnames = header
    students: list[Student] = []
    seen: dict[str, int] = {}
    for line in reader:
        row = reader.line_num
        where = f"{source.name} row {row}"
        if None in line:
            raise PlanError(f"{where}: more fields than the header has; quote a field that contains a comma")
        cell = {name: (value or "").strip() for name, value in line.items()}
        netid = cell["netid"].lower()
        if not any(cell.values()):
            continue
        if not _NETID.fullmatch(netid):
            raise PlanError(f"{where}: netid {netid!r} is empty or has other characters than letters, digits and -")
        if netid in seen:
            raise PlanError(f"{where}: netid {netid} was already given in row {seen[netid]}; keep one of them")
        seen[netid] = row
        students.append(
            Student(
                netid,
                zone_named(cell.get("tz") or default_tz, where),
                parse_windows(cell.get("unavailable", ""), f"{where}, unavailable"),
                parse_windows(cell.get("preferred", ""), f"{where}, preferred"),
                _extra(cell.get("extra_time", ""), where),
                cell.get("pair", "").lower(),
                row,
            )
        )
    if not students:
        raise PlanError(f"the roster {source} names no student")
    _check_pairs(students, source.name)
    return students
