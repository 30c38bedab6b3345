"""`servelab down`: everything of a part given back, at every site where something may be, and seen to be gone."""

from __future__ import annotations

from dataclasses import replace

from reserve import hardware
from reserve.desk import Desk
from reserve.errors import SiteError
from reserve.hardware import Hardware
from reserve.lease.give_back import release
from reserve.lease.leases import user_name
from reserve.lease.time_left import node_hours
from reserve.sites.local import NAME as LOCAL
from reserve.sites.local import on_this_machine
from snippets.parts import PARTS


def down(desk: Desk, part: str, *, netid: str = "", site: str = "") -> int:
    """Release `part`; returns how many things were given back. Idempotent.

    Looks where the journal says that something may be, and, with `netid` and `site`, where you say (for what another
    machine made). Raises SiteError naming what is left.
    """
    places = list(dict.fromkeys(entry.site for entry in desk.journal.open_entries(part=part)))
    if site and site not in places:
        places.append(site)
    count, trouble = 0, []
    with desk.journal.locked(part):
        for place in places:
            netids = desk.netids(part, place) | ({user_name(netid)} if netid else set())
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
