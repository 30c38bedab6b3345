"""What a site holds of this user under the course's names, whatever the journal knows: a journal can be lost."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reserve.desk import Desk
from reserve.errors import CredentialsError
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


def named_for(thing: Thing) -> tuple[str, str]:
    """Part and NetID in `serve_model_ab123` or `node-serve-model-ab123`; both empty for another name."""
    found = re.fullmatch(r"serve_([a-z]+)_(.+)|node-serve-([a-z]+)-(.+)", thing.name)
    return (found[1] or found[3], found[2] or found[4]) if found else ("", "")


def lost_at(desk: Desk, name: str) -> list[Lost]:
    """Everything of this user at the site that has the course's names. Raises NoSignIn where nobody is signed in,
    CredentialsError or SiteError where the site cannot be asked."""
    site = desk.site(name)
    if name != LOCAL:
        from reserve.sites.chameleon import credentials

        if not credentials.are_there():
            raise NoSignIn("no Chameleon sign-in found. See README, On Chameleon.")
    site.sign_in()
    found = [Lost(thing, *named_for(thing)) for thing in site.inventory()]
    return [one for one in found if one.part and one.netid]
