"""Cards that somebody wrote by hand, put into force: read, rendered, loaded, asked once; or else the kit's.

own = cards.in_force(lab, text)
own.cards, own.told
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from snippets.errors import ServerError, UsageError, first_line
from snippets.load.options import LoadOptions
from snippets.teams.card import Card, read
from snippets.teams.handed_in import PHOTOS, SORTER
from snippets.teams.lab import PLAIN, TeamsLab, team_of
from snippets.triton import loads
from snippets.triton.lab import Asked

STEP = "cards/mine/written"
CLIENTS = {PHOTOS: 4, SORTER: 8}
"""Who asks each team: four visitors who wait for their photo's class; eight workers that sort an archive."""
KITS = {
    PHOTOS: Card(PHOTOS, instances=2),
    SORTER: Card(SORTER, max_batch=8),
}
"""What the kit would write on two cores or more."""


@dataclass(frozen=True)
class InForce:
    """The `cards` in force by team, whose they are (`by`: "you", "the kit"), and `why` not the other's."""

    cards: Mapping[str, Card]
    by: str
    why: str

    @property
    def told(self) -> str:
        """In words: whose cards the platform has made services of."""
        if self.by == "you":
            return "Triton has loaded both services by your cards."
        why = f" in the place of yours: {self.why.rstrip('.')}" if self.why else ", as none are written"
        return f"The kit's cards are used{why}."


def toml(cards: Mapping[str, Card]) -> str:
    """Cards as a text of TOML."""
    return "\n\n".join(card.toml() for card in cards.values()) + "\n"


def in_force(lab: TeamsLab, text: str) -> InForce:
    """Make services of the cards `text` (empty: there are none) and ask each once; where that fails, of the kit's.

    Recorded as step STEP: by, why, and the text in force.
    """

    def tried() -> dict[str, str]:
        if not text:
            return {"by": "the kit", "why": "", "text": toml(KITS)}
        try:
            for card in read(text, PLAIN).values():
                lab.deploy(lab.team(own(card)))
                _ask_once(lab, own(card).name)
        except (UsageError, ServerError) as error:
            return {"by": "the kit", "why": first_line(error), "text": toml(KITS)}
        return {"by": "you", "why": "", "text": text}

    files = {name: team.model for name, team in lab.teams.items()}
    found = lab.run.step(STEP, tried, inputs={"text": text, "server": lab.server.kind, **files})
    return InForce(read(found["text"], PLAIN), found["by"], found["why"])


def asked(lab: TeamsLab, cards: Mapping[str, Card]) -> dict[str, Asked]:
    """The loads of both teams by name (`cards/<team>-plain`, `cards/<team>-own`), for `Lab.in_turn`."""
    return {
        f"cards/{team}-{which}": Asked(lab.team(card), LoadOptions(clients=CLIENTS[team]))
        for team in cards
        for which, card in (("plain", PLAIN[team]), ("own", own(cards[team])))
    }


def own(card: Card) -> Card:
    """The card of a service of its own, beside the team's plain one."""
    return replace(card, name=f"{team_of(card.name)}_own")


def _ask_once(lab: TeamsLab, service: str) -> None:
    """Send a team's example. Raises ServerError with Triton's reason where it has no answer."""
    with np.load(lab.teams[team_of(service)].example) as example:
        photo = example["photos"][:1]
    sender = loads.target_of(lab.server, service, {"input": photo}).sender()
    try:
        sender()
    except Exception as error:  # whatever tritonclient raises
        raise ServerError(f"Triton has loaded it, but does not answer: {first_line(error)}") from error
    finally:
        sender.close()
