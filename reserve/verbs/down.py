"""`servelab down`: everything of a part given back, at every site where something may be, and seen to be gone."""

from __future__ import annotations

from dataclasses import replace

from reserve import hardware
from reserve.desk import Desk
from reserve.errors import CredentialsError, SiteError, UsageError
from reserve.hardware import Hardware
from reserve.lease.give_back import release
from reserve.lease.leases import netid_of, user_name
from reserve.lease.lost import NoSignIn, lost_at
from reserve.lease.time_left import node_hours
from reserve.sites.local import NAME as LOCAL
from reserve.sites.local import on_this_machine
from snippets.parts import PARTS


def down(desk: Desk, part: str, *, netid: str = "", site: str = "") -> int:
    """Release `part`; returns how many things were given back. Idempotent.

    Looks where the journal says that something may be, and, with `netid` and `site`, where you say (for what another
    machine made). With `netid`, only what carries that name goes. Where the journal knows of nothing, the part's sites
    are asked: a journal can be lost. Raises UsageError when leases of several people are there (an instructor's desk)
    and `netid` does not say whose, SiteError naming what is left, or the site that could not be asked.
    """
    several = {str(e.facts["netid"]) for e in desk.journal.open_entries(part=part, kind="lease") if "netid" in e.facts}
    _refuse_several(part, several, netid, "on record here")
    places = list(dict.fromkeys(entry.site for entry in desk.journal.open_entries(part=part)))
    if site and site not in places:
        places.append(site)
    count, unasked = 0, ""
    trouble: list[str] = []
    with desk.journal.locked(part):
        whose = {place: _netids(desk, part, place, netid) for place in places}
        if not whose:
            whose, trouble, unasked = _lost(desk, part, netid)
        for place, netids in whose.items():
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


def _refuse_several(part: str, people: set[str], netid: str, where: str) -> None:
    if not netid and len(people) > 1:
        raise UsageError(
            f"leases of {len(people)} people for {part} are {where} ({', '.join(sorted(people)[:6])}"
            f"{', ...' if len(people) > 6 else ''}): say whose to give back, `servelab down {part} --netid NETID`"
        )


def _netids(desk: Desk, part: str, site: str, netid: str) -> set[str]:
    """Whose things are given back at a site: those of `netid`, or of all that are on record there."""
    if netid:
        return {user_name(netid)}
    on_record = {netid_of(entry.name, part) for entry in desk.journal.open_entries(part=part, site=site)}
    return (desk.netids(part, site) | on_record) - {""}


def _lost(desk: Desk, part: str, netid: str) -> tuple[dict[str, set[str]], list[str], str]:
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
        netids = {thing.netid for thing in lost if thing.part == part}
        if netid or user_name() in netids:
            netids &= {user_name(netid)}
        _refuse_several(part, netids, netid, f"at {name}, of which nothing is on record here")
        if netids:
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
