"""From what somebody wishes to the lease to ask for: which hardware, which node, from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reserve.calendar import next_hour
from reserve.desk import Desk
from reserve.errors import CredentialsError, LeaseRefused, SiteError, UsageError
from reserve.hardware import Hardware
from reserve.lease.leases import lease_name, spec_for, user_name
from reserve.lease.slots import next_free, parse_moment, zone
from reserve.site import LeaseSpec
from reserve.sites.local import NAME as LOCAL


@dataclass(frozen=True)
class LeaseWishes:
    """What may be said about a lease; all of it may be left open.

    `start` is aware UTC; None, without `at_once`: the next free block. `netid` names the lease ('' = see `user_name`),
    `site` and `node` narrow the choice.
    """

    netid: str = ""
    start: datetime | None = None
    at_once: bool = False
    site: str = ""
    node: str = ""


def wishes_from(*, start: str, netid: str, site: str, node: str, tz: str) -> LeaseWishes:
    """The wishes that were typed: `start` is '', `now` or a time, in UTC or in the zone `tz`. Raises UsageError."""
    at_once = start.strip().lower() == "now"
    moment = parse_moment(start, tz) if start and not at_once else None
    if tz and not start:
        zone(tz)
    return LeaseWishes(netid, moment, at_once, site, node)


def spec_of(desk: Desk, part: str, wishes: LeaseWishes) -> LeaseSpec:
    """The lease that these wishes come to, by the course's rules and the sites' calendars. Makes nothing.

    Raises UsageError for a rule that would be broken or a node that does not exist, LeaseRefused if nothing is free.
    """
    netid = user_name(wishes.netid)
    choices = desk.options(part, wishes.site)
    if choices[0].site == LOCAL or wishes.at_once:
        return _at_once(desk, choices[0], netid, wishes.node)
    if wishes.start is None:
        return _soonest(desk, choices, netid, wishes.node)
    look = wishes.node and (len(choices) > 1 or choices[0].kind == "vm")
    hardware = _with_node(desk, choices, wishes.node) if look else choices[0]
    site = desk.site(hardware.site)
    site.sign_in()
    return spec_for(hardware, netid, wishes.start, wishes.node, site.now())


def _at_once(desk: Desk, hardware: Hardware, netid: str, node: str) -> LeaseSpec:
    """From this minute to the margin before the whole hour at which a block would end."""
    site = desk.site(hardware.site)
    site.sign_in()
    now = site.now().replace(second=0, microsecond=0)
    end = (now + timedelta(hours=hardware.block_hours)).replace(minute=0)
    end -= timedelta(minutes=hardware.end_margin_minutes)
    return LeaseSpec(lease_name(hardware.part, netid), hardware, now, end, node, at_once=True)


def _with_node(desk: Desk, choices: Sequence[Hardware], node: str) -> Hardware:
    trouble = []
    for hardware in choices:
        try:
            if node in desk.site(hardware.site).calendar(hardware).nodes:
                return hardware
        except (SiteError, CredentialsError) as error:
            trouble.append(f" {hardware.site} cannot be asked: {error}")
    raise UsageError(
        f"no site of this part has a node {node}. See their names with `servelab slots`.{''.join(trouble)}"
    )


def _soonest(desk: Desk, choices: Sequence[Hardware], netid: str, node: str) -> LeaseSpec:
    """The first free block of all choices; of two at the same time, that of the preferred hardware.

    A site that cannot be asked is told and left out. Raises its error where none can.
    """
    found: list[tuple[datetime, Hardware]] = []
    trouble: list[SiteError | CredentialsError] = []
    for hardware in choices:
        site = desk.site(hardware.site)
        try:
            calendar = site.calendar(hardware)
        except (SiteError, CredentialsError) as error:
            trouble.append(error)
            continue
        if node and node not in calendar.nodes:
            continue
        slots = next_free(calendar, hardware, next_hour(site.now()), count=1, node=node)
        if slots:
            found.append((slots[0].start, hardware))
    if len(trouble) == len(choices):
        raise trouble[0]
    for each in trouble:
        desk.say(f"left out: {each}")
    if not found:
        raise LeaseRefused(
            f"nothing is free for {choices[0].part} within 30 days. {' '.join(map(str, trouble))} Ask the course's "
            "staff, or give another --site or --node."
        )
    start, hardware = min(found, key=lambda pair: pair[0])
    desk.say(f"next free: {start:%Y-%m-%d %H:%M} UTC, {hardware.key} at {hardware.site}")
    return spec_for(hardware, netid, start, node, desk.site(hardware.site).now())
