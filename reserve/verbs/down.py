"""`servelab down`: everything of a part given back, at every site where something may be, and seen to be gone."""

from __future__ import annotations

from dataclasses import replace

from reserve import hardware
from reserve.desk import Desk
from reserve.errors import SiteError, UsageError
from reserve.hardware import Hardware
from reserve.lease.give_back import release
from reserve.lease.leases import netid_of, user_name
from reserve.lease.time_left import node_hours
from reserve.sites.local import NAME as LOCAL
from reserve.sites.local import on_this_machine
from snippets.parts import PARTS


def down(desk: Desk, part: str, *, netid: str = "", site: str = "") -> int:
    """Release `part`; returns how many things were given back. Idempotent.

    Looks where the journal says that something may be, and, with `netid` and `site`, where you say (for what another
    machine made). With `netid`, only what carries that name goes. Raises UsageError when leases of several people
    are on record here (an instructor's desk) and `netid` does not say whose, SiteError naming what is left.
    """
    several = {str(e.facts["netid"]) for e in desk.journal.open_entries(part=part, kind="lease") if "netid" in e.facts}
    if not netid and len(several) > 1:
        raise UsageError(
            f"leases of {len(several)} people for {part} are on record here ({', '.join(sorted(several)[:6])}"
            f"{', ...' if len(several) > 6 else ''}): say whose to give back, `servelab down {part} --netid NETID`"
        )
    places = list(dict.fromkeys(entry.site for entry in desk.journal.open_entries(part=part)))
    if site and site not in places:
        places.append(site)
    count, trouble = 0, []
    with desk.journal.locked(part):
        for place in places:
            on_record = {netid_of(entry.name, part) for entry in desk.journal.open_entries(part=part, site=place)}
            netids = {user_name(netid)} if netid else (desk.netids(part, place) | on_record) - {""}
            try:
                desk.site(place).sign_in()
                gone = release(desk, part, _hardware_at(desk, part, place), netids)
                count += len([thing for thing in gone if thing.kind != "keypair"])
            except SiteError as error:
                trouble.append(str(error))
    if trouble:
        raise SiteError(" ".join(trouble))
    hours = node_hours([e for e in desk.journal.entries() if e.part == part], desk.clock.now())
    used = ", ".join(f"{value:.1f} h of {key}" for key, value in hours.items())
    desk.say(f"{part}: nothing is held" + (f"; in all {used} used" if used else ""))
    return count


def _hardware_at(desk: Desk, part: str, site: str) -> Hardware:
    """The part's hardware at the site; where the table has none there (any more), its preferred one as if there."""
    options = hardware.for_part(part, desk.hardware_file)
    if site == LOCAL:
        return on_this_machine(options[0])
    return next((one for one in options if one.site == site), replace(options[0], site=site))


def take_down(desk: Desk, part: str, *, netid: str = "", site: str = "") -> None:
    """`down` for one part, or for `all`; what one of them raises keeps the others."""
    for each in PARTS if part == "all" else (part,):
        down(desk, each, netid=netid, site=site)
