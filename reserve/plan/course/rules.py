"""The course's planning rules, read from rules.toml: data, not code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reserve.plan.course.windows import Window, clock_minutes, parse_window
from snippets.course import laid_over, own_name, own_table
from snippets.errors import PlanError

OWN_TABLE = "rules.toml"
TABLE = Path(__file__).with_name("rules.toml")
KNOWN: dict[str, set[str]] = {
    "course": {"waking", "max_simultaneous", "node_share", "preference_days", "holidays", "office_hours"},
    "buffer": {"hours", "nodes"},
    "lease": {"ahead_days", "name_nodes", "placeholders"},
    "dry_run": {"late_starters", "late_days", "rush_days", "groups", "apart_days", "grace_days"},
    "simulate": {"boot_fails", "needs_second", "overslept", "taken", "notice_hours"},
}


@dataclass(frozen=True)
class PartRule:
    """One part: which parts must be finished before it, and how many hours before it starts."""

    name: str
    after: tuple[str, ...] = ()
    gap_hours: int = 0


@dataclass(frozen=True)
class Faults:
    """Probabilities that a block fails in each way, and the hours until a retry can begin."""

    boot_fails: float = 0.05
    needs_second: float = 0.08
    overslept: float = 0.03
    taken: float = 0.03
    notice_hours: int = 3


@dataclass(frozen=True)
class Habits:
    """How a class behaves in a dry run, and the due dates that are compared there."""

    late_starters: float = 0.1  # probability that a student begins late, by up to so many days
    late_days: int = 7
    rush_days: float = 3.0  # mean days before the last possible moment at which a student looks for a block
    groups: int = 3
    apart_days: int = 3  # between the due dates of two groups
    grace_days: int = 3


@dataclass(frozen=True)
class Rules:
    """Everything in rules.toml. `parts` is in an order in which each comes after those it needs."""

    parts: tuple[PartRule, ...]
    wake_minute: int = 480
    sleep_minute: int = 1440
    max_simultaneous: int = 0
    preference_days: int = 2  # a block outside preferred time counts like finishing so many days later
    limits: Mapping[str, int] = field(default_factory=dict)
    buffer_hours: int = 48
    buffer_nodes: int = 1
    ahead_days: float = 7
    name_nodes: bool = True
    cost: Mapping[str, float] = field(default_factory=dict)
    faults: Faults = Faults()
    placeholders: tuple[str, ...] = ("placeholder*",)  # names of leases that only hold nodes for the course
    holidays: tuple[Window, ...] = ()  # no block at all; by the course's clock, as office_hours
    office_hours: tuple[Window, ...] = ()  # preferred by whoever names no preferred time of their own
    habits: Habits = Habits()
    node_share: float = 1.0  # of a kind's nodes that the course may hold at one time


def order_parts(parts: Mapping[str, PartRule], source: object) -> tuple[PartRule, ...]:
    """The parts with each after those it needs. Raises PlanError for an unknown part or a circle."""
    for part in parts.values():
        for name in part.after:
            if name not in parts:
                raise PlanError(f"{source}: [parts.{part.name}] comes after {name!r}, which is no part of this course")
    done: list[PartRule] = []
    left = dict(parts)
    while left:
        ready = [part for part in left.values() if not set(part.after) & set(left)]
        if not ready:
            circle = " and ".join(sorted(left))
            raise PlanError(f"{source}: the order of parts is impossible: {circle} each wait for another of them")
        for part in ready:
            done.append(left.pop(part.name))
    return tuple(done)


def _number(table: Mapping[str, Any], key: str, default: float, source: object, top: float = 1e6) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= top:
        raise PlanError(f"{source}: {key} is a number from 0 to {top:g}, not {value!r}")
    return value


def _whole(table: Mapping[str, Any], key: str, default: int, source: object, top: float = 1e6) -> int:
    value = _number(table, key, default, source, top)
    if value != int(value):
        raise PlanError(f"{source}: {key} is a whole number, not {value!r}")
    return int(value)


def _names(lease: Mapping[str, Any], source: object) -> tuple[str, ...]:
    names = lease.get("placeholders", list(Rules.placeholders))
    if not isinstance(names, list) or any(not isinstance(name, str) or name.startswith("serve_") for name in names):
        raise PlanError(
            f"{source}: [lease] placeholders is a list of names such as 'placeholder*', none of them beginning with "
            f"serve_ (those are students' leases), not {names!r}"
        )
    return tuple(names)


def _windows(table: Mapping[str, Any], key: str, source: object) -> tuple[Window, ...]:
    """Times as in a roster, a list of texts."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise PlanError(
            f'{source}: [course] {key} is not a list of times such as ["2027-03-17", "Mon-Fri 10:00-16:00"]'
        )
    return tuple(parse_window(text, f"{source}: [course] {key}") for text in value)


