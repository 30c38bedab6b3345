"""Compare a plan with the calendar: what is made, what is still free, what somebody took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reserve.calendar import Calendar, Interval, merge
from reserve.plan.change.testbed import View
from reserve.plan.course.schedule import Booking

PAST, MADE, FREE, LATE, TAKEN, GONE, OTHER = "past", "made", "free", "late", "taken", "gone", "differs"
HELD = "held"
BROKEN = (TAKEN, GONE, OTHER)
STACKED_DAYS, STACKED_SHARE = 21, 0.5
"""The operators look at three weeks; which share of them is too much is not published: half is ours."""


@dataclass(frozen=True)
class BookingState:
    """The state of one booking, in one word and in a sentence; `due`: its lease is to be made by now."""

    booking: Booking
    state: str
    text: str
    due: bool = False


def check(bookings: Iterable[Booking], view: View, now: datetime, ahead_days: float) -> list[BookingState]:
    """The state of every booking, in the plan's order."""
    bookings = list(bookings)
    free_of_own = view.free_of_own(bookings)
    left_over = {lease.id for lease in view.left_over(bookings)}
    found = []
    for b in bookings:
        span = Interval(b.start, b.end)
        lease = view.lease_of(b)
        elsewhere = [one for one in view.named(b) if one.id not in left_over and one.end > now]
        node = view.node_of(b, lease) if lease else b.node
        calendar, seen = free_of_own.get(b.hardware), view.calendars.get(b.hardware)
        due = b.start - now <= timedelta(days=ahead_days)
        if b.end <= now:
            state, text = PAST, "over"
        elif calendar is None or seen is None or node not in calendar.nodes:
            state, text = GONE, f"{node} is not in the calendar of {b.hardware} any more"
        elif lease:
            state, text = MADE, "the lease is there" + (f", on {node} instead of {b.node}" if node != b.node else "")
        elif elsewhere:
            one = elsewhere[0]
            state = OTHER
            text = (
                f"the lease of this name runs {one.start:%m-%d %H:%M} to {one.end:%H:%M} UTC, which no plan had: its "
                "student keeps it, or gives it back and makes the planned one"
            )
        elif not calendar.is_free(node, span):
            state, text = TAKEN, f"{node} is held by somebody else then"
        elif not view.known and not seen.is_free(node, span):
            state, text = MADE, "the lease is there"
        elif _held(view, b, span):
            state = HELD
            text = (
                "a placeholder of the course holds its time until servelab plan --apply hands it over; one that also "
                "holds other times must be given back first"
            )
        elif due:
            state, text = LATE, "still free, and time to make the lease: servelab plan --apply"
        else:
            state, text = FREE, "still free"
        found.append(BookingState(b, state, text, due))
    return found


def crowding(bookings: Iterable[Booking], calendars: Mapping[str, Calendar], now: datetime) -> list[str]:
    """What the testbed's operators would ask about: a project that holds more than half of a type's nodes at one time,
    or leases on one type for more than half of three weeks (stacking). A sentence for each kind of hardware."""
    found = []
    left = [b for b in bookings if b.end > now]
    for key in dict.fromkeys(b.hardware for b in left):
        mine = sorted((b for b in left if b.hardware == key), key=lambda b: b.start)
        nodes = len(calendars[key].nodes) if key in calendars else 0
        most, when = max((sum(o.start <= b.start < o.end for o in mine), b.start) for b in mine)
        reasons = []
        if nodes > 1 and most > nodes / 2:
            reasons.append(f"{most} of its {nodes} nodes at one time ({when:%Y-%m-%d %H:%M} UTC)")
        hours = sum((i.end - i.start).total_seconds() for i in merge(Interval(b.start, b.end) for b in mine)) / 3600
        if hours > STACKED_SHARE * STACKED_DAYS * 24:
            reasons.append(f"some node of it for {hours:.0f} hours, more than half of {STACKED_DAYS} days")
        if reasons:
            found.append(
                f"{key}: the plan holds {' and '.join(reasons)}, which the testbed's operators call stacking: ask the "
                "help desk before `--apply`, or set [limits] or node_share in the rules"
            )
    return found


def _held(view: View, booking: Booking, span: Interval) -> bool:
    """Whether a placeholder holds the booking's time on its node."""
    held = view.calendars[booking.hardware].holds.get(booking.node, ())
    return any(id in view.placeholders and i.start < span.end and span.start < i.end for i, id in held)


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
        if one.state in BROKEN or (one.state == HELD and one.due)
    ]
    if any(one.state in BROKEN for one in found):
        lines.append("`servelab plan --replan` finds new times for these and moves as few others as possible")
    return "\n".join(lines)
