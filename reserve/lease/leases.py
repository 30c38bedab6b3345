"""Leases by the course's names and rules: made once, found again after a crash, refusals explained."""

from __future__ import annotations

import getpass
import os
import re
from datetime import datetime, timedelta
from typing import Any

from reserve.calendar import next_hour, utc
from reserve.clock import Patience, duration_text, wait_for
from reserve.desk import Desk
from reserve.errors import Faulted, LeaseRefused, Missing, SiteError, SiteUnreachable, UsageError
from reserve.hardware import Hardware
from reserve.journal import Entry
from reserve.lease.slots import next_free
from reserve.site import Lease, LeaseSpec, Site

START_LIMIT_S = 600.0
"""How long after its start a lease may take to become ACTIVE."""
NETID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
"""What may stand for a person in the name of a lease and of a server."""


def user_name(netid: str = "") -> str:
    """The NetID for the course's names: given, $SERVELAB_NETID, or the login name. Raises UsageError if unusable."""
    name = (netid or os.environ.get("SERVELAB_NETID") or getpass.getuser()).strip().lower()
    if not NETID.fullmatch(name):
        raise UsageError(f"{name!r} cannot be part of a lease's name: use letters, digits and '-' (--netid ab123)")
    return name


def lease_name(part: str, netid: str) -> str:
    """`serve_model_ab123`: the course's name for a lease."""
    return f"serve_{part}_{netid}"


def node_name(part: str, netid: str) -> str:
    """`node-serve-model-ab123`: servers and containers may not have `_` in their names."""
    return f"node-serve-{part}-{netid}"


def named_for(name: str) -> tuple[str, str]:
    """Part and NetID of a lease, server or address of this name; both empty for a name that is not the course's."""
    found = re.fullmatch(r"serve_([a-z]+)_(.+)|node-serve-([a-z]+)-(.+)", name)
    return (found[1] or found[3], found[2] or found[4]) if found else ("", "")


def netid_of(name: str, part: str) -> str:
    """Whose a lease, server or address of this name is; '' for a name that is not the course's for this part."""
    of, netid = named_for(name)
    return netid if of == part else ""


def spec_for(hardware: Hardware, netid: str, start: datetime, node: str, now: datetime, hours: int = 0) -> LeaseSpec:
    """The lease that the course's rules allow from `start`. Raises UsageError saying which rule is broken."""
    start = utc(start)
    if start != next_hour(start):
        raise UsageError(
            f"leases start on a whole hour (UTC): {start:%Y-%m-%d %H:%M} is none; try {next_hour(start):%Y-%m-%d %H:%M}"
        )
    if start < now - timedelta(minutes=1):
        raise UsageError(f"{start:%Y-%m-%d %H:%M} UTC has passed: it is {now:%Y-%m-%d %H:%M} UTC at {hardware.site}")
    length = timedelta(hours=hours or hardware.block_hours, minutes=-hardware.end_margin_minutes)
    if length > timedelta(days=hardware.max_lease_days):
        raise UsageError(f"a lease lasts at most {hardware.max_lease_days} days")
    return LeaseSpec(lease_name(hardware.part, netid), hardware, start, start + length, node)


def refusal_in_words(site: Site, spec: LeaseSpec, refused: Exception) -> LeaseRefused:
    """The refusal with the next three free blocks, and whom to ask."""
    text = str(refused)
    try:
        calendar = site.calendar(spec.hardware)
    except SiteError:
        where = f"See other times with `servelab slots {spec.hardware.part}`."
    else:
        slots = next_free(calendar, spec.hardware, max(spec.start, site.now()), node=spec.node)
        if spec.node and spec.node not in calendar.nodes:
            text += f" There is no {spec.node} here; there are: {', '.join(calendar.nodes)}."
        if slots:
            times = "; ".join(f"{slot.start:%Y-%m-%d %H:%M} UTC ({', '.join(slot.nodes[:3])})" for slot in slots)
            where = f"Next free: {times}. Take one with `servelab reserve {spec.hardware.part} --start ...`."
        else:
            where = "Nothing is free within 30 days: ask the course's staff, or try another --site."
    return LeaseRefused(f"{text} {where}")


