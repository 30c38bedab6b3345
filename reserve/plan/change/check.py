"""Compare a plan with the calendar: what is made, what is still free, what somebody took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reserve.calendar import CHANGEOVER, Calendar, Interval
from reserve.plan.course.schedule import Booking

PAST, MADE, FREE, LATE, TAKEN, GONE, OTHER = "past", "made", "free", "late", "taken", "gone", "differs"
BROKEN = (TAKEN, GONE, OTHER)


@dataclass(frozen=True)
class Held:
    """A lease of the course that the testbed has."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class BookingState:
    """The state of one booking, in one word and in a sentence."""

    booking: Booking
    state: str
    text: str


def without_own(calendar: Calendar, bookings: Iterable[Booking], held: Mapping[str, Held] | None) -> Calendar:
    """The calendar without the course's own planned leases. Where the names of leases are not known (`held` is
    None), a lease with exactly the planned times on the planned node counts as the course's."""
    own: dict[str, set[Interval]] = {}
    for booking in bookings:
        if booking.hardware == calendar.hardware and (held is None or booking.lease in held):
            own.setdefault(booking.node, set()).add(Interval(booking.start, booking.end))
    nodes = {
        name: tuple(
            i
            for i in busy
            if not any(
                abs(i.start - o.start) < CHANGEOVER and abs(i.end - o.end) < CHANGEOVER for o in own.get(name, ())
            )
        )
        for name, busy in calendar.nodes.items()
    }
    return Calendar(calendar.hardware, nodes, calendar.fetched)


def check(
    bookings: Iterable[Booking],
    calendars: Mapping[str, Calendar],
    now: datetime,
    ahead_days: float,
    held: Mapping[str, Held] | None = None,
) -> list[BookingState]:
    """The state of every booking, in the plan's order. `held`: the course's leases by name, when known."""
    bookings = list(bookings)
    others = {key: without_own(calendar, bookings, held) for key, calendar in calendars.items()}
    found = []
    for b in bookings:
        span = Interval(b.start, b.end)
        lease = (held or {}).get(b.lease)
        calendar = others.get(b.hardware)
        if b.end <= now:
            state, text = PAST, "over"
        elif lease and (abs(lease.start - b.start) > CHANGEOVER or lease.end + CHANGEOVER < b.end):
            state = OTHER
            text = f"the lease runs {lease.start:%m-%d %H:%M} to {lease.end:%H:%M} UTC: give it back and make it again"
        elif calendar is None or b.node not in calendar.nodes:
            state, text = GONE, f"{b.node} is not in the calendar of {b.hardware} any more"
        elif not calendar.is_free(b.node, span):
            state, text = TAKEN, f"{b.node} is held by somebody else then"
        elif lease or (held is None and not calendars[b.hardware].is_free(b.node, span)):
            state, text = MADE, "the lease is there"
        elif b.start - now <= timedelta(days=ahead_days):
            state, text = LATE, "still free, and time to make the lease: servelab plan --apply"
        else:
            state, text = FREE, "still free"
        found.append(BookingState(b, state, text))
    return found


def summary(found: Iterable[BookingState]) -> str:
    """Counts by state, then every booking that needs somebody to act."""
    found = list(found)
    counts: dict[str, int] = {}
    for one in found:
        counts[one.state] = counts.get(one.state, 0) + 1
    lines = [", ".join(f"{count} {state}" for state, count in counts.items()) or "the plan is empty"]
    lines += [
        f"{one.booking.lease} {one.booking.start:%Y-%m-%d %H:%M} UTC: {one.text}"
        for one in found
        if one.state in BROKEN
    ]
    if any(one.state in BROKEN for one in found):
        lines.append("`servelab plan --replan` finds new times for these and moves as few others as possible")
    return "\n".join(lines)
