"""Give everything back: delete, and look whether it is gone. Nothing is believed that was not seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from reserve.clock import Clock, Say, wait_for
from reserve.errors import CredentialsError, SiteError
from reserve.hardware import Hardware
from reserve.journal import Entry, Journal
from reserve.lease.leases import lease_name, node_name
from reserve.site import Site, Thing

GONE_LIMIT_S = 600.0
ORDER = ("server", "container", "floating_ip", "borrowed_ip", "lease")


@dataclass
class Released:
    """What `down` did: things verified gone, and what is left with the reason."""

    gone: list[Thing] = field(default_factory=list)
    left: list[tuple[Thing, str]] = field(default_factory=list)


def things_of(site: Site, part: str, netids: set[str], hardware: Hardware, journal: Journal) -> list[Thing]:
    """All that may exist of a part: what the journal knows, and what the site has under the part's names.

    An intention whose answer a crash swallowed is looked for by its name (or, for an address, by its tag).
    """
    entries = list(journal.open_entries(part=part, site=site.name))
    found = {(e.kind, e.id): Thing(e.kind, e.id, e.name, site.name) for e in entries if e.id and e.kind != "keypair"}
    for netid in netids:
        name = node_name(part, netid)
        for thing in site.all_named(name, hardware):
            found[(thing.kind, thing.id)] = thing
        lease = site.find_lease(lease_name(part, netid))
        if lease is not None:
            found[("lease", lease.id)] = Thing("lease", lease.id, lease.name, site.name)
        ids = {thing.id for thing in found.values() if thing.kind in ("server", "container")}
        borrowed = {id for kind, id in found if kind == "borrowed_ip"}
        for thing in site.find_addresses(name, ids):
            if thing.id not in borrowed:
                found[(thing.kind, thing.id)] = thing
    return sorted(found.values(), key=lambda thing: ORDER.index(thing.kind))


def release(
    site: Site,
    part: str,
    netids: set[str],
    hardware: Hardware,
    journal: Journal,
    clock: Clock,
    say: Say,
    limit_s: float = GONE_LIMIT_S,
) -> Released:
    """Delete all of a part's things, in the order in which they depend on each other, and verify each.

    Goes on after a failure, so that one stubborn thing does not keep the others; raises SiteError at the end,
    naming what is left, and the journal keeps those entries open.
    """
    outcome = Released()
    for thing in things_of(site, part, netids, hardware, journal):
        entries = [
            e for e in journal.open_entries(part=part, site=site.name, kind=thing.kind) if e.id in (thing.id, "")
        ]
        if not entries:
            entries = [_adopt(journal, thing, part)]
        try:
            site.delete(thing)
            _verify(site, thing, clock, say, limit_s)
        except (SiteError, CredentialsError) as error:
            outcome.left.append((thing, str(error)))
            continue
        for entry in entries:
            journal.gone(entry.key, "deleted and verified")
        outcome.gone.append(thing)
        say(f"{thing.kind.replace('_', ' ')} {thing.name} {thing.detail or thing.id}: gone")
    if outcome.left:
        names = "; ".join(f"{thing.kind} {thing.name} ({thing.id}): {why}" for thing, why in outcome.left)
        raise SiteError(
            f"not everything of {part} is released at {site.name}: {names} Run `servelab down {part}` again; until it "
            "says that all is gone, it may still be counted against the project."
        )
    for entry in journal.open_entries(part=part, site=site.name):
        if entry.kind != "keypair" and not entry.id:
            journal.gone(entry.key, "looked for, not there")
    _release_keypairs(site, journal)
    return outcome


def _release_keypairs(site: Site, journal: Journal) -> None:
    """A key pair serves every part's server at a site: it goes with the last one."""
    if journal.open_entries(site=site.name, kind="server"):
        return
    for entry in journal.open_entries(site=site.name, kind="keypair"):
        site.delete(Thing("keypair", entry.name, entry.name, site.name))
        journal.gone(entry.key, "deleted")


def _verify(site: Site, thing: Thing, clock: Clock, say: Say, limit_s: float) -> None:
    wait_for(
        f"{thing.kind.replace('_', ' ')} {thing.name} to go",
        lambda: None if site.exists(thing) else True,
        limit_s=limit_s,
        remedy="It was deleted, and yet it stays: delete it on the site's dashboard, or ask the help desk.",
        clock=clock,
        say=lambda words: None,
        poll_s=2.0,
    )


def _adopt(journal: Journal, thing: Thing, part: str) -> Entry:
    key = journal.intend(thing.kind, thing.name, thing.site, part)
    journal.made(key, thing.id)
    return next(entry for entry in journal.open_entries(part=part) if entry.key == key)
