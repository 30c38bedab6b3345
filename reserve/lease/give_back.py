"""Give everything back: delete, and look whether it is gone. Nothing is believed that was not seen."""

from __future__ import annotations

from reserve.clock import Patience, wait_for
from reserve.desk import Desk
from reserve.errors import CredentialsError, SiteError
from reserve.hardware import Hardware
from reserve.journal import Entry, Journal
from reserve.lease.leases import lease_name, netid_of, node_name
from reserve.site import Site, Thing

GONE_LIMIT_S = 600.0
# An address that was reserved with a lease goes with it: it is looked for after that.
ORDER = ("server", "container", "volume", "floating_ip", "lease", "borrowed_ip")


def things_of(desk: Desk, part: str, hardware: Hardware, netids: set[str]) -> list[Thing]:
    """All of these people's things of a part at `hardware.site`: what the journal knows, and what has their names.

    What is on record under somebody else's name is left alone.

    An intention whose answer a crash swallowed is looked for by its name (or, for an address, by its tag). In the
    order in which things depend on each other.
    """
    site = desk.site(hardware.site)
    entries = _entries_of(desk, part, site.name, netids)
    found = {(e.kind, e.id): Thing(e.kind, e.id, e.name, site.name) for e in entries if e.id and e.kind != "keypair"}
    for netid in netids:
        name = node_name(part, netid)
        for thing in site.all_named(name, hardware):
            found[(thing.kind, thing.id)] = thing
        lease = site.find_lease(lease_name(part, netid))
        if lease is not None:
            found[("lease", lease.id)] = Thing("lease", lease.id, lease.name, site.name)
            for thing in site.addresses_of_lease(lease):
                found[(thing.kind, thing.id)] = thing
        ids = {thing.id for thing in found.values() if thing.kind in ("server", "container")}
        borrowed = {id for kind, id in found if kind == "borrowed_ip"}
        for thing in site.find_addresses(name, ids):
            if thing.id not in borrowed:
                found[(thing.kind, thing.id)] = thing
    return sorted(found.values(), key=lambda thing: ORDER.index(thing.kind))


def _entries_of(desk: Desk, part: str, site: str, netids: set[str]) -> list[Entry]:
    """What is on record of these people, or under no name of the course's."""
    entries = desk.journal.open_entries(part=part, site=site)
    return [entry for entry in entries if netid_of(entry.name, part) in netids | {""}]


def release(desk: Desk, part: str, hardware: Hardware, netids: set[str], limit_s: float = GONE_LIMIT_S) -> list[Thing]:
    """Delete all of these people's things of a part at `hardware.site` and verify each; the things that are gone now.

    Goes on after a failure, so that one stubborn thing does not keep the others; raises SiteError at the end,
    naming what is left, and the journal keeps those entries open. `limit_s`: how long one thing may take to go.
    """
    site, journal = desk.site(hardware.site), desk.journal
    gone: list[Thing] = []
    left: list[tuple[Thing, str]] = []
    for thing in things_of(desk, part, hardware, netids):
        entries = [
            e for e in journal.open_entries(part=part, site=site.name, kind=thing.kind) if e.id in (thing.id, "")
        ]
        keys = [entry.key for entry in entries] or [_adopt(journal, thing, part)]
        try:
            site.delete(thing)
            _wait_until_gone(desk, thing, limit_s)
        except (SiteError, CredentialsError) as error:
            left.append((thing, str(error)))
            continue
        for key in keys:
            journal.gone(key, "deleted and verified")
        gone.append(thing)
        desk.say(f"{thing.kind.replace('_', ' ')} {thing.name} {thing.detail or thing.id}: gone")
    if left:
        names = "; ".join(f"{thing.kind} {thing.name} ({thing.id}): {why}" for thing, why in left)
        raise SiteError(
            f"not everything of {part} is released at {site.name}: {names} Run `servelab down {part}` again; until it "
            "says that all is gone, it may still be counted against the project."
        )
    for entry in _entries_of(desk, part, site.name, netids):
        if entry.kind != "keypair" and not entry.id:
            journal.gone(entry.key, "looked for, not there")
    _release_keypairs(site, journal)
    return gone


def _release_keypairs(site: Site, journal: Journal) -> None:
    """A key pair serves every part's server at a site: it goes with the last one."""
    if journal.open_entries(site=site.name, kind="server"):
        return
    for entry in journal.open_entries(site=site.name, kind="keypair"):
        site.delete(Thing("keypair", entry.name, entry.name, site.name))
        journal.gone(entry.key, "deleted")


def _wait_until_gone(desk: Desk, thing: Thing, limit_s: float) -> None:
    site = desk.site(thing.site)
    remedy = "It was deleted, and yet it stays: delete it on the site's dashboard, or ask the help desk."
    wait_for(
        f"{thing.kind.replace('_', ' ')} {thing.name} to go",
        lambda: None if site.exists(thing) else True,
        Patience(limit_s, remedy, poll_s=2.0),
        desk.clock,
        say=lambda words: None,
    )


def _adopt(journal: Journal, thing: Thing, part: str) -> str:
    """Write down what was found and is on no record; the entry's key."""
    key = journal.intend(thing.kind, thing.name, thing.site, part)
    journal.made(key, thing.id)
    return key
