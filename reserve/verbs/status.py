"""What is held and what is running: `servelab status`, and what a crash may have left: `--orphans`."""

from __future__ import annotations

from dataclasses import dataclass

from reserve import hardware
from reserve.calendar import from_text
from reserve.clock import duration_text
from reserve.desk import Desk
from reserve.errors import ConnectionLost, CredentialsError, NodeCommandFailed, SiteError, WaitedTooLong
from reserve.journal import Entry
from reserve.lease.leases import lease_name, named_for, node_name
from reserve.lease.lost import NoSignIn, lost_at
from reserve.lease.time_left import node_hours
from reserve.node.shell import program
from reserve.site import Node, Site, Thing
from snippets.errors import KitError


@dataclass(frozen=True)
class Orphan:
    """Something at a site that no lease on record accounts for, or that the journal cannot tell about."""

    thing: Thing
    why: str


def status(desk: Desk, *, look_inside: bool = True) -> str:
    """Leases, nodes, minutes left, what is running. Asks the sites at which something is on record; where nothing
    is, all of the course's, since a journal can be lost."""
    leases = desk.journal.open_entries(kind="lease")
    if not leases:
        return _without_record(desk)
    lines = [_describe(desk, entry, look_inside) for entry in leases]
    hours = node_hours(desk.journal.entries(), desk.clock.now())
    lines.append("used so far: " + ", ".join(f"{value:.1f} node-hours of {key}" for key, value in hours.items()))
    return "\n".join(lines)


def _sites_of_the_course(desk: Desk) -> list[str]:
    return list(dict.fromkeys(kind.site for kind in hardware.load(desk.hardware_file).values() if kind.offered))


def _without_record(desk: Desk) -> str:
    """What the sites hold although nothing is on record here."""
    lines: list[str] = []
    held = False
    for name in _sites_of_the_course(desk):
        try:
            lost = lost_at(desk, name)
        except NoSignIn as error:
            lines.append(f"The sites were not asked: {error}")
            break
        except (SiteError, CredentialsError) as error:
            lines.append(f"{name} cannot be asked what is held there: {error}")
            continue
        for one in lost:
            held = True
            thing = one.thing
            lines.append(
                f"{one.part:7} {thing.kind} {thing.name} at {name} {thing.detail}: yours, and not on record here. "
                f"`servelab down {one.part}` gives it back; `servelab reserve {one.part} --netid {one.netid} --site "
                f"{name} --start now` takes it up again"
            )
    if held:
        return "\n".join(lines)
    return "\n".join(["nothing is held. See free blocks with `servelab slots PART`.", *lines])


def _describe(desk: Desk, entry: Entry, look_inside: bool) -> str:
    try:
        site = desk.site(entry.site)
        site.sign_in()
        lease = site.get_lease(entry.id) if entry.id else site.find_lease(entry.name)
    except (SiteError, CredentialsError) as error:
        ends = entry.facts.get("end")
        until = f", until {from_text(str(ends)):%Y-%m-%d %H:%M} UTC by the record here" if ends else ""
        return f"{entry.part:7} {entry.name} at {entry.site}{until}; the site does not tell: {error}"
    if lease is None or lease.ended:
        return f"{entry.part:7} {entry.name} at {entry.site}: ended. `servelab down {entry.part}` gives back the rest"
    now = site.now()
    if lease.start > now:
        when = f"starts in {duration_text((lease.start - now).total_seconds())} ({lease.start:%Y-%m-%d %H:%M} UTC)"
    else:
        when = f"{duration_text((lease.end - now).total_seconds())} left (ends {lease.end:%H:%M} UTC)"
    text = f"{entry.part:7} {lease.name} at {lease.site}: {lease.status}, {when}"
    name = node_name(entry.part, str(entry.facts.get("netid", "")))
    try:
        node = site.find_node(name, desk.hardware_of(entry))
    except (SiteError, CredentialsError) as error:
        return f"{text}; its node cannot be asked for: {error}"
    if node is None:
        return f"{text}; no node yet (`servelab up {entry.part}`)"
    text += f"\n        {node.name} {node.status} {node.address}".rstrip()
    if look_inside and node.status == "ACTIVE":
        text += f"; {_inside(site, node)}"
    return text


def _inside(site: Site, node: Node) -> str:
    """What runs on the node, in one command."""
    try:
        machine = site.open(node)
    except (ConnectionLost, KitError) as error:
        return f"it does not answer now: {error}"
    try:
        lines = machine.run(program("job_state", "job_list"), timeout_s=20, check=False).output.split("\n")
    except (ConnectionLost, NodeCommandFailed, WaitedTooLong) as error:
        return f"it does not answer now: {error}"
    finally:
        machine.close()
    runs = [line for line in lines if line.strip()]
    return "; ".join(runs) if runs else "nothing is running"


def orphans(desk: Desk) -> list[Orphan]:
    """Everything of yours at every site of the course that is not a lease on record here, or hangs on none. Leases that
    `servelab plan --apply` made for students are theirs.

    Raises SiteError if a site cannot be asked, after the others were: silence would look like nothing.
    """
    sites = _sites_of_the_course(desk)
    sites += [e.site for e in desk.journal.open_entries() if e.site not in sites]
    found: list[Orphan] = []
    trouble: list[str] = []
    for name in sites:
        try:
            found += _orphans_at(desk, name)
        except (SiteError, CredentialsError) as error:
            trouble.append(f"{name} cannot be asked: {error}")
    if trouble:
        seen = "; ".join(f"{one.thing.kind} {one.thing.name} at {one.thing.site}" for one in found)
        raise SiteError(" ".join(trouble) + (f" At the others there are: {seen}." if seen else ""))
    return found


def _orphans_at(desk: Desk, name: str) -> list[Orphan]:
    site, found = desk.site(name), []
    site.sign_in()
    things = site.inventory()
    leases = {thing.name for thing in things if thing.kind == "lease"}
    known = {entry.id for entry in desk.journal.open_entries(site=name) if entry.id}
    for_class = desk.journal.for_class()
    for thing in things:
        part, netid = named_for(thing.name)
        if thing.id in for_class:
            continue
        if thing.id not in known:
            found.append(Orphan(thing, "made elsewhere, or its making was cut short: no record here"))
        elif thing.kind != "lease" and lease_name(part, netid) not in leases:
            found.append(Orphan(thing, "its lease has ended"))
    ids = {thing.id for thing in things}
    for entry in desk.journal.open_entries(site=name):
        if entry.kind in ("server", "container", "volume", "lease", "floating_ip") and entry.id and entry.id not in ids:
            site_thing = Thing(entry.kind, entry.id, entry.name, name)
            if site.exists(site_thing):
                found.append(Orphan(site_thing, "on record here, under a name that is not the course's"))
    return found


def orphans_text(desk: Desk) -> str:
    """Each orphan with the command that gives it back. Raises what `orphans` raises."""
    found = orphans(desk)
    if not found:
        return "no orphans: all that you hold at the course's sites is on record here"
    lines = []
    for orphan in found:
        part, netid = named_for(orphan.thing.name)
        fix = f"servelab down {part or 'PART'} --netid {netid or 'NETID'} --site {orphan.thing.site}"
        lines.append(
            f"{orphan.thing.kind} {orphan.thing.name} ({orphan.thing.id}) at {orphan.thing.site} "
            f"{orphan.thing.detail}: {orphan.why}. Give it back: {fix}"
        )
    return "\n".join(lines)


def show_status(desk: Desk, lost: bool = False) -> str:
    """What is held, or with `lost` what a crash may have left behind, as text."""
    return orphans_text(desk) if lost else status(desk)
