"""Time left on a lease: warnings in time, extension if the calendar allows, node-hours counted."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from reserve.calendar import Calendar, Interval, from_text, next_hour
from reserve.clock import Say, duration_text
from reserve.desk import Desk
from reserve.errors import LeaseRefused, SiteError, UsageError
from reserve.hardware import Hardware
from reserve.journal import Entry
from reserve.site import Lease

WARN_AT_MINUTES = (30, 10, 5)


class Watch:
    """Says when 30, 10 and 5 minutes are left; call `tick` as often as you like."""

    def __init__(self, lease: Lease, say: Say) -> None:
        self.lease, self._say = lease, say
        self._left = list(WARN_AT_MINUTES)

    def tick(self, now: datetime) -> timedelta:
        """The time left at `now`; says it when a limit was passed since the last call."""
        left = self.lease.end - now
        due = [minutes for minutes in self._left if left <= timedelta(minutes=minutes)]
        if due:
            self._left = [minutes for minutes in self._left if minutes not in due]
            self._say(
                f"WARNING: {duration_text(left.total_seconds())} left on {self.lease.name}. What is "
                "measured is synced as it is made; `servelab keep --extend 1h` asks for more time."
            )
        return left


def parse_length(text: str) -> timedelta:
    """`1h`, `90m`, `2h30m`. Raises UsageError."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?", text.strip().lower())
    length = timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0)) if found else timedelta()
    if not length:
        raise UsageError(f"{text!r} is no length of time: write 1h, 90m or 2h30m")
    return length


def extended_end(lease: Lease, by: timedelta, hardware: Hardware, now: datetime) -> datetime:
    """The new end: at least `by` later, and again the course's margin before a whole hour.

    Raises UsageError for an end that is more than the longest lease from `now`, as the testbed counts it.
    """
    margin = timedelta(minutes=hardware.end_margin_minutes)
    until = next_hour(lease.end + by) - margin
    if until < lease.end + by:
        until += timedelta(hours=1)
    if until - now > timedelta(days=hardware.max_lease_days):
        raise UsageError(
            f"a lease may end at most {hardware.max_lease_days} days from now; reserve another block instead"
        )
    return until


def extend(desk: Desk, entry: Entry, lease: Lease, by: timedelta) -> Lease:
    """Ask the calendar, then the site; the longer lease, which the journal notes.

    Raises LeaseRefused saying who holds the time, or until when it is free; UsageError beyond the longest lease.
    """
    site, hardware = desk.site(entry.site), desk.hardware_of(entry)
    until = extended_end(lease, by, hardware, site.now())
    try:
        calendar = site.calendar(hardware)
    except SiteError:
        pass  # not shown to this user: the site itself will answer
    else:
        _check_free(calendar, lease, until, entry.part)
    longer = site.extend_lease(lease, until)
    desk.journal.note(entry.key, end=longer.end.isoformat())
    more = duration_text((until - lease.end).total_seconds())
    desk.say(f"{lease.name} now ends {longer.end:%Y-%m-%d %H:%M} UTC ({more} more)")
    return longer


def _check_free(calendar: Calendar, lease: Lease, until: datetime, part: str) -> None:
    """Raise LeaseRefused if somebody holds the time up to `until` on each node that may be this lease's.

    Not every calendar names leases: a node on which something ends when the lease does may be its node.
    """
    after = Interval(lease.end + timedelta(minutes=1), until)
    mine = [
        node
        for node, busy in calendar.nodes.items()
        if any(abs(i.end - lease.end) < timedelta(minutes=2) for i in busy)
    ]
    if not mine or any(calendar.is_free(node, after) for node in mine):
        return
    starts = [i.start for node in mine for i in calendar.nodes[node] if i.start >= lease.end]
    first = f" from {min(starts):%Y-%m-%d %H:%M} UTC" if starts else ""
    raise LeaseRefused(
        f"the node of {lease.name} is taken by somebody else{first}, so it cannot be "
        f"kept until {until:%H:%M} UTC. What is measured is at home; reserve another "
        f"block (`servelab slots {part}`) and run again: the run goes on there."
    )


def node_hours(entries: list[Entry], now: datetime) -> dict[str, float]:
    """Hours of lease used so far, by hardware: from start to end, release or now, whichever is first."""
    used: dict[str, float] = {}
    for entry in entries:
        facts = entry.facts
        if entry.kind != "lease" or not entry.id or "start" not in facts:
            continue
        ends = [from_text(facts["end"]), now]
        if "gone_at" in facts:
            ends.append(from_text(facts["gone_at"]))
        hours = (min(ends) - from_text(facts["start"])) / timedelta(hours=1)
        key = str(facts.get("hardware", "?"))
        used[key] = used.get(key, 0.0) + max(0.0, hours)
    return used
