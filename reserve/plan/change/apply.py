"""Make the leases of a plan just in time: each when it starts soon, none twice, and none left from an earlier plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from reserve.calendar import CHANGEOVER
from reserve.plan.change.check import BROKEN, HELD, LATE, MADE, PAST, BookingState, check
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

    def hold(self, booking: Booking, name: str) -> str:
        """Make a placeholder of this name for the booking's time and node and say so; raises KitError."""
        ...


@dataclass(frozen=True)
class Applied:
    """What became of one lease: `made` (now or before), `refused`, `later` (not yet time), `given back` (it was made
    for an earlier plan), or `held` (a placeholder, now or before). `name`: the lease's."""

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
        elif one.state == HELD and one.due:
            found.append(_hand_over(one, view, hands))
        elif one.state in BROKEN:
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


def _hand_over(one: BookingState, view: View, hands: Makes) -> Applied:
    """Give the placeholder of one booking's time back and make its lease; a placeholder that also holds other times
    is left alone. Where the lease is refused, the time is held again, as far as it can be."""
    booking, held = one.booking, view.holding(one.booking)
    first, last = booking.start - CHANGEOVER, booking.end + CHANGEOVER
    if not held or any(lease.start < first or lease.end > last for lease in held):
        return Applied(booking.lease, "refused", one.text)
    try:
        for lease in held:
            hands.give_back(lease)
        return Applied(booking.lease, "made", hands.make(booking))
    except KitError as error:
        again = ""
        for lease in held:
            try:
                hands.hold(booking, lease.name)
            except KitError as lost:
                again = f" And its placeholder {lease.name} could not be made again: {lost}"
        return Applied(booking.lease, "refused", f"{error}{again}")


def hold(bookings: Iterable[Booking], view: View, now: datetime, pattern: str, hands: Makes) -> list[Applied]:
    """A placeholder for every booking that has neither a lease nor one: nobody else takes its time until `apply` hands
    it over. `pattern`: the names of placeholders (`placeholder*`). Repeating it makes none twice."""
    found = []
    for one in check(bookings, view, now, ahead_days=0.0):
        booking, name = one.booking, placeholder_name(pattern, one.booking)
        if one.state in (MADE, HELD):
            found.append(Applied(name, "held", one.text))
        elif one.state in BROKEN:
            found.append(Applied(name, "refused", one.text))
        elif one.state != PAST:
            try:
                found.append(Applied(name, "held", hands.hold(booking, name)))
            except KitError as error:
                found.append(Applied(name, "refused", str(error)))
    return found


def placeholder_name(pattern: str, booking: Booking) -> str:
    """The name of a booking's placeholder: `placeholder_system_p100-01_0304T15`."""
    if "*" not in pattern:
        return pattern
    start = pattern.partition("*")[0].rstrip("_-")
    return f"{start}_{booking.part}_{booking.node}_{booking.start:%m%dT%H}"
