"""`servelab down`: everything of a part given back, at every site where something may be, and seen to be gone."""

from __future__ import annotations

from dataclasses import replace

from reserve import hardware
from reserve.desk import Desk
from reserve.errors import CredentialsError, SiteError
from reserve.hardware import Hardware
from reserve.lease.give_back import release
from reserve.lease.leases import user_name
from reserve.lease.lost import NoSignIn, lost_at
from reserve.lease.time_left import node_hours
from reserve.sites.local import NAME as LOCAL
from reserve.sites.local import on_this_machine
from snippets.parts import PARTS


def down(desk: Desk, part: str, *, netid: str = "", site: str = "") -> int:
    """Release `part`; returns how many things were given back. Idempotent.

    Looks where the journal says that something may be, and, with `netid` and `site`, where you say (for what another
    machine made). Where the journal knows of nothing, the part's sites are asked: a journal can be lost. Raises
    SiteError naming what is left, or the site that could not be asked.
    """
    places = {entry.site: desk.netids(part, entry.site) for entry in desk.journal.open_entries(part=part)}
    if site:
        places.setdefault(site, desk.netids(part, site)).update({user_name(netid)} if netid else set())
    count, unasked = 0, ""
    trouble: list[str] = []
    with desk.journal.locked(part):
        if not places:
            lost, trouble, unasked = _lost(desk, part)
            places.update(lost)
        for place, netids in places.items():
            try:
                desk.site(place).sign_in()
                gone = release(desk, part, _hardware_at(desk, part, place), netids)
                count += len([thing for thing in gone if thing.kind != "keypair"])
            except (SiteError, CredentialsError) as error:
                trouble.append(str(error))
    if trouble:
        raise SiteError(" ".join(trouble))
    hours = node_hours([e for e in desk.journal.entries() if e.part == part], desk.clock.now())
    used = ", ".join(f"{value:.1f} h of {key}" for key, value in hours.items())
    desk.say(f"{part}: nothing is held{unasked}" + (f"; in all {used} used" if used else ""))
    return count


def _lost(desk: Desk, part: str) -> tuple[dict[str, set[str]], list[str], str]:
    """What the part's sites hold of this user: NetIDs by site, what went wrong, and the word where nobody was asked."""
    found: dict[str, set[str]] = {}
    trouble: list[str] = []
    for name in dict.fromkeys(one.site for one in desk.options(part)):
        try:
            lost = lost_at(desk, name)
        except NoSignIn as error:
            return {}, [], f" on record here; the sites were not asked ({str(error).split('.')[0]})"
        except (SiteError, CredentialsError) as error:
            trouble.append(f"{name} cannot be asked what is held there: {error}")
            continue
        if netids := {thing.netid for thing in lost if thing.part == part}:
            desk.say(f"{name} holds {part} for {', '.join(sorted(netids))}, of which nothing is on record here")
            found[name] = netids
    return found, trouble, ""


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
