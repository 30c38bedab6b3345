"""What a site holds of this user under the course's names, whatever the journal knows: a journal can be lost."""

from __future__ import annotations

from dataclasses import dataclass

from reserve.desk import Desk
from reserve.errors import CredentialsError
from reserve.lease.leases import named_for
from reserve.site import Thing
from reserve.sites.local import NAME as LOCAL


class NoSignIn(CredentialsError):
    """Nobody is signed in to Chameleon here: there is no way to ask."""


@dataclass(frozen=True)
class Lost:
    """Something at a site with a name of the course's: of which part, for whom."""

    thing: Thing
    part: str
    netid: str


def lost_at(desk: Desk, name: str) -> list[Lost]:
    """Everything of this user at the site that has the course's names, without what was made for students.

    Raises NoSignIn where nobody is signed in, CredentialsError or SiteError where the site cannot be asked.
    """
    site = desk.site(name)
    if name != LOCAL:
        from reserve.sites.chameleon import credentials

        if not credentials.are_there():
            raise NoSignIn("no Chameleon sign-in found. See README, On Chameleon.")
    site.sign_in()
    found = [Lost(thing, *named_for(thing.name)) for thing in site.inventory()]
    others = desk.journal.for_class()
    return [one for one in found if one.part and one.netid and one.thing.id not in others]
