"""What the plan of this folder's tests is made from, and calendars in which somebody took something."""

from __future__ import annotations

from reserve.calendar import Calendar, Interval
from reserve.plan.course.schedule import Booking
from tests.reserve.plan.small import inputs

MADE_FROM = inputs(6, days=7)


def taken(calendars: dict[str, Calendar], *bookings: Booking) -> dict[str, Calendar]:
    """The calendars with somebody's leases at these times on these nodes."""
    found = dict(calendars)
    for b in bookings:
        nodes = dict(found[b.hardware].nodes)
        nodes[b.node] = (*nodes[b.node], Interval(b.start, b.end))
        found[b.hardware] = Calendar(b.hardware, nodes)
    return found
