"""The testbed as a plan sees it: one look at each site, and which of its leases are the course's own.

A lease is a booking's when it has the booking's name and times and belongs to the course's project. Who made it does
not matter: the student with their own line, or the instructor with `--apply`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase

from reserve import hardware
from reserve.calendar import CHANGEOVER, Calendar, Interval
from reserve.desk import Desk
from reserve.errors import LeaseRefused, Missing, SiteUnreachable
from reserve.lease.leases import refusal_in_words, spec_for
from reserve.plan.course.rules import Rules
from reserve.plan.course.schedule import Booking
from reserve.site import Lease, Thing


def same_times(booking: Booking, start: datetime, end: datetime) -> bool:
    """Whether a lease of these times serves the booking: from its start to its end, or longer."""
    return abs(start - booking.start) < CHANGEOVER and end + CHANGEOVER > booking.end


@dataclass(frozen=True)
class View:
    """Calendars by hardware and the project's leases, as they were at one moment.

    `known` is False for saved calendars, which tell no leases. `placeholders`: ids of leases that only hold nodes for
    the course (rules.toml says which names).
    """

    calendars: Mapping[str, Calendar]
    leases: Sequence[Lease] = ()
    placeholders: frozenset[str] = frozenset()
    known: bool = True
    earlier: Sequence[Booking] = field(default=(), repr=False)  # what plans before this one had planned

    def named(self, booking: Booking) -> list[Lease]:
        """The leases of the booking's name at its site, at whatever time."""
        return [one for one in self.leases if one.name == booking.lease and one.site == booking.site]

    def lease_of(self, booking: Booking) -> Lease | None:
        """The lease that was made for the booking."""
        return next((one for one in self.named(booking) if same_times(booking, one.start, one.end)), None)

    def left_over(self, bookings: Iterable[Booking]) -> list[Lease]:
        """Leases that were made for an earlier plan and that `bookings` have at no time any more."""
        wanted = {lease.id for b in bookings if (lease := self.lease_of(b)) is not None}
        old = {lease.id: lease for b in self.earlier if (lease := self.lease_of(b)) is not None}
        return [lease for id, lease in old.items() if id not in wanted]

    def node_of(self, booking: Booking, lease: Lease) -> str:
        """The node that the lease really holds, which need not be the planned one."""
        calendar = self.calendars.get(booking.hardware)
        if calendar is None or calendar.interchangeable:
            return booking.node
        return calendar.node_of(lease.id) or booking.node

    def holding(self, booking: Booking) -> list[Lease]:
        """The placeholders that hold some of the booking's time on its node."""
        calendar, span = self.calendars.get(booking.hardware), Interval(booking.start, booking.end)
        rows = calendar.holds.get(booking.node, ()) if calendar else ()
        ids = {id for held, id in rows if held.start < span.end and span.start < held.end}
        return [lease for lease in self.leases if lease.id in ids & self.placeholders]

    def as_made(self, bookings: Iterable[Booking]) -> list[Booking]:
        """The bookings, each whose lease is made on the node that this lease holds."""
        found = []
        for booking in bookings:
            lease = self.lease_of(booking)
            found.append(replace(booking, node=self.node_of(booking, lease)) if lease else booking)
        return found

    def free_of_own(self, bookings: Sequence[Booking]) -> dict[str, Calendar]:
        """The calendars without what is the course's own: leases made for `bookings` or left over from earlier
        plans, and placeholders. Where no leases are known, what has exactly the planned times on the planned node."""
        if not self.known:
            return {key: without_planned(calendar, bookings) for key, calendar in self.calendars.items()}
        own = {lease.id for b in bookings if (lease := self.lease_of(b)) is not None}
        own |= {lease.id for lease in self.left_over(bookings)} | self.placeholders
        return {key: calendar.without_leases(own) for key, calendar in self.calendars.items()}


def without_planned(calendar: Calendar, bookings: Iterable[Booking]) -> Calendar:
    """The calendar without busy times that are exactly those of a booking on its node."""
    own: dict[str, list[Booking]] = {}
    for booking in bookings:
        if booking.hardware == calendar.hardware:
            own.setdefault(booking.node, []).append(booking)

    def planned(node: str, start: datetime, end: datetime) -> bool:
        return any(abs(start - b.start) < CHANGEOVER and abs(end - b.end) < CHANGEOVER for b in own.get(node, ()))

    nodes = {name: tuple(i for i in busy if not planned(name, i.start, i.end)) for name, busy in calendar.nodes.items()}
    return Calendar(calendar.hardware, nodes, calendar.fetched)


def look(desk: Desk, rules: Rules, earlier: Sequence[Booking] = ()) -> View:
    """Every site of the planned parts asked once for its leases, and once for each kind's calendar.

    A kind of which no node can be reserved (any more) has an empty calendar.
    """
    parts = {part.name for part in rules.parts}
    calendars: dict[str, Calendar] = {}
    leases: dict[str, list[Lease]] = {}
    for key, kind in hardware.offered(desk.hardware_file).items():
        if kind.part not in parts:
            continue
        site = desk.site(kind.site)
        site.sign_in()
        try:
            calendars[key] = site.calendar(kind)
        except Missing:
            calendars[key] = Calendar(key, {}, site.now())
        if kind.site not in leases:
            leases[kind.site] = [one for one in site.project_leases() if one.status != "ERROR"]
    found = [lease for listed in leases.values() for lease in listed]
    held = {one.id for one in found if any(fnmatchcase(one.name, name) for name in rules.placeholders)}
    return View(calendars, found, frozenset(held), earlier=earlier)


class Hands:
    """Makes and gives back leases of a plan. They are the students', not things of whoever runs the command: no
    journal has them as such, so that no `servelab down` of the instructor takes them away; their ids are kept beside
    it, so that none is taken for something lost."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.table = desk, hardware.load(desk.hardware_file)

    def make(self, booking: Booking) -> str:
        """Ask for the booking's lease; says what there is. Raises LeaseRefused with the next free blocks."""
        site = self.desk.site(booking.site)
        site.check_can_lease()
        kind = self.table[booking.hardware]
        spec = spec_for(kind, booking.netids[0], booking.start, booking.node, site.now(), booking.hours)
        try:
            lease = site.create_lease(spec)
        except LeaseRefused as refused:
            raise refusal_in_words(site, spec, refused) from None
        except SiteUnreachable:
            # It may have been made although the answer was lost.
            made = View({}, site.project_leases()).lease_of(booking)
            if made is None:
                raise
            lease = made
        self.desk.journal.remember_for_class(lease.id)
        return f"{lease.name} at {lease.site}: {lease.status}"

    def hold(self, booking: Booking, name: str) -> str:
        """Ask for a placeholder of this name for the booking's time and node, without an address, of which there are
        few. Raises LeaseRefused, SiteError."""
        site, kind = self.desk.site(booking.site), replace(self.table[booking.hardware], floating_ip=False)
        site.check_can_lease()
        spec = spec_for(kind, booking.netids[0], booking.start, booking.node, site.now(), booking.hours)
        try:
            lease = site.create_lease(replace(spec, name=name))
        except LeaseRefused as refused:
            raise refusal_in_words(site, spec, refused) from None
        except SiteUnreachable:
            found = site.find_lease(name)
            if found is None:
                raise
            lease = found
        self.desk.journal.remember_for_class(lease.id)
        return f"{lease.name} at {lease.site}: {lease.status}"

    def give_back(self, lease: Lease) -> None:
        """Delete a lease that no plan needs any more. Raises SiteError."""
        self.desk.site(lease.site).delete(Thing("lease", lease.id, lease.name, lease.site))
