"""When nodes are taken, and which hour-aligned blocks are left. Times are aware UTC datetimes throughout."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

CHANGEOVER = timedelta(minutes=1)
"""Least time between two leases of one node. Blazar grants a lease that begins at the minute another ends,
but the two can race on the node, so the course leaves at least this much."""

HOUR = timedelta(hours=1)


def utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for a naive datetime, whose zone nobody knows."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone: write it with one, for example {moment}+00:00")
    return moment.astimezone(UTC)


def next_hour(moment: datetime) -> datetime:
    """The first whole hour (UTC) at or after `moment`."""
    moment = utc(moment)
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + HOUR


def to_text(moment: datetime) -> str:
    """`2027-03-04T15:00:00Z`: how times are written in JSON."""
    return utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: str) -> datetime:
    """The aware UTC datetime that `to_text` (or any ISO 8601 text) names; a text without a zone is UTC."""
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@dataclass(frozen=True, order=True)
class Interval:
    """A half-open stretch of time, `start` to `end`, both aware and kept in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", utc(self.start))
        object.__setattr__(self, "end", utc(self.end))
        if self.end <= self.start:
            raise ValueError(f"an interval ends after it starts, not {self.start} to {self.end}")

    @property
    def hours(self) -> float:
        """Its length in hours."""
        return (self.end - self.start) / HOUR


@dataclass(frozen=True)
class Block:
    """The length that a part is reserved for: whole hours, less a margin before the last one ends."""

    hours: int
    end_margin_minutes: int

    def __post_init__(self) -> None:
        if self.hours < 1 or not 0 <= self.end_margin_minutes < 60:
            raise ValueError(f"a block is at least one hour with a margin of 0 to 59 minutes, not {self}")

    @property
    def duration(self) -> timedelta:
        """How long a lease of this block is: its hours less the margin."""
        return timedelta(hours=self.hours, minutes=-self.end_margin_minutes)

    def at(self, start: datetime) -> Interval:
        """The block that starts at `start`."""
        return Interval(start, utc(start) + self.duration)


@dataclass(frozen=True, order=True)
class Slot:
    """One block that can be reserved: its times and the nodes that are free for all of it."""

    start: datetime
    end: datetime
    nodes: tuple[str, ...] = ()
    hardware: str = ""


def merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same busy time as sorted intervals that neither overlap nor touch."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end:
            if interval.end > merged[-1].end:
                merged[-1] = Interval(merged[-1].start, interval.end)
        else:
            merged.append(interval)
    return tuple(merged)


