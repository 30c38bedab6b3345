"""Make the leases of a plan just in time: each when it starts soon, none twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reserve.plan.course.schedule import Booking
from snippets.errors import KitError

Make = Callable[[Booking], str]
"""Makes or finds the lease of a booking and says which; raises KitError when it is refused."""


@dataclass(frozen=True)
class Applied:
    """What became of one booking: `made`, `refused`, or `later` (not yet time)."""

    booking: Booking
    state: str
    text: str


def due_now(bookings: Iterable[Booking], now: datetime, ahead_days: float) -> list[Booking]:
    """The bookings whose leases are to be made now: not over, and starting within `ahead_days`."""
    return [b for b in bookings if b.end > now and b.start - now <= timedelta(days=ahead_days)]


def apply(bookings: Iterable[Booking], now: datetime, ahead_days: float, make: Make) -> list[Applied]:
    """Make every lease that is due; a refusal does not stop the others. Run it again at any time: `make` finds
    the leases that are there by their names."""
    bookings = list(bookings)
    due = set(due_now(bookings, now, ahead_days))
    found = []
    for booking in bookings:
        if booking.end <= now:
            continue
        if booking not in due:
            when = booking.start - timedelta(days=ahead_days)
            found.append(Applied(booking, "later", f"to be made from {when:%Y-%m-%d %H:%M} UTC on"))
            continue
        try:
            found.append(Applied(booking, "made", make(booking)))
        except KitError as error:
            found.append(Applied(booking, "refused", str(error)))
    return found


def on_testbed() -> Make:
    """A `Make` for the testbed: leases by name, journaled, with the planned times and node."""
    from reserve import hardware
    from reserve.desk import Desk
    from reserve.lease.leases import ensure_lease, spec_for

    desk = Desk(voice=lambda text: None)
    table = hardware.load()

    def make(booking: Booking) -> str:
        netid, site = booking.netids[0], desk.site(booking.site)
        site.sign_in()
        spec = spec_for(table[booking.hardware], netid, booking.start, booking.node, site.now(), booking.hours)
        lease = ensure_lease(desk, spec, netid)
        return f"{lease.name} at {lease.site}: {lease.status}"

    return make
