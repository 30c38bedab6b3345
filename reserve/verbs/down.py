"""Everything of a part given back, at every site where something may be, and seen to be gone."""

from __future__ import annotations

from reserve import hardware as table
from reserve.desk import Desk
from reserve.errors import SiteError
from reserve.hardware import Hardware
from reserve.lease.give_back import release
from reserve.lease.leases import user_name
from reserve.lease.time_left import node_hours
from reserve.sites.local import NAME as LOCAL
from reserve.sites.local import on_this_machine


def _hardware_at(desk: Desk, part: str, site: str) -> Hardware:
    options = table.for_part(part, desk.hardware_file)
    if site == LOCAL:
        return on_this_machine(options[0])
    return next((h for h in options if h.site == site), options[0])


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
            hardware = _hardware_at(desk, part, place)
            try:
                desk.site(place).sign_in()
                done = release(desk.site(place), part, netids, hardware, desk.journal, desk.clock, desk.say)
                count += len([thing for thing in done.gone if thing.kind != "keypair"])
            except SiteError as error:
                trouble.append(str(error))
    if trouble:
        raise SiteError(" ".join(trouble))
    hours = node_hours([e for e in desk.journal.entries() if e.part == part], desk.clock.now())
    used = ", ".join(f"{value:.1f} h of {key}" for key, value in hours.items())
    desk.say(f"{part}: nothing is held" + (f"; in all {used} used" if used else ""))
    return count