def _habits(table: Mapping[str, Any], source: object) -> Habits:
    top = {"late_starters": 1, "late_days": 180, "rush_days": 180, "groups": 20, "apart_days": 60, "grace_days": 60}
    found = {key: _number(table, key, getattr(Habits, key), f"{source}: [dry_run]", most) for key, most in top.items()}
    for key in ("late_days", "groups", "apart_days", "grace_days"):
        if found[key] != int(found[key]) or found[key] < (2 if key == "groups" else 1):
            least = "at least 2" if key == "groups" else "at least 1"
            raise PlanError(f"{source}: [dry_run] {key} is a whole number, {least}, not {table[key]!r}")
    return Habits(
        found["late_starters"],
        int(found["late_days"]),
        float(found["rush_days"]),
        int(found["groups"]),
        int(found["apart_days"]),
        int(found["grace_days"]),
    )


def load_rules(path: Path | str | None = None) -> Rules:
    """The rules in `path`; of none, the kit's with the course's own `own/rules.toml` laid over them. Raises PlanError
    naming the file and the setting."""
    source: Path | str = Path(path) if path else TABLE
    try:
        data = tomllib.loads(Path(source).read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"cannot read the rules {source}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError(f"{source} is not valid TOML: {error}") from None
    if not path and (own := own_table(OWN_TABLE, PlanError)):
        source, data = own_name(OWN_TABLE), laid_over(data, own)
    tables = {*KNOWN, "parts", "limits", "cost"}
    for name, table in data.items():
        unknown = sorted(set(table) - KNOWN[name]) if name in KNOWN and isinstance(table, dict) else []
        if name not in tables or not isinstance(table, dict) or unknown:
            what = f"[{name}] {unknown[0]}" if unknown else f"[{name}]"
            known = KNOWN[name] if unknown else tables
            raise PlanError(f"{source}: unknown setting {what}; known: {', '.join(sorted(known))}")
    course, buffer = data.get("course", {}), data.get("buffer", {})
    lease, faults = data.get("lease", {}), data.get("simulate", {})
    parts = {}
    for name, table in data.get("parts", {}).items():
        if (
            not isinstance(table, dict)
            or set(table) - {"after", "gap_hours"}
            or not isinstance(table.get("after", []), list)
        ):
            raise PlanError(f"{source}: [parts.{name}] has only `after` (a list of parts) and `gap_hours`")
        gap = _whole(table, "gap_hours", 0, f"{source}: [parts.{name}]", 24 * 60)
        parts[name] = PartRule(name, tuple(str(before) for before in table.get("after", [])), gap)
    if not parts:
        raise PlanError(f"{source}: no [parts.NAME]: there is nothing to plan")
    wake, sleep = clock_minutes(str(course.get("waking", "08:00-24:00")), f"{source}: [course] waking")
    chances = {
        key: _number(faults, key, getattr(Faults, key), source, 1)
        for key in ("boot_fails", "needs_second", "overslept", "taken")
    }
    if sum(chances.values()) > 1:
        raise PlanError(f"{source}: [simulate] {', '.join(chances)} are probabilities of one block, together at most 1")
    by_name = lease.get("name_nodes", True)
    if not isinstance(by_name, bool):
        raise PlanError(f"{source}: [lease] name_nodes is true or false, without quotes, not {by_name!r}")
    node_share = float(_number(course, "node_share", 1, f"{source}: [course]", 1))
    if not node_share:
        raise PlanError(f"{source}: [course] node_share is 0: the course may hold no node at all; give more than 0")
    return Rules(
        order_parts(parts, source),
        wake,
        sleep,
        _whole(course, "max_simultaneous", 0, f"{source}: [course]"),
        _whole(course, "preference_days", 2, f"{source}: [course]", 100),
        {key: _whole(data["limits"], key, 0, f"{source}: [limits]") for key in data.get("limits", {})},
        _whole(buffer, "hours", 48, f"{source}: [buffer]"),
        _whole(buffer, "nodes", 1, f"{source}: [buffer]"),
        _number(lease, "ahead_days", 7, source),
        by_name,
        {key: _number(data["cost"], key, 1, source) for key in data.get("cost", {})},
        Faults(**chances, notice_hours=_whole(faults, "notice_hours", 3, f"{source}: [simulate]", 240)),
        _names(lease, source),
        _windows(course, "holidays", source),
        _windows(course, "office_hours", source),
        _habits(data.get("dry_run", {}), source),
        node_share,
    )
