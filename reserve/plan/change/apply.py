"""Make the leases of a plan just in time: each when it starts soon, none twice, and none left from an earlier plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from reserve.plan.change.check import BROKEN, HELD, LATE, MADE, PAST, check
from reserve.plan.change.testbed import View
from reserve.plan.course.schedule import Booking
from reserve.site import Lease
from snippets.errors import KitError


class Makes(Protocol):
    """What can make and give back leases: `testbed.Hands`."""

    def make(self, booking: Booking) -> str:
        """Make the booking's lease and say so; raises KitError when it is refused."""
        ...

    def give_back(self, lease: Lease) -> None:
        """Delete the lease; raises KitError when it is refused."""
        ...


@dataclass(frozen=True)
class Applied:
    """What became of one lease: `made` (now or before), `refused`, `later` (not yet time), or `given back` (it was
    made for an earlier plan). `name`: the lease's."""

    name: str
    state: str
    text: str


def due_now(bookings: Iterable[Booking], now: datetime, ahead_days: float) -> list[Booking]:
    """The bookings whose leases are to be made now: not over, and starting within `ahead_days`."""
    return [b for b in bookings if b.end > now and b.start - now <= timedelta(days=ahead_days)]


def apply(bookings: Iterable[Booking], view: View, now: datetime, ahead_days: float, hands: Makes) -> list[Applied]:
    """Give back what an earlier plan left and has not begun, then make every lease that is due; a refusal does not
    stop the others. What is there is what `check` says is there, so it may be run again at any time."""
    bookings = list(bookings)
    found = []
    for lease in view.left_over(bookings):
        times = f"{lease.start:%Y-%m-%d %H:%M} to {lease.end:%H:%M} UTC"
        if lease.start <= now:
            if lease.end > now:
                found.append(Applied(lease.name, "refused", f"its old lease is running, {times}: it is left alone"))
            continue
        try:
            hands.give_back(lease)
            found.append(Applied(lease.name, "given back", f"was for {times}"))
        except KitError as error:
            found.append(Applied(lease.name, "refused", f"its old lease, {times}, cannot be given back: {error}"))
    for one in check(bookings, view, now, ahead_days):
        name = one.booking.lease
        if one.state == PAST:
            continue
        if one.state == MADE:
            found.append(Applied(name, "made", one.text))
        elif one.state in BROKEN or (one.state == HELD and one.due):
            found.append(Applied(name, "refused", one.text))
        elif one.state == LATE:
            try:
                found.append(Applied(name, "made", hands.make(one.booking)))
            except KitError as error:
                found.append(Applied(name, "refused", str(error)))
        else:
            when = one.booking.start - timedelta(days=ahead_days)
            found.append(Applied(name, "later", f"to be made from {when:%Y-%m-%d %H:%M} UTC on"))
    return found