@dataclass(frozen=True)
class Calendar:
    """The busy times of every node of one kind of hardware: `nodes[name]` is sorted and disjoint.

    `holds[name]`: the same times lease by lease, each with the lease's id, where the site tells. A saved calendar
    does not have them. `interchangeable`: rows are as many as can be had at once, and no lease is of a certain one.
    """

    hardware: str
    nodes: Mapping[str, tuple[Interval, ...]]
    fetched: datetime | None = None
    holds: Mapping[str, tuple[tuple[Interval, str], ...]] = field(default_factory=dict, compare=False)
    interchangeable: bool = field(default=False, compare=False)
    _starts: dict[str, list[datetime]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", {name: merge(self.nodes[name]) for name in sorted(self.nodes)})

    def is_free(self, node: str, wanted: Interval) -> bool:
        """Whether nothing of `node` lies within CHANGEOVER of `wanted`."""
        busy = self.nodes[node]
        if not busy:
            return True
        if node not in self._starts:
            self._starts[node] = [interval.start for interval in busy]
        # Disjoint and sorted: only the last interval that begins before our end (and the gap) can collide.
        at = bisect_right(self._starts[node], wanted.end + CHANGEOVER - timedelta(microseconds=1)) - 1
        return at < 0 or busy[at].end + CHANGEOVER <= wanted.start

    def without_leases(self, ids: Collection[str]) -> Calendar:
        """The calendar as it would be without the leases of these ids; the same where no lease is known."""
        nodes = {
            name: tuple(span for span, lease in self.holds[name] if lease not in ids) if name in self.holds else busy
            for name, busy in self.nodes.items()
        }
        return Calendar(self.hardware, nodes, self.fetched, interchangeable=self.interchangeable)

    def node_of(self, lease: str) -> str:
        """The node that the lease of this id holds; '' where none is known."""
        return next((name for name, held in self.holds.items() if any(id == lease for _, id in held)), "")

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON; `from_json` takes it back."""
        return {
            "hardware": self.hardware,
            "fetched": to_text(self.fetched) if self.fetched else None,
            "nodes": {name: [[to_text(i.start), to_text(i.end)] for i in busy] for name, busy in self.nodes.items()},
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Calendar:
        """The calendar that `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        nodes = {
            str(name): tuple(Interval(from_text(start), from_text(end)) for start, end in busy)
            for name, busy in data["nodes"].items()
        }
        fetched = data.get("fetched")
        return Calendar(str(data["hardware"]), nodes, from_text(fetched) if fetched else None)


@dataclass(frozen=True, order=True)
class Held:
    """A lease that is known: its time, its id, and the row of the calendar that its name asks for, if any."""

    span: Interval
    lease: str
    row: str = ""


def counted_calendar(
    hardware: str, rows: Sequence[str], taken: Sequence[tuple[Interval, int]], known: Sequence[Held], fetched: datetime
) -> Calendar:
    """The calendar of what a site only counts: in each stretch how many of the `rows` are taken.

    A known lease lies on the row that it asks for if that is free, else on the first that is free for all of it. What
    is taken besides lies on the last rows that no known lease has then, so that the first are free for longest.
    """
    holds: dict[str, list[tuple[Interval, str]]] = {row: [] for row in rows}
    for one in sorted(known, key=lambda one: (one.row not in holds, one)):
        free = [row for row in rows if all(_apart(one.span, span) for span, _ in holds[row])]
        if free:
            holds[one.row if one.row in free else free[0]].append((one.span, one.lease))
    ends = {moment for span, _ in taken for moment in (span.start, span.end)}
    ends |= {moment for one in known for moment in (one.span.start, one.span.end) if min(ends) < moment < max(ends)}
    for start, end in pairwise(sorted(ends)):
        count = next((number for span, number in taken if span.start <= start < span.end), 0)
        piece = Interval(start, end)
        ours = {row for row, held in holds.items() if any(id and not _apart(piece, span) for span, id in held)}
        for row in [row for row in reversed(rows) if row not in ours][: max(0, count - len(ours))]:
            holds[row].append((piece, ""))
    nodes = {row: tuple(span for span, _ in held) for row, held in holds.items()}
    return Calendar(hardware, nodes, fetched, {row: tuple(held) for row, held in holds.items()}, interchangeable=True)


def _apart(one: Interval, other: Interval) -> bool:
    return one.end <= other.start or other.end <= one.start


def free_slots(
    calendar: Calendar, block: Block, start: datetime, until: datetime, node: str | None = None
) -> list[Slot]:
    """Every block from `start` on that ends by `until`: one Slot for each whole hour (UTC) at which at least
    one node is free, naming the free nodes. With `node`, only that one counts (KeyError if it is not there)."""
    names = list(calendar.nodes) if node is None else [node]
    for name in names:
        calendar.nodes[name]
    first, until = next_hour(start), utc(until)
    count = max(0, (until - block.duration - first) // HOUR + 1)
    free: list[list[str]] = [[] for _ in range(count)]
    for name in names:
        open_starts = bytearray(b"\1") * count
        for busy in calendar.nodes[name]:
            # A block that starts strictly between these two moments comes too near to `busy`.
            after = (busy.start - CHANGEOVER - block.duration - first) // HOUR + 1
            before = -((first - busy.end - CHANGEOVER) // HOUR)
            if before > 0 and after < count:
                low, high = max(after, 0), min(before, count)
                open_starts[low:high] = bytes(max(high - low, 0))
        for at, is_open in enumerate(open_starts):
            if is_open:
                free[at].append(name)
    return [
        Slot(first + at * HOUR, first + at * HOUR + block.duration, tuple(nodes), calendar.hardware)
        for at, nodes in enumerate(free)
        if nodes
    ]