def ensure_lease(desk: Desk, spec: LeaseSpec, netid: str) -> Lease:
    """The lease of this name: found if it is there, made if not. The journal knows of it before the site does.

    Raises LeaseRefused in words; SiteError if a lease of this name has other times.
    """
    part, site, journal = spec.hardware.part, desk.site(spec.hardware.site), desk.journal
    found = site.find_lease(spec.name)
    known = [e for e in journal.open_entries(part=part, site=site.name, kind="lease") if e.name == spec.name]
    if found is not None:
        _check_usable(found, spec)
        desk.say(f"found the lease {spec.name} ({found.status}), nothing new is made")
        key = known[-1].key if known else journal.intend("lease", spec.name, site.name, part, **_facts(spec, netid))
        facts = {**_facts(spec, netid), "start": found.start.isoformat(), "end": found.end.isoformat()}
        journal.made(key, found.id, **facts)
        return found
    for stale in known:
        journal.gone(stale.key, "not at the site")
    site.check_can_lease()
    key = journal.intend("lease", spec.name, site.name, part, **_facts(spec, netid))
    try:
        lease = site.create_lease(spec)
    except LeaseRefused as refused:
        journal.gone(key, "refused")
        raise refusal_in_words(site, spec, refused) from None
    except SiteUnreachable:
        # The request may have succeeded although its answer was lost. If this look fails too, the entry stays open:
        # `down` and `status` look again.
        made = site.find_lease(spec.name)
        if made is None:
            journal.gone(key, "not made")
            raise
        lease = made
        desk.say(f"the answer was lost, but the lease {spec.name} was made")
    except Exception:
        journal.gone(key, "not made")
        raise
    journal.made(key, lease.id)
    if spec.hardware.floating_ip and not lease.address_reservations:
        desk.say("no floating IP could be reserved with the lease: `servelab up` asks for one then")
    desk.say(f"lease {lease.name} at {site.name}: {lease.start:%Y-%m-%d %H:%M} to {lease.end:%H:%M} UTC")
    return lease


def _check_usable(found: Lease, spec: LeaseSpec) -> None:
    """Raise Faulted for a broken lease of this name, SiteError for one of another time."""
    part = spec.hardware.part
    if found.status == "ERROR":
        raise Faulted(
            f"the lease {spec.name} is in ERROR at {found.site} ({found.detail or 'no reason given'}). "
            f"Release it with `servelab down {part}` and reserve another time or node."
        )
    if found.start > spec.end or found.end < spec.start:
        raise SiteError(
            f"you have a lease {spec.name} already, from {found.start:%Y-%m-%d %H:%M} to {found.end:%H:%M} UTC. "
            f"Use it with `servelab up {part}`, or give it back with `servelab down {part} --netid "
            f"{netid_of(spec.name, part)}` first."
        )


def _facts(spec: LeaseSpec, netid: str) -> dict[str, Any]:
    return {
        "netid": netid,
        "hardware": spec.hardware.key,
        "start": spec.start.isoformat(),
        "end": spec.end.isoformat(),
        "node": spec.node,
    }


def current(desk: Desk, entry: Entry) -> Lease:
    """The journaled lease as its site sees it now. Raises Missing if it ended or is gone, Faulted if it is in ERROR."""
    site = desk.site(entry.site)
    lease = site.get_lease(entry.id) if entry.id else site.find_lease(entry.name)
    if lease is not None and not entry.id:
        desk.journal.made(entry.key, lease.id)
    again = f"Release what is left with `servelab down {entry.part}`, then `servelab reserve {entry.part}` again."
    if lease is None or lease.ended:
        raise Missing(f"the lease {entry.name} at {site.name} has ended or was deleted. {again}")
    if lease.status == "ERROR":
        raise Faulted(
            f"the lease {entry.name} is in ERROR at {site.name} ({lease.detail or 'no reason given'}). {again}"
        )
    return lease


def wait_active(desk: Desk, entry: Entry, start_limit_s: float) -> Lease:
    """Wait for the lease's start, at most `start_limit_s` seconds, and for ACTIVE after it.

    Raises SiteError if it starts later than that, WaitedTooLong, and what `current` raises.
    """
    site = desk.site(entry.site)
    lease = current(desk, entry)
    if (lease.start - site.now()).total_seconds() > max(0.0, start_limit_s):
        raise SiteError(
            f"the lease {lease.name} starts at {lease.start:%Y-%m-%d %H:%M} UTC. Come back then, or wait with "
            f"`servelab go {entry.part}`, which waits for it."
        )
    while (left := (lease.start - site.now()).total_seconds()) > 120:
        desk.say(f"{lease.name} starts in {duration_text(left)} ({lease.start:%Y-%m-%d %H:%M} UTC)")
        desk.clock.sleep(min(left - 60, 600.0))
        lease = current(desk, entry)

    def probe() -> Lease | None:
        seen = current(desk, entry)
        if seen.status == "ACTIVE" and "missing" in seen.detail:
            raise Faulted(
                f"the lease {seen.name} began, but {seen.detail}: the testbed took it out of service. Release it with "
                f"`servelab down {entry.part}` and reserve another node (--node)."
            )
        return seen if seen.status == "ACTIVE" else None

    remedy = f"Release it with `servelab down {entry.part}` and reserve another block, or ask the help desk."
    what = f"the lease {lease.name} to become ACTIVE (it starts {lease.start:%H:%M} UTC)"
    return wait_for(what, probe, Patience(120 + START_LIMIT_S, remedy), desk.clock, desk.say)
