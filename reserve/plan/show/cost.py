"""What the plan costs in node-hours, and what holding the nodes all the time instead would cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from reserve.plan.course.course import Course
from reserve.plan.course.schedule import Booking


@dataclass(frozen=True)
class PoolCost:
    """One kind of hardware. `standing_hours`: as many nodes as are ever needed at once, held in leases that follow
    one another from the first block to the last; what of that nobody uses is idle."""

    hardware: str
    part: str
    leases: int
    node_hours: float
    standing_hours: float
    units_per_hour: float

    @property
    def idle_hours(self) -> float:
        """Node-hours that standing leases would hold for nobody."""
        return self.standing_hours - self.node_hours

    @property
    def units(self) -> float:
        """Service units of the plan."""
        return self.node_hours * self.units_per_hour

    @property
    def saved_units(self) -> float:
        """Service units of those hours."""
        return self.idle_hours * self.units_per_hour


def lease_hours(booking: Booking) -> float:
    """Length of the lease in hours."""
    return (booking.end - booking.start) / timedelta(hours=1)


def cost(course: Course, bookings: Sequence[Booking]) -> list[PoolCost]:
    """Per kind of hardware, in the order of the course."""
    found = []
    for pool in course.pools:
        mine = [booking for booking in bookings if booking.hardware == pool.key]
        used = sum(lease_hours(booking) for booking in mine)
        standing = 0.0
        if mine:
            begin, end = min(b.start for b in mine), max(b.end for b in mine)
            edges = sorted([(b.start, 1) for b in mine] + [(b.end, -1) for b in mine])
            nodes = most = 0
            for _, change in edges:
                nodes += change
                most = max(most, nodes)
            days = math.ceil((end - begin) / timedelta(days=pool.hardware.max_lease_days))
            # Leases that follow one another leave the end margin between them.
            span = (end - begin) - (days - 1) * timedelta(minutes=pool.hardware.end_margin_minutes)
            standing = most * (span / timedelta(hours=1))
        rate = course.rules.cost.get(pool.key, 1.0)
        found.append(PoolCost(pool.key, pool.hardware.part, len(mine), used, standing, rate))
    return found


def per_student(bookings: Sequence[Booking]) -> dict[str, float]:
    """Node-hours of each student; a shared lease is split between the two."""
    found: dict[str, float] = {}
    for booking in bookings:
        for netid in booking.netids:
            found[netid] = found.get(netid, 0.0) + lease_hours(booking) / len(booking.netids)
    return found
